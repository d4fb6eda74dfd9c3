"""Parents that connect to a WebSocket in place of starting codex."""

from collections.abc import Awaitable, Callable
from typing import Any

import anyio
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from codex_conformance.wire import LINE_LIMIT


class WebSocketPeer:
    """A client of the WebSocket; every text frame is a line."""

    argv: tuple[str, ...] = ()
    codex_home = ""
    has_stderr = False
    is_shared = True

    def __init__(self, socket: ServerConnection) -> None:
        self._socket = socket
        self._rest = b""

    async def receive(self) -> bytes:
        """What the parent sends next."""
        try:
            frame = await self._socket.recv()
        except ConnectionClosed:
            raise anyio.EndOfStream from None
        return (frame.encode() if isinstance(frame, str) else frame) + b"\n"

    async def say(self, data: bytes) -> None:
        """Send each whole line as a frame; the rest of the last one waits for its end."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        try:
            for line in lines:
                await self._socket.send(line.decode())
        except ConnectionClosed:
            raise anyio.BrokenResourceError from None

    async def complain(self, data: bytes) -> None:
        """There is no stderr."""

    async def leave(self, status: int) -> None:
        """Close; a crash closes without a word."""
        if status:
            self._socket.transport.abort()
        else:
            await self._socket.close()


async def listen_for_websockets(
    visitor: Callable[[WebSocketPeer], Awaitable[None]], *, task_status: Any
) -> None:
    """Take in every client on a free port of loopback, until cancelled; started with its URL."""

    async def greet(socket: ServerConnection) -> None:
        await visitor(WebSocketPeer(socket))

    async with serve(greet, "127.0.0.1", 0, max_size=LINE_LIMIT, compression=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        task_status.started(f"ws://127.0.0.1:{port}")
        await anyio.sleep_forever()
