"""Every clause with its cases, and every case with its clauses, as a page to read."""

from collections.abc import Iterable, Iterator

from codex_account_protocol import REVISIONS

from codex_conformance.case import CaseSpec
from codex_conformance.ledger import Clause, Ledger
from codex_conformance.lint import runs_in

_HEAD = """\
# Clauses and cases

Written by `make generate` from `spec/clauses.toml` and the cases: edit those.
`codex-conformance spec show CLAUSE` shows one clause with its schemas and verdicts,
`codex-conformance check --list` every case with its parameters.
"""


def page_lines(ledger: Ledger, cases: Iterable[CaseSpec]) -> Iterator[str]:
    """The page, line by line; the same for the same ledger and cases.

    Args:
        ledger: whose clauses are listed.
        cases: every case as it is declared.
    """
    known = sorted(cases, key=lambda case: case.id)
    yield from _HEAD.splitlines()
    yield ""
    yield from (f"- {level}: {meaning}" for level, meaning in ledger.levels.items())
    yield ""
    yield from (f"- source {code}: {meaning}" for code, meaning in ledger.sources.items())
    for area, title in ledger.areas.items():
        yield from ("", f"## {area}: {title}")
        for clause in ledger.clauses.values():
            if clause.area == area:
                yield from _clause(clause, known)
    yield from (
        "",
        "## From case to clauses",
        "",
        "| case | clauses | revisions |",
        "|---|---|---|",
    )
    for case in known:
        clauses = ", ".join(f"[{name}](#{name.lower()})" for name in case.clauses)
        revisions = [each for each in REVISIONS if runs_in(case, each, ledger)]
        yield f"| `{case.id}` | {clauses} | {_revisions(revisions)} |"


def _clause(clause: Clause, cases: Iterable[CaseSpec]) -> Iterator[str]:
    judging = [f"`{case.id}`" for case in cases if clause.id in case.clauses]
    sources = ", ".join(clause.source)
    yield from ("", f"### {clause.id}", "")
    yield (
        f"{clause.level} of the {clause.judges}; revisions: {_revisions(clause.revisions)}; "
        f"source: {sources}"
    )
    yield from ("", clause.sentence)
    if clause.observe:
        yield from ("", f"Recorded: {clause.observe}")
    yield ""
    yield f"Cases: {', '.join(judging)}" if judging else f"No case: {clause.no_case}"


def _revisions(names: Iterable[str]) -> str:
    listed = tuple(names)
    return "all" if listed == REVISIONS else ", ".join(listed)
