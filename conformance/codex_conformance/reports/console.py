"""What a person at a terminal sees: verdicts on stdout, and progress on stderr until then."""

import shlex
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from codex_conformance.reports.chart import chart_lines
from codex_conformance.reports.voice import can_draw_lines, painted, say
from codex_conformance.results import Break, CaseResult, ClauseResult, Plan, RunResult
from codex_conformance.sequence import Step

if TYPE_CHECKING:
    from codex_conformance.reports.progress import Progress

_MARKS = {"fail": "FAIL", "error": "ERROR"}
_COLUMNS = ("pass", "fail", "expected-fail", "flaky", "untestable", "not-applicable", "observed")
_COLOURS = {0: "green", 1: "red", 2: "red", 130: "yellow"}
_WIDEST = 110  # columns of a chart
_NARROWEST = 62  # columns of a terminal that can take one
_BEFORE, _AFTER = 9, 3  # messages of a chart without -v, from the first wrong one
_SHOWN = 400  # characters of the first wrong message without -v
_AT_FIRST = 5  # sentences of a kind that are shown without -v


@dataclass
class Console:
    """Prints a run.

    Args:
        again: words of a command line that judges the same target again.
        transcripts: folder of the transcripts, or None when none are written.
        strict: whether SHOULD clauses decide the exit status.
        verbose: whether everything is told that there is to tell.
        progress: what shows how far the run is, or None.
    """

    again: tuple[str, ...]
    transcripts: Path | None
    strict: bool
    verbose: bool = False
    progress: "Progress | None" = None

    def started(self, plan: Plan) -> None:
        """Say what is judged."""
        subject = plan.subject
        agent = f" ({subject.user_agent})" if subject.user_agent else ""
        say(f"Judging {subject.command}{agent}")
        at_once = min(plan.jobs, plan.cases)
        beside = f", {at_once} at a time" if at_once > 1 else ""
        say(f"by revision {subject.revision}: {_cases(plan.cases)}{beside}\n")
        if self.progress:
            self.progress.started(plan)

    def finished_case(self, result: CaseResult) -> None:
        """Count on."""
        if self.progress:
            self.progress.finished_case(result)

    def finished(self, run: RunResult) -> None:
        """The failures one by one, the areas, the observations, the verdict."""
        if self.progress:
            self.progress.stop()
        for case in sorted(run.cases, key=lambda case: case.id):
            if case.verdict in ("fail", "error"):
                self._failure(case, run)
        self._untestable(run)
        if run.cases:
            self._areas(run)
        self._remarks(run)
        self._some("STALE BASELINE  ", run.stale, len(run.stale))
        self._some("BASELINE  ", run.unexplained, _AT_FIRST)
        self._verdict(run)

    def _failure(self, case: CaseResult, run: RunResult) -> None:
        say(f"{painted(_MARKS[case.verdict], 'red')}  {case.id}")
        for one, before in zip(case.broken, (None, *case.broken), strict=False):
            self._break(one, run)
            if one.wrong and before and one.wrong == before.wrong:
                say("  First wrong  the same message")
            elif one.wrong:
                say(f"  First wrong  {self._cut(one.wrong.strip())}")
        if case.verdict == "error":
            say("  the kit or the machine broke, not the target:")
            say(_indented(case.message or ""))
        self._conversation(case)
        if case.transcript and self.transcripts:
            say(f"  Transcript   {self.transcripts / case.transcript}")
        elif not self.verbose:
            say("  Transcript   -v shows it, --json FILE writes those of all cases")
        say(f"  Again        {shlex.join((*self.again, '--case', case.id))}{self._command(run)}\n")

    def _conversation(self, case: CaseResult) -> None:
        """A chart of the messages around the wrong one; with -v the transcript too."""
        if _columns() >= _NARROWEST:
            width = min(_columns(), _WIDEST) - 2
            steps = case.steps if self.verbose else _around(case)
            chart = chart_lines(
                steps, case.wrong, width=width, most=len(steps), ascii_only=not can_draw_lines()
            )
            for line in chart:
                say(f"  {line}".rstrip())
        if self.verbose:
            for step in case.steps:
                say(f"  {step.line()}")

    def _break(self, one: Break, run: RunResult) -> None:
        clause = run.ledger.clauses[one.clause]
        say(f"  Clause       {clause.id} ({clause.level})")
        say(f"  Requirement  {clause.sentence}")
        say(f"  Expected     {one.expected}")
        say(f"  Actual       {one.actual}")
        if one.why:
            say(f"  Why          {one.why}")

    def _cut(self, wrong: str) -> str:
        return wrong if self.verbose or len(wrong) <= _SHOWN else f"{wrong[:_SHOWN]}…"

    def _command(self, run: RunResult) -> str:
        direct = run.subject.command.startswith(("reference server", "direct:", "ws://", "unix:"))
        return "" if direct else f" -- {run.subject.command}"

    def _untestable(self, run: RunResult) -> None:
        cases = sorted(
            (case for case in run.cases if case.verdict == "untestable"), key=lambda case: case.id
        )
        told = [f"{case.id} ({', '.join(case.clauses)}): {case.message}" for case in cases]
        self._some("UNTESTABLE  ", told, _AT_FIRST)
        if cases:
            say()

    def _some(self, mark: str, sentences: Sequence[str], shown: int) -> None:
        for sentence in sentences if self.verbose else sentences[:shown]:
            say(f"{mark}{sentence}")
        if len(sentences) > shown and not self.verbose:
            say(f"{mark}and {len(sentences) - shown} more; -v shows all")

    def _areas(self, run: RunResult) -> None:
        clauses = run.clauses()
        areas: dict[str, Counter[str]] = {}
        for name, row in clauses.items():
            areas.setdefault(name.rpartition("-")[0], Counter())[row.verdict] += 1
        shown = [name for name in _COLUMNS if any(count[name] for count in areas.values())]
        table = [f"{'clauses':<12}" + "".join(f"{name:>{len(name) + 2}}" for name in shown)]
        for area, count in areas.items():
            cells = "".join(f"{count[name] or '.':>{len(name) + 2}}" for name in shown)
            table.append(f"{area:<12}{cells}")
        if len(table[0]) > _columns():
            table = [f"{area}: {_told(count)}" for area, count in areas.items()]
        for line in table:
            say(line)
        say()
        self._broken_clauses(clauses)

    def _broken_clauses(self, clauses: dict[str, ClauseResult]) -> None:
        broken = [f"{name} ({row.level})" for name, row in clauses.items() if row.verdict == "fail"]
        if broken:
            say(f"{painted('Broken:', 'red')} {', '.join(broken)}\n")

    def _remarks(self, run: RunResult) -> None:
        seen = run.observations()
        if seen and self.verbose:
            say("Observed where several behaviours are allowed:")
            for clause, sentence in seen.items():
                say(f"  {clause:<12} {sentence}")
            say()
        reasons = {case.message for case in run.cases if case.verdict == "not-applicable"}
        for reason in sorted(reason for reason in reasons if reason):
            cases = [case for case in run.cases if case.message == reason]
            say(f"Not applicable ({_cases(len(cases))}): {reason}")

    def _verdict(self, run: RunResult) -> None:
        counts = run.summary()
        cpu = sum(case.target_cpu_s for case in run.cases)
        spent = f"{run.wall_s:.1f} s of wall time"
        if cpu > 0:
            spent += f", {cpu:.1f} s of CPU by the target"
        say(f"\n{_cases(len(run.cases))}: {_told(counts) or 'none ended'}; {spent}")
        status = run.exit_status(strict=self.strict)
        flaky = f", but for {_cases(counts['flaky'])} known as flaky" if counts["flaky"] else ""
        words = {
            0: f"conforms{flaky}",
            1: "does not conform, or nobody knows",
            2: "no verdict: the run itself is broken",
            130: "no verdict: the run was interrupted",
        }[status]
        say(f"{run.subject.command}: {painted(words, _COLOURS[status])}")


def _around(case: CaseResult) -> tuple[Step, ...]:
    """The first wrong message with those before and after it, else the last ones."""
    places = (place for place, step in enumerate(case.steps) if step.index in case.wrong)
    end = min(next(places, len(case.steps)) + 1 + _AFTER, len(case.steps))
    return case.steps[max(0, end - 1 - _BEFORE - _AFTER) : end]


def _columns() -> int:
    """The width of the terminal; wide where there is none."""
    return shutil.get_terminal_size((_WIDEST, 24)).columns


def _told(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count)


def _cases(count: int) -> str:
    return f"{count} case{'' if count == 1 else 's'}"


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
