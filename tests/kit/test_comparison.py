"""What is said to have changed between two runs."""

from dataclasses import fields, replace
from typing import Any

import pytest
from codex_conformance.comparison import Comparison, compare
from codex_conformance.reports.columns import Column
from codex_conformance.reports.comparison import comparison_lines
from codex_conformance.results import CaseResult, RunResult
from runs import failed, result, run


def changes(old: RunResult, new: RunResult) -> dict[str, Any]:
    """The changes that there are."""
    compared = compare(old, new)
    found = {each.name: getattr(compared, each.name) for each in fields(Comparison)}
    return {name: value for name, value in found.items() if value}


GOOD, BAD = result("login/a", "LOGIN-1"), failed("login/a", "LOGIN-1")
EXPECTED = result("login/a", "LOGIN-1", verdict="expected-fail", broken="LOGIN-1")
UNTESTABLE = result("login/a", "LOGIN-1", verdict="untestable")
OTHER = result("login/b", "LOGIN-1")
OTHER_BAD = failed("login/b", "LOGIN-1")


@pytest.mark.parametrize(
    ("old", "new", "found", "regressed"),
    [
        ([GOOD], [GOOD], {}, False),
        ([GOOD], [BAD], {"broke": {"LOGIN-1": ("login/a",)}}, True),
        ([GOOD], [EXPECTED], {"broke": {"LOGIN-1": ("login/a",)}}, True),
        ([GOOD], [UNTESTABLE], {"lost": ("LOGIN-1",)}, True),
        ([BAD], [UNTESTABLE], {"lost": ("LOGIN-1",)}, True),
        ([BAD], [GOOD], {"fixed": ("LOGIN-1",)}, False),
        ([EXPECTED], [GOOD], {"fixed": ("LOGIN-1",)}, False),
        ([BAD, OTHER], [BAD, OTHER_BAD], {"worse": {"LOGIN-1": ("login/b",)}}, True),
        ([BAD, OTHER_BAD], [BAD, OTHER], {"better": {"LOGIN-1": ("login/b",)}}, False),
        ([BAD], [BAD, OTHER_BAD], {"new_cases": ("login/b",)}, False),
        ([BAD, OTHER_BAD], [BAD], {"gone_cases": ("login/b",)}, False),
        (
            [],
            [BAD],
            {"first": {"LOGIN-1": ("login/a",)}, "new_cases": ("login/a",)},
            False,
        ),
        ([UNTESTABLE], [BAD], {"first": {"LOGIN-1": ("login/a",)}}, False),
        ([UNTESTABLE], [GOOD], {"arrived": ("LOGIN-1",)}, False),
        ([GOOD], [], {"gone": ("LOGIN-1",), "gone_cases": ("login/a",)}, False),
        ([BAD], [EXPECTED], {"excused": {"login/a": ("fail", "expected-fail")}}, False),
        ([EXPECTED], [BAD], {"excused": {"login/a": ("expected-fail", "fail")}}, False),
    ],
)
def test_each_change_is_told_as_what_it_is(
    old: list[Any], new: list[Any], found: dict[str, Any], regressed: bool
) -> None:
    assert changes(run(*old), run(*new)) == found
    assert compare(run(*old), run(*new)).regressed is regressed


def test_clause_is_unknown_where_a_case_about_it_broke_another() -> None:
    other = result("login/a", "LOGIN-1", verdict="expected-fail", broken="WIRE-4")
    assert changes(run(GOOD), run(other)) == {
        "lost": ("LOGIN-1",),
        "first": {"WIRE-4": ("login/a",)},
    }


def test_of_an_observation_only_what_differs_is_told() -> None:
    def seen(text: str) -> RunResult:
        return run(result("wire/a", "WIRE-6", verdict="observed", seen=text))

    old, new = seen("[] is refused; {} is taken"), seen("[] is taken; {} is taken")
    assert changes(old, new) == {"observed": {"WIRE-6": ("[] is refused", "[] is taken")}}


def lines(old: RunResult, new: RunResult, *, verbose: bool = False) -> list[str]:
    columns = Column("old", old), Column("newer", new)
    return list(comparison_lines(*columns, compare(old, new), verbose=verbose))


def test_what_broke_comes_first_with_its_case_and_how() -> None:
    old = run(GOOD, failed("read/a", "READ-1"))
    new = run(BAD, result("read/a", "READ-1"), result("wire/a", "WIRE-4"))
    sentences = {name: old.ledger.clauses[name].sentence for name in ("LOGIN-1", "READ-1")}
    assert lines(old, new, verbose=True) == [
        "old    codex app-server (kit/0.99.0), revision 0.99: 1 clause kept, 1 broken",
        "newer  codex app-server (kit/0.99.0), revision 0.99: 2 clauses kept, 1 broken",
        "",
        "Broke: 1 clause",
        f"  LOGIN-1      MUST    {sentences['LOGIN-1']}\n{'':<23}login/a: expected this; got that",
        "",
        "Fixed: 1 clause",
        f"  READ-1       MUST    {sentences['READ-1']}",
        "",
        "1 clause kept and judged for the first time; 1 case new",
        "something broke",
    ]


def test_comparison_fits_a_screen_unless_all_is_asked_for() -> None:
    names = [name for name in run().ledger.clauses if not name.startswith("PARENT")]
    old = run(*(result(f"x/{name}", name) for name in names))
    new = run(*(failed(f"x/{name}", name) for name in names))
    shown = "\n".join(lines(old, new)).splitlines()
    assert len(shown) < 24
    assert f"  and {len(names) - 5} more; -v shows all" in shown
    assert max(map(len, shown)) <= 100
    assert len("\n".join(lines(old, new, verbose=True)).splitlines()) > 2 * len(names)


def test_other_changes_are_told_after_those_of_clauses() -> None:
    def seen(case: CaseResult, text: str) -> RunResult:
        observed = result("wire/a", "WIRE-6", verdict="observed", seen=text)
        return run(case, observed)

    old, new = seen(BAD, "[] is refused"), seen(EXPECTED, "")
    assert lines(old, replace(new, kit_version="2.0")) == [
        "old    codex app-server (kit/0.99.0), revision 0.99: 1 clause kept, 1 broken",
        "newer  codex app-server (kit/0.99.0), revision 0.99: 1 clause kept, 1 broken",
        "judged by different kits: 1.2.3 and 2.0",
        "",
        "Expected differently: 1 case",
        "  login/a: fail, now expected-fail",
        "",
        "Seen differently: 1 clause",
        "  WIRE-6       was  [] is refused\n               now  nothing else",
        "",
        "nothing broke",
    ]
