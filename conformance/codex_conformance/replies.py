"""Requests to the mock backend, and the replies that it can be told to give."""

import gzip
import json
import re
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import anyio

from codex_conformance.limits import TURN_LIMITS

JSON = {"content-type": "application/json"}
SSE = {"content-type": "text/event-stream"}
_WORD = re.compile(r"\S+\s*|\s+")


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
        """Its body, decoded; None where it cannot be."""
        packed = self.headers.get("content-encoding", "").lower() == "gzip"
        with suppress(ValueError, OSError, EOFError, zlib.error):
            return json.loads(gzip.decompress(self.body) if packed else self.body)
        return None


def request_of(method: str, path: str, headers: dict[str, str], body: bytes) -> Request:
    """A request that has just come, with headers by lower-case name."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return Request(
        at=anyio.current_time(),
        index=0,
        method=method,
        path=path,
        headers=headers,
        body=body,
        token=token if scheme.lower() == "bearer" and token else None,
        account_id=headers.get("chatgpt-account-id"),
    )


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


def unauthorized(_request: Request) -> Reply:
    """What the backend says to a token that is not valid now."""
    return status(401)(_request)


def status(code: int) -> Script:
    """Answer with this status and an error body."""

    def script(_request: Request) -> Reply:
        error = {"message": f"the mock backend answers {code}", "code": f"mock_{code}"}
        return json_reply(code, {"error": error})

    return script


def not_json(_request: Request) -> Reply:
    """What something that stands between target and backend says."""
    return Reply(200, {"content-type": "text/html"}, b"<html>Come back later.</html>")


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


def spoken_turn(text: str) -> Reply:
    """A turn whose message comes word by word."""
    item = {"type": "message", "role": "assistant", "id": "msg_1", "content": []}
    part = {"item_id": "msg_1", "output_index": 0, "content_index": 0}

    async def body() -> AsyncIterator[bytes]:
        yield _event("response.created", {"response": {"id": "resp_1"}})
        yield _event("response.output_item.added", {"output_index": 0, "item": item})
        for word in _WORD.findall(text):
            yield _event("response.output_text.delta", part | {"delta": word})
        yield _completed_body(text).partition(b"\n\n")[2]

    return Reply(200, SSE, body)


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
