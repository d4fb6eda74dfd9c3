"""The backend as a target sees it: one plain function from a request to a reply.

It plays model provider and account endpoints. It knows which tokens are valid now and answers 401
to any other, so a case says `backend.expire(token)` and never "first 401, then 200". It records
every request with the token that it bore. Its two faces are `backend_in_process` and
`backend_on_loopback`.
"""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import anyio

from codex_conformance.limits import ACCOUNT_LIMITS, TURN_LIMITS
from codex_conformance.pulse import Pulse
from codex_conformance.tokens import ExternalTokens, Mint
from codex_conformance.wire import Transcript

JSON = {"content-type": "application/json"}
SSE = {"content-type": "text/event-stream"}


class DropConnection(Exception):  # noqa: N818 - an instruction to the face, not a mishap
    """The connection ends here, in the middle of whatever it was doing."""


@dataclass(frozen=True)
class Request:
    """One HTTP request that reached the backend.

    Attributes:
        at: seconds of the run's clock when it arrived.
        index: position in the transcript.
        token: what followed `Bearer ` in its `Authorization`, or None.
        account_id: its `ChatGPT-Account-ID`, or None.
        headers: by lower-case name.
    """

    at: float
    index: int
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    token: str | None
    account_id: str | None

    @property
    def is_turn(self) -> bool:
        """Whether it asks the model for the next part of a turn."""
        return self.path.endswith("/responses")

    @property
    def is_to_provider(self) -> bool:
        """Whether it goes to the model provider rather than to the account endpoints."""
        return self.path.startswith("/v1/")

    def __str__(self) -> str:
        bearer = "no token" if self.token is None else f"token {self.token}"
        account = "no account id" if self.account_id is None else f"account id {self.account_id}"
        return f"{self.method} {self.path} with {bearer} and {account}"

    def json(self) -> Any:
        """Its body, decoded."""
        return json.loads(self.body or b"null")


@dataclass(frozen=True)
class Reply:
    """Status, headers and body chunks of an answer; the body may raise `DropConnection`."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: Callable[[], AsyncIterator[bytes]] | bytes = b""

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it goes out."""
        if isinstance(self.body, bytes):
            yield self.body
        else:
            async for chunk in self.body():
                yield chunk


def json_reply(status: int, value: Any) -> Reply:
    """A JSON answer."""
    return Reply(status, JSON, json.dumps(value).encode())


