"""Expected failures: what they excuse, and when they are stale."""

from datetime import date
from pathlib import Path

import pytest
from codex_conformance.baseline import Baseline
from codex_conformance.baseline_file import read_baseline, shipped
from codex_conformance.errors import BaselineError
from codex_conformance.ledger import load_ledger
from codex_conformance.results import Break, CaseResult, Verdict

GOOD = """
release = "0.163.0"
revision = "0.99"

[[expected]]
clause = "WIRE-9"
cases = ["wire/a", "wire/b"]
message = "went away"
reason = "It ends on a line that is no message."
"""
FLAKY = GOOD.replace("expected", "flaky")
UNTIL_MAY = GOOD + "expires = 2026-05-31\n"


def read(tmp_path: Path, text: str, on: date = date(2026, 5, 31)) -> Baseline:
    file = tmp_path / "baseline.toml"
    file.write_text(text)
    return read_baseline(file, load_ledger(), on)


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


def stale(
    tmp_path: Path,
    *results: CaseResult,
    text: str = GOOD,
    on: date = date(2026, 5, 31),
    known: tuple[str, ...] = (),
    whole: bool = True,
) -> list[str]:
    """What is stale, each sentence from the line on."""
    sentences = read(tmp_path, text, on).stale(results, known, whole=whole)
    file = f"{tmp_path}/baseline.toml:"
    assert all(sentence.startswith(file) for sentence in sentences)
    return [sentence.removeprefix(file) for sentence in sentences]


def test_nothing_is_stale_while_all_fails_as_expected(tmp_path: Path) -> None:
    assert stale(tmp_path, failed("wire/a", "WIRE-9"), failed("wire/b", "WIRE-9")) == []


def test_entry_that_does_not_fail_any_more_is_stale(tmp_path: Path) -> None:
    mended = CaseResult("wire/b", ("WIRE-9",), "pass")
    assert stale(tmp_path, failed("wire/a", "WIRE-9"), mended) == [
        "7: WIRE-9 in wire/b: expected to fail, but the case does not find it broken (pass)"
    ]


def test_entry_that_fails_for_another_reason_is_stale(tmp_path: Path) -> None:
    other = failed("wire/b", "WIRE-9", actual="nonsense")
    assert stale(tmp_path, failed("wire/a", "WIRE-9"), other) == [
        (
            "7: WIRE-9 in wire/b: fails for another reason: expected 'went away' in "
            "'expected an answer; got nonsense'"
        )
    ]


@pytest.mark.parametrize("whole", [True, False])
def test_entry_that_matches_nothing_is_stale(tmp_path: Path, whole: bool) -> None:
    assert stale(tmp_path, failed("wire/a", "WIRE-9"), whole=whole) == [
        "7: WIRE-9 in wire/b: there is no such case"
    ]


def test_entry_of_a_case_that_did_not_run_is_stale_in_a_whole_run_only(tmp_path: Path) -> None:
    known = ("wire/a", "wire/b")
    one = failed("wire/a", "WIRE-9")
    assert stale(tmp_path, one, known=known, whole=False) == []
    assert stale(tmp_path, one, known=known) == ["7: WIRE-9 in wire/b: this case did not run"]


def test_sentence_names_the_line_of_the_case(tmp_path: Path) -> None:
    text = GOOD.replace('["wire/a", "wire/b"]', '[\n    "wire/a",\n    "wire/b",\n]')
    assert stale(tmp_path, text=text) == [
        "8: WIRE-9 in wire/a: there is no such case",
        "9: WIRE-9 in wire/b: there is no such case",
    ]


def test_sentence_names_the_line_of_the_entry_where_the_case_is_spelled_differently(
    tmp_path: Path,
) -> None:
    text = GOOD.replace('"wire/b"', '"wire\\u002Fb"')
    assert stale(tmp_path, text=text)[1] == "5: WIRE-9 in wire/b: there is no such case"


# --- a last day


def test_entry_counts_on_its_last_day(tmp_path: Path) -> None:
    baseline = read(tmp_path, UNTIL_MAY, date(2026, 5, 31))
    results = [baseline.excuse(failed(case, "WIRE-9")) for case in ("wire/a", "wire/b")]
    assert [result.verdict for result in results] == ["expected-fail", "expected-fail"]
    assert baseline.stale(results, (), whole=True) == ()


def test_entry_excuses_nothing_after_its_last_day_and_is_stale(tmp_path: Path) -> None:
    on = date(2026, 6, 1)
    one = failed("wire/a", "WIRE-9")
    assert read(tmp_path, UNTIL_MAY, on).excuse(one) == one
    assert stale(tmp_path, one, text=UNTIL_MAY, on=on) == ["5: WIRE-9: expired on 2026-05-31"]


# --- flaky


def test_flaky_case_is_flaky_when_it_fails_as_the_entry_says(tmp_path: Path) -> None:
    found = read(tmp_path, FLAKY).excuse(failed("wire/a", "WIRE-9"))
    assert found.verdict == "flaky"
    assert found.message == "WIRE-9: It ends on a line that is no message."


def test_flaky_case_is_flaky_when_it_passes_and_not_stale(tmp_path: Path) -> None:
    baseline = read(tmp_path, FLAKY)
    passed = [CaseResult(case, ("WIRE-9",), "pass") for case in ("wire/a", "wire/b")]
    found = [baseline.excuse(one) for one in passed]
    assert [one.verdict for one in found] == ["flaky", "flaky"]
    assert found[0].message == "WIRE-9: It ends on a line that is no message. (not this time)"
    assert baseline.stale(found, (), whole=True) == ()


