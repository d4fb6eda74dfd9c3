"""The executable that stands in for codex: from everywhere, with whatever parents give it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from codex_conformance import reference
from codex_conformance.errors import UsageError
from codex_conformance.stand_in import launch, shim
from codex_conformance.stand_in.settings import FILE, Settings, file_text, read_settings
from codex_conformance.stand_in.shim import write_shim

INITIALIZE = b'{"id":1,"method":"initialize","params":{"clientInfo":{"name":"me","version":"2"}}}\n'
LONG = "a folder with blanks, ünïcode and a name that is long " + "x" * 100


def run(
    *command: str | Path, stdin: bytes = b"", cwd: Path | None = None, **environ: str
) -> "subprocess.CompletedProcess[bytes]":
    """Run a command in an environment of just these variables."""
    return subprocess.run(
        command, input=stdin, capture_output=True, env=environ, cwd=cwd, check=False, timeout=50
    )


def user_agent(done: "subprocess.CompletedProcess[bytes]") -> str:
    assert (done.returncode, done.stderr) == (0, b""), done
    return str(json.loads(done.stdout)["result"]["userAgent"])


@pytest.fixture
def codex(tmp_path: Path) -> Path:
    return write_shim(tmp_path / "bin")


def test_codex_serves_with_an_empty_environment_from_everywhere(tmp_path: Path) -> None:
    codex = write_shim(tmp_path / LONG, Settings(version="9.8.7"))
    link = tmp_path / "link"
    link.symlink_to(codex)
    own = codex.parent
    for command, cwd in ((codex, Path("/")), (link, tmp_path), ("./codex", own)):
        agent = user_agent(run(command, "app-server", stdin=INITIALIZE, cwd=cwd, HOME=str(own)))
        assert agent.startswith("me/9.8.7 (")
        assert agent.endswith(" (me; 2)")
    found = run("/usr/bin/env", "codex", "app-server", stdin=INITIALIZE, cwd=own, PATH=str(own))
    assert user_agent(found).startswith("me/9.8.7 (")


def test_codex_runs_a_python_whose_path_no_shebang_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / LONG / "python"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    codex = write_shim(tmp_path)
    assert codex.read_text().startswith("#!/bin/sh\n'''exec' ")
    assert run(codex, "--version").stdout == b"codex-cli 0.169.0\n"
    monkeypatch.setattr(sys, "executable", '/odd"python')
    with pytest.raises(UsageError, match="has quotes"):
        write_shim(tmp_path)


ARGUMENTS = [
    ["app-server"],
    ["app-server", "--listen", "stdio://"],
    ["-c", 'cli_auth_credentials_store="ephemeral"', "app-server"],
    ["--config", "model=o3", "app-server", "--listen", "stdio://"],
    ["--enable", "a", "--disable", "b", "app-server", "--stdio", "--disable", "c"],
    ["app-server", "--analytics-default-enabled", "--session-source", "vscode", "-c", "a.b=1"],
]


@pytest.mark.parametrize("arguments", ARGUMENTS, ids=" ".join)
def test_codex_takes_what_parents_give_it(codex: Path, arguments: list[str]) -> None:
    done = run(codex, *arguments, stdin=INITIALIZE, HOME=str(codex.parent))
    assert user_agent(done).startswith("me/0.169.0 (")


def test_codex_answers_what_parents_ask_before_they_begin(codex: Path, tmp_path: Path) -> None:
    assert run(codex, "--version").stdout == b"codex-cli 0.169.0\n"
    assert run(codex, "-V", CODEX_CONFORMANCE_VERSION="1.2.3").stdout == b"codex-cli 1.2.3\n"
    home = {"CODEX_HOME": str(tmp_path)}
    status = run(codex, "login", "status", **home)
    assert (status.returncode, status.stderr) == (1, b"Not logged in\n")
    auth = tmp_path / "auth.json"
    auth.write_text('{"OPENAI_API_KEY": "sk-abcdefghijklmnop"}')
    status = run(codex, "login", "status", **home)
    assert (status.returncode, status.stderr) == (
        0,
        b"Logged in using an API key - sk-abcde***lmnop\n",
    )
    auth.write_text('{"OPENAI_API_KEY": null, "tokens": {"access_token": "t"}}')
    assert run(codex, "login", "status", **home).stderr == b"Logged in using ChatGPT\n"
    assert run(codex, "--help").stdout.startswith(b"usage: codex ")


@pytest.mark.parametrize("revision", ["0.93", "0.99", "0.169"])
def test_codex_does_not_differ_from_its_revision(tmp_path: Path, revision: str) -> None:
    codex = write_shim(tmp_path, Settings(revision=revision))
    kit = [sys.executable, "-m", "codex_conformance", "spec", "diff", "--", str(codex)]
    done = run(*kit, PATH=os.environ["PATH"])
    assert done.returncode == 0, done.stdout
    assert done.stdout.endswith(b"no differences\n")
    out = tmp_path / "out"
    assert run(codex, "app-server", "generate-json-schema", f"--out={out}").returncode == 0
    params = json.loads((out / "v2" / "TurnStartParams.json").read_text())
    assert "threadId" in params["properties"]
    assert "UserInput" in params["definitions"]


REFUSED = [
    ([], "there is no terminal interface here: expected app-server; see --help"),
    (["exec", "do it"], "a stand-in for codex does not do 'exec do it'; --help says what"),
    (
        ["app-server", "generate-ts", "--out", "x"],
        "a stand-in for codex does not do 'app-server generate-ts'; --help says what",
    ),
    (["app-server", "generate-json-schema"], "generate-json-schema needs --out DIR"),
]


@pytest.mark.parametrize(("arguments", "reason"), REFUSED)
def test_codex_refuses_the_rest_with_one_sentence(
    codex: Path, arguments: list[str], reason: str
) -> None:
    done = run(codex, *arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode() == f"codex: error: {reason}\n"


def test_codex_with_bad_settings_says_what_is_wrong(codex: Path) -> None:
    file = codex.parent / FILE
    for text, reason in (
        ("=", f"{file} is not TOML: "),
        ("expire_after = 1", f"{file}: Object contains unknown field `expire_after`"),
        ("expire-after = 0", f"{file}: Expected `float` > 0.0 - at `$.expire-after`"),
        ('revision = "1"', "--revision is '1', expected one of 0.93, 0.99, 0.169"),
        ('backend = "ftp:"', "backend is 'ftp:', expected 'embedded' or a URL"),
    ):
        file.write_text(text)
        done = run(codex, "app-server")
        assert done.returncode == 2
        assert reason in done.stderr.decode()
    assert run(codex, "app-server", CODEX_CONFORMANCE_EXPIRE_AFTER="soon").returncode == 2


def test_shim_overwrites_its_own_and_nothing_else(tmp_path: Path) -> None:
    codex = write_shim(tmp_path, Settings(expire_after=5))
    assert write_shim(tmp_path) == codex
    assert read_settings(tmp_path, {}).expire_after == 5
    write_shim(tmp_path, Settings(revision="0.93"))
    assert read_settings(tmp_path, {}) == Settings(revision="0.93")
    codex.write_text("#!/bin/sh\n")
    with pytest.raises(UsageError, match="was not written by codex-conformance"):
        write_shim(tmp_path)
    codex.unlink()
    codex.mkdir()
    with pytest.raises(UsageError, match="was not written by codex-conformance"):
        write_shim(tmp_path)
    codex.rmdir()
    codex.symlink_to("/bin/true")
    with pytest.raises(UsageError):
        write_shim(tmp_path)
    with pytest.raises(UsageError, match="cannot be written to"):
        write_shim(Path("/dev/null/x"))


def test_settings_of_the_environment_win_over_the_file(tmp_path: Path) -> None:
    settings = Settings(revision="0.93", version='a"b', expire_after=1.5, traffic="/t.jsonl")
    tmp_path.joinpath(FILE).write_text(file_text(settings))
    assert read_settings(tmp_path, {}) == settings
    environ = {"CODEX_CONFORMANCE_EXPIRE_AFTER": "60", "CODEX_CONFORMANCE_SCENARIO": "other"}
    assert read_settings(tmp_path, environ).expire_after == 60
    tmp_path.joinpath(FILE).write_text('traffic = "t.jsonl"')
    assert read_settings(tmp_path, {}).traffic == str(tmp_path / "t.jsonl")


def test_codex_runs_another_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.joinpath("my_program.py").write_text("def go(executable): print(executable)")
    monkeypatch.setattr(shim, "_places", lambda: [str(tmp_path)])
    codex = write_shim(tmp_path, program="my_program:go")
    assert run(codex).stdout.decode() == f"{codex}\n"


Serve = Callable[..., "subprocess.CompletedProcess[bytes]"]


def serve(*arguments: str, **environ: str) -> Any:
    return run(sys.executable, "-m", "codex_conformance", "serve", *arguments, **environ)


def test_serve_writes_the_shim_and_tells_where(tmp_path: Path) -> None:
    done = serve("--shim", str(tmp_path / "bin"), "--expire-after=2.5")
    assert done.stdout.decode() == f"{tmp_path / 'bin' / 'codex'}\n"
    assert read_settings(tmp_path / "bin", {}) == Settings(expire_after=2.5)
    refused = serve("--shim", str(tmp_path), "app-server")
    assert (refused.returncode, refused.stdout) == (2, b"")
    assert refused.stderr.decode() == (
        "codex-conformance serve: error: --shim with 'app-server': "
        "whoever starts the executable says that\n"
    )


def test_serve_refuses_bad_options_with_one_sentence() -> None:
    for arguments, reason in (
        (["--backend"], "--backend needs a value; --help says which"),
        (["--backend", "x"], "backend is 'x', expected 'embedded' or a URL that begins http:// "),
        (["--expire-after", "soon"], "the arguments: Expected `float | null`, got `str`"),
    ):
        done = serve(*arguments)
        assert done.returncode == 2
        assert reason in done.stderr.decode()


def test_serve_shows_help() -> None:
    done = serve("--help")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"usage: codex-conformance serve ")


def test_files_that_a_shim_writes_are_found_from_everywhere(tmp_path: Path) -> None:
    command = (sys.executable, "-m", "codex_conformance", "serve", "--shim=bin", "--traffic=t")
    assert run(*command, cwd=tmp_path).returncode == 0
    assert read_settings(tmp_path / "bin", {}) == Settings(traffic=str(tmp_path / "t"))


def test_fault_of_the_stand_in_itself_is_not_taken_for_bad_usage(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fault = ExceptionGroup("tasks", [ExceptionGroup("more", [KeyError("a fault")])])

    def fail(*_: object) -> int:
        raise fault

    monkeypatch.setattr(reference, "serve", fail)
    with pytest.raises(ExceptionGroup) as caught:
        launch.run(Settings(), [])
    assert caught.value is fault


def test_settings_that_cannot_be_read_are_refused_and_none_are_the_usual_ones(
    tmp_path: Path,
) -> None:
    assert read_settings(tmp_path, {}) == Settings()
    (tmp_path / FILE).mkdir()
    with pytest.raises(UsageError) as refused:
        read_settings(tmp_path, {})
    assert refused.value.message.startswith(f"{tmp_path / FILE} cannot be read: ")


def test_codex_says_why_it_can_tell_no_version_and_no_schema(codex: Path) -> None:
    def told(*arguments: str) -> tuple[int, str]:
        done = run(codex, *arguments)
        return done.returncode, done.stderr.decode()

    schema = ("app-server", "generate-json-schema", "--out", "/dev/null/x")
    assert told(*schema) == (
        2,
        "codex: error: /dev/null/x: cannot be written to: Not a directory\n",
    )
    (codex.parent / FILE).write_text('revision = "1"')
    assert told("--version") == (
        2,
        "codex: error: revision is '1', expected one of 0.93, 0.99, 0.169\n",
    )
