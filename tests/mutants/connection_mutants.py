"""Faults that show when two clients are connected."""

from typing import Any

import pytest
from codex_reference_server.connection import Clients, Connection
from codex_reference_server.dispatch import Dispatcher
from codex_reference_server.messages import Refusal
from codex_reference_server.refresh import ExternalRefresher
from mutant import around, instances, mutant


@mutant("REFRESH-17")
def newest_client_asked(patch: pytest.MonkeyPatch) -> None:
    """Only the client that connected last is asked."""

    @around(patch, Clients, "ask")
    def ask(real: Any, self: Any, *args: Any) -> Any:
        everybody = self._connections
        self._connections = everybody[-1:]
        try:
            return real(self, *args)
        finally:
            self._connections = everybody


@mutant("REFRESH-17")
def first_client_heard(patch: pytest.MonkeyPatch) -> None:
    """Only the answer of the client that connected first counts."""

    @around(patch, Connection, "receive")
    def receive(real: Any, self: Any, line: bytes) -> None:
        is_first = self is self._clients._connections[0]
        if is_first or b'"method"' in line:
            real(self, line)


@mutant("REFRESH-17")
def answer_from_another_client_taken_late(patch: pytest.MonkeyPatch) -> None:
    """An answer to what is settled is taken if it comes from another client than the first did."""
    refreshers = instances(patch, ExternalRefresher)
    speaking: list[Any] = []
    answers: dict[Any, Any] = {}

    @around(patch, Connection, "receive")
    def receive(real: Any, self: Any, line: bytes) -> None:
        speaking[:] = [self]
        real(self, line)

    @around(patch, Clients, "answered")
    def answered(real: Any, self: Any, response: Any) -> None:
        is_open = response.id in self._asked
        real(self, response)
        if is_open:
            answers[response.id] = speaking[0]
        elif answers.get(response.id, speaking[0]) is not speaking[0]:
            refreshers[-1]._take(refreshers[-1]._decoder.decode(response.result))


@mutant("INIT-1")
def one_handshake_opens_for_all(patch: pytest.MonkeyPatch) -> None:
    """Requests are answered before initialize once another client has sent it."""
    greeted: list[str] = []

    @around(patch, Dispatcher, "dispatch")
    def dispatch(real: Any, self: Any, session: Any, name: str, params: Any) -> Any:
        if name == "initialize":
            greeted.append(name)
        elif greeted and not session.initialized:
            session.initialized = True
            try:
                return real(self, session, name, params)
            finally:
                session.initialized = False
        return real(self, session, name, params)


@mutant("INIT-2")
def one_initialize_for_all(patch: pytest.MonkeyPatch) -> None:
    """The initialize of a second client is a second initialize."""
    greeted: list[str] = []

    @around(patch, Dispatcher, "_introduce")
    def introduce(real: Any, self: Any, *args: Any) -> Any:
        if greeted:
            raise Refusal("Already initialized")
        greeted.append("initialize")
        return real(self, *args)


@mutant("INIT-5")
def silence_for_all(patch: pytest.MonkeyPatch) -> None:
    """What one client has opted out of, nobody is told."""

    @around(patch, Connection, "tell")
    def tell(real: Any, self: Any, line: bytes, method: str | None = None) -> None:
        silenced = {name for each in self._clients._connections for name in each._session.silenced}
        if method not in silenced:
            real(self, line, method)
