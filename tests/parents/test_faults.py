"""Each fault of a parent breaks exactly the clauses that it declares: no scenario is idle."""

from collections.abc import Iterator

import pytest
from codex_conformance.judge_parent.judge import Wish
from codex_conformance.ledger import load_ledger
from codex_conformance.results import RunResult
from faults import FAULTS
from judging import HERE, PYTHON, broken, judge_all, told, wish

pytestmark = pytest.mark.timeout(300)


def wishes() -> Iterator[tuple[str, Wish]]:
    """Every fault with the scenarios that it is judged by.

    The first fault of each set of clauses meets them all, further ones those of its clauses.
    """
    seen: set[frozenset[str]] = set()
    for name, (clauses, _) in FAULTS.items():
        judging = clauses if clauses in seen else ()
        seen.add(clauses)
        yield name, wish(*PYTHON, str(HERE / "faulty_parent.py"), name, clauses=judging)


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest) -> dict[str, RunResult]:
    """The faults that are asked for, judged beside each other."""
    specs = (getattr(item, "callspec", None) for item in request.session.items)
    asked = {spec.params["fault"] for spec in specs if spec is not None}
    return judge_all({name: each for name, each in wishes() if name in asked})


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_breaks_the_clauses_that_it_declares(fault: str, runs: dict[str, RunResult]) -> None:
    run = runs[fault]
    declared, _ = FAULTS[fault]
    assert run.summary()["error"] == 0, told(run)
    assert broken(run) == declared, told(run)


def test_every_clause_has_a_fault() -> None:
    known = {each.id for each in load_ledger().clauses.values() if each.judges == "parent"}
    assert {clause for clauses, _ in FAULTS.values() for clause in clauses} == known
