"""Where a server may go, and what it may start, without taking tokens there."""

from typing import Any

import anyio
import pytest
from abilities import runs_commands
from codex_reference_server.backend import Backend
from codex_reference_server.connection import Clients
from freedom import freedom
from mutant import around, instances

APPROVAL = "item/commandExecution/requestApproval"
ASKED = '"method":"account/chatgptAuthTokens/refresh"'


@freedom("SECRET-4", "REFRESH-1", case="refresh/401-in-mid-turn", says=ASKED)
def commands_are_run(patch: pytest.MonkeyPatch) -> None:
    """The model may have the server run commands, in an empty environment."""
    runs_commands(patch, lambda _backend: {})


@freedom("SECRET-4", case="secret/environment-of-children", says=APPROVAL)
def commands_need_approval(patch: pytest.MonkeyPatch) -> None:
    """The client is asked before a command is run."""
    clients = instances(patch, Clients)

    async def ask() -> bool:
        answers: list[Any] = []
        answered = anyio.Event()

        def take(result: Any) -> None:
            answers.append(result)
            answered.set()

        clients[-1].ask(APPROVAL, {}, take)
        await answered.wait()
        return answers[0] is not None

    runs_commands(patch, lambda _backend: {}, ask)


@freedom("SECRET-3", case="secret/redirect", says="the connection to the model provider failed")
def redirects_are_followed(patch: pytest.MonkeyPatch) -> None:
    """A redirect is followed, to another host without the token."""

    @around(patch, Backend, "__init__")
    def init(real: Any, self: Any, *args: Any) -> None:
        real(self, *args)
        self._client.follow_redirects = True
