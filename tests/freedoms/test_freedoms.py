"""No freedom turns a case red, and each does what it says."""

import tempfile
from pathlib import Path

import matrix
import pytest
from codex_conformance.bench import Judged, judge_case
from codex_conformance.ledger import load_ledger
from codex_conformance.targets import DirectTarget
from freedom import Freedom, freedoms

pytestmark = pytest.mark.timeout(300)  # hundreds of cases are one test here
IN_MEMORY = Path("/dev/shm")
GOOD = {"pass", "observed", "not-applicable"}

of_each = pytest.mark.parametrize(
    "freedom", [pytest.param(one, id=n) for n, one in freedoms().items()]
)


@pytest.fixture(autouse=True)
def homes_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    if IN_MEMORY.is_dir():
        monkeypatch.setattr(tempfile, "tempdir", str(IN_MEMORY))


@pytest.mark.slow
@of_each
def test_freedom_turns_no_case_red(freedom: Freedom) -> None:
    server = freedom.server
    known = matrix.known(server)
    results = matrix.run(DirectTarget(server, ()), server.revision, known)
    assert [f"{one.id}: {one.message}" for one in results if one.verdict not in GOOD] == []
    usual = matrix.usual(server.revision)
    inapplicable = {
        one.id for one in results if one.verdict == "not-applicable" != usual[one.id].result.verdict
    }
    assert inapplicable == freedom.inapplicable


@of_each
def test_freedom_shows_where_it_says(freedom: Freedom, tmp_path: Path) -> None:
    server = freedom.server
    as_it_is = matrix.reference_server(server.revision)
    assert freedom.says in transcript(freedom, DirectTarget(server, ()), tmp_path / "free")
    assert freedom.says not in transcript(freedom, as_it_is, tmp_path / "usual")


def transcript(freedom: Freedom, target: DirectTarget, folder: Path) -> str:
    """What is said in the case in which a freedom shows."""
    folder.mkdir()
    revision = freedom.server.revision
    judged = Judged(target, revision, transcripts=folder)
    result = judge_case(judged, *matrix.by_id(revision)[freedom.case])
    assert result.transcript is not None
    return folder.joinpath(result.transcript).read_text()


def test_freedom_names_clauses_of_its_revision() -> None:
    clauses = load_ledger().clauses
    for name, one in freedoms().items():
        assert one.clauses, name
        for clause in one.clauses:
            assert one.server.revision in clauses[clause].revisions, f"{name}: {clause}"
