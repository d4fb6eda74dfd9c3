"""Targets that listen: they are judged by the same cases; what cannot apply says why."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

KIT = [sys.executable, "-m", "codex_conformance"]
SERVE = [*KIT, "serve"]
SOME = ["refresh/good-answer", "connections/first-answer/other", "wire/end-of-input/idle"]
EXPECTED = (
    "expected ws or unix with a COMMAND, ws://IP:PORT, unix:PATH, or direct:PACKAGE.MODULE:FACTORY"
)
NO_BYTES = "messages come as text frames here: there is no stream of bytes to cut, or to end"


def check(folder: Path, *arguments: str) -> tuple[int, dict[str, Any], str]:
    """Exit status of a check, its cases, and what it said on stderr."""
    results = folder / "results.json"
    command = [*KIT, "check", "--jobs", "1", "--json", str(results), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=55)
    if not results.exists():
        return done.returncode, {}, done.stderr
    cases = {case["id"]: case for case in json.loads(results.read_text())["cases"]}
    return done.returncode, cases, done.stderr


def only(*cases: str) -> list[str]:
    return [word for case in cases for word in ("--case", case)]


@pytest.mark.parametrize(
    ("target", "revision"), [("ws", "0.93"), ("unix", "0.99"), ("ws", "0.169")]
)
def test_command_that_listens_is_judged(tmp_path: Path, target: str, revision: str) -> None:
    status, cases, _ = check(
        tmp_path, "--target", target, *only(*SOME), "--", *SERVE, "--revision", revision
    )
    verdicts = {case: one["verdict"] for case, one in cases.items()}
    assert verdicts == dict(zip(SOME, ["pass", "pass", "not-applicable"], strict=True))
    assert cases["wire/end-of-input/idle"]["message"] == NO_BYTES
    assert status == 0


def test_command_over_its_standard_streams_takes_one_connection(tmp_path: Path) -> None:
    status, cases, _ = check(tmp_path, *only("connections/handshake"), "--", *SERVE)
    assert {case: one["message"] for case, one in cases.items()} == {
        "connections/handshake": "over standard input and output there is one connection"
    }
    assert status == 0


@pytest.mark.parametrize("scheme", ["ws", "unix"])
def test_running_server_is_judged_by_what_changes_nothing(tmp_path: Path, scheme: str) -> None:
    place = "ws://127.0.0.1:0" if scheme == "ws" else f"unix://{tmp_path}/s"
    home = tmp_path / "home"
    home.mkdir()
    environ = {"CODEX_HOME": str(home), "PATH": "/usr/bin:/bin"}
    with subprocess.Popen(
        [*SERVE, "--listen", place], stderr=subprocess.PIPE, text=True, env=environ
    ) as server:
        assert server.stderr is not None
        server.stderr.readline()
        address = server.stderr.readline().removeprefix("  listening on: ").strip()
        others = {
            "connections/opt-out",
            "other/usage",
            "read/nobody/auth-required",
        }
        chosen = only("wire/one-response", "init/second", *SOME, *others)
        status, cases, said = check(tmp_path, "--target", address, *chosen)
        server.terminate()
        assert server.wait(10) == 0
    verdicts = {case: one["verdict"] for case, one in cases.items()}
    assert verdicts.pop("wire/one-response") == "pass"
    assert cases["init/second"]["message"] == (
        "account/login/start could change a running server that is not the kit's"
    )
    assert set(verdicts.values()) == {"not-applicable"}
    assert (status, said) == (0, "")
    assert list(home.iterdir()) == []


def test_target_that_does_not_listen_is_told_in_one_sentence(tmp_path: Path) -> None:
    status, _, said = check(tmp_path, "--target", "ws", "--", "/bin/sh", "-c", "echo no; exit 7")
    assert (status, said) == (
        2,
        "codex-conformance: the target ended with exit status 7; it said 'no'\n",
    )
    status, _, said = check(tmp_path, "--target", "ws://127.0.0.1:9")
    assert status == 2
    assert said.startswith("codex-conformance: cannot connect to ws://127.0.0.1:9: ")
    assert said.count("\n") == 1


def test_socket_whose_path_would_be_too_long_is_told_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setenv("TMPDIR", str(long))
    status, _, said = check(tmp_path, "--target", "unix", *only(SOME[0]), "--", *SERVE)
    assert status == 2
    assert re.fullmatch(
        r"codex-conformance: the path of a socket can have 107 bytes, and /\S+/s has more\n"
        r"  set TMPDIR to a folder with a shorter path\n",
        said,
    )
    status, cases, _ = check(tmp_path, "--target", "ws", *only(SOME[0]), "--", *SERVE)
    assert (status, cases[SOME[0]]["verdict"]) == (0, "pass")


@pytest.mark.parametrize(
    "arguments",
    [["--target", "ws"], ["--target", "tcp"], ["--target", "unix:"], ["--target", "ws://x"]],
)
def test_target_that_makes_no_sense_is_refused(tmp_path: Path, arguments: list[str]) -> None:
    status, _, said = check(tmp_path, *arguments)
    assert (status, said) == (
        2,
        f"codex-conformance: --target {arguments[1]}: {EXPECTED}\n  a command goes after --\n",
    )
