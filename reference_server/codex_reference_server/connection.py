"""Lines to messages and back: requests and responses in both directions, notifications in one."""

from collections.abc import Callable, Iterable
from itertools import count
from typing import Annotated, Any

import anyio
import msgspec
from msgspec import UNSET, UnsetType

from codex_reference_server.dispatch import Dispatcher
from codex_reference_server.messages import Answer, Answered, Notification, Refusal, Session

HIGH_WATER = 1024 * 1024
"""Bytes waiting to be read by a client above which it is given nothing more to do."""

Id = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)] | str


class Incoming(msgspec.Struct):
    """Any message from a client; which members it has tells requests, responses and so on apart."""

    id: Id | UnsetType = UNSET
    method: str | UnsetType = UNSET
    params: msgspec.Raw | None = None
    result: msgspec.Raw | UnsetType = UNSET
    error: msgspec.Raw | None = None


class Request(msgspec.Struct):
    """A request to the clients."""

    id: int
    method: str
    params: Any


class Response(msgspec.Struct):
    """The good answer to a request."""

    id: Id
    result: Any


class ErrorDetail(msgspec.Struct):
    """Why a request was refused."""

    code: int
    message: str


class Error(msgspec.Struct):
    """The other answer to a request."""

    id: Id
    error: ErrorDetail


_decode = msgspec.json.Decoder(Incoming).decode
_encode = msgspec.json.Encoder().encode


class Outbox:
    """What a client has not been sent yet."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []
        self._size = 0
        self._closed = False
        self._changed = anyio.Event()

    def put(self, line: bytes) -> None:
        """Add a message; once closed, nothing is added any more."""
        if not self._closed:
            self._lines.append(line)
            self._size += len(line)
            self._changed.set()

    async def take(self) -> list[bytes]:
        """Everything there is, at least one message; nothing when closed and empty."""
        while not self._lines and not self._closed:
            await self._change()
        ...
