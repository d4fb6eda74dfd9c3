"""The suite as a whole: green on the reference server, complete, deterministic."""

import json
import random
import subprocess
import sys
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from codex_account_protocol import REVISIONS
from codex_conformance.check import Wish, cases_of
from codex_conformance.ledger import load_ledger
from codex_conformance.reference import NAME
from codex_conformance.results_file import results_schema
from codex_conformance.tokens import Mint
from jsonschema import Draft202012Validator

BEGINNINGS = tuple(part[:8] for part in Mint("any").mint().access_token.split(".")[:2])
"""What every canary token begins with, and its claims: too long to be drawn by chance, as `eyJ`
was for the `state` of a browser login."""


def run(*arguments: str) -> None:
    """A run of the kit, which has to end well."""
    command = [sys.executable, "-m", "codex_conformance", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr


def check(results: Path, *arguments: str) -> dict[str, Any]:
    """The results file of a run against the reference server, in process unless a command says."""
    run("check", f"--json={results}", *arguments)
    return read(results)


def read(results: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(results.read_text())
    Draft202012Validator(results_schema()).validate(loaded)
    return loaded


def steady(results: dict[str, Any]) -> str:
    """What has to be the same in every run, as text: all but what it took."""
    cases = [case | {"duration_s": None, "target_cpu_s": None} for case in results["cases"]]
    kept = {name: value for name, value in results.items() if name != "spent"}
    return json.dumps(kept | {"cases": cases}, indent=1)


@pytest.mark.slow
@pytest.mark.timeout(180)  # a run of the kit, and the same once more in parts
@pytest.mark.parametrize("revision", REVISIONS)
def test_reference_server_keeps_every_clause_in_any_order_and_in_parts(
    revision: str, tmp_path: Path
) -> None:
    file = tmp_path / "r.json"
    whole = check(file, "--revision", revision, "--strict")
    broken = {name for name, row in whole["clauses"].items() if row["verdict"] == "fail"}
    assert broken == set()
    assert whole["summary"]["untestable"] == 0
    assert whole["summary"]["expected-fail"] == 0
    for case in whole["cases"]:
        text = (tmp_path / case["transcript"]).read_text()
        assert text
        assert not any(beginning in text for beginning in BEGINNINGS), case["id"]

    seed = random.randrange(10_000)
    print(f"--shuffle {seed} and {seed + 1}")
    parts = [str(tmp_path / name) for name in ("a.json", "b.json")]
    ways = (["--shuffle", f"{seed}"], ["--shuffle", f"{seed + 1}", "--jobs", "2"])
    for number, (part, way) in enumerate(zip(parts, ways, strict=True), 1):
        check(Path(part), "--revision", revision, "--shard", f"{number}/2", *way)
    run("report", "merge", *parts, "-o", str(file))
    assert steady(read(file)) == steady(whole)


def ends_of_areas(revision: str) -> list[str]:
    """The first and the last case of every area that needs no second connection."""
    cases = cases_of(Wish(direct=NAME, argv=(), revision=revision))
    areas = [list(ids) for _, ids in groupby(cases, key=lambda case: case.partition("/")[0])]
    ends = [end for ids in areas for end in (ids[0], ids[-1])]
    return [case for case in ends if not case.startswith("connections/")]


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_reference_server_started_as_a_command_is_judged_as_in_process(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "codex_reference_server", "app-server"]
    some = [f"--case={case}" for case in ends_of_areas("0.169")]
    seed = random.randrange(10_000)
    print(f"--shuffle {seed}")
    file, shuffled = tmp_path / "r.json", f"--shuffle={seed}"
    inside = check(file, "--revision=0.169", *some)
    outside = check(file, "--revision=0.169", *some, shuffled, "--jobs=4", "--", *command)
    assert outside["target"].pop("command") != inside["target"].pop("command")
    assert steady(outside) == steady(inside)


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
