"""A codex is asked for its own schema; what is none costs one clear sentence."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from codex_account_protocol import REVISIONS
from codex_conformance.drift import compare
from codex_conformance.dump import DumpError, ask
from codex_conformance.errors import ConformanceError
from codex_conformance.release import BUNDLE, BundleError, Release

KIT = [sys.executable, "-m", "codex_conformance", "spec", "diff"]


def diff(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    environ = os.environ | {"COLUMNS": "200"} | more
    return subprocess.run(
        [*KIT, *arguments], capture_output=True, text=True, check=False, timeout=50, env=environ
    )


def add_a_mood(definitions: dict[str, Any]) -> None:
    members = definitions["v2"]["AccountUpdatedNotification"]["properties"]
    members["mood"] = {"type": "string"}


# --- what is printed


@pytest.mark.parametrize("revision", REVISIONS)
def test_release_that_does_not_differ_ends_with_status_0(codex, revision):
    done = diff("--", codex(revision, version=f"codex-cli {revision}.0"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        f"codex-cli {revision}.0 beside revision {revision}\n"
        "\n"
        "not compared: threads, turns and items, which spec/ leaves open on purpose\n"
        "no differences\n"
    )


def test_release_that_differs_ends_with_status_1_and_says_in_what(codex):
    done = diff("--", codex("0.99", add_a_mood, version="codex-cli 0.120.3"))
    assert (done.returncode, done.stderr) == (1, "")
    assert re.fullmatch(
        r"codex-cli 0\.120\.3 beside revision 0\.99\n"
        r"\n"
        r"types\n"
        r"  AccountUpdatedNotification\n"
        r"    added    mood: string, optional\n"
        r"      clauses LOGIN-3, LOGIN-4, [A-Z0-9, -]+\n"
        r"      cases   [\w/,\s-]*login/[\w/,\s-]*"
        r"not compared: .*\n"
        r"1 difference\n",
        done.stdout,
    )


def test_release_can_be_put_beside_any_revision(codex):
    done = diff("--revision", "0.93", "--", codex("0.99", version="codex-cli 0.99.0"))
    assert done.returncode == 1
    assert "    removed  chatgptAuthTokens.idToken: string, required\n" in done.stdout
    assert "    added    chatgptAuthTokens.chatgptAccountId: string, required\n" in done.stdout


def test_release_without_the_option_experimental_is_stable_as_a_whole(codex):
    binary = codex("0.93", experimental=False, version="codex-cli 0.93.0")
    assert anyio.run(ask, binary).release.stable is None
    assert diff("--", binary).returncode == 0


def test_binary_that_names_no_version_is_called_by_its_path(codex):
    binary = codex("0.169", version="a build of mine")
    done = diff("--", binary)
    assert done.stdout.startswith(f"{binary} beside revision 0.169\n")


def test_binary_is_found_by_its_name(codex):
    folder = Path(codex("0.99", version="codex-cli 0.99.0")).parent
    done = diff("--", "codex", PATH=f"{folder}:{os.environ['PATH']}")
    assert done.returncode == 0, done


# --- how it is asked


def test_binary_gets_a_home_of_its_own_and_nothing_that_could_steer_it(executable, tmp_path):
    binary = executable(f'env > "{tmp_path}/environment"; pwd > "{tmp_path}/folder"; exit 3')
    steering = {"OPENAI_API_KEY": "k", "CODEX_HOME": "/mine", "RUST_LOG": "trace"}
    assert diff("--", binary, **steering, https_proxy="http://127.0.0.1:1").returncode == 2
    environment = tmp_path.joinpath("environment").read_text()
    found = dict(re.findall(r"(?m)^(\w+)=(.*)$", environment))
    assert not found.keys() & {"OPENAI_API_KEY", "RUST_LOG", "https_proxy"}
    home, work = Path(found["CODEX_HOME"]), Path(tmp_path.joinpath("folder").read_text().strip())
    assert home.parent == work.parent
    assert not home.exists(), "it is gone with the command"


def test_binary_that_does_not_end_is_ended_with_all_that_it_began(executable, tmp_path):
    binary = executable(
        f'mkfifo "{tmp_path}/open"; (echo $$ > "{tmp_path}/pid"; exec cat "{tmp_path}/open") & wait'
    )
    with pytest.raises(DumpError, match=r"it did not end within 0\.5 s$"):
        anyio.run(ask, binary, 0.5)
    pid = tmp_path.joinpath("pid").read_text().strip()
    assert not Path("/proc", pid).exists()


def test_binary_that_never_stops_talking_costs_bounded_memory(executable):
    binary = executable("exec yes")
    with pytest.raises(DumpError, match=r"did not end within 0\.5 s"):
        anyio.run(ask, binary, 0.5)


# --- what is no codex


def complaint(binary: str) -> str:
    with pytest.raises(ConformanceError) as refused:
        anyio.run(ask, binary)
    return refused.value.message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "expected it to write its schema; it cannot be started: No such file or directory"),
        ("{", f"{BUNDLE}: expected JSON, got this: Expecting property name"),
    ],
)
def test_bad_input_gets_one_clear_error_and_status_2(codex, tmp_path, text, said):
    done = diff("--", codex(text=text) if text else f"{tmp_path}/none")
    assert (done.returncode, done.stdout) == (2, "")
    error, hint = done.stderr.splitlines()
    assert error.startswith("codex-conformance: ")
    assert said in error
    assert hint.startswith("  ")


def test_binary_that_is_not_executable(tmp_path):
    tmp_path.joinpath("codex").write_text("#!/bin/sh\n")
    assert "it cannot be started: Permission denied" in complaint(f"{tmp_path}/codex")
    assert "it cannot be started: Permission denied" in complaint(str(tmp_path))


def test_binary_that_is_no_program(executable, tmp_path):
    path = Path(executable(""))
    path.write_bytes(b"\x7fELF")
    assert "it cannot be started: Exec format error" in complaint(str(path))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("echo 'error: unrecognized subcommand' >&2; exit 2", "2, saying: error: unrecognized sub"),
        ("echo 'what?'; exit 1", "1, saying: what?"),
        ("exit 7", "7"),
        ("kill -9 $$", "-9"),
    ],
)
def test_binary_without_the_command(executable, body, said):
    words = f"expected it to write its schema; it ended with exit status {said}"
    assert words in complaint(executable(body))


def test_binary_whose_experimental_schema_fails(executable, codex):
    Path(codex("0.99")).rename(Path(codex("0.99")).with_name("real"))
    binary = executable(
        '[ -n "$5" ] && { echo ouch >&2; exit 9; }; exec "$(dirname "$0")/real" "$@"'
    )
    assert (
        "--experimental: expected it to write its schema; it ended with exit status 9, saying: ouch"
        in complaint(binary)
    )


def test_binary_that_writes_nothing(executable):
    assert f"expected {BUNDLE}, got an empty folder" in complaint(executable("exit 0"))


def test_binary_that_writes_other_files(executable):
    said = complaint(executable('touch "$4/a.json" "$4/b.json"'))
    assert f"expected {BUNDLE}, got a.json, b.json" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected JSON, got this: Expecting value"),
        ("{", "expected JSON, got this: Expecting property name"),
        ("[" * 100_000, "expected JSON, got this: maximum recursion depth exceeded"),
        ("[]", "expected an object with definitions, got none"),
        ("{}", "expected an object with definitions, got none"),
        ('{"definitions": {}}', "expected an object with definitions, got none"),
        ('{"definitions": []}', "expected an object with definitions, got none"),
        ('{"definitions": {"v2": []}}', "expected an object with definitions, got none"),
        ('{"definitions": {"A": {}}}', "expected a definition of ClientRequest, got none"),
    ],
    ids=lambda text: text[:30],
)
def test_binary_that_writes_no_schema(codex, text, said):
    assert complaint(codex(text=text)).startswith(f"{BUNDLE}: {said}")


def test_bytes_that_are_no_text(executable):
    said = complaint(executable(f'printf "\\377\\376\\000x" > "$4/{BUNDLE}"'))
    assert f"{BUNDLE}: expected JSON, got this: " in said


def test_arguments_beside_the_binary_are_refused():
    done = diff("--", "codex", "app-server")
    assert done.returncode == 2
    assert "Got unexpected extra argument (app-server)" in done.stderr


# --- what a bundle may hold


def test_a_type_that_refers_to_nothing_is_refused(release_of: Callable[..., Release]) -> None:
    def edit(definitions: dict[str, Any]) -> None:
        members = definitions["v2"]["GetAccountParams"]["properties"]
        members["x"] = {"$ref": "#/definitions/Gone"}

    with pytest.raises(BundleError, match="expected Gone, to which GetAccountParams refers"):
        compare(release_of("0.99", edit), "0.99")


@pytest.mark.parametrize(
    "schema",
    [{"properties": []}, {"type": "text"}, {"oneOf": {}}, {"required": "a"}, {"$ref": 7}, [], 7],
    ids=json.dumps,
)
def test_a_type_that_is_no_schema_is_refused(release_of, schema):
    release = release_of("0.99", lambda it: it["v2"].update({"GetAccountParams": schema}))
    with pytest.raises(BundleError, match="GetAccountParams: expected a JSON Schema"):
        compare(release, "0.99")


@pytest.mark.parametrize(
    "row",
    [
        {},
        True,
        {"properties": {}},
        {"properties": {"method": {"enum": [1]}}},
        {"properties": {"method": True}},
    ],
    ids=json.dumps,
)
def test_a_list_of_methods_that_names_none_is_refused(release_of, row):
    with pytest.raises(BundleError, match="ClientRequest: expected variants of one method each"):
        release_of("0.99", lambda it: it["ClientRequest"]["oneOf"].append(row))
