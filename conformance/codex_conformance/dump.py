"""Asks a codex for its own schema: a process of its own, a home of its own, a time limit."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import anyio
import anyio.abc

from codex_conformance.errors import ConformanceError
from codex_conformance.home import Home, fresh_home
from codex_conformance.processes import started
from codex_conformance.release import Release, read_release
from codex_conformance.targets import environment

LIMIT = 60.0  # seconds that one answer may take
_KEPT = 64 * 1024  # bytes that are kept of what the binary says
_DUMP = ("app-server", "generate-json-schema", "--out")
_EXPERIMENTAL = "--experimental"
_VERSION = re.compile(r"\b(\d+)\.(\d+)\.(\d+)\b")


class DumpError(ConformanceError):
    """A binary does not write its schema.

    Args:
        command: what was run.
        got: what came of it, a clause that begins with a verb.
    """

    def __init__(self, command: tuple[str, ...], got: str) -> None:
        super().__init__(
            f"{' '.join(command)}: expected it to write its schema; it {got}",
            "`spec diff -- BIN` takes the path or name of a codex, without arguments",
        )


@dataclass(frozen=True)
class Dump:
    """What a binary says about itself.

    Attributes:
        name: what it answers to `--version`, else its path.
        version: as numbers; None if it names none.
    """

    name: str
    version: tuple[int, ...] | None
    release: Release


@dataclass(frozen=True)
class _Answer:
    status: int
    stdout: str
    stderr: str


async def ask(binary: str, limit: float = LIMIT) -> Dump:
    """Have a binary write its schema, with and without `--experimental`.

    Raises:
        ConformanceError: it cannot be run, does not know the command, takes longer than `limit`
            seconds, or writes something else.
    """
    with fresh_home() as home:
        stable, experimental = home.work / "stable", home.work / "experimental"
        for folder in (stable, experimental):
            folder.mkdir()
        command = (binary, *_DUMP, str(stable))
        answer = await _run(command, home, limit)
        if answer.status != 0:
            raise DumpError(command, _ending(answer))
        option = await _write_experimental(binary, experimental, home, limit)
        release = read_release(stable, experimental if option else None)
        said = (await _run((binary, "--version"), home, limit)).stdout.strip()
    found = _VERSION.search(said)
    version = None if found is None else tuple(map(int, found.groups()))
    return Dump(said.splitlines()[0] if version else binary, version, release)


async def _write_experimental(binary: str, folder: Path, home: Home, limit: float) -> bool:
    """Have it write its experimental schema too; whether it has one."""
    command = (binary, *_DUMP, str(folder), _EXPERIMENTAL)
    answer = await _run(command, home, limit)
    if answer.status == 0:
        return True
    if _EXPERIMENTAL in answer.stderr:  # releases before 0.95 do not know the option
        return False
    raise DumpError(command, _ending(answer))


def _ending(answer: _Answer) -> str:
    said = (answer.stderr.strip() or answer.stdout.strip()).splitlines()
    ended = f"ended with exit status {answer.status}"
    return f"{ended}, saying: {said[0][:200]}" if said else ended


async def _run(command: tuple[str, ...], home: Home, limit: float) -> _Answer:
    """Run a command to its end; whatever it has started ends with it."""
    try:
        process, family = await started(
            command,
            cwd=home.work,
            env=environment(home, None, None),
            stdin=subprocess.DEVNULL,
        )
    except OSError as error:
        raise DumpError(command, f"cannot be started: {error.strerror}") from None
    stdout, stderr = bytearray(), bytearray()
    try:
        with anyio.fail_after(limit):
            async with anyio.create_task_group() as group:
                group.start_soon(_drain, process.stdout, stdout)
                group.start_soon(_drain, process.stderr, stderr)
            status = await process.wait()
    except TimeoutError:
        raise DumpError(command, f"did not end within {limit:g} s") from None
    finally:
        with anyio.CancelScope(shield=True):
            await family.end()
            await process.wait()
            await process.aclose()
    return _Answer(status, stdout.decode(errors="replace"), stderr.decode(errors="replace"))


async def _drain(stream: anyio.abc.ByteReceiveStream | None, kept: bytearray) -> None:
    assert stream is not None
    async for chunk in stream:
        kept.extend(chunk[: _KEPT - len(kept)])
