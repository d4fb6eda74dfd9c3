"""The suite as a whole: green on the reference server, complete, deterministic."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from codex_account_protocol import REVISIONS
from codex_conformance.check import Wish, cases_of
from codex_conformance.ledger import load_ledger
from codex_conformance.reference import NAME
from codex_conformance.results_file import results_schema
from jsonschema import Draft202012Validator


def check(results: Path, *arguments: str) -> dict[str, Any]:
    """The results file of a run against the reference server, which has to end well."""
    command = [sys.executable, "-m", "codex_conformance", "check", f"--json={results}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=55)
    assert done.returncode == 0, done.stdout + done.stderr
    loaded: dict[str, Any] = json.loads(results.read_text())
    Draft202012Validator(results_schema()).validate(loaded)
    return loaded


def without_durations(results: dict[str, Any]) -> dict[str, Any]:
    """What has to be the same in every run."""
    cases = [case | {"duration_s": None, "target_cpu_s": None} for case in results["cases"]]
    return {name: value for name, value in results.items() if name != "spent"} | {"cases": cases}


@pytest.mark.slow
@pytest.mark.parametrize("revision", REVISIONS)
def test_reference_server_keeps_every_clause(revision: str, tmp_path: Path) -> None:
    results = check(tmp_path / "r.json", "--revision", revision, "--strict")
    broken = {name for name, row in results["clauses"].items() if row["verdict"] == "fail"}
    assert broken == set()
    assert results["summary"]["untestable"] == 0
    assert results["summary"]["expected-fail"] == 0


@pytest.mark.slow
def test_verdicts_do_not_depend_on_order_or_jobs(tmp_path: Path) -> None:
    usual = check(tmp_path / "r.json")
    shuffled = check(tmp_path / "r.json", "--shuffle", "7")
    parallel = check(tmp_path / "r.json", "--shuffle", "8", "--jobs", "3")
    assert without_durations(shuffled) == without_durations(usual)
    assert without_durations(parallel) == without_durations(usual)


def test_transcripts_are_written_for_every_case_without_a_token(tmp_path: Path) -> None:
    results = check(tmp_path / "r.json", "-k", "login or refresh")
    for case in results["cases"]:
        text = (tmp_path / case["transcript"]).read_text()
        assert text
        assert "eyJ" not in text.replace("eyJ-", ""), case["id"]


def clauses_with_cases() -> set[str]:
    named: set[str] = set()
    for revision in REVISIONS:
        for clauses in cases_of(Wish(direct=NAME, argv=(), revision=revision)).values():
            named.update(clauses)
    return named


def test_every_clause_has_a_case_or_a_reason_for_none() -> None:
    named = clauses_with_cases()
    ledger = load_ledger().clauses
    judged = [each.id for each in ledger.values() if each.judges == "app-server"]
    assert {
        clause for clause in judged if clause not in named and not ledger[clause].no_case
    } == set()
    assert {clause for clause in named if ledger[clause].no_case} == set()


@pytest.mark.parametrize("revision", REVISIONS)
def test_every_clause_of_a_revision_has_a_case_in_it(revision: str) -> None:
    cases = cases_of(Wish(direct=NAME, argv=(), revision=revision))
    named = {clause for clauses in cases.values() for clause in clauses}
    lacking = {
        clause.id
        for clause in load_ledger().in_revision(revision)
        if clause.judges == "app-server" and clause.id not in named and not clause.no_case
    }
    assert lacking == set()


def test_case_ids_are_area_and_words() -> None:
    for revision in REVISIONS:
        for case in cases_of(Wish(direct=NAME, argv=(), revision=revision)):
            area, _, words = case.partition("/")
            assert area.isalpha(), case
            assert area.islower(), case
            assert words.replace("-", "").replace("/", "").replace("_", "").isalnum(), case
            assert not words[-1].isdigit() or "-" in words, case
