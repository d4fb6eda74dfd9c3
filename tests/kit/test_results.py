"""Verdicts of clauses, exit statuses, the results file."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from codex_conformance.ledger import load_ledger
from codex_conformance.results import Break, CaseResult, RunResult, Subject, Verdict
from codex_conformance.results_file import FORMAT, write_results

LEDGER = load_ledger()


def result(case: str, *clauses: str, verdict: Verdict = "pass", broken: str = "") -> CaseResult:
    breaks = tuple(Break(clause, "this", "that") for clause in broken.split())
    return CaseResult(case, clauses, verdict, breaks)


def run(*cases: CaseResult, stale: tuple[str, ...] = ()) -> RunResult:
    return RunResult(Subject("codex", None, "0.99"), LEDGER, cases, stale, 1.0)


def verdicts(*cases: CaseResult) -> dict[str, str]:
    return {name: row.verdict for name, row in run(*cases).clauses().items()}


def test_clause_fails_if_any_case_finds_it_broken_whatever_the_case_is_about() -> None:
    found = verdicts(
        result("login/a", "LOGIN-1"),
        result("refresh/a", "REFRESH-3", verdict="fail", broken="WIRE-10"),
    )
    assert found["WIRE-10"] == "fail"
    assert found["LOGIN-1"] == "pass"


def test_case_that_fails_for_another_clause_leaves_its_own_unknown() -> None:
    found = verdicts(result("refresh/a", "REFRESH-3", verdict="fail", broken="WIRE-10"))
    assert found["REFRESH-3"] == "untestable"


@pytest.mark.parametrize(
    ("cases", "worst"),
    [
        (["pass", "error", "untestable"], "error"),
        (["pass", "untestable", "expected-fail"], "untestable"),
        (["pass", "expected-fail"], "expected-fail"),
        (["flaky", "expected-fail"], "expected-fail"),
        (["pass", "flaky"], "flaky"),
        (["pass", "observed"], "pass"),
        (["observed", "not-applicable"], "observed"),
        (["not-applicable"], "not-applicable"),
    ],
)
def test_clause_takes_the_worst_verdict_of_its_cases(cases: list[Verdict], worst: str) -> None:
    named = [result(f"login/{i}", "LOGIN-1", verdict=one) for i, one in enumerate(cases)]
    assert verdicts(*named) == {"LOGIN-1": worst}


@pytest.mark.parametrize(
    ("cases", "strict", "status"),
    [
        ([], False, 2),
        ([result("a/a", "LOGIN-1")], False, 0),
        ([result("a/a", "LOGIN-1", verdict="error")], False, 2),
        ([result("a/a", "LOGIN-1", verdict="untestable")], False, 1),
        ([result("a/a", "LOGIN-1", verdict="not-applicable")], False, 0),
        ([result("a/a", "LOGIN-1", verdict="expected-fail", broken="LOGIN-1")], True, 0),
        ([result("a/a", "LOGIN-1", verdict="flaky", broken="LOGIN-1")], True, 0),
        ([result("a/a", "LOGIN-1", verdict="fail", broken="LOGIN-1")], False, 1),
        ([result("a/a", "WIRE-9", verdict="fail", broken="WIRE-9")], False, 0),
        ([result("a/a", "WIRE-9", verdict="fail", broken="WIRE-9")], True, 1),
    ],
)
def test_exit_status_follows_the_contract(
    cases: list[CaseResult], strict: bool, status: int
) -> None:
    assert run(*cases).exit_status(strict=strict) == status


def test_stale_baseline_is_exit_status_one() -> None:
    assert run(result("a/a", "LOGIN-1"), stale=("gone",)).exit_status(strict=False) == 1


def test_interrupted_run_has_a_status_of_its_own_whatever_it_found() -> None:
    cut = replace(run(result("a/a", "LOGIN-1", verdict="error")), interrupted=True)
    assert cut.exit_status(strict=False) == 130


def test_summary_counts_the_cases_of_each_verdict() -> None:
    cases = [result(name, "LOGIN-1") for name in ("a/a", "a/b")]
    found = run(*cases, result("a/c", "LOGIN-1", verdict="untestable")).summary()
    assert {verdict: count for verdict, count in found.items() if count} == {
        "pass": 2,
        "untestable": 1,
    }


def test_what_cases_saw_is_told_once_for_each_clause_by_the_ids_of_the_cases() -> None:
    seen = {"a/c": "one request", "a/b": "two requests", "a/a": "one request"}
    cases = [
        replace(result(name, "REFRESH-10"), observations={"REFRESH-10": sentence})
        for name, sentence in seen.items()
    ]
    assert run(*cases).observations() == {"REFRESH-10": "one request; two requests"}


def test_should_clause_reads_fail_with_and_without_strict() -> None:
    assert verdicts(result("a/a", "WIRE-9", verdict="fail", broken="WIRE-9"))["WIRE-9"] == "fail"


def test_results_file_has_the_members_of_the_contract(tmp_path: Path) -> None:
    file = tmp_path / "r.json"
    write_results(file, replace(run(result("login/a", "LOGIN-1")), kit_version="1.2.3"))
    content = json.loads(file.read_text())
    assert content["format"] == FORMAT
    assert content["kit"] == {"name": "codex-conformance", "version": "1.2.3"}
    assert content["target"] == {"command": "codex", "user_agent": None}
    assert content["revision"] == "0.99"
    assert content["summary"] == {
        "pass": 1,
        "fail": 0,
        "expected-fail": 0,
        "flaky": 0,
        "error": 0,
        "untestable": 0,
        "not-applicable": 0,
        "observed": 0,
    }
    assert content["clauses"]["LOGIN-1"] == {
        "level": "MUST",
        "verdict": "pass",
        "cases": ["login/a"],
    }
    assert set(content["cases"][0]) == {
        "id",
        "clauses",
        "broken",
        "breaks",
        "verdict",
        "duration_s",
        "target_cpu_s",
        "message",
        "observations",
        "transcript",
    }


def test_result_survives_the_way_between_processes() -> None:
    one = result("login/a", "LOGIN-1", verdict="fail", broken="LOGIN-1 WIRE-4")
    assert CaseResult.from_wire(json.loads(json.dumps(one.to_wire()))) == one
