"""The parent application as a process: what it prints, how it ends, what the system shows of it."""

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import anyio.abc

from codex_conformance import processes
from codex_conformance.processes import Family
from codex_conformance.pulse import Pulse
from codex_conformance.wire import Transcript, printable

KEPT = 4 * 1024 * 1024  # bytes of each stream that are kept
GRACE = 1.0  # seconds that it has to end when it is told to
_WORDS = 300  # characters of its last words that are shown
_SHOWN_LINES = 40  # lines of each stream that a transcript has

# How runtimes say that nobody caught an error.
CRASHES = (
    ("a Python traceback", re.compile(rb"^Traceback \(most recent call last\):", re.MULTILINE)),
    (
        "an uncaught JavaScript error",
        re.compile(rb"^Node\.js v\d|^Uncaught |UnhandledPromiseRejection", re.MULTILINE),
    ),
    ("a Go panic", re.compile(rb"^panic: |^fatal error: .*\n\ngoroutine ", re.MULTILINE)),
    ("a Rust panic", re.compile(rb"^thread '.*' .*panicked at ", re.MULTILINE)),
    ("a Swift trap", re.compile(rb"^(\S+: )?Fatal error: ", re.MULTILINE)),
    (
        "an unhandled exception",
        re.compile(rb"^Unhandled exception|^Exception in thread ", re.MULTILINE),
    ),
)


class Traces:
    """What is known of a parent application: nothing yet, or for ever where nobody watches it.

    Attributes:
        status: its exit status, negative for a signal; None while it runs.
        arguments: the command lines of its processes, as anybody on the machine can read them.
    """

    def __init__(self) -> None:
        self.status: int | None = None
        self.arguments = b""
        self.stdout = bytearray()
        self.stderr = bytearray()

    @property
    def said(self) -> int:
        """How many bytes it has printed."""
        return len(self.stdout) + len(self.stderr)

    def look(self) -> None:
        """Nobody knows its processes."""

    def last_words(self) -> str:
        """The last line that it printed on stderr, or else on stdout; empty if none."""
        for stream in (self.stderr, self.stdout):
            lines = [line for line in bytes(stream).splitlines() if line.strip()]
            if lines:
                line = printable(lines[-1].decode("utf-8", "replace").strip())
                return line if len(line) <= _WORDS else f"{line[:_WORDS]}…"
        return ""

    def crash(self) -> str | None:
        """How it crashed, if it did: by a signal, or by an error that nobody caught."""
        if self.status is None or self.status == 0:
            return None
        if self.status < 0:
            return f"signal {signal.Signals(-self.status).name}"
        error = self.uncaught()
        return None if error is None else f"{error} and exit status {self.status}"

    def uncaught(self) -> str | None:
        """The error that nobody caught, if its stderr tells of one; it may outlive it."""
        found = (name for name, pattern in CRASHES if pattern.search(self.stderr))
        return next(found, None)

    def state(self) -> str:
        """What is known of it, as the end of a sentence."""
        words = self.last_words()
        quoted = f"; it last printed '{words}'" if words else "; it has printed nothing"
        if self.status is None:
            return f"the parent still runs{quoted}"
        how = self.crash() or f"exit status {self.status}"
        return f"the parent has ended with {how}{quoted}"


class Application(Traces):
    """The command that is judged, while it runs and after."""

    def __init__(
        self, process: anyio.abc.Process, family: Family, pulse: Pulse, transcript: Transcript
    ) -> None:
        super().__init__()
        self._process = process
        self._family = family
        self._pulse = pulse
        self._transcript = transcript
        self._shown = 0
        self._told_to_end = False

    def look(self) -> None:
        """Note the arguments of its processes, as they are now."""
        self.arguments += b"\n".join(self._family.command_lines())

    async def watch(self) -> None:
        """Keep what it prints, until it ends."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._drain, self._process.stdout, self.stdout, "stdout")
            group.start_soon(self._drain, self._process.stderr, self.stderr, "stderr")
            status = await self._process.wait()
            # What a child of its own holds open is not waited for.
            group.cancel_scope.deadline = anyio.current_time() + GRACE
        if not self._told_to_end:
            self.status = status
            self._transcript.add("note", f"the parent ends with exit status {status}")
        self._pulse.beat()

    async def _drain(
        self, stream: anyio.abc.ByteReceiveStream | None, kept: bytearray, name: str
    ) -> None:
        assert stream is not None
        with contextlib.suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
            async for chunk in stream:
                kept.extend(chunk[: KEPT - len(kept)])
                self._show(name, chunk)
                self._pulse.beat()

    def _show(self, name: str, chunk: bytes) -> None:
        for line in chunk.decode("utf-8", "replace").splitlines():
            if self._shown < _SHOWN_LINES:
                self._shown += 1
                self._transcript.add("note", f"the parent prints to {name}: {line}")

    async def end(self) -> None:
        """Tell it to end, and see to it that it does."""
        self.look()
        self._told_to_end = True
        if self.status is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGTERM)
            with anyio.move_on_after(GRACE):
                await self._process.wait()
        await self._family.end()


@asynccontextmanager
async def started(
    command: Sequence[str], environ: Mapping[str, str], pulse: Pulse, transcript: Transcript
) -> AsyncIterator[Application]:
    """Start the parent in a session of its own, without a terminal.

    It runs in our working directory, since its command may name files of it.

    Raises:
        OSError: it cannot be started.
    """
    process, family = await processes.started(
        command,
        cwd=Path.cwd(),
        env=environ,
        stdin=subprocess.DEVNULL,
        surname=environ["CODEX_HOME"],
    )
    application = Application(process, family, pulse, transcript)
    async with anyio.create_task_group() as group:
        group.start_soon(application.watch)
        try:
            yield application
        finally:
            with anyio.CancelScope(shield=True):
                await application.end()
            group.cancel_scope.cancel()
            with anyio.CancelScope(shield=True):
                await process.wait()
                await process.aclose()
