"""The other end of a connection: a codex that the parent started, or a client of the WebSocket."""

from asyncio import IncompleteReadError, StreamReader, StreamWriter, start_unix_server
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

import anyio

from codex_conformance.sockets import require_short

_HELLO_LIMIT = 1024 * 1024  # bytes
_CHUNK = 65536  # bytes read at once
AnyPlain = TypeVar("AnyPlain", bound="Plain")


class Peer(Protocol):
    """One connection of the parent, as the judge holds it.

    Attributes:
        argv: the arguments that the parent gave to codex, empty where it gave none.
        codex_home: the `CODEX_HOME` that it gave to it.
        has_stderr: whether it is a process that has one.
        is_shared: whether it talks to a server that other connections talk to, too.
    """

    argv: tuple[str, ...]
    codex_home: str
    has_stderr: bool
    is_shared: bool

    async def receive(self) -> bytes:
        """What the parent writes next. Raises `EndOfStream` when it has ended its side."""

    async def say(self, data: bytes) -> None:
        """Send whole lines. Raises `BrokenResourceError` when nobody reads any more."""

    async def complain(self, data: bytes) -> None:
        """Write to stderr, where there is one."""

    async def leave(self, status: int) -> None:
        """End; a process ends with this status. `receive` comes to its end once it is gone."""


class Plain:
    """A client of a Unix socket that sends and takes lines, as an app-server in process does."""

    argv: tuple[str, ...] = ()
    codex_home = ""
    has_stderr = False
    is_shared = True

    def __init__(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def greet(cls, reader: StreamReader, writer: StreamWriter) -> Self:
        """Take in a client.

        Raises:
            IncompleteReadError: it left before it said what is to be known of it.
        """
        return cls(reader, writer)

    async def receive(self) -> bytes:
        """What the parent writes next."""
        try:
            data = await self._reader.read(_CHUNK)
        except ConnectionError:
            data = b""
        if not data:
            raise anyio.EndOfStream
        return data

    async def say(self, data: bytes) -> None:
        """Send lines."""
        self._writer.write(data)
        try:
            await self._writer.drain()
        except ConnectionError:
            raise anyio.BrokenResourceError from None

    async def complain(self, data: bytes) -> None:
        """There is no stderr."""

    async def leave(self, status: int) -> None:
        """Close."""
        del status
        self._writer.close()


class Relayed(Plain):
    """A process that the parent started as codex; `relay` carries its bytes."""

    has_stderr = True
    is_shared = False

    @classmethod
    async def greet(cls, reader: StreamReader, writer: StreamWriter) -> Self:
        """Take in a relay, which says first how it was started."""
        size = int.from_bytes(await reader.readexactly(4), "big")
        hello = (await reader.readexactly(min(size, _HELLO_LIMIT))).decode()
        relayed = cls(reader, writer)
        _, relayed.codex_home, _, _, *argv = hello.split("\0")
        relayed.argv = tuple(argv)
        return relayed

    async def say(self, data: bytes) -> None:
        """Send to its standard output."""
        await self._frame(b"o", data)

    async def complain(self, data: bytes) -> None:
        """Send to its standard error."""
        await self._frame(b"e", data)

    async def run_by_itself(self, revision: str) -> None:
        """Let the process do what it was asked to, as a codex of the revision would."""
        await self._frame(b"r", revision.encode())

    async def leave(self, status: int) -> None:
        """End the process, which closes the connection."""
        with suppress(anyio.BrokenResourceError):  # it is gone already, which is all that is wanted
            await self._frame(b"x", str(status).encode())

    async def _frame(self, kind: bytes, payload: bytes) -> None:
        await super().say(kind + len(payload).to_bytes(4, "big") + payload)


async def listen(
    address: Path,
    kind: type[AnyPlain],
    visitor: Callable[[AnyPlain], Awaitable[None]],
    *,
    task_status: Any,
) -> None:
    """Take in every client of the Unix socket `address`, until cancelled.

    Raises:
        UnfitTargetError: the path is too long for a socket.
    """
    require_short(address)

    async def greet(reader: StreamReader, writer: StreamWriter) -> None:
        try:
            await visitor(await kind.greet(reader, writer))
        except IncompleteReadError:
            pass  # it was ended before it could say who it is
        finally:
            writer.close()

    async with anyio.create_task_group() as tasks:

        def arrive(reader: StreamReader, writer: StreamWriter) -> None:
            tasks.start_soon(greet, reader, writer)

        # Not anyio's listener: its Unix sockets complain aloud when a reader is cancelled.
        server = await start_unix_server(arrive, address)
        try:
            task_status.started()
            await anyio.sleep_forever()
        finally:
            server.close()
