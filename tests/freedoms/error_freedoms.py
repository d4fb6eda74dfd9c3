"""How a turn may fail, and what is told of it."""

import re
from typing import Any

import anyio
import pytest
from codex_reference_server import backend
from codex_reference_server.auth import Auth
from codex_reference_server.backend import Backend
from codex_reference_server.connection import Clients, Connection
from codex_reference_server.messages import NULL, Notification
from codex_reference_server.narration import Narration
from codex_reference_server.refresh import RefreshFailure
from freedom import freedom
from mutant import around

JWT = re.compile(r"[\w-]{8,}\.[\w-]+\.[\w-]*")
ERROR = "the client answered with an error"
TRYING = "the token was refused: new ones are asked for"


@freedom("ERROR-1", "REFRESH-4", case="error/at-once/own-code", says='"codexErrorInfo":null')
def errors_in_other_words(patch: pytest.MonkeyPatch) -> None:
    """A turn fails with a reason in the details, of no kind, and without an `error` before."""

    @around(patch, Narration, "end")
    def end(real: Any, self: Any, status: str, failure: Any = None) -> None:
        error = None
        if failure is not None:
            error = self._make(
                "TurnError",
                message="The turn came to no good end.",
                codex_error_info=None,
                additional_details=failure.message,
                misalignment=None,
            )
        self._tell("turn/completed", turn=self.turn(status, error))


@freedom("REFRESH-1", "TIMEOUT-1", case="refresh/good-answer", says=TRYING)
def refusal_is_told_at_once(patch: pytest.MonkeyPatch) -> None:
    """An `error` that will be retried tells of a 401 before the client is asked."""
    told: list[Narration] = []

    @around(patch, Narration, "begin")
    def begin(real: Any, self: Any) -> None:
        real(self)
        told.append(self)

    @around(patch, Auth, "renew")
    async def renew(real: Any, self: Any, rejected: Any) -> Any:
        error = told[-1]._make(
            "TurnError",
            message=TRYING,
            codex_error_info="unauthorized",
            additional_details=None,
            misalignment=None,
        )
        told[-1]._tell("error", error=error, will_retry=True)
        return await real(self, rejected)


@freedom("ERROR-3", "SECRET-2", case="error/token-in/message", says=f"{ERROR}: {{")
def error_of_the_client_repeated(patch: pytest.MonkeyPatch) -> None:
    """The error of a turn repeats that of the client, with each JWT in it left out."""
    said: list[str] = []

    @around(patch, Clients, "answered")
    def answered(real: Any, self: Any, response: Any) -> None:
        said.append(JWT.sub("(a token)", bytes(response.error).decode()))
        real(self, response)

    @around(patch, RefreshFailure, "__init__")
    def init(real: Any, self: Any, reason: str) -> None:
        real(self, f"{reason}: {said[-1]}" if reason == ERROR else reason)


@freedom("TIMEOUT-3", "REFRESH-14", case="timeout/late-answer", says="was not waited for")
def stray_answers_are_told(patch: pytest.MonkeyPatch) -> None:
    """An answer that nobody waits for is told of by a warning."""

    @around(patch, Clients, "answered")
    def answered(real: Any, self: Any, response: Any) -> None:
        if response.id not in self._asked:
            self.notify(Notification("warning", {"message": "an answer was not waited for"}))
        real(self, response)


@freedom("REFRESH-8", case="refresh/none-on/500", says="    1.000 ")
def trouble_is_tried_again(patch: pytest.MonkeyPatch) -> None:
    """A request that gets a 429 or 5xx, or whose answer is cut off, is made once more."""

    @around(patch, Backend, "respond")
    async def respond(real: Any, self: Any, body: Any, take: Any, heed: Any) -> None:
        try:
            await real(self, body, take, heed)
        except (backend.UnexpectedStatus, backend.StreamBroken, backend.Unreachable) as failure:
            if "401" in failure.message:
                raise
            await anyio.sleep(1)
            await real(self, body, take, heed)


@freedom("REFRESH-17", case="connections/error-from-the-other", says="(Bearer <tokens-3")
def error_counts_from_everybody(patch: pytest.MonkeyPatch) -> None:
    """An error ends a refresh once every client has answered with one."""

    @around(patch, Connection, "receive")
    def receive(real: Any, self: Any, line: bytes) -> None:
        self._clients.speaking = self
        real(self, line)

    @around(patch, Clients, "answered")
    def answered(real: Any, self: Any, response: Any) -> None:
        failed = vars(self).setdefault("failed", {}).setdefault(response.id, set())
        if response.error != NULL:
            failed.add(id(self.speaking))
        if response.error == NULL or len(failed) == len(self._connections):
            real(self, response)
