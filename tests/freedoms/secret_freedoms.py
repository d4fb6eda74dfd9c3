"""Where a server may go, and what it may start, without taking tokens there."""

import os
from typing import Any

import pytest
from abilities import runs_commands
from codex_reference_server.backend import Backend
from freedom import freedom
from mutant import around

ASKED = '"method":"account/chatgptAuthTokens/refresh"'


@freedom("SECRET-4", "REFRESH-1", case="refresh/401-in-mid-turn", says=ASKED)
def commands_are_run(patch: pytest.MonkeyPatch) -> None:
    """The model may have the server run commands, in an environment of their own."""
    runs_commands(patch, lambda _backend: {"PATH": os.environ["PATH"]})


@freedom("SECRET-3", case="secret/redirect", says="the connection to the model provider failed")
def redirects_are_followed(patch: pytest.MonkeyPatch) -> None:
    """A redirect is followed, to another host without the token."""

    @around(patch, Backend, "__init__")
    def init(real: Any, self: Any, *args: Any) -> None:
        real(self, *args)
        self._client.follow_redirects = True
