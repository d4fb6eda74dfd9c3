"""Targets that misbehave: what they did is theirs, and is told."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CRASHING = """
import contextlib
import anyio
import codex_reference_server
from codex_reference_server import account

@contextlib.asynccontextmanager
async def factory(home, environ, argv):
    async with codex_reference_server.in_memory(home, environ, ["--revision", "0.99"]) as stream:
        async with anyio.create_task_group() as group:
            group.start_soon(crash)
            yield stream
            group.cancel_scope.cancel()

async def crash():
    await anyio.sleep(5)
    raise RuntimeError("a fault of the server")
"""


def check(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "codex_conformance", "check", *arguments]
    environ = os.environ | {"PYTHONPATH": str(folder)}
    return subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=50
    )


def test_server_that_raises_fails_the_case_and_not_the_kit(tmp_path: Path) -> None:
    tmp_path.joinpath("crashing.py").write_text(CRASHING)
    target = ["--target", "direct:crashing:factory", "--revision", "0.99"]
    done = check(tmp_path, *target, "--case", "timeout/unanswered")
    assert done.returncode == 1, done
    assert "FAIL  timeout/unanswered" in done.stdout
    assert "the target's output has ended" in done.stdout
    assert "1 case: 1 fail" in done.stdout


def test_factory_that_raises_at_once_is_told_in_one_sentence(tmp_path: Path) -> None:
    tmp_path.joinpath("broken.py").write_text(
        "def factory(home, environ, argv):\n    raise ValueError('no such option')\n"
    )
    done = check(tmp_path, "--target", "direct:broken:factory")
    assert done.returncode == 2
    assert done.stderr == (
        "codex-conformance: the target cannot be started: ValueError: no such option\n"
    )


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_program_is_found_from_where_the_user_is(tmp_path: Path, jobs: str) -> None:
    program = tmp_path / "server"
    program.write_text(f"#!/bin/sh\nexec {sys.executable} -m codex_conformance serve\n")
    program.chmod(0o755)
    done = check(tmp_path, "--case", "read/nobody/auth-required", "--jobs", jobs, "--", "./server")
    assert done.returncode == 0, done.stdout + done.stderr
