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
    raise {fault}
"""
# Something happens when the server is started for the third time, which is for the first case.
LATER = """
import os
from pathlib import Path
import codex_reference_server

def factory(home, environ, argv):
    starts = Path("starts")
    starts.write_text(starts.read_text() + "." if starts.exists() else ".")
    if len(starts.read_text()) {when}:
        {what}
    return codex_reference_server.in_memory(home, environ, ["--revision", "0.99"])
"""
ONE = ["--revision", "0.99", "--case", "read/nobody/auth-required"]


def check(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "codex_conformance", "check", *arguments]
    inherited = {name: value for name, value in os.environ.items() if "XDIST" not in name}
    environ = inherited | {"PYTHONPATH": str(folder)}
    return subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=50
    )


@pytest.mark.parametrize("fault", ['RuntimeError("a fault of the server")', "SystemExit(3)"])
def test_server_that_raises_fails_the_case_and_not_the_kit(tmp_path: Path, fault: str) -> None:
    tmp_path.joinpath("crashing.py").write_text(CRASHING.replace("{fault}", fault))
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


def later(folder: Path, when: str, what: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    folder.joinpath("later.py").write_text(LATER.format(when=when, what=what))
    return check(folder, "--target", "direct:later:factory", *ONE, *arguments)


def test_interrupt_in_the_midst_of_a_case_ends_the_run_which_tells_what_it_found(
    tmp_path: Path,
) -> None:
    done = later(tmp_path, "== 3", "raise KeyboardInterrupt")
    assert done.returncode == 130
    assert done.stdout.endswith("no verdict: the run was interrupted\n")
    assert "Traceback" not in done.stdout + done.stderr


def test_interrupt_before_the_first_case_ends_without_a_word(tmp_path: Path) -> None:
    done = later(tmp_path, "== 1", "raise KeyboardInterrupt")
    assert (done.returncode, done.stdout, done.stderr.strip()) == (130, "", "")


def test_worker_that_dies_is_an_error_and_no_verdict_on_the_target(tmp_path: Path) -> None:
    die = 'os._exit(9) if "PYTEST_XDIST_WORKER" in os.environ else None'
    done = later(tmp_path, "> 0", die, "--jobs", "2")
    assert done.returncode == 2
    assert "the kit or the machine broke, not the target:" in done.stdout
    assert "crashed while running" in done.stdout
    assert "1 case: 1 error" in done.stdout


def test_target_that_cannot_be_talked_to_after_the_cases_has_no_verdict(tmp_path: Path) -> None:
    done = later(tmp_path, "== 4", 'raise ValueError("no room")')
    assert done.returncode == 2
    assert done.stderr == (
        "codex-conformance: the conversation that went well before the cases fails after them: "
        "the target cannot be started: ValueError: no room\n"
        "  the machine or the kit broke on the way, so no verdict of this run counts\n"
    )


def test_target_of_a_revision_without_the_selected_cases_has_no_verdict(tmp_path: Path) -> None:
    serve = [sys.executable, "-m", "codex_conformance", "serve", "--revision", "0.93"]
    done = check(tmp_path, "--case", "init/second-opens-no-gate", "--", *serve)
    assert (done.returncode, done.stderr) == (
        2,
        "codex-conformance: nothing ran: no selected case is one of revision 0.93\n",
    )


def test_area_that_is_declared_away_is_not_applicable_for_the_reason_that_was_given(
    tmp_path: Path,
) -> None:
    done = check(tmp_path, *ONE, "--without", "READ=nobody reads here")
    assert done.returncode == 0
    assert "Not applicable (1 case): declared with --without: nobody reads here" in done.stdout


def test_device_login_that_expires_is_not_waited_for_by_a_real_clock(tmp_path: Path) -> None:
    serve = [sys.executable, "-m", "codex_conformance", "serve"]
    done = check(tmp_path, "--case", "managed/device-expires", "--", *serve)
    assert done.returncode == 0, done.stdout
    assert (
        "Not applicable (1 case): by a real clock it would take a quarter of an hour" in done.stdout
    )


def test_browser_login_of_a_command_is_visited_over_the_network(tmp_path: Path) -> None:
    serve = [sys.executable, "-m", "codex_conformance", "serve"]
    for target in ([], ["--target", "ws"]):
        done = check(tmp_path, "--case", "managed/callback", *target, "--", *serve)
        assert done.returncode == 0, done.stdout
        assert "1 case: 1 pass" in done.stdout
