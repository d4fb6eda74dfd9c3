"""Targets that listen: a command that is told where, or a server that runs already.

A message is a text frame of a WebSocket, over TCP or over a socket file.
"""

import contextlib
import logging
import os
import re
import socket
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import anyio
import anyio.abc

from codex_conformance.browser import visit_over_http
from codex_conformance.errors import UnfitTargetError
from codex_conformance.home import Home
from codex_conformance.processes import Family, last_words, started
from codex_conformance.targets import STDERR_LIMIT, Channel
from codex_conformance.wire import STREAM_LIMIT

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

Scheme = Literal["ws", "unix"]
START_PATIENCE = 10.0  # seconds that a target has until it listens
CLOSE_PATIENCE = 1.0  # seconds that it has to take its leave of a connection
_PATH_LIMIT = 107  # bytes that the kernel takes of the path of a socket
_LOOK_AGAIN = 0.02  # seconds between two looks for a socket file, which nobody announces
_ADDRESS = re.compile(rb"ws://[0-9a-fA-F.:\[\]]+:\d+")

_silence = logging.getLogger("codex_conformance.silence")
_silence.disabled = True


def require_short(socket: Path) -> None:
    """See to it that a Unix socket can be had at a path.

    Raises:
        UnfitTargetError: the path is longer than the system takes.
    """
    if len(os.fsencode(socket)) > _PATH_LIMIT:
        raise UnfitTargetError(
            f"the path of a socket can have {_PATH_LIMIT} bytes, and {socket} has more",
            "set TMPDIR to a folder with a shorter path",
        )


@dataclass(frozen=True)
class ListeningTarget:
    """A command that is started with `--listen`, and connected to."""

    command: tuple[str, ...]
    scheme: Scheme
    has_bytes: ClassVar = False
    is_ours: ClassVar = True

    @asynccontextmanager
    async def open(self, home: Home, environ: Mapping[str, str]) -> AsyncIterator[Channel]:
        """Start the command in a session of its own; kill what is left of it at the end."""
        file = home.codex_home.parent / "s"  # not in CODEX_HOME, as the path has to be short
        if self.scheme == "unix":
            require_short(file)
        place = "ws://127.0.0.1:0" if self.scheme == "ws" else f"unix://{file}"
        process, family = await started(
            [*self.command, "--listen", place],
            cwd=home.work,
            env=environ,
            stdin=subprocess.DEVNULL,
        )
        async with anyio.create_task_group() as group, AsyncExitStack() as connections:
            server = _Server(connections, process, family)
            group.start_soon(server.drain, process.stdout)
            group.start_soon(server.drain, process.stderr)
            group.start_soon(server.watch, process)
            try:
                server.address = await server.announced(
                    process, file if self.scheme == "unix" else None
                )
                yield await server.dial()
            finally:
                with anyio.CancelScope(shield=True):
                    await family.end()
                    await connections.aclose()
                    await process.wait()
                    await process.aclose()
                group.cancel_scope.cancel()


@dataclass(frozen=True)
class RunningTarget:
    """`ws://IP:PORT` or `unix:PATH`: a server that somebody else has started and configured."""

    address: str
    has_bytes: ClassVar = False
    is_ours: ClassVar = False

    @asynccontextmanager
    async def open(self, home: Home, environ: Mapping[str, str]) -> AsyncIterator[Channel]:  # noqa: ARG002
        """Connect to it; it goes on when the connection has ended."""
        async with AsyncExitStack() as connections:
            yield await _Server(connections, None, None, self.address).dial()


