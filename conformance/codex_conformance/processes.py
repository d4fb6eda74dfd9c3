"""The processes of a target: also those that have left its process group, or outlive it.

Linux gives the orphans of a target to this process, so that they can be found; elsewhere there is
the process group alone.
"""

import contextlib
import ctypes
import os
import re
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

import anyio
from anyio.abc import Process

from codex_conformance.wire import printable

LINGER = 0.5  # seconds that what a target has started may outlive it; a shell needs to tidy up
_ROUNDS = 20  # of killing, against a target that forks faster than it is killed
_PROC = Path("/proc")
_SAID = 200  # characters of last words
_TELLS_WHY = re.compile(r"error|exception|panic|cannot|can't|not found|no such", re.IGNORECASE)
_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER
_living: set[int] = set()  # the first processes of all targets that run


class Family:
    """A target's first process and whatever came of it.

    Args:
        first: the process that was started, the leader of a group and a session of its own.
        strangers: children of this process that were there before it.
        surname: what the environment of its orphans has in it, where other families live beside
            it; they are not told apart if it is empty.
    """

    def __init__(self, first: int, strangers: frozenset[int], surname: str = "") -> None:
        self._first = first
        self._strangers = strangers
        self._surname = surname.encode()
        _living.add(first)

    def members(self) -> set[int]:
        """Who is alive: the first process, the orphans of its family, and all their children."""
        return _alive([self._first, *self._orphans()])

    def _orphans(self) -> list[int]:
        found = _orphans(self._strangers)
        return [pid for pid in found if not self._surname or self._surname in _environment(pid)]

    def command_lines(self) -> list[bytes]:
        """The arguments of every process, as the system shows them to everybody."""
        lines = []
        for pid in self.members():
            with contextlib.suppress(OSError):
                lines.append(_PROC.joinpath(str(pid), "cmdline").read_bytes())
        return lines

    async def end(self) -> None:
        """See to it that nobody is alive; the first process may be waited for after it.

        What it has started is asked first: a shell of the user's has locks to take away.
        """
        try:
            if not _is_alive(self._first):
                await self._linger()
            if self.members():
                _signal({self._first}, signal.SIGKILL)
                _signal(self.members(), signal.SIGTERM)
                await self._linger()
            await self._kill()
        finally:
            _living.discard(self._first)

    async def _linger(self) -> None:
        """Wait until nobody is alive, but not for long."""
        with anyio.move_on_after(LINGER):
            while self.members():  # noqa: ASYNC110 - nobody tells us
                await anyio.sleep(LINGER / 20)

    async def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._first, signal.SIGKILL)
        await _kill(self.members, frozenset({self._first}))


@asynccontextmanager
async def nobody_left() -> AsyncIterator[None]:
    """End at last, when every family has ended, whoever has left one without a trace of it."""
    _adopt_orphans()
    strangers = children(os.getpid())
    try:
        yield
    finally:
        with anyio.CancelScope(shield=True):
            await _kill(lambda: _alive(_orphans(strangers)))


async def _kill(members: Callable[[], set[int]], waited_for: frozenset[int] = frozenset()) -> None:
    """Kill until nobody is alive; who is not waited for by somebody else is waited for."""
    for _ in range(_ROUNDS):
        found = members()
        if not found:
            return
        _signal(found, signal.SIGKILL)
        for pid in found - waited_for:
            _reap(pid)
        await anyio.sleep(LINGER / 100)


def last_words(said: bytes) -> str:
    """The line that tells best why a process has ended, printable; empty where it said nothing.

    That is the last that speaks of an error, or else the last: what comes behind it is a stack or
    the version of an interpreter.
    """
    lines = [line for line in said.decode("utf-8", "replace").splitlines() if line.strip()]
    telling = [line for line in lines if _TELLS_WHY.search(line) and not line[0].isspace()]
    return printable((telling or lines or [""])[-1].strip()[:_SAID])


def _signal(pids: set[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _reap(pid: int) -> None:
    with contextlib.suppress(ChildProcessError):  # a grandchild that is not ours yet
        os.waitpid(pid, os.WNOHANG)


def children(of: int) -> frozenset[int]:
    """The children of a process; none where the system does not tell."""
    found: set[int] = set()
    with contextlib.suppress(OSError):
        for task in _PROC.joinpath(str(of), "task").iterdir():
            with contextlib.suppress(OSError):
                found.update(map(int, task.joinpath("children").read_text().split()))
    return frozenset(found)


async def started(
    command: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    stdin: int = subprocess.PIPE,
    surname: str = "",
) -> tuple[Process, Family]:
    """Start a command in a session of its own, with pipes; what comes of it can be ended.

    A program named by a path is found from where the kit runs. `surname` is that of its family.

    Raises:
        OSError: it cannot be started.
    """
    _adopt_orphans()
    strangers = children(os.getpid())
    process = await anyio.open_process(
        _words(command),
        stdin=stdin,
        cwd=cwd,
        env=dict(env),
        start_new_session=True,
    )
    return process, Family(process.pid, strangers, surname)


def _words(command: Sequence[str]) -> list[str]:
    program, *arguments = command
    return [str(Path(program).absolute()) if "/" in program else program, *arguments]


@cache
def _adopt_orphans() -> None:
    """Become the parent of whatever a target leaves behind."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)


def _alive(roots: Sequence[int]) -> set[int]:
    """Who is alive of these processes and of all that came of them."""
    found: set[int] = set()
    unseen = list(roots)
    while unseen:
        pid = unseen.pop()
        if pid not in found and _is_alive(pid):
            found.add(pid)
            unseen += children(pid)
    return found


def _orphans(strangers: frozenset[int]) -> list[int]:
    """Children of ours that we did not start: what we start ourselves shares our session."""
    found = children(os.getpid()) - strangers - _living
    return [pid for pid in found if _session(pid) != os.getsid(0)]


def _environment(pid: int) -> bytes:
    """The environment that a process was started with; empty where it is not told."""
    try:
        return _PROC.joinpath(str(pid), "environ").read_bytes()
    except OSError:
        return b""


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None


def _is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and is not waited for yet does not."""
    try:
        stat = _PROC.joinpath(str(pid), "stat").read_text(errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in ("Z", "X")
