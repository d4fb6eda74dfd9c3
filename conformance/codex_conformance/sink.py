"""A proxy that refuses: where a target's requests to the rest of the world end."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
import anyio.abc

_KEPT = 65_536  # bytes of one request
_REQUESTS = 500  # requests that are kept; those after them are refused alone
_LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)


@dataclass
class Sink:
    """What was asked of the proxy.

    Attributes:
        port: on 127.0.0.1.
        heads: request line, headers and body of each request, as they came.
    """

    port: int
    heads: list[bytes] = field(default_factory=list)

    def hosts(self) -> list[str]:
        """The hosts that were asked for, without repetition, in order."""
        targets = [head.split(b" ", 2)[1].decode("latin-1") for head in self.heads if b" " in head]
        return list(dict.fromkeys(targets))

    async def _keep(self, stream: anyio.abc.SocketStream) -> None:
        """Take in one request; what there is of it is kept, though no more may come."""
        if len(self.heads) >= _REQUESTS:
            return
        place = len(self.heads)
        self.heads.append(b"")
        while not _is_whole(self.heads[place]):
            try:
                self.heads[place] += await stream.receive()
            except anyio.EndOfStream:
                return

    async def _refuse(self, stream: anyio.abc.SocketStream) -> None:
        async with stream:
            with anyio.move_on_after(5):
                try:
                    await self._keep(stream)
                    await stream.send(
                        b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                    )
                except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                    return


def _is_whole(request: bytes) -> bool:
    """Whether nothing of a request is missing, or enough of it is there."""
    head, ended, body = request.partition(b"\r\n\r\n")
    length = _LENGTH.search(head)
    wanted = int(length[1]) if length else 0
    return len(request) >= _KEPT or (bool(ended) and len(body) >= wanted)


@asynccontextmanager
async def refusing_proxy() -> AsyncIterator[Sink]:
    """Listen on a free port of 127.0.0.1, answer 403 to everything, keep what was asked."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    sink = Sink(listener.extra(anyio.abc.SocketAttribute.local_port))  # noqa: S610
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, sink._refuse)
        yield sink
        group.cancel_scope.cancel()
