"""The reference server keeps every clause in sessions that nobody has thought of."""

from typing import Any

import matrix
import pytest
from codex_account_protocol import REVISIONS
from codex_conformance.bench import Judged
from hypothesis import given, settings
from hypothesis import strategies as st
from session import play, steps


@pytest.mark.parametrize("revision", REVISIONS)
@settings(max_examples=60)
@given(data=st.data())
def test_any_session_keeps_every_clause(revision: str, data: Any) -> None:
    session = data.draw(steps(revision))
    result = play(Judged(matrix.reference_server(revision), revision), session)
    assert result.verdict == "pass", f"{result.message}\n{result.tail}"
