"""Faults of the handshake, and of `account/read` when nobody is logged in."""

from contextlib import suppress
from typing import Any

import msgspec
import pytest
from codex_reference_server.account import Account
from codex_reference_server.connection import Connection, Outbox
from codex_reference_server.dispatch import Dispatcher
from codex_reference_server.messages import Refusal
from mutant import around, mutant


@mutant("INIT-1")
def served_before_initialize(patch: pytest.MonkeyPatch) -> None:
    """Requests are answered before initialize."""

    @around(patch, Dispatcher, "dispatch")
    def dispatch(real: Any, self: Any, session: Any, name: str, params: Any) -> Any:
        if session.initialized or name == "initialize":
            return real(self, session, name, params)
        return real(self, msgspec.structs.replace(session, initialized=True), name, params)


@mutant("INIT-1")
def done_before_initialize_though_refused(patch: pytest.MonkeyPatch) -> None:
    """A request before initialize is refused, but takes effect."""

    @around(patch, Dispatcher, "dispatch")
    def dispatch(real: Any, self: Any, session: Any, name: str, params: Any) -> Any:
        if not session.initialized and name != "initialize":
            early = msgspec.structs.replace(session, initialized=True, experimental_api=True)
            with suppress(Refusal):
                real(self, early, name, params)
        return real(self, session, name, params)


@mutant("INIT-2")
def second_initialize_accepted(patch: pytest.MonkeyPatch) -> None:
    """A second initialize is answered like the first."""

    @around(patch, Dispatcher, "dispatch")
    def dispatch(real: Any, self: Any, session: Any, name: str, params: Any) -> Any:
        session.initialized = session.initialized and name != "initialize"
        return real(self, session, name, params)


@mutant("INIT-2")
def second_initialize_counts_though_refused(patch: pytest.MonkeyPatch) -> None:
    """A second initialize is refused, but its capabilities count from then on."""

    @around(patch, Dispatcher, "dispatch")
    def dispatch(real: Any, self: Any, session: Any, name: str, params: Any) -> Any:
        if session.initialized and name == "initialize":
            session.initialized = False
            real(self, session, name, params)
        return real(self, session, name, params)


@mutant("INIT-3")
def user_agent_without_version(patch: pytest.MonkeyPatch) -> None:
    """The user agent is the name of the client alone."""
    patch.setattr(Dispatcher, "_user_agent", lambda self, name, version: name)


@mutant("INIT-3", "WIRE-10")
def user_agent_missing(patch: pytest.MonkeyPatch) -> None:
    """The answer to initialize lacks its user agent."""

    @around(patch, Outbox, "put")
    def put(real: Any, self: Any, line: bytes) -> None:
        real(self, line.replace(b'"userAgent"', b'"agent"'))


def _without_capability(patch: pytest.MonkeyPatch, act: Any) -> None:
    @around(patch, Account, "_log_in_external")
    def log_in(real: Any, self: Any, params: Any, session: Any) -> Any:
        if session.experimental_api:
            return real(self, params, session)
        capable = msgspec.structs.replace(session, experimental_api=True)
        return act(lambda: real(self, params, capable))


@mutant("INIT-4")
def capability_not_needed(patch: pytest.MonkeyPatch) -> None:
    """External tokens are taken from a client without the capability."""
    _without_capability(patch, lambda log_in: log_in())


@mutant("INIT-4")
def logged_in_though_incapable(patch: pytest.MonkeyPatch) -> None:
    """A login without the capability is refused, but takes effect."""

    def act(log_in: Any) -> Any:
        log_in()
        raise Refusal("experimentalApi is needed")

    _without_capability(patch, act)


@mutant("INIT-4", revision="0.99")
def capability_not_named(patch: pytest.MonkeyPatch) -> None:
    """The error of a login without the capability does not name the capability."""

    def act(_log_in: Any) -> Any:
        raise Refusal("not allowed")

    _without_capability(patch, act)


@mutant("INIT-4", revision="0.93")
def capability_needed_before_its_time(patch: pytest.MonkeyPatch) -> None:
    """A login needs the capability in the revision that does not know it."""

    def act(_log_in: Any) -> Any:
        raise Refusal("experimentalApi is needed")

    _without_capability(patch, act)


def _silenced(patch: pytest.MonkeyPatch, is_silenced: Any) -> None:
    def tell(self: Any, line: bytes, method: str | None = None) -> None:
        if self._session.initialized and not is_silenced(self._session.silenced, method):
            self.outbox.put(line)

    patch.setattr(Connection, "tell", tell)


@mutant("INIT-5")
def opting_out_ignored(patch: pytest.MonkeyPatch) -> None:
    """Notifications that a client has opted out of are sent."""
    _silenced(patch, lambda silenced, method: False)


@mutant("INIT-5")
def opting_out_by_prefix(patch: pytest.MonkeyPatch) -> None:
    """Opting out of a method silences every method that begins with it."""
    _silenced(patch, lambda silenced, method: (method or "").startswith(tuple(silenced)))


@mutant("INIT-5")
def opting_out_of_server_requests(patch: pytest.MonkeyPatch) -> None:
    """Opting out silences refresh requests, too."""
    refresh = "account/chatgptAuthTokens/refresh"
    _silenced(patch, lambda silenced, method: (method or refresh) in silenced)


@mutant("INIT-5", "WIRE-4")
def opting_out_of_responses(patch: pytest.MonkeyPatch) -> None:
    """Opting out of the name of a request silences the response to it."""

    @around(patch, Connection, "_answer")
    def answer(real: Any, self: Any, request_id: Any, method: str, params: Any) -> None:
        if method not in self._session.silenced:
            real(self, request_id, method, params)


@mutant("READ-1")
def login_required_by_every_provider(patch: pytest.MonkeyPatch) -> None:
    """account/read says that a login is needed where the provider needs none."""

    @around(patch, Outbox, "put")
    def put(real: Any, self: Any, line: bytes) -> None:
        old, new = b'"requiresOpenaiAuth":false', b'"requiresOpenaiAuth":true'
        real(self, line.replace(old, new))


@mutant("READ-1")
def login_required_by_no_provider(patch: pytest.MonkeyPatch) -> None:
    """account/read says that no login is needed where the provider needs one."""

    @around(patch, Outbox, "put")
    def put(real: Any, self: Any, line: bytes) -> None:
        old, new = b'"requiresOpenaiAuth":true', b'"requiresOpenaiAuth":false'
        real(self, line.replace(old, new))
