"""The embedded backend: a scripted assistant and the account endpoints, without a network.

It takes every access token until it is told otherwise, or until the token has been in use for as
long as tokens are good.
"""

import json
import secrets
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import anyio

from codex_conformance.account_endpoints import account_endpoint
from codex_conformance.replies import (
    Reply,
    Request,
    Script,
    json_reply,
    request_of,
    spoken_turn,
    status,
    unauthorized,
)

if TYPE_CHECKING:
    from codex_conformance.issuer import MockIssuer

ISSUED = ("/oauth/", "/api/accounts/")
"""How paths of the issuer begin."""

REMEMBERED = 1024
"""Tokens that are known, and when they were first seen; the ones unused for longest go first."""
_ECHOED = 400
"""Characters of the user's words that the assistant repeats."""


class EmbeddedBackend:
    """Answers every turn, as long as the token is good.

    Args:
        expire_after: seconds that a token is good for after it was first seen; None is for ever.
        exchanged: told of every request and its answer.

    Attributes:
        revoked: whether every token is rejected, new ones too.
        delay: seconds that an answer takes.
    """

    def __init__(
        self,
        expire_after: float | None = None,
        exchanged: Callable[[Request, Reply], None] | None = None,
    ) -> None:
        self.revoked = False
        self.delay = 0.0
        self._expire_after = expire_after
        self._exchanged = exchanged
        self._first_seen: OrderedDict[int, float] = OrderedDict()
        self._expired: OrderedDict[int, None] = OrderedDict()
        self._failures: list[Script] = []
        self._issuer: MockIssuer | None = None

    @property
    def issuer(self) -> "MockIssuer":
        """The issuer of managed logins, from the first time that it is needed."""
        if self._issuer is None:
            from codex_conformance.issuer import MockIssuer
            from codex_conformance.tokens import Mint

            self._issuer = MockIssuer(Mint(f"embedded {secrets.token_hex()}", REMEMBERED))
        return self._issuer

    def revoke(self, revoked: bool) -> None:
        """Every token is rejected, and no refresh token is taken; or all of that ends."""
        from codex_conformance.issuer import refusing

        self.revoked = revoked
        script = refusing("refresh_token_invalidated") if revoked else None
        self.issuer.answer_refreshes(script)

    def expire(self, token: str) -> None:
        """From now on this token gets a 401."""
        _remember(self._expired, hash(token), None)

    def fail_turns(self, code: int, times: int = 1) -> None:
        """The next so many requests to the model get this status."""
        self._failures = [status(code)] * times

    async def __call__(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Reply:
        """Answer one request; `path` is absolute and without the query."""
        request = request_of(method, path, headers, body)
        if self.delay:
            await anyio.sleep(self.delay)
        reply = self._reply(request)
        if self._exchanged is not None:
            self._exchanged(request, reply)
        return reply

    def _reply(self, request: Request) -> Reply:
        if request.path.startswith(ISSUED):
            issued = self.issuer.plays(request)
            if issued is not None:
                return issued(request)
        if request.is_turn and self._failures:
            return self._failures.pop(0)(request)
        served = answered_turn if request.is_turn else account_endpoint(request.path)
        if served is None:
            return json_reply(404, {"detail": "not served by the embedded backend"})
        return served(request) if self._is_good(request.token) else unauthorized(request)

    def _is_good(self, token: str | None) -> bool:
        if token is None or self.revoked or hash(token) in self._expired:
            return False
        if self._expire_after is None:
            return True
        now = anyio.current_time()
        first = self._first_seen.pop(hash(token), now)
        _remember(self._first_seen, hash(token), first)
        return now - first < self._expire_after


def _remember(those: OrderedDict[int, Any], token: int, value: Any) -> None:
    those[token] = value
    if len(those) > REMEMBERED:
        those.popitem(last=False)


def answered_turn(request: Request) -> Reply:
    """The scripted assistant: it repeats what it was told."""
    words = _words(request.body)[:_ECHOED]
    said = f'You said "{words}". ' if words else "You said nothing. "
    return spoken_turn(f"{said}I am a scripted assistant: I answer every turn and do nothing else.")


def _words(body: bytes) -> str:
    """The text of the last message of a request to the model."""
    try:
        content = json.loads(body)["input"][-1]["content"]
        return " ".join(part["text"] for part in content)
    except (ValueError, KeyError, IndexError, TypeError):
        return ""
