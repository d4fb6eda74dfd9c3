"""The backend as a target sees it: one plain function from a request to a reply.

It plays model provider, account endpoints and, in `issuer`, the issuer of managed logins. It knows
which tokens are valid now and answers 401 to any other, so a case says `backend.expire(token)` and
never "first 401, then 200". It records every request with the token that it bore. Its two faces are
`backend_in_process` and `backend_on_loopback`.
"""

import anyio

from codex_conformance.account_endpoints import account_endpoint
from codex_conformance.issuer import MockIssuer
from codex_conformance.pulse import Pulse
from codex_conformance.replies import (
    Reply,
    Request,
    Script,
    completed_turn,
    json_reply,
    unauthorized,
)
from codex_conformance.tokens import ExternalTokens, Mint
from codex_conformance.wire import Transcript

REQUESTS_LIMIT = 5000  # requests of one case; those after them are not kept


class MockBackend:
    """A model provider and account backend that obeys the case.

    Args:
        mint: the case's tokens; what it issued is valid until expired.
        pulse: beaten whenever a request arrives.
        transcript: where requests and answers are noted.
    """

    def __init__(self, mint: Mint, pulse: Pulse, transcript: Transcript) -> None:
        self.requests: list[Request] = []
        self.foreign_requests: list[tuple[str, bytes]] = []
        self.issuer = MockIssuer(mint)
        self._mint = mint
        self._pulse = pulse
        self._transcript = transcript
        self._expired: set[str] = set()
        self._scripts: list[Script] = []
        self._standing: Script | None = None
        self._endpoints: dict[str, Script] = {}
        self._gate: anyio.Event | None = None
        self._to_hold: int | None = None
        self.held = 0

    # What a case says.

    def expire(self, *tokens: ExternalTokens | str) -> None:
        """From now on these tokens (or API keys) get a 401."""
        self._expired.update(_bearer(token) for token in tokens)

    def restore(self, tokens: ExternalTokens | str) -> None:
        """From now on these tokens are valid again."""
        self._expired.discard(_bearer(tokens))

    def answer_next_turn(self, *scripts: Script) -> None:
        """The next turn requests are answered by these, one each, whatever token they bear."""
        self._scripts.extend(scripts)

    def answer_every_turn(self, script: Script | None) -> None:
        """Every turn request is answered by this, whatever token it bears; None ends it."""
        self._standing = script

    def answer_at(self, endpoint: str, script: Script) -> None:
        """Every request to an account endpoint is answered by this, whatever token it bears."""
        self._endpoints[endpoint] = script

    def answer_as_ever(self, endpoint: str) -> None:
        """End that."""
        self._endpoints.pop(endpoint, None)

    def hold(self, requests: int | None = None) -> None:
        """Turn requests wait, their answer already decided, until `release`.

        `requests` limits that to the next so many; those after them are answered as ever.
        """
        self._gate = anyio.Event()
        self._to_hold = requests

    def release(self) -> None:
        """Let the held answers go out, the issuer's too."""
        self.issuer.release()
        self.release_turns()

    def release_turns(self) -> None:
        """Let the held answers to turn requests go out."""
        if self._gate is not None:
            self._gate.set()
            self._gate = None

    # What a case looks at.

    @property
    def turn_requests(self) -> list[Request]:
        """The requests that asked the model, in order."""
        return [request for request in self.requests if request.is_turn]

    def requests_at(self, endpoint: str) -> list[Request]:
        """The requests to an account endpoint, in order."""
        return [request for request in self.requests if request.path.endswith(endpoint)]

    def requests_with(self, tokens: ExternalTokens | str) -> list[Request]:
        """Every request that bore these tokens or this key."""
        bearer = _bearer(tokens)
        return [request for request in self.requests if request.token == bearer]

    def turn_requests_with(self, tokens: ExternalTokens | str) -> list[Request]:
        """The requests that asked the model with these tokens or this key."""
        return [request for request in self.requests_with(tokens) if request.is_turn]

    # How it answers.

    async def __call__(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Reply:
        """Answer one request.

        `path` is absolute and without the query, `headers` go by lower-case name.
        """
        if len(self.requests) >= REQUESTS_LIMIT:
            return json_reply(503, {"detail": "more requests than any case needs"})
        entry = self._transcript.add("http", _asked(method, path, headers))
        request = Request(
            at=anyio.current_time(),
            index=entry.index,
            method=method,
            path=path,
            headers=headers,
            body=body,
            token=_token_in(headers.get("authorization", "")),
            account_id=headers.get("chatgpt-account-id"),
        )
        self.requests.append(request)
        reply = self._reply(request)
        self._transcript.add("http", f"{reply.status} to {method} {path}")
        self._pulse.beat()
        if request.is_turn and self._gate is not None and self._to_hold != 0:
            self.held += 1
            if self._to_hold is not None:
                self._to_hold -= 1
            gate = self._gate
            self._pulse.beat()
            await gate.wait()
        await self.issuer.wait_at_gate(request)
        return reply

    def _reply(self, request: Request) -> Reply:
        issuer = self.issuer.plays(request)
        if issuer is not None:
            return issuer(request)
        if request.is_turn:
            if self._scripts:
                return self._scripts.pop(0)(request)
            if self._standing is not None:
                return self._standing(request)
        for endpoint, script in self._endpoints.items():
            if request.path.endswith(endpoint):
                return script(request)
        served = completed_turn if request.is_turn else account_endpoint(request.path)
        if served is None:
            return json_reply(404, {"detail": "not served by the mock backend"})
        return served(request) if self._is_valid(request.token) else unauthorized(request)

    def _is_valid(self, token: str | None) -> bool:
        return token is not None and token in self._mint.secrets and token not in self._expired


def _bearer(token: ExternalTokens | str) -> str:
    return token if isinstance(token, str) else token.access_token


def _asked(method: str, path: str, headers: dict[str, str]) -> str:
    bearer = headers.get("authorization", "no authorization")
    return f"{method} {path} ({bearer}, account {headers.get('chatgpt-account-id', 'not stated')})"


def _token_in(authorization: str) -> str | None:
    scheme, _, token = authorization.partition(" ")
    return (token or None) if scheme.lower() == "bearer" else None
