"""What the handshake leaves open."""

from typing import Any

import msgspec
import pytest
from codex_reference_server.connection import Connection
from codex_reference_server.dispatch import Dispatcher
from codex_reference_server.messages import Refusal, Session
from freedom import freedom
from mutant import around


@freedom("INIT-3", case="init/response/least", says='"userAgent":"acme_parent/nightly (')
def version_is_a_word(patch: pytest.MonkeyPatch) -> None:
    """The version in `userAgent` has no digits."""

    @around(patch, Dispatcher, "_user_agent")
    def user_agent(_real: Any, _self: Any, name: str, _version: str) -> str:
        return f"{name}/nightly (some system)"


@freedom(
    "INIT-1",
    "INIT-2",
    case="init/initialized-alone",
    says="expected initialize and initialized first",
)
def waits_for_initialized(patch: pytest.MonkeyPatch) -> None:
    """Requests between the response to `initialize` and `initialized` are refused as well."""
    ready: list[Session] = []

    @around(patch, Connection, "receive")
    def receive(real: Any, self: Any, line: bytes) -> None:
        real(self, line)
        if self._session.initialized and b'"initialized"' in line:
            ready.append(self._session)

    @around(patch, Dispatcher, "dispatch")
    def dispatch(real: Any, self: Any, session: Session, name: str, params: msgspec.Raw) -> Any:
        if name != "initialize" and all(session is not each for each in ready):
            raise Refusal("expected initialize and initialized first")
        return real(self, session, name, params)
