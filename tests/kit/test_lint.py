"""`spec check`: the ledger is sound, and each thing that could be wrong with it is named."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from codex_account_protocol import spec_root
from codex_conformance.case import CaseSpec, Setup
from codex_conformance.errors import ConformanceError
from codex_conformance.ledger import load_ledger
from codex_conformance.lint import declared_cases, lint
from codex_conformance.traces import all_cases

CASES = declared_cases()
RULES = 'level = "MUST"'


def case(case_id: str, *clauses: str, revisions: tuple[str, ...] = ()) -> CaseSpec:
    return CaseSpec(case_id, clauses, revisions, Setup(), 0)


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """A copy of `spec/` to spoil."""
    return Path(shutil.copytree(spec_root(), tmp_path / "spec"))


@pytest.fixture
def reword(spec: Path) -> Callable[[str, str], list[str]]:
    """Replaces the first such text of the ledger; what is wrong with it then."""

    def change(old: str, new: str) -> list[str]:
        ledger = spec / "clauses.toml"
        text = ledger.read_text("utf-8")
        assert old in text
        ledger.write_text(text.replace(old, new, 1), encoding="utf-8")
        return [fault.replace(f"{spec}/", "") for fault in lint(CASES, spec)]

    return change


def test_nothing_is_wrong() -> None:
    command = [sys.executable, "-m", "codex_conformance", "spec", "check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=50)
    assert (done.stdout, done.stderr, done.returncode) == ("nothing is wrong\n", "", 0)


def test_every_case_that_runs_is_declared() -> None:
    declared = {spec.id: spec.clauses for spec in CASES}
    for name, clauses in all_cases().items():
        matches = [each for each in declared if f"{name}/".startswith(f"{each}/")]
        assert clauses in [declared[each] for each in matches], name


# --- the ledger


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('id = "WIRE-2"', 'id = "WIRE-1"', "expected an id that no other clause has, got it twice"),
        (RULES, 'level = "MAY"', "expected level to be one of MUST, SHOULD, OBSERVE, got 'MAY'"),
        (
            RULES,
            f'{RULES}\nrevisions = ["0.94"]',
            "expected revisions to be of 0.93, 0.99, 0.169, got '0.94'",
        ),
    ],
)
def test_a_clause_that_is_faulty_in_itself(reword, old, new, fault):
    assert f"clauses.toml, clause WIRE-1: {fault}" in reword(old, new)


def test_every_faulty_clause_is_named(reword, spec):
    reword(RULES, 'level = "MAY"')
    faults = reword(RULES, 'level = "CAN"')
    assert [fault.partition(":")[0] for fault in faults[:2]] == [
        "clauses.toml, clause WIRE-1",
        "clauses.toml, clause WIRE-2",
    ]


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ('about = ["JSONRPCMessage"]', 'about = ["JSONRPCMassage"]', "JSONRPCMassage"),
        ("`jsonrpc` may", "`account/raed` may", "account/raed"),
    ],
)
def test_a_clause_about_something_that_is_not_there(reword, old, new, name):
    assert reword(old, new) == [
        f"WIRE-1: is about {name}, and no revision of the clause has a method or type of that name"
    ]


def test_a_message_that_no_clause_is_about(reword):
    faults = reword('    "account/usage/read",\n', "")
    assert faults == ["0.169/methods.json: no clause is about account/usage/read"]


def test_a_ledger_that_cannot_be_read_is_no_fault_but_an_error(spec):
    spec.joinpath("clauses.toml").write_text("= 3")
    with pytest.raises(ConformanceError, match="expected TOML in UTF-8"):
        lint(CASES, spec)


# --- cases


def test_a_clause_with_neither_case_nor_reason():
    left = [each for each in CASES if "LOGOUT-6" not in each.clauses]
    assert lint(left) == [
        f"LOGOUT-6: no case judges it in {revision}, and no_case is silent"
        for revision in load_ledger().clauses["LOGOUT-6"].revisions
    ]


def test_a_clause_without_a_case_in_one_revision():
    left = [each for each in CASES if "LOGOUT-6" not in each.clauses]
    faults = lint([*left, case("logout/early", "LOGOUT-6", revisions=("0.93", "0.169"))])
    assert faults == ["LOGOUT-6: no case judges it in 0.99, and no_case is silent"]


def test_a_clause_with_both_case_and_reason(reword, spec):
    faults = reword('id = "LOGOUT-6"\n', 'id = "LOGOUT-6"\nno_case = "Nobody knows how."\n')
    judge = next(each.id for each in CASES if "LOGOUT-6" in each.clauses)
    assert faults == [f"LOGOUT-6: no_case says why there is none, yet {judge} judges it"]


def test_a_case_about_a_clause_that_is_not_there():
    assert lint([*CASES, case("login/odd", "LOGIN-1", "LOGIN-99")]) == [
        "case login/odd: names LOGIN-99, and the ledger has no such clause"
    ]


def test_a_case_about_nothing():
    assert lint([*CASES, case("login/odd")]) == ["case login/odd: names no clause"]


# --- types and vectors


def test_a_type_that_has_no_file(spec):
    spec.joinpath("0.99", "AuthMode.json").unlink()
    assert lint(CASES, spec) == [
        "0.99/AccountUpdatedNotification.json: refers to AuthMode, which has no file",
        "0.99/vectors/AuthMode.json: there is no such type",
    ]


def test_a_method_with_a_type_that_has_no_file(spec):
    path = spec / "0.99" / "methods.json"
    path.write_text(path.read_text().replace('"LogoutAccountResponse"', '"Goodbye"'))
    assert lint(CASES, spec) == [
        "0.99/methods.json: account/logout names Goodbye, which has no file"
    ]


@pytest.mark.parametrize(
    ("vectors", "lacking"),
    [
        (None, ["valid", "invalid"]),
        ([], ["valid", "invalid"]),
        ({"valid": [{"name": "n", "value": 1}]}, ["invalid"]),
        ({"valid": [], "invalid": [{"name": "n", "why": "w", "value": 1}]}, ["valid"]),
    ],
)
def test_a_type_without_vectors_of_a_kind(spec, vectors, lacking):
    path = spec / "0.99" / "vectors" / "AuthMode.json"
    path.unlink()
    if vectors is not None:
        path.write_text(json.dumps(vectors))
    assert lint(CASES, spec) == [
        f"0.99/vectors/AuthMode.json: no {kind} vector" for kind in lacking
    ]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("AuthMode.json", "{", "0.99/AuthMode.json: expected JSON, got this: "),
        ("methods.json", "[]", "0.99/methods.json: expected a table of methods, got this: "),
        ("methods.json", '{"methods": [{}]}', "expected a table of methods, got this: Object"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error(spec, name, text, said):
    spec.joinpath("0.99", name).write_text(text)
    with pytest.raises(ConformanceError) as refused:
        lint(CASES, spec)
    assert said in refused.value.message
