"""Each fault of a parent breaks exactly the clauses that it declares: no scenario is idle."""

from collections.abc import Iterator

import pytest
from codex_conformance.judge_parent.judge import Wish
from codex_conformance.ledger import load_ledger
from faults import FAULTS
from judging import HERE, PYTHON, broken, judge_all, told, wish

AT_ONCE = 16  # faults

pytestmark = pytest.mark.timeout(240)


def wishes() -> Iterator[tuple[str, Wish]]:
    """Every fault with the scenarios that it is judged by.

    The first fault of each set of clauses meets them all, further ones those of its clauses.
    """
    seen: set[frozenset[str]] = set()
    for name, (clauses, _) in FAULTS.items():
        judging = clauses if clauses in seen else ()
        seen.add(clauses)
        yield name, wish(*PYTHON, str(HERE / "faulty_parent.py"), name, clauses=judging)


WISHES = list(wishes())
PARTS = [dict(WISHES[start : start + AT_ONCE]) for start in range(0, len(WISHES), AT_ONCE)]


@pytest.mark.parametrize("part", PARTS, ids=range(1, len(PARTS) + 1))
def test_faults_break_the_clauses_that_they_declare(part: dict[str, Wish]) -> None:
    runs = judge_all(part)
    assert {name: run.summary()["error"] for name, run in runs.items()} == dict.fromkeys(part, 0)
    found = {name: broken(run) for name, run in runs.items()}
    declared = {name: FAULTS[name][0] for name in part}
    wrong = [name for name in part if found[name] != declared[name]]
    assert found == declared, "\n\n".join(f"{name}:\n{told(runs[name])}" for name in wrong)


def test_every_clause_has_a_fault() -> None:
    known = {each.id for each in load_ledger().clauses.values() if each.judges == "parent"}
    assert {clause for clauses, _ in FAULTS.values() for clause in clauses} == known
