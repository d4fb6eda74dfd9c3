"""The fixtures of the plug-in."""

from collections.abc import Iterator

import pytest
from codex_account_protocol import REVISIONS

from codex_conformance.judge_parent.issuer import TokenIssuer
from codex_conformance.testing.server import AppServer, open_app_server


@pytest.fixture
def codex_revision() -> str:
    """The revision of the stand-in, by default the newest; override it to use another one."""
    return REVISIONS[-1]


@pytest.fixture
def app_server(codex_revision: str, request: pytest.FixtureRequest) -> Iterator[AppServer]:
    """A stand-in for codex, as long as the test lasts."""
    with open_app_server(codex_revision, name=request.node.nodeid) as server:
        yield server


@pytest.fixture
def token_issuer(app_server: AppServer) -> TokenIssuer:
    """The token issuer of the stand-in: it counts rotations, and fails when it is told to."""
    return app_server.issuer
