"""The command line: bad input, unfit targets, what is printed."""

import io
import subprocess
import sys
import time
from pathlib import Path

import pytest
from codex_conformance import cli, lint
from codex_conformance.processes import last_words
from codex_conformance.stand_in.launch import SERVE_USAGE

KIT = [sys.executable, "-m", "codex_conformance"]


def call(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [*KIT, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=50, cwd=cwd)


def complaint(*arguments: str) -> str:
    """What is said about bad input: on stderr, without a traceback, with exit status 2."""
    done = call(*arguments)
    assert done.returncode == 2, done
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    return done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check", "--revision", "0.77"], "'0.77' is not one of 'auto', '0.93', '0.99', '0.169'"),
        (["check", "--jobs", "0"], "neither a whole number above 0 nor 'auto'"),
        (["check", "--jobs", "many"], "neither a whole number above 0 nor 'auto'"),
        (["check", "--target", "tcp:1"], "or direct:PACKAGE.MODULE:FACTORY"),
        (
            ["check", "--target", "ws://127.0.0.1:1", "--", "x"],
            "a server that runs already, but there is a COMMAND too\n  --target ws -- COMMAND",
        ),
        (["check", "--target", "direct:no.such:thing"], "cannot be loaded: No module named 'no'"),
        (["check", "--target", "direct:json:thing"], "has no attribute 'thing'"),
        (["check", "--without", "LOGIN"], "expected AREA=REASON"),
        (["check", "--without", "NONE=because"], "expected AREA=REASON"),
        (["check", "--baseline", "/no/such.toml"], "/no/such.toml: No such file or directory"),
        (["check", "--json", "/proc/none/r.json"], "/proc/none/r.json: cannot be written"),
        (["check", "-k", "(("], "expected an expression such as"),
        (["check", "-k", "no_such_case"], "no case is selected"),
        (["check", "--case", "no/such"], "--case no/such: no case has this id"),
        (
            ["check", "--case", "login/bearer", "--case", "no/such"],
            "--case no/such: no case has this id",
        ),
        (["check", "--bogus"], "No such option '--bogus'"),
        (["bogus"], "No such command 'bogus'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_gets_one_clear_error(arguments: list[str], said: str) -> None:
    assert said in complaint(*arguments)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["/no/such/server"], "cannot be started: /no/such/server: No such file or directory"),
        (["true"], "ended with exit status 0 before it answered initialize"),
        (["sh", "-c", "echo ouch >&2; exit 3"], "exit status 3 before it answered initialize; it "),
        (["cat"], "the target sends back what it is sent"),
        (["yes"], "output is no JSON-RPC: it said 'y' (not JSON"),
        (["head", "-c", "1000", "/dev/zero"], "output is no JSON-RPC"),
        (["sleep", "1000"], "did not answer initialize within 10 s"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_target_that_is_none_costs_bounded_time_and_one_sentence(
    command: list[str], said: str
) -> None:
    began = time.monotonic()
    words = complaint("check", "--", *command)
    assert time.monotonic() - began < 30
    assert said in words
    assert len(words.splitlines()) == 1


def test_target_that_refuses_everything_is_unfit() -> None:
    refuse = (
        "import json, sys\n"
        "for line in sys.stdin:\n"
        "    message = json.loads(line)\n"
        "    error = {'code': 1, 'message': 'no'}\n"
        "    if 'id' in message:\n"
        "        print(json.dumps({'id': message['id'], 'error': error}), flush=True)\n"
    )
    words = complaint("check", "--", sys.executable, "-c", refuse)
    assert "the target refuses initialize: no" in words


def test_target_that_answers_every_request_with_an_empty_object_is_unfit() -> None:
    agree = (
        "import json, sys\n"
        "for line in sys.stdin:\n"
        "    message = json.loads(line)\n"
        "    if 'id' in message:\n"
        "        print(json.dumps({'id': message['id'], 'result': {}}), flush=True)\n"
    )
    words = complaint("check", "--", sys.executable, "-c", agree)
    assert "the opening conversation fails: expected a thread to start; got" in words


def test_files_of_a_target_are_looked_for_where_it_runs_and_the_complaint_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "server.py"
    script.write_text("def broken():\n    raise RuntimeError('gone wrong')\nbroken()\n")
    monkeypatch.chdir(tmp_path)
    words = complaint("check", "--", sys.executable, script.name)
    assert "No such file or directory" in words
    assert f"server.py is a file here, but the target runs in a fresh folder: {script}" in (
        words.replace("name it as ", "")
    )
    words = complaint("check", "--", sys.executable, str(script))
    assert "ended with exit status 1 before it answered initialize" in words
    assert "it said 'RuntimeError: gone wrong'" in words


def test_last_words_are_those_that_tell_why() -> None:
    node = (
        b"node:internal/loader:1\n  throw err;\n\nError: Cannot find module 'x'\n"
        b"    at error (y)\n\nNode.js v20.20.2\n"
    )
    assert last_words(node) == "Error: Cannot find module 'x'"
    assert last_words(b"starting\n\x1b[2Jbye\n\n") == "\\x1b[2Jbye"
    assert last_words(b"") == ""


@pytest.mark.parametrize("arguments", [["check", "--"], ["check", "--target", "ws", "--"]])
def test_target_named_by_a_relative_path_is_started(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "server"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    assert "ended with exit status 3" in complaint(*arguments, "./server")
    assert "ended with exit status 3" in complaint("spec", "diff", "./server")


def test_run_without_a_verdict_leaves_no_report_of_another_run(tmp_path: Path) -> None:
    names = {"json": "r.json", "junit": "r.xml", "html": "r.html", "badge": "b", "summary": "s.md"}
    options = [word for option, file in names.items() for word in (f"--{option}", file)]
    good = call("check", "--case", "login/bearer", *options, cwd=tmp_path)
    assert good.returncode == 0, good.stderr
    assert set(names.values()) <= {path.name for path in tmp_path.iterdir()}
    assert call("check", *options, "--", "false", cwd=tmp_path).returncode == 2
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == []


def test_summary_of_a_job_stays_when_a_run_has_no_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("of another step")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    complaint("check", "--summary", str(summary), "--", "false")
    assert summary.read_text() == "of another step"


def test_file_for_two_reports_is_refused(tmp_path: Path) -> None:
    file = str(tmp_path / "r")
    words = complaint("check", "--json", file, "--badge", file, "--", "false")
    assert f"{file}: is named by --json and by --badge" in words


def test_list_shows_the_cases_and_their_clauses() -> None:
    done = call("check", "--list", "--revision", "0.93")
    assert done.returncode == 0
    assert "TIMEOUT-1" in done.stdout


def test_check_judges_the_reference_server_by_default() -> None:
    done = call("check", "-k", "LOGIN-1")
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith("Judging reference server, in process")
    assert done.stdout.endswith("reference server, in process: conforms\n")


def test_serve_shows_the_same_help_through_the_list_of_commands(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as done:
        cli.app(["serve", "--help"], standalone_mode=False)
    assert (done.value.code, capsys.readouterr().out) == (0, SERVE_USAGE)


def test_faults_of_the_specification_are_told_a_line_each(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lint, "lint", lambda _cases: ["WIRE-1: one", "WIRE-2: another"])
    with pytest.raises(SystemExit) as done:
        cli.app(["spec", "check"], standalone_mode=False)
    assert (done.value.code, capsys.readouterr().out) == (1, "WIRE-1: one\nWIRE-2: another\n")


def test_command_line_speaks_to_streams_that_have_no_codec(monkeypatch: pytest.MonkeyPatch) -> None:
    said = io.StringIO()
    monkeypatch.setattr(sys, "stdout", said)
    monkeypatch.setattr(sys, "argv", ["codex-conformance", "spec", "check"])
    cli.main()
    assert said.getvalue() == "nothing is wrong\n"
