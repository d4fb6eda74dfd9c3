"""Expected failures: what they excuse, and when they are stale."""

from pathlib import Path

import pytest
from codex_conformance.baseline import Baseline, read_baseline, shipped
from codex_conformance.errors import BaselineError
from codex_conformance.ledger import load_ledger
from codex_conformance.results import Break, CaseResult

GOOD = """
release = "0.163.0"
revision = "0.99"

[[expected]]
clause = "WIRE-9"
cases = ["wire/a", "wire/b"]
message = "went away"
reason = "It ends on a line that is no message."
"""


def read(tmp_path: Path, text: str) -> Baseline:
    file = tmp_path / "baseline.toml"
    file.write_text(text)
    return read_baseline(file, load_ledger())


def failed(case: str, *clauses: str, actual: str = "it went away") -> CaseResult:
    breaks = tuple(Break(clause, "an answer", actual) for clause in clauses)
    return CaseResult(case, ("WIRE-9",), "fail", breaks)


def test_expected_failure_is_excused_with_its_reason(tmp_path: Path) -> None:
    excused = read(tmp_path, GOOD).excuse(failed("wire/a", "WIRE-9"))
    assert excused.verdict == "expected-fail"
    assert excused.message == "WIRE-9: It ends on a line that is no message."


@pytest.mark.parametrize(
    "case",
    [
        failed("wire/c", "WIRE-9"),
        failed("wire/a", "WIRE-4"),
        failed("wire/a", "WIRE-9", "WIRE-4"),
        failed("wire/a", "WIRE-9", actual="nonsense"),
        CaseResult("wire/a", ("WIRE-9",), "untestable"),
        CaseResult("wire/a", ("WIRE-9",), "error"),
    ],
    ids=["other-case", "other-clause", "one-more-clause", "other-reason", "untestable", "error"],
)
def test_anything_else_is_not_excused(tmp_path: Path, case: CaseResult) -> None:
    assert read(tmp_path, GOOD).excuse(case) == case


def stale(tmp_path: Path, *results: CaseResult, known: tuple[str, ...] = ()) -> list[str]:
    baseline = read(tmp_path, GOOD)
    sentences = baseline.stale(results, known, whole=True)
    return [sentence.partition(": ")[2] for sentence in sentences]


def test_nothing_is_stale_while_all_fails_as_expected(tmp_path: Path) -> None:
    assert stale(tmp_path, failed("wire/a", "WIRE-9"), failed("wire/b", "WIRE-9")) == []


def test_entry_that_does_not_fail_any_more_is_stale(tmp_path: Path) -> None:
    mended = CaseResult("wire/b", ("WIRE-9",), "pass")
    assert stale(tmp_path, failed("wire/a", "WIRE-9"), mended) == [
        "WIRE-9 in wire/b: expected to fail, but the case does not find it broken (pass)"
    ]


def test_entry_that_fails_for_another_reason_is_stale(tmp_path: Path) -> None:
    other = failed("wire/b", "WIRE-9", actual="nonsense")
    assert stale(tmp_path, failed("wire/a", "WIRE-9"), other) == [
        (
            "WIRE-9 in wire/b: fails for another reason: expected 'went away' in "
            "'expected an answer; got nonsense'"
        )
    ]


def test_entry_that_matches_nothing_is_stale(tmp_path: Path) -> None:
    assert stale(tmp_path, failed("wire/a", "WIRE-9")) == [
        "WIRE-9 in wire/b: there is no such case"
    ]


def test_entry_of_a_case_that_was_not_selected_is_not_judged(tmp_path: Path) -> None:
    baseline = read(tmp_path, GOOD)
    assert baseline.stale([failed("wire/a", "WIRE-9")], (), whole=False) == ()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("release = ", "not TOML"),
        ('release = "1"', "missing required field `revision`"),
        (GOOD + 'colour = "red"', "unknown field `colour`"),
        (GOOD.replace("WIRE-9", "WIRE-99"), "the entry of WIRE-99: there is no such clause"),
        (GOOD.replace('"wire/a", "wire/b"', ""), "names no case"),
        (GOOD.replace('"went away"', '" "'), "message and reason must say something"),
        (GOOD.replace('"wire/b"', '"wire/a"'), "WIRE-9 in wire/a stands twice"),
    ],
)
def test_file_that_is_no_baseline_is_refused_with_the_reason(
    tmp_path: Path, text: str, complaint: str
) -> None:
    with pytest.raises(BaselineError, match=complaint):
        read(tmp_path, text)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BaselineError, match="No such file"):
        read_baseline(tmp_path / "none.toml", load_ledger())


def test_baseline_of_another_revision_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BaselineError, match=r"expected revision 0\.93, .* got 0\.99"):
        read(tmp_path, GOOD).fit("0.93")


def test_shipped_baselines_can_be_read() -> None:
    for name, file in shipped().items():
        assert name.startswith("codex-")
        read_baseline(file, load_ledger())
