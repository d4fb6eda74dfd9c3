"""`spec show`: a clause with its source, schemas, cases and verdicts."""

import subprocess
import sys
from pathlib import Path

import pytest
from codex_account_protocol import spec_root
from codex_conformance.errors import UsageError
from codex_conformance.ledger import load_ledger
from codex_conformance.reports.clause import clause_lines
from codex_conformance.results import CaseResult
from codex_conformance.results_file import results_text
from runs import run

SHOW = [sys.executable, "-m", "codex_conformance", "spec", "show"]


def shown(name: str, *results: Path) -> list[str]:
    return list(clause_lines(name, results))


def rows(lines: list[str], label: str) -> list[str]:
    """What stands under a label, on one line each."""
    found: list[str] = []
    current = ""
    for line in lines[1:]:
        current = line[2:14].strip() or current
        if current == label and line[2:14].strip():
            found.append(line[14:])
        elif current == label and found:
            found[-1] += f" {line[14:]}"
    return found


def results(path: Path, **verdicts: str) -> Path:
    """A results file in which every clause has one case."""
    cases = [
        CaseResult(f"some/{n}", (name.replace("_", "-"),), verdict, message="why so")
        for n, (name, verdict) in enumerate(verdicts.items())
    ]
    path.write_text(results_text(run(*cases), None))
    return path


def test_clause_is_shown_with_all_that_hangs_on_it() -> None:
    done = subprocess.run(
        [*SHOW, "REFRESH-3"], capture_output=True, text=True, check=False, timeout=50
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "REFRESH-3  MUST, judges the app-server"
    assert " ".join(line.strip() for line in lines).count(
        load_ledger().clauses["REFRESH-3"].sentence
    )
    assert rows(lines, "source")[0].startswith("M: Mission: ")
    assert rows(lines, "revisions") == ["0.93, 0.99, 0.169"]
    assert "refresh/good-answer" in rows(lines, "case")
    assert rows(lines, "schema") == [
        f"spec/{{0.93,0.99,0.169}}/ChatgptAuthTokensRefresh{kind}.json "
        "(account/chatgptAuthTokens/refresh)"
        for kind in ("Params", "Response")
    ]


def test_schemas_are_files_of_the_revisions_that_have_the_clause() -> None:
    assert rows(shown("PARENT-2"), "schema") == [
        "spec/{0.99,0.169}/InitializeCapabilities.json",
        "spec/{0.99,0.169}/LoginAccountParams.json (account/login/start)",
        "spec/{0.99,0.169}/LoginAccountResponse.json (account/login/start)",
    ]
    assert "spec/0.169/GetAccountTokenUsageResponse.json (account/usage/read)" in rows(
        shown("OTHER-1"), "schema"
    )


def test_every_clause_can_be_shown_and_names_files_that_are_there() -> None:
    for name in load_ledger().clauses:
        lines = shown(name)
        assert rows(lines, "case") or rows(lines, "no case")
        for row in rows(lines, "schema"):
            _, folders, file = row.split(" ")[0].split("/")
            for revision in folders.strip("{}").split(","):
                assert (spec_root() / revision / file).is_file(), row


def test_what_is_only_observed_is_told_apart() -> None:
    assert rows(shown("WIRE-5"), "observed") == ["The code of that error."]


def test_verdicts_of_each_results_file_are_shown(tmp_path: Path) -> None:
    one = results(tmp_path / "one.json", LOGIN_1="pass")
    two = results(tmp_path / "two.json", LOGIN_1="expected-fail", LOGIN_2="pass")
    three = results(tmp_path / "three.json", LOGIN_2="pass")
    where = "kit/0.99.0 (Linux), revision 0.99"
    assert rows(shown("LOGIN-1", one, two, three), "verdict") == [
        f"pass: {where} ({one})",
        f"expected-fail: {where} ({two}) some/0 expected-fail: why so",
        f"not judged: {where} ({three})",
    ]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("REFRSH-3", "did you mean REFRESH-3, "),
        ("refresh-3", "did you mean REFRESH-3, "),
        ("LOGIN-99", "did you mean LOGIN-9, "),
        ("zebra", "areas: WIRE, INIT, LOGIN, "),
    ],
)
def test_unknown_clause_is_answered_with_those_that_are_near(name, hint):
    with pytest.raises(UsageError) as refused:
        shown(name)
    assert refused.value.message == f"{name}: the ledger has no such clause"
    assert refused.value.hint.startswith(hint)


def test_file_that_holds_no_results_is_refused(tmp_path):
    path = tmp_path / "r.json"
    path.write_text("{}")
    with pytest.raises(UsageError, match="expected what `check --json` writes, got this: "):
        shown("LOGIN-1", path)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["NONE-1"], "NONE-1: the ledger has no such clause"),
        (["LOGIN-1", "--results", "/no/such.json"], "/no/such.json: No such file or directory"),
        ([], "Missing argument 'CLAUSE'"),
    ],
)
def test_bad_input_gets_one_clear_error_and_status_2(arguments, said):
    done = subprocess.run(
        [*SHOW, *arguments], capture_output=True, text=True, check=False, timeout=50
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