def test_flaky_case_that_is_not_judged_is_stale(tmp_path: Path) -> None:
    lost = CaseResult("wire/a", ("WIRE-9",), "untestable")
    assert stale(tmp_path, lost, known=("wire/b",), text=FLAKY, whole=False) == [
        "7: WIRE-9 in wire/a: expected to fail, but the case does not find it broken (untestable)"
    ]


def test_flaky_case_that_passes_after_the_last_day_passes(tmp_path: Path) -> None:
    passed = CaseResult("wire/a", ("WIRE-9",), "pass")
    over = read(tmp_path, UNTIL_MAY.replace("expected", "flaky"), date(2026, 6, 1))
    assert over.excuse(passed) == passed


def test_case_that_passes_though_it_is_expected_to_fail_passes(tmp_path: Path) -> None:
    passed = CaseResult("wire/a", ("WIRE-9",), "pass")
    assert read(tmp_path, GOOD).excuse(passed) == passed


def test_flaky_case_that_fails_for_another_reason_fails_and_is_stale(tmp_path: Path) -> None:
    other = failed("wire/a", "WIRE-9", actual="nonsense")
    assert read(tmp_path, FLAKY).excuse(other) == other
    passed = CaseResult("wire/b", ("WIRE-9",), "flaky")
    assert stale(tmp_path, other, passed, text=FLAKY) == [
        (
            "7: WIRE-9 in wire/a: fails for another reason: expected 'went away' in "
            "'expected an answer; got nonsense'"
        )
    ]


@pytest.mark.parametrize("verdict", ["untestable", "error", "not-applicable"])
def test_flaky_case_that_cannot_be_judged_is_not_excused(tmp_path: Path, verdict: Verdict) -> None:
    lost = CaseResult("wire/a", ("WIRE-9",), verdict)
    assert read(tmp_path, FLAKY).excuse(lost) == lost


# --- what may be left out


def test_entry_without_a_message_expects_any_failure_of_its_clause(tmp_path: Path) -> None:
    baseline = read(tmp_path, GOOD.replace('message = "went away"\n', ""))
    assert baseline.excuse(failed("wire/a", "WIRE-9", actual="x")).verdict == "expected-fail"
    other = failed("wire/a", "WIRE-4")
    assert baseline.excuse(other) == other


@pytest.mark.parametrize("reason", ["", 'reason = ""', 'reason = " "'])
def test_entry_without_a_reason_counts_and_is_told(tmp_path: Path, reason: str) -> None:
    text = GOOD.replace('reason = "It ends on a line that is no message."', reason)
    baseline = read(tmp_path, text)
    excused = baseline.excuse(failed("wire/a", "WIRE-9"))
    assert (excused.verdict, excused.message) == ("expected-fail", "WIRE-9: no reason is given")
    assert baseline.unexplained() == (f"{tmp_path}/baseline.toml:5: WIRE-9: no reason is given",)


def test_entry_with_a_reason_is_explained(tmp_path: Path) -> None:
    assert read(tmp_path, GOOD).unexplained() == ()


# --- what is refused


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("release = ", "1: not TOML: Invalid value"),
        (GOOD + "cases [", "10: not TOML: Expected '=' after a key in a key/value pair"),
        ('release = "1"', "1: Object missing required field `revision`"),
        (GOOD + 'colour = "red"', "5: Object contains unknown field `colour`"),
        (GOOD + GOOD[GOOD.index("[[") :].replace("clause", "klause"), "10: Object "),
        (GOOD + 'expires = "soon"', "5: Invalid RFC3339 encoded date"),
        (GOOD.replace("WIRE-9", "WIRE-99"), "5: the entry of WIRE-99: there is no such clause"),
        (GOOD.replace('"wire/a", "wire/b"', ""), "5: the entry of WIRE-9: names no case"),
        (GOOD.replace('"went away"', '" "'), "5: the entry of WIRE-9: message is blank; without"),
        (GOOD.replace('"wire/b"', '"wire/a"'), "5: WIRE-9 in wire/a stands twice"),
        (GOOD + FLAKY[FLAKY.index("[[") :], "12: WIRE-9 in wire/a stands twice"),
        (
            'release = "1"\nrevision = "0.99"\nflaky = [{clause = "WIRE-9", cases = ["a/a"]}]',
            "1: expected a line [[flaky]] over each entry; got 0 for 1",
        ),
    ],
)
def test_file_that_is_no_baseline_is_refused_with_the_line_and_the_reason(
    tmp_path: Path, text: str, complaint: str
) -> None:
    with pytest.raises(BaselineError) as refused:
        read(tmp_path, text)
    said = refused.value.message
    assert said.startswith(f"--baseline {tmp_path}/baseline.toml:{complaint}")
    assert "\n" not in said


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BaselineError, match="No such file"):
        read_baseline(tmp_path / "none.toml", load_ledger())


def test_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "baseline.toml"
    file.write_bytes(b"release = '\xff'")
    with pytest.raises(BaselineError, match=rf"^--baseline {file}: not TOML: not UTF-8$"):
        read_baseline(file, load_ledger())


def test_baseline_of_another_revision_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BaselineError, match=r"expected revision 0\.93, .* got 0\.99"):
        read(tmp_path, GOOD).fit("0.93")


def test_shipped_baselines_can_be_read_and_say_why() -> None:
    for name, file in shipped().items():
        assert name.startswith("codex-")
        assert read_baseline(file, load_ledger()).unexplained() == ()
