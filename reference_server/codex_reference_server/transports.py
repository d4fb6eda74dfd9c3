"""Bytes to lines and back, over standard input and output or any other stream of bytes."""

import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TypeAlias

import anyio
import anyio.lowlevel

from codex_reference_server.connection import Connection, Outbox

if TYPE_CHECKING:
    from anyio.abc import ObjectStream

ByteStream: TypeAlias = "StandardStreams | ObjectStream[bytes]"
"""Both directions of a connection."""

Connect = Callable[[], Connection]
"""The server's side for one more client."""

Serve = Callable[[Connect], Awaitable[None]]
"""Serve clients until there is none any more, or until it is cancelled."""

STDIN, STDOUT = 0, 1

LINE_LIMIT = 16 * 1024 * 1024
"""Bytes of the longest line that is read; a longer one is dropped, a longer frame hung up on."""

CHUNK = 64 * 1024
"""Bytes that are read at once, if there are as many; for more, memory is mapped every time."""

FLUSH_LIMIT = 1.0
"""Seconds that a client has, after it has ended its side, to read what is left."""


class Lines:
    """Bytes to lines."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that end in this chunk, without their ends."""
        *lines, rest = chunk.split(b"\n")
        if lines:
            lines[0] = self.end(lines[0])
        self._hold(rest)
        return lines

    def end(self, part: bytes = b"") -> bytes:
        """The line that ends with `part`; nothing of it if it was too long."""
        self._hold(part)
        line = b"".join(self._parts)
        self._parts.clear()
        self._size = 0
        return line

    def _hold(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > LINE_LIMIT:
            self._parts.clear()
        else:
            self._parts.append(part)


async def converse(stream: ByteStream, connection: Connection) -> None:
    """Carry messages both ways until the client ends its side or is gone."""
    async with anyio.create_task_group() as directions:
        connection.outbox.overflow = directions.cancel_scope.cancel
        directions.start_soon(_send, stream, connection.outbox, directions.cancel_scope)
        try:
            await _receive(stream, connection)
        finally:
            connection.close()
        directions.cancel_scope.deadline = anyio.current_time() + FLUSH_LIMIT


async def _receive(stream: ByteStream, connection: Connection) -> None:
    """Heed the lines, no faster than the client reads the answers."""
    lines, outbox = Lines(), connection.outbox
    with suppress(anyio.EndOfStream):
        while True:
            chunk = await stream.receive()
            outbox.hold()
            for line in lines.feed(chunk):
                connection.receive(line)
            outbox.release()
            await outbox.room()
    connection.receive(lines.end())


async def _send(stream: ByteStream, outbox: Outbox, conversation: anyio.CancelScope) -> None:
    """Send what is in the outbox, as much at once as there is."""
    try:
        while lines := await outbox.take():
            await stream.send(_joined(lines))
    except anyio.BrokenResourceError:
        conversation.cancel()


def _joined(lines: list[bytes]) -> bytes:
    return b"\n".join((*lines, b""))


class StandardStreams:
    """Standard input and output of this process, without a thread in between."""

    def __init__(self) -> None:
        self._input_is_a_file = False

    async def receive(self) -> bytes:
        """What there is on standard input."""
        while True:
            await self._wait_for_input()
            try:
                chunk = os.read(STDIN, CHUNK)
            except BlockingIOError:
                continue
            except OSError:
                raise anyio.EndOfStream from None
            if not chunk:
                raise anyio.EndOfStream
            return chunk

    async def send(self, data: bytes, /) -> None:
        """Write to standard output."""
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(STDOUT, rest) :]
            except BlockingIOError:
                await anyio.wait_writable(STDOUT)
            except OSError:
                raise anyio.BrokenResourceError from None

    def send_now(self, lines: list[bytes]) -> list[bytes]:
        """Write what standard output takes; the rest begins where that ended."""
        data = _joined(lines)
        try:
            rest = data[os.write(STDOUT, data) :]
        except OSError:  # whoever sends the rest will meet it again
            return lines
        return [rest[:-1]] if rest else []

    async def _wait_for_input(self) -> None:
        if not self._input_is_a_file:
            try:
                await anyio.wait_readable(STDIN)
                return
            except OSError:  # files are always readable, so there is no waiting for them
                self._input_is_a_file = True
        await anyio.lowlevel.checkpoint()


@contextmanager
def standard_transport() -> Iterator[Serve]:
    """One client on standard input and output, until it ends its side.

    They are left as they were found, since a terminal outlives the server.
    """
    try:
        was_blocking = os.get_blocking(STDOUT)
        os.set_blocking(STDOUT, False)
        yield lambda connect: _serve_one(connect())
    finally:
        os.set_blocking(STDOUT, was_blocking)


async def _serve_one(connection: Connection) -> None:
    streams = StandardStreams()
    connection.outbox.send_now = streams.send_now
    await converse(streams, connection)
