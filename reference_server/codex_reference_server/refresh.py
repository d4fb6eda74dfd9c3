"""What can be done about a 401, for each mode of authentication."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import anyio
import msgspec

from codex_reference_server.credentials import Credentials
from codex_reference_server.messages import Ask, Refusal, TurnFailure
from codex_reference_server.revision import Revision

REFRESH = "account/chatgptAuthTokens/refresh"
REFRESH_LIMIT = 10.0
"""Seconds that the client has for its answer."""


class RefreshFailure(TurnFailure):
    """New tokens were needed and did not come; the old ones stay, and the next 401 asks again."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"the access token was rejected (401) and not refreshed: {reason}", "unauthorized"
        )


class Refresher:
    """Replaces rejected credentials; this one cannot, as there is no way to replace an API key."""

    async def refresh(self, rejected: Credentials) -> bool:  # noqa: ARG002
        """Replace them; False if that is not possible, and then the 401 stands.

        Raises:
            RefreshFailure: it would have been possible.
        """
        return False

    def login_changed(self) -> None:
        """Somebody has logged in or out: whoever waits for a refresh looks at who it is now."""


class _Question(msgspec.Struct):
    """One request to the client, and everybody who waits for its outcome."""

    deadline: float
    settled: anyio.Event
    waiting: int = 0
    failure: str | None = None
    forget: Callable[[], None] = lambda: None


class ExternalRefresher(Refresher):
    """External tokens belong to the client, so the client is asked for new ones.

    One question at a time: whoever meets a 401 while one is open waits for the same answer.

    Args:
        take: gets the new tokens, in the revision's shape; raises `Refusal` if they will not do.
    """

    def __init__(
        self, revision: Revision, ask: Ask, take: Callable[[msgspec.Struct], None]
    ) -> None:
        self._revision = revision
        self._ask = ask
        self._take = take
        self._question: _Question | None = None

    @cached_property
    def _decoder(self) -> "msgspec.json.Decoder[Any]":
        return msgspec.json.Decoder(self._revision.models.ChatgptAuthTokensRefreshResponse)

    async def refresh(self, rejected: Credentials) -> bool:
        """Return once the question is settled, by its answer or by a login or logout."""
        question = self._question or self._ask_client(rejected)
        question.waiting += 1
        try:
            with anyio.CancelScope(deadline=question.deadline):
                await question.settled.wait()
            if not question.settled.is_set():
                self._settle(question, f"no answer within {REFRESH_LIMIT:g} seconds")
        finally:
            question.waiting -= 1
            if not question.waiting:
                self._settle(question)
        if question.failure is not None:
            raise RefreshFailure(question.failure)
        return True

    def login_changed(self) -> None:
        """Settle the open question: those who wait look at who is logged in now."""
        if self._question is not None:
            self._settle(self._question)

    def _ask_client(self, rejected: Credentials) -> _Question:
        question = self._question = _Question(anyio.current_time() + REFRESH_LIMIT, anyio.Event())
        params = self._revision.make(
            "ChatgptAuthTokensRefreshParams",
            reason="unauthorized",
            previous_account_id=rejected.account_id,
        )
        question.forget = self._ask(
            REFRESH, params, lambda result: self._answered(question, result)
        )
        return question

    def _answered(self, question: _Question, result: msgspec.Raw | None) -> None:
        """Take the answer at once, so that whatever the client says next finds the new tokens."""
        if anyio.current_time() >= question.deadline:
            return  # too late, though nobody who waits has run since
        if result is None:
            self._settle(question, "the client answered with an error")
            return
        try:
            self._take(self._decoder.decode(result))
        except (msgspec.DecodeError, RecursionError):
            self._settle(question, "the answer is no ChatgptAuthTokensRefreshResponse")
        except Refusal as refusal:
            self._settle(question, refusal.message)
        else:
            self._settle(question)

    def _settle(self, question: _Question, failure: str | None = None) -> None:
        if question is self._question:
            self._question = None
            question.failure = failure
            question.forget()
            question.settled.set()
