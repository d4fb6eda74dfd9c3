"""The reference server keeps every clause in sessions that nobody has thought of."""

import matrix
import pytest
from codex_account_protocol import REVISIONS
from codex_conformance.bench import Judged
from fuzz import fuzz


@pytest.mark.parametrize("revision", REVISIONS)
def test_any_session_keeps_every_clause(revision: str) -> None:
    fuzz(Judged(matrix.reference_server(revision), revision), examples=80, seed=1)
