"""Every mutant turns exactly the clauses red that it declares: no case is idle, none over-eager."""

import importlib
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from codex_conformance.check import Wish, check
from codex_conformance.ledger import load_ledger
from mutant import Mutant

HERE = Path(__file__).parent
IN_MEMORY = Path("/dev/shm")
AREAS = ("WIRE", "INIT", "LOGIN", "APIKEY", "MODE", "REFRESH", "TIMEOUT", "ERROR", "LOGOUT")
AREAS += ("WORKSPACE", "SECRET", "READ", "RATE", "OTHER")

# Clauses that no fault of the reference server can break, and why.
WITHOUT_MUTANT = {
    "REFRESH-17": "it takes two connections, and no transport of the reference server has them",
    "SECRET-4": "the reference server starts no children",
}


def mutants() -> list[tuple[str, Mutant]]:
    """Every mutant with the name that `--target direct:` finds it by."""
    found = []
    for path in sorted(HERE.glob("*_mutants.py")):
        module = importlib.import_module(path.stem)
        found += [
            (f"{path.stem}:{name}", value)
            for name, value in vars(module).items()
            if isinstance(value, Mutant)
        ]
    return found


@pytest.fixture(autouse=True)
def homes_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Making and removing folders on a disk takes longer than the cases themselves."""
    if IN_MEMORY.is_dir():
        monkeypatch.setattr(tempfile, "tempdir", str(IN_MEMORY))


@pytest.mark.parametrize(("target", "mutant"), [pytest.param(*one, id=one[0]) for one in mutants()])
def test_mutant_breaks_the_clauses_that_it_declares(target: str, mutant: Mutant) -> None:
    run = check(Wish(direct=target, argv=(), revision=mutant.revision), [])
    broken = {clause for clause, row in run.clauses().items() if row.verdict == "fail"}
    assert run.summary()["error"] == 0
    found = [f"{case.id}: {one.clause}: {one.message}" for case in run.cases for one in case.broken]
    assert broken == mutant.broken, "\n".join(found)


def test_every_clause_has_a_mutant_or_a_reason_for_none() -> None:
    deciding = {
        clause.id
        for clause in load_ledger().clauses.values()
        if clause.id.split("-")[0] in AREAS and clause.level in ("MUST", "SHOULD")
    }
    broken = {clause for _, mutant in mutants() for clause in mutant.broken}
    assert deciding - broken == set(WITHOUT_MUTANT)


def test_names_of_mutants_differ() -> None:
    names = Counter(mutant.name for _, mutant in mutants())
    assert {name for name, times in names.items() if times > 1} == set()
