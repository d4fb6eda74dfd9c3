"""One clause with all that hangs on it, for people."""

import difflib
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

from codex_conformance.errors import UsageError
from codex_conformance.ledger import Clause, Ledger, load_ledger
from codex_conformance.results_file import read_results
from codex_conformance.specification import read_revision
from codex_conformance.traces import all_cases, messages_of, types_of

_WIDTH = 98
_LABEL = 12


def clause_lines(name: str, results: Sequence[Path]) -> Iterator[str]:
    """A clause: what it says, where it comes from, its schemas, its cases, its last verdicts.

    Args:
        name: its id.
        results: results files, the verdicts of which are shown.

    Raises:
        UsageError: there is no such clause, or a file is no results file.
    """
    ledger = load_ledger()
    clause = ledger.clauses.get(name)
    if clause is None:
        raise UsageError(f"{name}: the ledger has no such clause", _near(name, ledger))
    verdicts = [line for path in results for line in _verdict(clause, path)]
    yield f"{clause.id}  {clause.level}, judges the {clause.judges}"
    yield from _row("", clause.sentence)
    yield from _row("observed", clause.observe or "")
    for code in clause.source:
        yield from _row("source", f"{code}: {ledger.sources[code]}")
    yield from _row("revisions", ", ".join(clause.revisions))
    yield from _schemas(clause)
    for case, judged in all_cases().items():
        if name in judged:
            yield from _row("case", case)
    yield from _row("no case", clause.no_case or "")
    yield from verdicts


def _near(name: str, ledger: Ledger) -> str:
    near = difflib.get_close_matches(name.upper(), ledger.clauses, n=5, cutoff=0.6)
    return f"did you mean {', '.join(near)}?" if near else f"areas: {', '.join(ledger.areas)}"


def _schemas(clause: Clause) -> Iterator[str]:
    """The files of the messages that the clause is about, those of a kind on one line."""
    files: dict[tuple[str, str], list[str]] = {}
    for revision in map(read_revision, clause.revisions):
        methods = {each: types_of(row) for each, row in revision.methods.items()}
        for about, types in messages_of(clause, methods, revision.types).items():
            for each in types:
                label = f"{each}.json" if each == about else f"{each}.json ({about})"
                files.setdefault((each, label), []).append(revision.name)
    for (_, label), revisions in files.items():
        folder = revisions[0] if len(revisions) == 1 else f"{{{','.join(revisions)}}}"
        yield from _row("schema", f"spec/{folder}/{label}")


def _verdict(clause: Clause, path: Path) -> Iterator[str]:
    run = read_results(path).run
    target = run.subject.user_agent or run.subject.command
    row = run.clauses().get(clause.id)
    where = f"{target}, revision {run.subject.revision} ({path})"
    yield from _row("verdict", f"{row.verdict if row else 'not judged'}: {where}")
    for case in run.cases:
        broken = clause.id in {one.clause for one in case.broken}
        if broken or (clause.id in case.clauses and case.verdict != "pass"):
            message = f": {case.message}" if case.message else ""
            yield from _row("", f"{case.id} {case.verdict}{message}")


def _row(label: str, text: str) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=f"  {label:<{_LABEL}}",
        subsequent_indent=" " * (_LABEL + 2),
        break_long_words=False,
        break_on_hyphens=False,
    )
