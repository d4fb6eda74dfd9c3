"""The page of clauses and cases is current, and leads from each to the other."""

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import pytest
from codex_conformance.case import CaseSpec, Setup
from codex_conformance.ledger import load_ledger
from codex_conformance.lint import declared_cases
from codex_conformance.reports.page import page_lines
from msgspec.structs import replace as changed

PAGE = Path(__file__).parents[2] / "docs" / "clauses.md"
FREEDOMS = Path(__file__).parents[1] / "freedoms" / "freedoms_page.py"
LEDGER = load_ledger()


@pytest.fixture(scope="module")
def lines() -> list[str]:
    return list(page_lines(LEDGER, declared_cases()))


def test_the_page_is_what_make_generate_writes():
    command = [sys.executable, "-m", "codex_conformance", "spec", "page"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=50)
    assert done.stdout == PAGE.read_text("utf-8"), "docs/clauses.md is not current: make generate"


def test_the_page_of_freedoms_is_what_make_freedoms_writes():
    command = [sys.executable, FREEDOMS]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=50)
    current = PAGE.with_name("freedoms.md").read_text("utf-8")
    assert done.stdout == current, "docs/freedoms.md is not current: make freedoms"


def test_every_clause_has_its_place_and_every_link_leads_to_one(lines):
    headings = [line.removeprefix("### ") for line in lines if line.startswith("### ")]
    assert headings == list(LEDGER.clauses)
    links = {target for line in lines for target in re.findall(r"\]\(#([^)]+)\)", line)}
    assert links <= {name.lower() for name in LEDGER.clauses}


def test_a_clause_leads_to_its_cases_and_a_case_to_its_clauses():
    case = CaseSpec("logout/early", ("LOGOUT-6", "REFRESH-17"), ("0.99",), Setup(), 0)
    lines = list(page_lines(LEDGER, [case]))
    at = lines.index("### LOGOUT-6")
    assert lines[at + 2].startswith("MUST of the app-server; revisions: all; source: ")
    assert lines[at + 4] == LEDGER.clauses["LOGOUT-6"].sentence
    assert lines[at + 6] == "Cases: `logout/early`"
    links = "[LOGOUT-6](#logout-6), [REFRESH-17](#refresh-17)"
    assert lines[-1] == f"| `logout/early` | {links} | 0.99 |"


def test_a_clause_without_a_case_says_why():
    clause = changed(LEDGER.clauses["LOGOUT-6"], no_case="It takes two.")
    ledger = dataclasses.replace(LEDGER, clauses={**LEDGER.clauses, clause.id: clause})
    lines = list(page_lines(ledger, []))
    at = lines.index(f"### {clause.id}")
    assert "No case: It takes two." in lines[at : at + 10]