@dataclass
class _Server:
    """A server that listens, and its processes where it is ours."""

    connections: AsyncExitStack
    process: anyio.abc.Process | None
    family: Family | None
    address: str = ""
    said: bytearray = field(default_factory=bytearray)
    outputs: int = 2
    news: anyio.Event = field(default_factory=anyio.Event)

    async def drain(self, output: anyio.abc.ByteReceiveStream | None) -> None:
        """Keep what it says on a standard stream."""
        assert output is not None
        with contextlib.suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
            async for chunk in output:
                self.said.extend(chunk[: max(0, STDERR_LIMIT - len(self.said))])
                self._tell()
        self.outputs -= 1
        self._tell()

    async def watch(self, process: anyio.abc.Process) -> None:
        """Tell when it has ended."""
        await process.wait()
        self._tell()

    def _tell(self) -> None:
        self.news.set()
        self.news = anyio.Event()

    async def announced(self, process: anyio.abc.Process, file: Path | None) -> str:
        """The address that it says it listens on, or where its socket file is.

        Raises:
            UnfitTargetError: it ended, or does not listen.
        """
        with anyio.move_on_after(START_PATIENCE):
            while process.returncode is None:
                if file is not None and _takes_connections(file):
                    return f"unix:{file}"
                if (found := _ADDRESS.search(self.said)) is not None:
                    return found[0].decode()
                with anyio.move_on_after(_LOOK_AGAIN):
                    await self.news.wait()
        if process.returncode is not None:
            with anyio.move_on_after(CLOSE_PATIENCE):
                while self.outputs:
                    await self.news.wait()
            status = process.returncode
            raise UnfitTargetError(f"the target ended with exit status {status}{self._words()}")
        raise UnfitTargetError(
            f"the target does not say where it listens within {START_PATIENCE:g} s{self._words()}",
            "expected ws://IP:PORT on stderr or stdout, or the socket file of --listen unix://",
        )

    def _words(self) -> str:
        words = last_words(bytes(self.said))
        return f"; it said '{words}'" if words else ""

    async def dial(self) -> "_Connection":
        """One more connection.

        Raises:
            UnfitTargetError: it cannot be had.
        """
        from websockets.asyncio.client import connect, unix_connect
        from websockets.exceptions import InvalidHandshake

        scheme, _, place = self.address.partition(":")
        dialled = (
            unix_connect(
                place.removeprefix("//"),
                compression=None,
                max_size=STREAM_LIMIT,
                ping_interval=None,
                open_timeout=START_PATIENCE,
                close_timeout=CLOSE_PATIENCE,
                logger=_silence,
            )
            if scheme == "unix"
            else connect(
                self.address,
                compression=None,
                max_size=STREAM_LIMIT,
                ping_interval=None,
                open_timeout=START_PATIENCE,
                close_timeout=CLOSE_PATIENCE,
                logger=_silence,
                proxy=None,
            )
        )
        try:
            wire = await self.connections.enter_async_context(dialled)
        except (OSError, InvalidHandshake) as error:
            raise UnfitTargetError(f"cannot connect to {self.address}: {error}") from None
        return _Connection(self, wire)


def _takes_connections(file: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(file)) == 0


@dataclass
class _Connection:
    """A connection to a server, as a channel of lines: one a frame."""

    server: _Server
    wire: "ClientConnection"
    unsent: bytes = b""

    async def send(self, data: bytes) -> None:
        from websockets.exceptions import ConnectionClosed

        *lines, self.unsent = (self.unsent + data).split(b"\n")
        try:
            for line in lines:
                await self.wire.send(line, text=True)
        except ConnectionClosed as closed:
            raise anyio.BrokenResourceError from closed

    async def receive(self) -> bytes:
        from websockets.exceptions import ConnectionClosed

        try:
            frame = await self.wire.recv(decode=False)
        except ConnectionClosed:
            raise anyio.EndOfStream from None
        return frame.replace(b"\n", b" ") + b"\n"  # within a frame they are blanks of its JSON

    async def close_input(self) -> None:
        await self.wire.close()

    async def connect(self) -> Channel:
        return await self.server.dial()

    async def stop(self) -> None:
        process = self.server.process
        if process is not None and process.returncode is None:
            process.terminate()

    async def exited(self) -> int | None:
        process = self.server.process
        return None if process is None else await process.wait()

    async def visit(self, url: str) -> tuple[int, Mapping[str, str], bytes]:
        return await visit_over_http(url)

    def diagnostics(self) -> bytes:
        return bytes(self.server.said)

    def arguments(self) -> bytes:
        family = self.server.family
        return b"" if family is None else b"\n".join(family.command_lines())