Script = Callable[[Request], Reply]


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
        self.stored_secrets: set[str] = set()
        self._mint = mint
        self._pulse = pulse
        self._transcript = transcript
        self._expired: set[str] = set()
        self._scripts: list[Script] = []
        self._standing: Script | None = None
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

    def hold(self, requests: int | None = None) -> None:
        """Turn requests wait, their answer already decided, until `release`.

        `requests` limits that to the next so many; those after them are answered as ever.
        """
        self._gate = anyio.Event()
        self._to_hold = requests

    def release(self) -> None:
        """Let the held answers go out."""
        if self._gate is not None:
            self._gate.set()
            self._gate = None

    # What a case looks at.

    @property
    def turn_requests(self) -> list[Request]:
        """The requests that asked the model, in order."""
        return [request for request in self.requests if request.is_turn]

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

        Raises:
            DropConnection: the case wants the connection to end without an answer.
        """
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
        return reply

    def _reply(self, request: Request) -> Reply:
        if request.is_turn:
            if self._scripts:
                return self._scripts.pop(0)(request)
            if self._standing is not None:
                return self._standing(request)
        served = completed_turn if request.is_turn else _account_endpoint(request.path)
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
    return token if scheme.lower() == "bearer" else None


def _account_endpoint(path: str) -> Script | None:
    """What plays an account endpoint, or None; what is not served is no matter of tokens."""
    return next(
        (play for suffix, play in _ACCOUNT_ENDPOINTS.items() if path.endswith(suffix)), None
    )


def _accounts_check(request: Request) -> Reply:
    account = request.account_id or ""
    workspace = {
        "id": account,
        "workspace_backend_origin": "https://chatgpt.com",
        "account_routing_override": "NO_CONSTRAINT",
        "name": account,
    }
    return json_reply(200, {"accounts": [workspace], "account_ordering": [account]})


def _empty(_request: Request) -> Reply:
    return json_reply(200, {})


def _usage(_request: Request) -> Reply:
    windows = {f"{which}_window": window.served for which, window in ACCOUNT_LIMITS.items()}
    limit = {"allowed": True, "limit_reached": False} | windows
    return json_reply(200, {"plan_type": "pro", "rate_limit": limit})


_ACCOUNT_ENDPOINTS: dict[str, Script] = {
    "/wham/accounts/check": _accounts_check,
    "/wham/config/bundle": _empty,
    "/wham/config/requirements": _empty,
    "/wham/usage": _usage,
}


def unauthorized(_request: Request) -> Reply:
    """What the backend says to a token that is not valid now."""
    return status(401)(_request)


def status(code: int) -> Script:
    """Answer with this status and an error body."""

    def script(_request: Request) -> Reply:
        error = {"message": f"the mock backend answers {code}", "code": f"mock_{code}"}
        return json_reply(code, {"error": error})

    return script


def dropped(_request: Request) -> Reply:
    """Begin an answer and end the connection in its middle."""

    async def body() -> AsyncIterator[bytes]:
        yield _event("response.created", {"response": {"id": "resp_dropped"}})
        raise DropConnection

    return Reply(200, SSE, body)


def completed_turn(_request: Request) -> Reply:
    """A turn that says hello and completes."""
    return Reply(200, SSE, _completed_body("Hello from the mock backend."))


def limited_turn(_request: Request) -> Reply:
    """A turn whose response carries `TURN_LIMITS`."""
    headers = dict(SSE)
    for which, window in TURN_LIMITS.items():
        headers |= window.headers(which)
    return Reply(200, headers, _completed_body("Hello from the mock backend."))


def streamed_turn(_request: Request) -> Reply:
    """A turn whose message comes in pieces."""
    item = {"type": "message", "role": "assistant", "id": "msg_1", "content": []}
    part = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    body = (
        _event("response.created", {"response": {"id": "resp_1"}}),
        _event("response.output_item.added", {"output_index": 0, "item": item}),
        _event("response.output_text.delta", part | {"delta": "Hello from "}),
        _event("response.output_text.delta", part | {"delta": "the mock backend."}),
        _completed_body("Hello from the mock backend.").partition(b"\n\n")[2],
    )
    return Reply(200, SSE, b"".join(body))


def _completed_body(text: str) -> bytes:
    message = {
        "type": "message",
        "role": "assistant",
        "id": "msg_1",
        "content": [{"type": "output_text", "text": text}],
    }
    return b"".join(
        (
            _event("response.created", {"response": {"id": "resp_1"}}),
            _event("response.output_item.done", {"output_index": 0, "item": message}),
            _completed_event(),
        )
    )


def calling(name: str, arguments: dict[str, Any]) -> Script:
    """Have the target call one of its tools; the turn goes on with the tool's output."""

    def script(_request: Request) -> Reply:
        call = {
            "type": "function_call",
            "id": "fc_1",
            "call_id": "call_1",
            "name": name,
            "arguments": json.dumps(arguments),
        }
        body = (
            _event("response.created", {"response": {"id": "resp_1"}}),
            _event("response.output_item.done", {"output_index": 0, "item": call}),
            _completed_event(),
        )
        return Reply(200, SSE, b"".join(body))

    return script


def _completed_event() -> bytes:
    usage = {
        "input_tokens": 1,
        "input_tokens_details": None,
        "output_tokens": 1,
        "output_tokens_details": None,
        "total_tokens": 2,
    }
    return _event("response.completed", {"response": {"id": "resp_1", "usage": usage}})


def _event(kind: str, members: dict[str, Any]) -> bytes:
    data = json.dumps({"type": kind} | members)
    return f"event: {kind}\ndata: {data}\n\n".encode()
