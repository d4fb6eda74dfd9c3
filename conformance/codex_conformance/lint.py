"""Looks for what is wrong in the ledger and in the files around it."""

import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from codex_account_protocol import REVISIONS

from codex_conformance import cases as case_files
from codex_conformance.case import CaseSpec
from codex_conformance.judge_parent.scenarios import all_scenarios
from codex_conformance.ledger import Clause, Ledger, read_ledger
from codex_conformance.release import is_compared
from codex_conformance.specification import Revision, named_in, read_revision
from codex_conformance.traces import names_of, types_of

_KINDS = ("valid", "invalid")


def declared_cases() -> tuple[CaseSpec, ...]:
    """Every case and scenario, as it is declared; a parametrized one counts once."""
    modules = sorted(module.name for module in pkgutil.iter_modules(case_files.__path__))
    found = []
    for name in modules:
        module = importlib.import_module(f"{case_files.__name__}.{name}")
        members = (getattr(each, "spec", None) for each in vars(module).values())
        found += [each for each in members if isinstance(each, CaseSpec)]
    return (*found, *(spec for spec, _ in all_scenarios()))


def lint(cases: Iterable[CaseSpec], root: Path | None = None) -> list[str]:
    """What is wrong, a sentence each; empty if nothing is.

    Args:
        cases: every case that there is.
        root: another `spec/` than the one that was installed.

    Raises:
        ConformanceError: a file cannot be read at all.
    """
    ledger, faults = read_ledger(None if root is None else root / "clauses.toml")
    revisions = [read_revision(name, root) for name in REVISIONS]
    known = tuple(cases)
    return [
        *(fault.message for fault in faults),
        *_faults_of_names(ledger, revisions),
        *_faults_of_cases(ledger, known, {fault.clause for fault in faults}),
        *(fault for revision in revisions for fault in _faults_of_types(revision)),
        *(fault for revision in revisions for fault in _faults_of_vectors(revision)),
        *(fault for revision in revisions for fault in _untraced(revision, ledger)),
    ]


def _faults_of_names(ledger: Ledger, revisions: list[Revision]) -> Iterator[str]:
    for clause in ledger.clauses.values():
        own = [each for each in revisions if each.name in clause.revisions]
        for name in names_of(clause):
            if not any(name in each.methods or name in each.types for each in own):
                yield (
                    f"{clause.id}: is about {name}, and no revision of the clause has a method or "
                    "type of that name"
                )


def _faults_of_cases(
    ledger: Ledger, cases: tuple[CaseSpec, ...], faulty: set[str | None]
) -> Iterator[str]:
    for case in cases:
        if not case.clauses:
            yield f"case {case.id}: names no clause"
        for name in case.clauses:
            if name not in ledger.clauses and name not in faulty:
                yield f"case {case.id}: names {name}, and the ledger has no such clause"
    for clause in ledger.clauses.values():
        named = [case for case in cases if clause.id in case.clauses]
        if clause.no_case and named:
            yield f"{clause.id}: no_case says why there is none, yet {named[0].id} judges it"
        if not clause.no_case:
            for revision in clause.revisions:
                if not any(runs_in(case, revision, ledger) for case in named):
                    yield f"{clause.id}: no case judges it in {revision}, and no_case is silent"


def runs_in(case: CaseSpec, revision: str, ledger: Ledger) -> bool:
    """Whether a case is run in a revision."""
    if case.revisions and revision not in case.revisions:
        return False
    clauses = [ledger.clauses.get(name) for name in case.clauses]
    return any(clause is not None and revision in clause.revisions for clause in clauses)


def _faults_of_types(revision: Revision) -> Iterator[str]:
    for row in revision.methods.values():
        for name in types_of(row):
            if name not in revision.types:
                yield f"{revision.name}/methods.json: {row.method} names {name}, which has no file"
    for name, schema in revision.types.items():
        for other in sorted(set(named_in(schema)) - revision.types.keys()):
            yield f"{revision.name}/{name}.json: refers to {other}, which has no file"


def _faults_of_vectors(revision: Revision) -> Iterator[str]:
    for name in revision.types:
        vectors = revision.vectors.get(name)
        for kind in _KINDS:
            if not isinstance(vectors, dict) or not vectors.get(kind):
                yield f"{revision.name}/vectors/{name}.json: no {kind} vector"
    for name in sorted(revision.vectors.keys() - revision.types.keys()):
        yield f"{revision.name}/vectors/{name}.json: there is no such type"


def _untraced(revision: Revision, ledger: Ledger) -> Iterator[str]:
    """Account messages of which no clause speaks."""
    clauses: list[Clause] = [
        each for each in ledger.clauses.values() if revision.name in each.revisions
    ]
    named = {name for clause in clauses for name in names_of(clause)}
    for method in revision.methods:
        if is_compared(method) and method not in named:
            yield f"{revision.name}/methods.json: no clause is about {method}"
