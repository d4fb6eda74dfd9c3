"""What a person at a terminal sees: progress on stderr, verdicts on stdout."""

import shlex
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from codex_conformance.results import Break, CaseResult, ClauseResult, Plan, RunResult

_MARKS = {"fail": "FAIL", "error": "ERROR", "untestable": "UNTESTABLE"}
_COLUMNS = ("pass", "fail", "expected-fail", "flaky", "untestable", "not-applicable", "observed")
_AT_FIRST = 5  # sentences of a kind that are shown without -v


@dataclass
class Console:
    """Prints a run.

    Args:
        again: words of a command line that judges the same target again.
        transcripts: folder of the transcripts, or None when none are written.
        strict: whether SHOULD clauses decide the exit status.
    """

    again: tuple[str, ...]
    transcripts: Path | None
    strict: bool
    verbose: bool = False
    done: int = 0
    planned: int = 0

    def started(self, plan: Plan) -> None:
        """Say what is judged."""
        self.planned = plan.cases
        subject = plan.subject
        agent = f" ({subject.user_agent})" if subject.user_agent else ""
        click.echo(f"Judging {subject.command}{agent}")
        beside = f", {plan.jobs} at a time" if plan.jobs > 1 else ""
        click.echo(f"by revision {subject.revision}: {_cases(plan.cases)}{beside}\n")

    def finished_case(self, result: CaseResult) -> None:
        """Count on, and show what went wrong as soon as it did."""
        self.done += 1
        if sys.stderr.isatty():
            line = f"{self.done}/{self.planned} {result.id}"
            click.echo(f"\r\x1b[K{line[:78]}", nl=False, err=True)
        elif self.done % 50 == 0:
            click.echo(f"{self.done}/{self.planned}", err=True)

    def finished(self, run: RunResult) -> None:
        """The failures one by one, the areas, the observations, the verdict."""
        if sys.stderr.isatty():
            click.echo("\r\x1b[K", nl=False, err=True)
        for case in sorted(run.cases, key=lambda case: case.id):
            if case.verdict in ("fail", "error"):
                self._failure(case, run)
        self._untestable(run)
        self._areas(run)
        self._remarks(run)
        self._some("STALE BASELINE  ", run.stale, len(run.stale))
        self._some("BASELINE  ", run.unexplained, _AT_FIRST)
        self._verdict(run)

    def _failure(self, case: CaseResult, run: RunResult) -> None:
        click.echo(f"{_MARKS[case.verdict]}  {case.id}")
        for one in case.broken:
            self._break(one, run)
        if case.verdict == "error":
            click.echo("  the kit or the machine broke, not the target:")
            click.echo(_indented(case.message or ""))
        if case.transcript and self.transcripts:
            click.echo(f"  Transcript   {self.transcripts / case.transcript}")
        elif case.tail:
            click.echo("  Transcript   (its end; --json FILE writes all of them)")
            click.echo(_indented(case.tail))
        click.echo(
            f"  Again        {shlex.join((*self.again, '--case', case.id))}{self._command(run)}\n"
        )

    def _break(self, one: Break, run: RunResult) -> None:
        clause = run.ledger.clauses[one.clause]
        click.echo(f"  Clause       {clause.id} ({clause.level})")
        click.echo(f"  Requirement  {clause.sentence}")
        click.echo(f"  Expected     {one.expected}")
        click.echo(f"  Actual       {one.actual}")
        if one.wrong:
            click.echo(f"  First wrong  {one.wrong.strip()}")

    def _command(self, run: RunResult) -> str:
        direct = run.subject.command.startswith(("reference server", "direct:"))
        return "" if direct else f" -- {run.subject.command}"

    def _untestable(self, run: RunResult) -> None:
        cases = sorted(
            (case for case in run.cases if case.verdict == "untestable"), key=lambda case: case.id
        )
        told = [f"{case.id} ({', '.join(case.clauses)}): {case.message}" for case in cases]
        self._some("UNTESTABLE  ", told, _AT_FIRST)
        if cases:
            click.echo()

    def _some(self, mark: str, sentences: Sequence[str], shown: int) -> None:
        for sentence in sentences if self.verbose else sentences[:shown]:
            click.echo(f"{mark}{sentence}")
        if len(sentences) > shown and not self.verbose:
            click.echo(f"{mark}and {len(sentences) - shown} more; -v shows all")

    def _areas(self, run: RunResult) -> None:
        clauses = run.clauses()
        areas: dict[str, Counter[str]] = {}
        for name, row in clauses.items():
            areas.setdefault(name.rpartition("-")[0], Counter())[row.verdict] += 1
        shown = [name for name in _COLUMNS if any(count[name] for count in areas.values())]
        click.echo(f"{'clauses':<12}" + "".join(f"{name:>16}" for name in shown))
        for area, count in areas.items():
            cells = "".join(f"{count[name] or '.':>16}" for name in shown)
            click.echo(f"{area:<12}{cells}")
        click.echo()
        self._broken_clauses(clauses)

    def _broken_clauses(self, clauses: dict[str, ClauseResult]) -> None:
        broken = [f"{name} ({row.level})" for name, row in clauses.items() if row.verdict == "fail"]
        if broken:
            click.echo(f"Broken: {', '.join(broken)}\n")

    def _remarks(self, run: RunResult) -> None:
        seen = run.observations()
        if seen and self.verbose:
            click.echo("Observed where several behaviours are allowed:")
            for clause, sentence in seen.items():
                click.echo(f"  {clause:<12} {sentence}")
            click.echo()
        reasons = {case.message for case in run.cases if case.verdict == "not-applicable"}
        for reason in sorted(reason for reason in reasons if reason):
            cases = [case for case in run.cases if case.message == reason]
            click.echo(f"Not applicable ({_cases(len(cases))}): {reason}")

    def _verdict(self, run: RunResult) -> None:
        counts = run.summary()
        told = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
        cpu = sum(case.target_cpu_s for case in run.cases)
        spent = f"{run.wall_s:.1f} s of wall time"
        if cpu > 0:
            spent += f", {cpu:.1f} s of CPU by the target"
        click.echo(f"\n{_cases(len(run.cases))}: {told}; {spent}")
        words = {
            0: "conforms",
            1: "does not conform, or nobody knows",
            2: "no verdict: the run itself is broken",
        }
        but = f", but for {_cases(counts['flaky'])} known as flaky" if counts["flaky"] else ""
        verdict = words[run.exit_status(strict=self.strict)]
        click.echo(f"{run.subject.command}: {verdict}{but if verdict == words[0] else ''}")


def _cases(count: int) -> str:
    return f"{count} case{'' if count == 1 else 's'}"


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
