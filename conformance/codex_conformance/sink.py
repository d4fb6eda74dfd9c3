"""A proxy that refuses: where a target's requests to the rest of the world end."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
import anyio.abc

_HEAD_LIMIT = 65_536  # bytes of one request that are kept


@dataclass
class Sink:
    """What was asked of the proxy.

    Attributes:
        port: on 127.0.0.1.
        heads: request line and headers of each request, as they came.
    """

    port: int
    heads: list[bytes] = field(default_factory=list)

    def hosts(self) -> list[str]:
        """The hosts that were asked for, without repetition, in order."""
        targets = [head.split(b" ", 2)[1].decode("latin-1") for head in self.heads if b" " in head]
        return list(dict.fromkeys(targets))

    async def _refuse(self, stream: anyio.abc.SocketStream) -> None:
        async with stream:
            with anyio.move_on_after(5):
                try:
                    self.heads.append(await _head(stream))
                    await stream.send(
                        b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                    )
                except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                    return


async def _head(stream: anyio.abc.SocketStream) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head and len(head) < _HEAD_LIMIT:
        try:
            head += await stream.receive()
        except anyio.EndOfStream:
            break
    return head


@asynccontextmanager
async def refusing_proxy() -> AsyncIterator[Sink]:
    """Listen on a free port of 127.0.0.1, answer 403 to everything, keep what was asked."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    sink = Sink(listener.extra(anyio.abc.SocketAttribute.local_port))  # noqa: S610
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, sink._refuse)
        yield sink
        group.cancel_scope.cancel()
