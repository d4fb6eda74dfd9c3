"""A client that is no bottleneck: raw pipes, lines made before the clock runs, bytes counted."""

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from codex_conformance.case import Setup
from codex_conformance.home import fresh_home
from codex_conformance.targets import environment
from codex_conformance.tokens import ExternalTokens

from benchmarks.subjects import Subject, UnfitSubjectError
from benchmarks.surroundings import Surroundings

CHUNK = 1 << 20
PATIENCE = 60.0
"""Seconds that one answer may take before the subject counts as stuck."""

CLIENT = {"name": "codex-benchmarks", "title": "codex-benchmarks", "version": "1"}
INITIALIZE = {"clientInfo": CLIENT, "capabilities": {"experimentalApi": True}}

# Pip compiles what it installs; a machine that forbids it to be written would time the compiler.
UNWANTED = ("PYTHONDONTWRITEBYTECODE",)


def request(number: int, method: str, params: Any = None) -> bytes:
    """One request as a line."""
    message = {"id": number, "method": method} | ({} if params is None else {"params": params})
    return json.dumps(message).encode() + b"\n"


class Client:
    """One process and both ends of its pipes.

    Args:
        started: when the process was started, by `time.perf_counter`.
    """

    def __init__(self, process: "subprocess.Popen[bytes]", started: float) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.started = started
        self.pid = process.pid
        self._in = process.stdin.fileno()
        self._out = process.stdout.fileno()
        self._process = process
        self._rest = b""
        self._lines: list[bytes] = []
        self._ids = 0

    def send(self, line: bytes) -> None:
        """Write a line, or many."""
        rest = memoryview(line)
        while rest:
            rest = rest[os.write(self._in, rest) :]

    def line_with(self, *marks: bytes) -> tuple[bytes, float]:
        """The next line that has all marks, and when it was there; those before it are dropped."""
        while True:
            for position, line in enumerate(self._lines):
                if all(mark in line for mark in marks):
                    del self._lines[: position + 1]
                    return line, self._read_at
            self._lines = self._read()

    def answers(self) -> tuple[int, float]:
        """Wait for results; how many there are, and when the last was there."""
        while True:
            lines = self._read()
            if any(line.startswith(b'{"error"') for line in lines):
                raise UnfitSubjectError("the server refused what it is to answer")
            counted = sum(line.startswith(b'{"id":') for line in lines)
            if counted:
                return counted, self._read_at

    def _read(self) -> list[bytes]:
        """The lines that the next chunk completes."""
        chunk = os.read(self._out, CHUNK)
        self._read_at = time.perf_counter()
        if not chunk:
            raise UnfitSubjectError("the server ended its output")
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        return lines

    def ask(self, method: str, params: Any = None) -> Any:
        """The result of a request."""
        self._ids += 1
        self.send(request(self._ids, method, params))
        line, _ = self.line_with(b'"id":%d,' % self._ids)
        message = json.loads(line)
        if "result" not in message:
            raise UnfitSubjectError(f"{method} was refused: {message.get('error')}")
        return message["result"]

    def initialize(self) -> float:
        """Greet; seconds from the start of the process to the answer."""
        self._ids += 1
        self.send(request(self._ids, "initialize", INITIALIZE))
        _, at = self.line_with(b'"id":%d,' % self._ids)
        self.send(b'{"method":"initialized"}\n')
        return at - self.started

    def log_in(self, tokens: ExternalTokens, revision: str) -> float:
        """Log in; seconds from the start of the process to `account/updated`."""
        params = {"type": "chatgptAuthTokens"} | tokens.members(revision)
        self._ids += 1
        self.send(request(self._ids, "account/login/start", params))
        line, _ = self.line_with(b'"account/login/completed"')
        if not json.loads(line)["params"]["success"]:
            raise UnfitSubjectError("the login failed")
        return self.line_with(b'"account/updated"')[1] - self.started

    def address(self) -> str:
        """Where it says that it listens."""
        line, _ = self.line_with(b"listening on: ws://")
        return line.decode().split()[-1]

    def resident(self) -> int:
        """Bytes of memory that the process holds."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise UnfitSubjectError("the system does not tell how much memory a process holds")


@contextmanager
def running(subject: Subject, around: Surroundings, listen: str | None = None) -> Iterator[Client]:
    """Start a subject in a home of its own; whatever happens, it is gone at the end.

    Where it is to listen, what it says on stderr is read as if it were its output.
    """
    arguments = () if listen is None else ("--listen", listen)
    with fresh_home() as home:
        home.configure(Setup(), around.origin, subject.version)
        environ = environment(home, None, around.proxy_port)
        for name in UNWANTED:
            environ.pop(name, None)
        started = time.perf_counter()
        process = subprocess.Popen(  # noqa: S603 - the user names what is measured
            [*subject.command, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if listen is None else subprocess.STDOUT,
            bufsize=0,
            cwd=home.work,
            env=environ,
            start_new_session=True,
        )
        try:
            yield Client(process, started)
        finally:
            _end(process)


@contextmanager
def patient(client: Client) -> Iterator[None]:
    """Kill a subject that is stuck, so that whoever waits for it learns of it."""
    watch = threading.Timer(PATIENCE, _kill, [client.pid])
    watch.daemon = True
    watch.start()
    try:
        yield
    finally:
        watch.cancel()


def _kill(group: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def _end(process: "subprocess.Popen[bytes]") -> None:
    _kill(process.pid)
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
