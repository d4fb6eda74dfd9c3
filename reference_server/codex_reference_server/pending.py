"""A managed login while it is pending: the user is somewhere else, and may never come back."""

from typing import TYPE_CHECKING, Protocol

import anyio
import msgspec

from codex_reference_server.messages import Refusal
from codex_reference_server.store import Tokens

if TYPE_CHECKING:
    from anyio.abc import TaskGroup


class LoginFailure(Exception):  # noqa: N818 - the protocol's outcome, not a fault of the program
    """Why a login that was pending has failed; never repeats what anybody sent."""


class Ending(Protocol):
    """How a login ends; the first time counts."""

    def succeed(self, tokens: Tokens) -> None:
        """Log in with these tokens. Raises `LoginFailure` if they will not do."""

    def fail(self, reason: str) -> None:
        """Log nobody in."""


class PendingLogin(Protocol):
    """A login that waits for its user."""

    login_id: str

    async def follow(self, ending: Ending) -> None:
        """Wait for the user, then end it. Raises `LoginFailure` in place of `Ending.fail`."""

    def close(self) -> None:
        """Give back at once what the next login may need."""


class Ended(Protocol):
    """Told how a login ended."""

    def succeeded(self, login_id: str, tokens: Tokens) -> None:
        """Its tokens are there. Raises `Refusal` if they will not do."""

    def failed(self, login_id: str, reason: str) -> None:
        """It has failed."""


class _Attempt(msgspec.Struct):
    """A login that is pending, and the way to end it."""

    login: PendingLogin
    scope: anyio.CancelScope
    pending: "Pending"

    def stop(self) -> None:
        """Wait for the user no longer."""
        self.scope.cancel()
        self.login.close()

    def succeed(self, tokens: Tokens) -> None:
        """Log in, if it is pending still."""
        if self.pending.current is self:
            try:
                self.pending.ended.succeeded(self.login.login_id, tokens)
            except Refusal as refusal:
                raise LoginFailure(refusal.message) from None
            self.pending.current = None

    def fail(self, reason: str) -> None:
        """Say so, if it is pending still."""
        if self.pending.current is self:
            self.pending.current = None
            self.pending.ended.failed(self.login.login_id, reason)


class Pending:
    """The login that is pending, if there is one; the next one takes its place.

    Attributes:
        current: the one that is.
        turns: how often one has begun or was ended from outside.
    """

    def __init__(self, ended: Ended, tasks: "TaskGroup") -> None:
        self.ended = ended
        self.current: _Attempt | None = None
        self.turns = 0
        self._tasks = tasks

    def begin(self, login: PendingLogin) -> None:
        """Follow this login."""
        self.turns += 1
        attempt = self.current = _Attempt(login, anyio.CancelScope(), self)
        self._tasks.start_soon(_follow, attempt)

    def abandon(self, reason: str) -> None:
        """Whatever login is pending has failed."""
        self.turns += 1
        attempt = self.current
        if attempt is not None:
            attempt.stop()
            attempt.fail(reason)

    def cancel(self, login_id: str) -> bool:
        """End the login of this id without a word; False if it is not pending."""
        attempt = self.current
        if attempt is None or attempt.login.login_id != login_id:
            return False
        attempt.stop()
        self.current = None
        return True


def new_login_id() -> str:
    """A `loginId` that nobody has had."""
    from uuid import uuid4

    return str(uuid4())


def is_login_id(text: str) -> bool:
    """Whether a text has the form of a `loginId`, which is a UUID."""
    from uuid import UUID

    try:
        UUID(text)
    except ValueError:
        return False
    return True


async def _follow(attempt: _Attempt) -> None:
    with attempt.scope:
        try:
            await attempt.login.follow(attempt)
        except LoginFailure as failure:
            attempt.fail(str(failure))
