"""`-k EXPR` chooses by parts of names, joined by and, or, not and parentheses."""

import pytest
from codex_conformance.errors import UsageError
from codex_conformance.selection import Selection

NAMES = ["refresh/late-answer", "refresh/good-answer", "login/bearer", "logout/twice"]


@pytest.mark.parametrize(
    ("expression", "taken"),
    [
        ("", NAMES),
        ("refresh", NAMES[:2]),
        ("refresh and not late", NAMES[1:2]),
        ("not refresh and not bearer", NAMES[3:]),
        ("not (refresh or twice)", NAMES[2:3]),
        ("late or log", [NAMES[0], *NAMES[2:]]),
        ("LOGIN/Bearer", NAMES[2:3]),
        ("late or good and bearer", NAMES[:1]),
    ],
)
def test_expression_takes_what_it_describes(expression: str, taken: list[str]) -> None:
    assert [name for name in NAMES if Selection(expression).takes(name, ())] == taken


def test_further_names_count_like_the_first() -> None:
    assert Selection("REFRESH-1").takes("wire/other", ("REFRESH-1",))


@pytest.mark.parametrize(
    "expression", ["and", "refresh late", "(refresh", "refresh)", "not", "refresh or", "a && b"]
)
def test_text_that_is_no_expression_is_told_in_one_sentence(expression: str) -> None:
    with pytest.raises(UsageError) as raised:
        Selection(expression)
    assert raised.value.message == (
        f"-k {expression!r}: expected an expression such as 'refresh and not late'"
    )
