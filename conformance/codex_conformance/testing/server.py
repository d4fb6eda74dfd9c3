"""A stand-in for codex that runs beside a test, and the words in which the test speaks of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import anyio
import anyio.abc
import anyio.to_thread
from anyio.from_thread import BlockingPortal, start_blocking_portal

from codex_conformance.case import CaseSpec, Setup
from codex_conformance.exchange import REFRESH
from codex_conformance.judge_parent.answers import LIMIT, Asked, Handed, Id
from codex_conformance.judge_parent.app import UNSET, App
from codex_conformance.judge_parent.issuer import TokenIssuer
from codex_conformance.judge_parent.loopback import open_loopback
from codex_conformance.judge_parent.rules import findings
from codex_conformance.judge_parent.stage import Doors, Judged, Ordinary
from codex_conformance.sequence import steps_of
from codex_conformance.tokens import redact

T = TypeVar("T")


@dataclass(frozen=True)
class Tokens:
    """What a parent handed over, in a login or in the answer to a refresh request.

    Attributes:
        access_token: the token itself.
        account: the account that it was handed over for; in 0.93 the one that it names.
    """

    access_token: str
    account: str | None


@dataclass(frozen=True)
class Refresh:
    """One refresh request that was answered.

    Attributes:
        previous_account: `previousAccountId` of the request.
        tokens: what it was answered with; None if with an error.
        error: the error object, if it was answered with one.
        seconds: from the request to the answer.
    """

    previous_account: str | None
    tokens: Tokens | None
    error: dict[str, Any] | None
    seconds: float


class AppServer:
    """A stand-in for codex beside a test.

    A parent finds it as an executable (`codex`, or `environ` for a process that looks for it), as
    a WebSocket (`url`), or as a Unix socket that takes lines (`connect()`, `path`).

    What waits comes twice: as a coroutine, which works under asyncio and trio, and as a function
    whose name begins with `wait_`. Both raise `AssertionError` with a sentence if what they wait
    for does not come within 10 s.

    Attributes:
        codex: path of an executable that the parent can start.
        environ: environment of a process that finds it: `PATH`, `CODEX_BIN`, `TOKEN_ISSUER_URL`
            and others.
        url: address of a WebSocket, `ws://127.0.0.1:PORT`.
        path: of a Unix socket.
        issuer_url: of the token issuer: POST {"account"}.
        issuer: what it is told: `refuses()`, `takes(seconds)`, `switches_to(account)`.
    """

    def __init__(self, app: App, doors: Doors, portal: BlockingPortal) -> None:
        self.codex: Path = doors.codex
        self.environ: dict[str, str] = doors.environ
        self.url: str = doors.url
        self.path: Path = doors.path
        self.issuer_url: str = doors.issuer
        self.issuer: TokenIssuer = app.issuer
        self._app = app
        self._portal = portal
        self._told = 0  # refresh requests that the test has been told of

    # What a test says.

    def expire(self, tokens: Tokens | str | None = None) -> None:
        """From now on the backend rejects this token, by default the newest: turns get a 401."""
        self._portal.call(self._expire, tokens)

    def ask_for_refresh(
        self, *, previous_account: Any = UNSET, request_id: Id | None = None
    ) -> None:
        """Send a refresh request, no turn needed.

        Args:
            previous_account: by default the account of the login; None sends null.
            request_id: by default one that nothing else has.
        """
        self._need_login()
        self._portal.call(lambda: self._app.ask_refresh(request_id, previous=previous_account))

    def end(self, status: int = 0) -> None:
        """End as codex does when it is stopped, or crashes with another status."""
        self._portal.call(lambda: self._app.owner.end(status))

    def connect(self) -> Any:
        """A connection in this process: `async with await app_server.connect() as stream`.

        It is a byte stream of anyio, under asyncio and trio; a line is a message.
        """
        return anyio.connect_unix(self.path)

    # What a test waits for.

    def wait_logged_in(self, within: float = LIMIT) -> Tokens:
        """Wait until the parent has logged in with its tokens."""
        self._wait(self._accepted, "a login with chatgptAuthTokens", within)
        return self.tokens

    async def logged_in(self, within: float = LIMIT) -> Tokens:
        """Wait until the parent has logged in with its tokens."""
        return await anyio.to_thread.run_sync(self.wait_logged_in, within)

    def wait_refreshed(self, within: float = LIMIT) -> Refresh:
        """Wait until the next refresh request is answered with tokens that have not expired."""
        refresh = self._next_refresh(within)
        if refresh.tokens is None:
            raise AssertionError(f"the refresh was refused: {refresh.error}")
        if self._app.backend.rejects(refresh.tokens.access_token):
            raise AssertionError("the refresh was answered with a token that has expired")
        return refresh

    async def refreshed(self, within: float = LIMIT) -> Refresh:
        """Wait until the next refresh request is answered with tokens that have not expired."""
        return await anyio.to_thread.run_sync(self.wait_refreshed, within)

    def wait_refused(self, within: float = LIMIT) -> Refresh:
        """Wait until the next refresh request is answered with an error."""
        refresh = self._next_refresh(within)
        if refresh.error is None:
            raise AssertionError("the refresh was answered with tokens, and not with an error")
        return refresh

    async def refused(self, within: float = LIMIT) -> Refresh:
        """Wait until the next refresh request is answered with an error."""
        return await anyio.to_thread.run_sync(self.wait_refused, within)

    # What a test looks at.

    @property
    def tokens(self) -> Tokens:
        """The newest tokens that the parent has handed over."""
        handed = self._app.handed()
        if not handed:
            raise AssertionError(f"the parent has handed over no tokens: {self.said()}")
        return _tokens(handed[-1])

    @property
    def refreshes(self) -> list[Refresh]:
        """Every refresh request that is answered, in order."""
        return [_refresh(asked) for asked in self._app.asked if asked.answers]

    @property
    def rotations(self) -> int:
        """How many tokens the issuer has handed out after the first."""
        return max(len(self.issuer.issued) - 1, 0)

    def said(self) -> str:
        """The conversation so far as text, without a token."""
        steps = steps_of(self._app.transcript.entries, self._app.secrets())
        return "\n".join(step.line() for step in steps) or "nothing was said"

    def check(self) -> None:
        """Raise `AssertionError` if the parent broke a rule of the protocol so far.

        These are what every message has to keep: order, shapes, ids, one answer to a request, no
        token where it does not belong. `codex-conformance parent` judges all the rest.
        """
        found = self._portal.call(lambda: list(findings(self._app)))
        if found:
            told = [f"{each.clause}: expected {each.expected}; got {each.actual}" for each in found]
            raise AssertionError(redact("\n".join(told), self._app.secrets()))

    # Furniture.

    def _expire(self, tokens: Tokens | str | None) -> None:
        chosen = self.tokens if tokens is None else tokens
        self._app.backend.expire(chosen if isinstance(chosen, str) else chosen.access_token)

    def _need_login(self) -> None:
        if not any(one.accepted for one in self._app.conversations):
            raise AssertionError(f"nobody has logged in yet: {self.said()}")

    def _accepted(self) -> bool | None:
        return any(one.accepted for one in self._app.conversations) or None

    def _next_refresh(self, within: float) -> Refresh:
        def answered() -> Asked | None:
            asked = self._app.asked[self._told :]
            return asked[0] if asked and asked[0].answers else None

        asked = self._wait(answered, f"an answer to {REFRESH}", within)
        self._told += 1
        return _refresh(asked)

    def _wait(self, look: Callable[[], T | None], what: str, within: float) -> T:
        until = self._app.pulse.until
        found: T | None = self._portal.call(lambda: until(look, what, within))
        if found is None:
            raise AssertionError(f"waited {within:g} s in vain for {what}:\n{self.said()}")
        return found


def _tokens(handed: Handed) -> Tokens:
    return Tokens(handed.access_token, handed.account)


def _refresh(asked: Asked) -> Refresh:
    at, entry = asked.answers[0]
    message = entry.message or {}
    handed = Handed.read(message.get("result"))
    return Refresh(
        previous_account=asked.params.get("previousAccountId"),
        tokens=None if handed is None else _tokens(handed),
        error=message.get("error"),
        seconds=at - asked.at,
    )


@contextmanager
def open_app_server(revision: str, *, name: str = "a test") -> Iterator[AppServer]:
    """Run a stand-in for codex in a thread of its own, as long as the context lasts.

    Args:
        revision: 0.93, 0.99 or 0.169.
        name: whose it is: tests of different names get different tokens.
    """
    spec = CaseSpec(name, (), (), Setup(), 0)
    app = App(Judged((), revision), spec, Ordinary())

    @contextmanager
    def running(portal: BlockingPortal) -> Iterator[Doors]:
        with portal.wrap_async_context_manager(open_loopback()) as loopback:  # noqa: SIM117
            with portal.wrap_async_context_manager(app.furnished(loopback)) as doors:
                yield doors

    with start_blocking_portal("asyncio") as portal, running(portal) as doors:
        yield AppServer(app, doors, portal)


__all__ = ["AppServer", "Refresh", "Tokens", "open_app_server"]
