"""A page of Markdown for the summary of a CI job: what is red first, bounded."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from codex_conformance.reports.badge import verdict_in_words
from codex_conformance.reports.columns import Column
from codex_conformance.results import VERDICTS, CaseResult, RunResult, Verdict

_CELL = 300  # characters of what a target said
_ROWS = 100  # of one table
_MOST = 200_000  # characters; GitHub takes a MiB from all steps of a job
_RED: tuple[Verdict, ...] = ("error", "fail", "untestable")
_KNOWN: tuple[Verdict, ...] = ("expected-fail", "flaky")
_MARKS: dict[str, str] = {
    "pass": "✓",
    "observed": "✓ observed",
    "not-applicable": "n/a",
    "": "",
}
_SPECIAL = re.compile(r"[^\w\s,.;:'\"/=%?(){}+…-]|_|:(?=/)|(?<=\bwww)\.")


def write_summary(path: Path, columns: Sequence[Column], *, strict: bool) -> None:
    """Write the page; other steps of a job write to `$GITHUB_STEP_SUMMARY` too, so add to that."""
    shared = os.environ.get("GITHUB_STEP_SUMMARY")
    with path.open("a" if shared and path == Path(shared) else "w", encoding="utf-8") as file:
        file.write(summary_text(columns, strict=strict))


def summary_text(columns: Sequence[Column], *, strict: bool) -> str:
    """The page: a line a run, then what is red, then what is known, then what differs."""
    lines = ["## Account protocol of codex app-server", ""]
    lines += _overview(columns, strict)
    for column in columns:
        lines += _cases(column, "Red", _RED)
        lines += _baseline(column)
    if len(columns) > 1:
        lines += _matrix(columns)
    for column in columns:
        lines += _cases(column, "Known to be broken", _KNOWN)
    for column in columns:
        lines += _seen(column)
    return _bounded(lines)


def _bounded(lines: Iterable[str]) -> str:
    text = ""
    for line in lines:
        if len(text) + len(line) > _MOST:
            return f"{text}\n\nThe rest is left out: see the results file.\n"
        text += f"{line}\n"
    return text


def _overview(columns: Sequence[Column], strict: bool) -> Iterator[str]:
    shown = [name for name in VERDICTS if any(column.run.summary()[name] for column in columns)]
    yield f"| | revision | verdict | {' | '.join(shown)} |"
    yield f"|---|---|---|{'--:|' * len(shown)}"
    for column in columns:
        run = column.run
        counts = run.summary()
        verdict, _ = verdict_in_words(run, strict=strict)
        cells = [run.subject.revision, verdict, *(str(counts[name]) for name in shown)]
        called = escaped(column.label)
        if run.subject.name not in (column.label, run.subject.command):
            called += f"<br>{escaped(run.subject.name)}"
        yield f"| {called} | {' | '.join(map(escaped, cells))} |"
    yield ""


def _cases(column: Column, title: str, verdicts: tuple[Verdict, ...]) -> Iterator[str]:
    cases = [case for case in column.run.cases if case.verdict in verdicts]
    cases.sort(key=lambda case: (verdicts.index(case.verdict), case.id))
    if not cases:
        return
    shown = " open" if title == "Red" else ""
    count = f"{len(cases)} case{'' if len(cases) == 1 else 's'}"
    yield f"<details{shown}><summary>{title}: {escaped(column.label)}, {count}</summary>"
    yield from ("", "| verdict | case | clause | what |", "|---|---|---|---|")
    rows = list(_known_rows(cases) if verdicts == _KNOWN else _red_rows(cases))
    yield from rows[:_ROWS]
    yield ""
    if len(rows) > _ROWS:
        yield from (f"and {len(rows) - _ROWS} more rows", "")
    yield from ("</details>", "")


def _red_rows(cases: Iterable[CaseResult]) -> Iterator[str]:
    """A row for each clause that a case found broken, or for what kept it from looking."""
    for case in cases:
        if not case.broken:
            yield _row(case.verdict, case.id, ", ".join(case.clauses), _last(case.message))
        for one in case.broken:
            yield _row(case.verdict, case.id, one.clause, one.message)


def _known_rows(cases: Iterable[CaseResult]) -> Iterator[str]:
    """A row for each reason of the baseline, with the first case that it is given for."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for case in cases:
        clauses = ", ".join(dict.fromkeys(one.clause for one in case.broken) or case.clauses)
        found.setdefault((case.verdict, clauses, _last(case.message)), []).append(case.id)
    for (verdict, clauses, reason), (first, *more) in found.items():
        yield _row(verdict, f"{first} and {len(more)} more" if more else first, clauses, reason)


def _last(message: str | None) -> str:
    """The last line, which of a traceback is the one that says something."""
    return (message or "").strip().rpartition("\n")[2]


def _row(*cells: str) -> str:
    return f"| {' | '.join(map(escaped, cells))} |"


def _baseline(column: Column) -> Iterator[str]:
    sentences = [*column.run.stale, *column.run.unexplained]
    if sentences:
        yield from (f"Baseline of {escaped(column.label)}:", "")
        yield from (f"- {escaped(sentence)}" for sentence in sentences[:_ROWS])
        yield ""


def _matrix(columns: Sequence[Column]) -> Iterator[str]:
    """The clauses that not every run keeps, beside each other."""
    rows = {id(column): column.run.clauses() for column in columns}
    ledgers: dict[str, RunResult] = {}
    for column in columns:
        ledgers.update(dict.fromkeys(rows[id(column)], column.run))
    yield from ("### Clauses that are not kept by all", "")
    labels = " | ".join(escaped(column.label) for column in columns)
    yield f"| clause | level | {labels} | sentence |"
    yield f"|---|---|{'---|' * len(columns)}---|"
    kept = 0
    for name, run in sorted(ledgers.items(), key=lambda row: _place(row[1], row[0])):
        found = [rows[id(column)].get(name) for column in columns]
        verdicts = ["" if row is None else str(row.verdict) for row in found]
        if all(verdict in ("pass", "observed", "") for verdict in verdicts):
            kept += 1
            continue
        clause = run.ledger.clauses[name]
        cells = [_MARKS.get(verdict, f"**{verdict}**") for verdict in verdicts]
        sentence = clause.sentence.replace("|", "\\|")
        yield f"| {escaped(name)} | {clause.level} | {' | '.join(cells)} | {sentence} |"
    yield from (
        "",
        f"✓ kept, n/a not applicable, empty: not judged. All keep the other {kept}.",
        "",
    )


def _place(run: RunResult, name: str) -> int:
    return list(run.ledger.clauses).index(name)


def _seen(column: Column) -> Iterator[str]:
    seen = column.run.observations()
    if not seen:
        return
    title = "Observed where several behaviours are allowed"
    yield f"<details><summary>{title}: {escaped(column.label)}</summary>"
    yield from ("", "| clause | seen |", "|---|---|")
    yield from (_row(name, sentence) for name, sentence in seen.items())
    yield from ("", "</details>", "")


def escaped(text: str) -> str:
    """`text` on one bounded line that means nothing to Markdown or HTML."""
    flat = " ".join(text.split())
    if len(flat) > _CELL:
        flat = f"{flat[:_CELL]}…"
    return _SPECIAL.sub(lambda found: f"&#{ord(found[0])};", flat)
