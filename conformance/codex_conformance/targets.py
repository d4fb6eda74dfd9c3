"""What is judged: a server in this process, or a command over pipes.

Targets that listen are in `sockets`. A target says of itself

* `has_bytes`: whether it is talked to by a stream of bytes, which can be cut anywhere and whose end
  is the end of the server's input; if not, messages come as frames,
* `is_ours`: whether it is started and configured for each case.
"""

import contextlib
import importlib
import io
import os
import traceback
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

import anyio
import anyio.abc

from codex_conformance.browser import Visit, visit_over_http
from codex_conformance.case import not_applicable
from codex_conformance.errors import UnfitTargetError, UsageError, leaves
from codex_conformance.home import Home
from codex_conformance.issuer import REVOKE, TOKEN
from codex_conformance.processes import Family, started

Factory = Callable[
    [Path, Mapping[str, str], Sequence[str]],
    AbstractAsyncContextManager[anyio.abc.ObjectStream[bytes]],
]

STDERR_LIMIT = 1024 * 1024  # bytes of stderr that are kept
_SCRUBBED = ("OPENAI_", "CODEX_")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_LOOPBACK = "127.0.0.1,localhost,::1"


class Channel(Protocol):
    """A running target, as the mock parent holds it."""

    async def send(self, data: bytes) -> None:
        """Write bytes to its input. Raises `BrokenResourceError` when it no longer reads."""

    async def receive(self) -> bytes:
        """The next bytes of its output. Raises `EndOfStream` at the end."""

    async def close_input(self) -> None:
        """End its input."""

    async def connect(self) -> "Channel":
        """One more connection to the same target. Raises `NotApplicable` where it takes but one."""

    async def stop(self) -> None:
        """Ask it to end, where the end of its input does not, and it is ours to end."""

    async def exited(self) -> int | None:
        """Wait until it ends; its exit status, None where there is none."""

    async def visit(self, url: str) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and body of a page that it serves to browsers on loopback.

        Raises:
            ConnectionError: it does not answer there.
            NotApplicable: no browser can get at it.
        """

    def diagnostics(self) -> bytes:
        """What it said on stderr so far."""

    def arguments(self) -> bytes:
        """The arguments of its processes as the system shows them to everybody."""


@dataclass(frozen=True)
class DirectTarget:
    """`direct:package.module:factory`: a server in this process, over in-memory streams.

    The stream may have a method `connect()`, which gives the stream of one more client of the same
    server.
    """

    factory: Factory
    argv: tuple[str, ...]
    has_bytes: ClassVar = True
    is_ours: ClassVar = True

    @asynccontextmanager
    async def open(self, home: Home, environ: Mapping[str, str]) -> AsyncIterator[Channel]:
        """Start a fresh server in `home`.

        It runs in a task of its own: a server that raises ends its output, as a process would,
        and leaves the traceback on stderr.
        """
        stderr = io.StringIO()
        leave = anyio.Event()

        async def host(*, task_status: anyio.abc.TaskStatus[_InProcess]) -> None:
            stream: anyio.abc.ObjectStream[bytes] | None = None
            try:
                async with self.factory(home.codex_home, environ, self.argv) as stream:
                    task_status.started(_InProcess(stream, stderr))
                    await leave.wait()
            except* (Exception, SystemExit) as group:  # noqa: BLE001 - the target's; it may be cancelled too
                if stream is None:
                    first = leaves(group)[0]
                    what = f"{type(first).__name__}: {first}"
                    raise UnfitTargetError(f"the target cannot be started: {what}") from first
                stderr.write("".join(traceback.format_exception(group)))
                await stream.aclose()

        with contextlib.redirect_stderr(stderr):
            async with anyio.create_task_group() as group:
                channel: _InProcess = await group.start(host)
                try:
                    yield channel
                finally:
                    leave.set()


@dataclass(frozen=True)
class _InProcess:
    stream: anyio.abc.ObjectStream[bytes]
    stderr: io.StringIO

    async def send(self, data: bytes) -> None:
        await self.stream.send(data)

    async def receive(self) -> bytes:
        return await self.stream.receive()

    async def close_input(self) -> None:
        await self.stream.send_eof()

    async def connect(self) -> Channel:
        connect = getattr(self.stream, "connect", None)
        if connect is None:
            not_applicable("the stream of the factory cannot connect(): it takes one connection")
        return _InProcess(connect(), self.stderr)

    async def stop(self) -> None:
        pass

    async def exited(self) -> int | None:
        return None

    async def visit(self, url: str) -> tuple[int, Mapping[str, str], bytes]:
        visit: Visit | None = getattr(self.stream, "visit", None)
        if visit is None:
            not_applicable("the streams of the target's factory have no visit(url)")
        return await visit(url)

    def diagnostics(self) -> bytes:
        return self.stderr.getvalue().encode()[:STDERR_LIMIT]

    def arguments(self) -> bytes:
        return b""


@dataclass(frozen=True)
class CommandTarget:
    """A command that talks over its standard input and output."""

    command: tuple[str, ...]
    has_bytes: ClassVar = True
    is_ours: ClassVar = True

    @asynccontextmanager
    async def open(self, home: Home, environ: Mapping[str, str]) -> AsyncIterator[Channel]:
        """Start the command in a session of its own; kill what is left of it at the end."""
        process, family = await started(self.command, cwd=home.work, env=environ)
        running = _Process(process, family, bytearray())
        async with anyio.create_task_group() as group:
            group.start_soon(running.drain_stderr)
            try:
                yield running
            finally:
                with anyio.CancelScope(shield=True):
                    await family.end()
                    await process.wait()
                    await process.aclose()
                group.cancel_scope.cancel()


@dataclass(frozen=True)
class _Process:
    process: anyio.abc.Process
    family: Family
    stderr: bytearray

    async def send(self, data: bytes) -> None:
        assert self.process.stdin is not None
        await self.process.stdin.send(data)

    async def receive(self) -> bytes:
        assert self.process.stdout is not None
        return await self.process.stdout.receive()

    async def close_input(self) -> None:
        assert self.process.stdin is not None
        await self.process.stdin.aclose()

    async def connect(self) -> Channel:
        not_applicable("over standard input and output there is one connection")

    async def stop(self) -> None:
        pass

    async def exited(self) -> int | None:
        return await self.process.wait()

    async def visit(self, url: str) -> tuple[int, Mapping[str, str], bytes]:
        return await visit_over_http(url)

    def diagnostics(self) -> bytes:
        return bytes(self.stderr)

    def arguments(self) -> bytes:
        return b"\n".join(self.family.command_lines())

    async def drain_stderr(self) -> None:
        assert self.process.stderr is not None
        with contextlib.suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
            async for chunk in self.process.stderr:
                self.stderr.extend(chunk[: STDERR_LIMIT - len(self.stderr)])


def load_factory(name: str) -> Factory:
    """The factory that `package.module:factory` names.

    Raises:
        UsageError: there is no such module or attribute.
    """
    module_name, _, attribute = name.partition(":")
    try:
        factory = getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(
            f"--target direct:{name}: cannot be loaded: {error}",
            "expected direct:package.module:factory, importable from here",
        ) from None
    loaded: Factory = factory
    return loaded


def environment(home: Home, issuer: str | None, proxy_port: int | None) -> dict[str, str]:
    """What a target inherits: our environment less what could steer codex, plus its own.

    `issuer` is the origin of whoever is to issue the tokens of managed logins. Some releases of
    codex let only the address of their refreshes be set.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_SCRUBBED)
        and name != "RUST_LOG"
        and not name.upper().endswith("_PROXY")
    }
    kept["CODEX_HOME"] = str(home.codex_home)
    if issuer is not None:
        kept["CODEX_APP_SERVER_LOGIN_ISSUER"] = issuer
        kept["CODEX_REFRESH_TOKEN_URL_OVERRIDE"] = f"{issuer}{TOKEN}"
        kept["CODEX_REVOKE_TOKEN_URL_OVERRIDE"] = f"{issuer}{REVOKE}"
    if proxy_port is not None:
        for name in _PROXIES:
            kept[name] = kept[name.lower()] = f"http://127.0.0.1:{proxy_port}"
        kept["NO_PROXY"] = kept["no_proxy"] = _LOOPBACK
    return kept
