"""`codex-conformance parent`: what cannot be judged is said in a sentence, in bounded time."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from codex_conformance.errors import UnfitTargetError
from codex_conformance.judge_parent import app, opening, relay
from codex_conformance.judge_parent.judge import judge_parent
from codex_conformance.release import BUNDLE
from judging import HERE, PYTHON, broken, told, wish

GOOD = (*PYTHON, str(HERE / "parent.py"))


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "codex_conformance", "parent", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=55)


def shell(script: str) -> str:
    """Why a shell script is no parent."""
    with pytest.raises(UnfitTargetError) as caught:
        judge_parent(wish("sh", "-c", script), [])
    return caught.value.message


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "STARTING", 1.0)
    monkeypatch.setattr(opening, "STARTING", 1.0)


def test_command_that_does_not_exist_is_named() -> None:
    done = run("--", "./no-such-parent")
    assert done.returncode == 2
    assert done.stderr == (
        "codex-conformance: the parent cannot be started: "
        "./no-such-parent: No such file or directory\n"
    )


def test_folder_whose_path_is_too_long_for_a_socket_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setenv("TMPDIR", str(long))
    done = run("--", "true")
    assert done.returncode == 2
    assert done.stderr.startswith("codex-conformance: the path of a socket can have 107 bytes")
    assert done.stderr.endswith("has more\n  set TMPDIR to a folder with a shorter path\n")


def test_no_command_is_said() -> None:
    done = run("--strict")
    assert done.returncode == 2
    assert done.stderr == (
        "codex-conformance: no command to judge\n  codex-conformance parent -- COMMAND\n"
    )


def test_list_shows_the_scenarios_and_their_clauses_and_starts_nothing() -> None:
    done = run("--list", "-k", "flight", "--", "./no-such-parent")
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["answers/id-of-its-request-in-flight", "PARENT-4"]
    ]


def test_command_that_exits_at_once_is_told_what_was_looked_for() -> None:
    done = run("--", "sh", "-c", "echo out of order >&2; exit 3")
    assert done.returncode == 2
    first, second = done.stderr.splitlines()
    assert first == (
        "codex-conformance: the parent never started codex: the parent has ended with exit status "
        "3; it last printed 'out of order'"
    )
    assert second.startswith("  a `codex` was first on its PATH and in CODEX_BIN, CODEX_PATH, ")


def test_parent_that_needs_a_terminal_gets_none() -> None:
    said = shell("test -t 0 || { echo no terminal; exit 1; }")
    assert said == (
        "the parent never started codex: the parent has ended with exit status 1; "
        "it last printed 'no terminal'"
    )


@pytest.mark.usefixtures("impatient")
def test_parent_that_never_starts_codex_is_not_waited_for() -> None:
    said = shell("echo thinking; sleep 60")
    assert said == (
        "the parent did not start codex within 1 s: the parent still runs; "
        "it last printed 'thinking'"
    )


def test_parent_that_writes_rubbish_is_quoted() -> None:
    said = shell("echo hello codex | codex app-server; sleep 5")
    assert said.startswith(
        "what the parent writes to codex is no JSON-RPC: 'hello codex' (not JSON"
    )


def test_parent_that_writes_without_end_is_ended() -> None:
    assert shell("yes | codex app-server").startswith(
        "what the parent writes to codex is no JSON-RPC: 'y' (not JSON"
    )
    assert shell("""yes '{"id":1,"method":"x"}' | codex app-server > /dev/null""").startswith(
        "the parent started codex and ended without logging in: it sent x; the parent floods codex,"
    )


@pytest.mark.parametrize("name", ["", "MY_CODEX=1"])
def test_variable_that_is_none_is_said(name: str) -> None:
    done = run("--variable", name, "--", "true")
    assert done.returncode == 2
    assert f"{name!r}: expected the name of an environment variable" in done.stderr


def test_parent_that_runs_another_command_of_codex_is_told() -> None:
    said = shell("codex --version; codex login status; codex exec hello; exit 0")
    assert said == "the parent ran `codex exec hello`, and never `codex app-server`"


def test_parent_that_does_not_log_in_is_told_what_it_sent() -> None:
    said = shell('echo \'{"id":1,"method":"account/read","params":{}}\' | codex app-server')
    assert said == (
        "the parent started codex and ended without logging in: it sent account/read; "
        "the parent has ended with exit status 0; it last printed "
        '\'{"id":1,"error":{"code":-32600,"message":"Not initialized"}}\''
    )


def test_codex_says_its_version_and_writes_its_schema(tmp_path: Path) -> None:
    said = shell(f"codex app-server generate-json-schema --out {tmp_path}; codex --version; exit 1")
    assert said == "the parent ran `codex --version`, and never `codex app-server`"
    assert "LoginAccountParams" in (tmp_path / BUNDLE).read_text()


def test_expression_that_is_none_is_said() -> None:
    done = run("-k", "refresh and", "--", "true")
    assert done.returncode == 2
    assert done.stderr == (
        "codex-conformance: -k 'refresh and': expected an expression such as "
        "'refresh and not late'\n"
    )


def test_selection_that_takes_nothing_is_said() -> None:
    done = run("-k", "nothing-like-this", "--", "true")
    assert done.returncode == 2
    assert done.stderr == (
        "codex-conformance: no scenario is selected\n  codex-conformance parent --list\n"
    )


def test_scenario_that_there_is_not_is_said() -> None:
    done = run("--case", "handshake/order", "--case", "no/such", "--", "true")
    assert done.returncode == 2
    assert done.stderr == (
        "codex-conformance: --case no/such: no scenario has this id\n"
        "  codex-conformance parent --list\n"
    )


def test_results_are_written_without_a_token(tmp_path: Path) -> None:
    results = tmp_path / "r.json"
    done = run(f"--json={results}", f"--junit={tmp_path / 'r.xml'}", "-k", "id-text", "--", *GOOD)
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads(results.read_text())
    assert document["summary"]["pass"] == 1
    assert document["target"]["user_agent"] == "example-parent/1.0"
    text = (tmp_path / document["cases"][0]["transcript"]).read_text()
    assert '"method":"account/chatgptAuthTokens/refresh"' in text
    assert "eyJ" not in text


def test_stand_in_is_put_where_the_parent_looks_for_it(tmp_path: Path) -> None:
    folder = tmp_path / "place"
    scrubbed = ("env", "-u", "CODEX_BIN", "PATH=/usr/bin:/bin", f"CODEX_BIN={folder}/codex")
    done = run("--shim", str(folder), "-k", "id-text or id-zero", "--", *scrubbed, *GOOD)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 cases: 2 pass" in done.stdout


def test_other_codex_in_the_place_of_the_stand_in_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "codex").write_text("mine")
    done = run("--shim", str(tmp_path), "--", *GOOD)
    assert done.returncode == 2
    assert "was not written by codex-conformance" in done.stderr
    assert (tmp_path / "codex").read_text() == "mine"


def test_variable_of_the_user_leads_to_the_stand_in() -> None:
    script = 'CODEX_BIN="$MY_CODEX" exec "$0" "$@"'
    done = run("--variable", "MY_CODEX", "-k", "id-text", "--", "sh", "-c", script, *GOOD)
    assert done.returncode == 0, done.stdout + done.stderr


def test_failure_says_why_it_matters() -> None:
    faulty = (*PYTHON, str(HERE / "faulty_parent.py"), "a_rotation_for_each_at_once")
    done = run("--case", "answers/several-at-once", "--", *faulty)
    assert done.returncode == 1
    said = re.sub(r"\n +", " ", done.stdout)
    assert "Clause       PARENT-7 (MUST)" in said
    assert "Expected     one rotation for 5 at once" in done.stdout
    assert "Actual       5 rotations" in done.stdout
    assert "Why          each rotation ends the refresh token before it" in done.stdout
    assert "Again        codex-conformance parent --revision 0.169 --case" in done.stdout


def test_parent_with_tokens_of_its_own_is_untestable_where_the_issuer_is_needed() -> None:
    run = judge_parent(wish(*PYTHON, str(HERE / "own_tokens_parent.py")), [])
    untestable = {case.id for case in run.cases if case.verdict == "untestable"}
    assert broken(run) == frozenset(), told(run)
    assert untestable >= {"answers/several-at-once", "refusal/issuer-refuses"}
    assert run.exit_status(strict=False) == 1


@pytest.mark.parametrize("revision", ["0.93", "0.169"])
def test_tokens_of_the_parents_own_are_in_no_report(revision: str, tmp_path: Path) -> None:
    reports = {"--json": "r.json", "--junit": "r.xml", "--summary": "r.md", "--html": "r.html"}
    options = [word for name, file in reports.items() for word in (name, str(tmp_path / file))]
    own = (*PYTHON, str(HERE / "own_tokens_parent.py"), "one-token")
    done = run("--revision", revision, *options, "-v", "-k", "good-answer", "--", *own)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Actual" in done.stdout
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert [file.name for file in files if b"eyJ" in file.read_bytes()] == []
    assert "eyJ" not in done.stdout


def test_clauses_that_cannot_be_judged_are_declared() -> None:
    own = (*PYTHON, str(HERE / "own_tokens_parent.py"))
    without = ("--without", "PARENT-7=no issuer")
    done = run(*without, "-k", "several-at-once or id-zero", "--", *own)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Not applicable (1 case): declared with --without: no issuer" in done.stdout


def test_failure_that_quotes_a_token_shows_its_fingerprint() -> None:
    faulty = (*PYTHON, str(HERE / "faulty_parent.py"), "the_old_token_when_it_cannot")
    done = run("--case", "refusal/issuer-refuses", "--", *faulty)
    assert done.returncode == 1
    assert 'Actual       {"result": {"accessToken": "<tokens-1-access ' in done.stdout
    assert "eyJ" not in done.stdout


def test_parent_that_prints_a_token_and_never_starts_codex_is_quoted_without_it() -> None:
    fetch = "parent.Issuer(os.environ['TOKEN_ISSUER_URL']).fetch(None)['access_token']"
    code = f"import os, sys; sys.path.append({str(HERE)!r}); import parent; print({fetch})"
    with pytest.raises(UnfitTargetError) as caught:
        judge_parent(wish(*PYTHON, "-c", code), [])
    assert "it last printed '<the beginning of a secret>…'" in caught.value.message
    assert "eyJ" not in caught.value.message


def test_codex_of_a_scenario_that_is_over_says_so(tmp_path: Path) -> None:
    code = "import sys; from codex_conformance.judge_parent import relay; "
    code += "sys.exit(relay.main(sys.argv[1]))"
    command = [sys.executable, "-c", code, str(tmp_path / "codex")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=55)
    assert (done.returncode, done.stdout) == (relay.GONE, "")
    assert done.stderr == "codex: the scenario that this stands in for is over\n"
