"""What the console says of a run that is over."""

from pathlib import Path

import pytest
from codex_conformance.ledger import load_ledger
from codex_conformance.reports.console import Console
from codex_conformance.results import Break, CaseResult, RunResult, Subject, Verdict
from codex_conformance.sequence import Step

LEDGER = load_ledger()


def step(index: int) -> Step:
    text = f'{{"id":{index}}}'
    return Step(index, index / 10, "parent", "server", "request", f"ask/{index}", text)


def told(
    capsys: pytest.CaptureFixture[str],
    *cases: CaseResult,
    verbose: bool = False,
    interrupted: bool = False,
    unexplained: tuple[str, ...] = (),
) -> list[str]:
    """What is printed of a run of these cases."""
    subject = Subject("codex app-server", None, "0.99")
    run = RunResult(
        subject, LEDGER, cases, (), 1.0, unexplained=unexplained, interrupted=interrupted
    )
    again = ("codex-conformance", "check")
    Console(again, Path("r.d"), strict=False, verbose=verbose).finished(run)
    return capsys.readouterr().out.splitlines()


def failed(position: int | None, *breaks: Break, steps: int = 40) -> CaseResult:
    one = Break("LOGIN-1", "a login", "none", '  0.100 <-- {"id":20}', position)
    messages = tuple(map(step, range(steps)))
    return CaseResult("login/a", ("LOGIN-1",), "fail", (one, *breaks), steps=messages)


def charted(lines: list[str]) -> list[str]:
    """The messages of the chart."""
    return [line.partition("ask/")[2].split()[0] for line in lines if "ask/" in line]


def test_failure_is_told_from_the_clause_to_the_command_that_shows_it_again(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "64")
    lines = told(capsys, failed(1, steps=2))
    assert lines[: lines.index("")] == [
        "FAIL  login/a",
        "  Clause       LOGIN-1 (MUST)",
        f"  Requirement  {LEDGER.clauses['LOGIN-1'].sentence}",
        "  Expected     a login",
        "  Actual       none",
        '  First wrong  0.100 <-- {"id":20}',
        "              parent                                      server",
        "     0.000       │─ ask/0 ───────────────────────────────────▶│",
        "     0.100 wrong │─ ask/1 ───────────────────────────────────▶│",
        "  Transcript   -v shows it, --json FILE writes those of all cases",
        "  Again        codex-conformance check --case login/a -- codex app-server",
    ]


@pytest.mark.parametrize(
    ("wrong", "shown"),
    [(20, range(11, 24)), (0, range(4)), (39, range(27, 40)), (None, range(27, 40))],
)
def test_chart_shows_the_messages_around_the_first_wrong_one(
    capsys: pytest.CaptureFixture[str], wrong: int | None, shown: range
) -> None:
    assert charted(told(capsys, failed(wrong))) == [str(index) for index in shown]


def test_terminal_too_narrow_for_a_chart_gets_none(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "61")
    assert charted(told(capsys, failed(20))) == []


def test_verbose_shows_the_whole_chart_and_the_transcript(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = told(capsys, failed(20), verbose=True)
    assert len(charted(lines)) == 40
    assert '      2.000 --> {"id":20}' in lines


def test_same_wrong_message_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    other = Break("WIRE-10", "a valid message", "another", '  0.100 <-- {"id":20}', 20)
    lines = told(capsys, failed(20, other))
    assert [line for line in lines if line.startswith("  First wrong")] == [
        '  First wrong  0.100 <-- {"id":20}',
        "  First wrong  the same message",
    ]


def test_flaky_case_is_counted_and_never_reads_as_conforming_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = told(capsys, CaseResult("login/a", ("LOGIN-1",), "flaky"))
    assert "clauses       flaky" in lines
    assert lines[-2:] == [
        "1 case: 1 flaky; 1.0 s of wall time",
        "codex app-server: conforms, but for 1 case known as flaky",
    ]


def test_interrupted_run_has_no_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, interrupted=True)[-2:] == [
        "0 cases: none ended; 1.0 s of wall time",
        "codex app-server: no verdict: the run was interrupted",
    ]


@pytest.mark.parametrize("verdict", ["untestable", "pass"])
def test_long_lists_are_cut_unless_all_is_asked_for(
    capsys: pytest.CaptureFixture[str], verdict: Verdict
) -> None:
    cases = [CaseResult(f"login/{i}", ("LOGIN-1",), verdict, message="why") for i in range(9)]
    sentences = tuple(f"b.toml:{i}: LOGIN-1: no reason is given" for i in range(7))
    few = told(capsys, *cases, unexplained=sentences)
    every = told(capsys, *cases, unexplained=sentences, verbose=True)
    lost = 9 if verdict == "untestable" else 0
    for mark, count in (("UNTESTABLE  ", lost), ("BASELINE  ", 7)):
        assert sum(line.startswith(mark) for line in every) == count
        assert sum(line.startswith(mark) for line in few) == min(6, count)
    assert "BASELINE  and 2 more; -v shows all" in few


def test_fault_of_the_kit_is_told_whole_and_blamed_on_nobody_else(
    capsys: pytest.CaptureFixture[str],
) -> None:
    broke = CaseResult("login/a", ("LOGIN-1",), "error", message="Traceback:\nKeyError: 'x'")
    lines = told(capsys, broke)
    assert lines[: lines.index("    KeyError: 'x'") + 1] == [
        "ERROR  login/a",
        "  the kit or the machine broke, not the target:",
        "    Traceback:",
        "    KeyError: 'x'",
    ]
    assert lines[-1] == "codex app-server: no verdict: the run itself is broken"


def test_what_was_observed_is_told_if_all_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    seen = {"WIRE-6": "[] is refused"}
    case = CaseResult("wire/a", ("WIRE-6",), "observed", observations=seen)
    shown = ["Observed where several behaviours are allowed:", "  WIRE-6       [] is refused"]
    assert [line for line in told(capsys, case, verbose=True) if line in shown] == shown
    assert not {*shown} & {*told(capsys, case)}
