"""Every mutant turns exactly the clauses red that it declares: no case is idle, none over-eager."""

import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import matrix
import pytest
from codex_account_protocol import REVISIONS
from codex_conformance.ledger import load_ledger
from codex_conformance.results import CaseResult
from codex_conformance.targets import DirectTarget
from mutant import Mutant

pytestmark = pytest.mark.timeout(300)  # hundreds of cases are one test here
TRIED = 3  # cases of each mutant that its fault does not reach
IN_MEMORY = Path("/dev/shm")
AREAS = ("WIRE", "INIT", "LOGIN", "APIKEY", "MANAGED", "MODE", "REFRESH", "TIMEOUT", "ERROR")
AREAS += ("LOGOUT", "WORKSPACE", "SECRET", "READ", "RATE", "OTHER")


@pytest.fixture(autouse=True)
def homes_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Making and removing folders on a disk takes longer than the cases themselves."""
    if IN_MEMORY.is_dir():
        monkeypatch.setattr(tempfile, "tempdir", str(IN_MEMORY))


def _together(revision: str) -> list[pytest.MarkDecorator]:
    """What few mutants are about is looked at in one process: it takes seconds to know it."""
    return [] if revision == REVISIONS[-1] else [pytest.mark.xdist_group("older")]


@pytest.mark.parametrize(
    ("target", "mutant"),
    [
        pytest.param(target, mutant, id=target, marks=_together(mutant.revision))
        for target, mutant in matrix.mutants().items()
    ],
)
def test_mutant_breaks_the_clauses_that_it_declares(
    target: str, mutant: Mutant, pytestconfig: pytest.Config, record_property: Any
) -> None:
    known = {} if pytestconfig.getoption("every_case") else matrix.known(mutant)
    results = matrix.run(DirectTarget(mutant, ()), mutant.revision, known)
    row = matrix.row_of(target, mutant, results)
    record_property("row", row.text())
    record_property("ran", len(results) - len(known))
    assert [f"{one.id}: {one.message}" for one in results if one.verdict == "error"] == []
    found = [f"{case.id}: {one.clause}: {one.message}" for case in results for one in case.broken]
    assert set(row.broken) == mutant.broken, "\n".join(found)


@pytest.mark.xdist_group("older")
def test_fault_changes_nothing_in_a_case_that_it_does_not_reach() -> None:
    for target, mutant in matrix.mutants().items():
        known = matrix.known(mutant)
        for case in Random(target).sample(sorted(known), min(TRIED, len(known))):
            found = matrix.judge(mutant, case)
            assert _lasting(found) == _lasting(known[case]), f"{target} reaches {case}"


def _lasting(result: CaseResult) -> CaseResult:
    return replace(result, duration_s=0.0)


@pytest.mark.xdist_group("older")
@pytest.mark.parametrize("revision", REVISIONS)
def test_reference_server_is_green(revision: str) -> None:
    results = [one.result for one in matrix.usual(revision).values()]
    good = {"pass", "observed", "not-applicable"}
    assert [f"{one.id}: {one.message}" for one in results if one.verdict not in good] == []


def test_every_clause_has_a_mutant() -> None:
    deciding = {
        clause.id
        for clause in load_ledger().clauses.values()
        if clause.id.split("-")[0] in AREAS and clause.level in ("MUST", "SHOULD")
    }
    broken = {clause for mutant in matrix.mutants().values() for clause in mutant.broken}
    assert deciding - broken == set()


def test_every_mutant_breaks_a_clause() -> None:
    assert [name for name, mutant in matrix.mutants().items() if not mutant.broken] == []


def test_no_two_mutants_change_the_same_in_the_same_way() -> None:
    assert matrix.alike(matrix.mutants()) == []


def test_names_of_mutants_differ() -> None:
    names = Counter(mutant.name for mutant in matrix.mutants().values())
    assert {name for name, times in names.items() if times > 1} == set()


def test_file_of_the_matrix_that_is_not_what_the_run_says_is_told(tmp_path: Path) -> None:
    same, older, missing = tmp_path / "same.md", tmp_path / "older.md", tmp_path / "missing.md"
    same.write_text("one\ntwo\n")
    older.write_text("one\ntoo\n")
    told = "is not what the run says; commit what `make mutants` writes"
    assert matrix.stale(dict.fromkeys((same, older, missing), "one\ntwo\n")) == [
        f"{tmp_path.name}/older.md {told}. Line 2: 'too\\n', but the run says 'two\\n'",
        f"{tmp_path.name}/missing.md {told}. Line 1: None, but the run says 'one\\n'",
    ]
