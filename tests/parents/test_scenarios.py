"""The scenarios as a whole: complete, and told apart from the cases that judge app-servers."""

import pytest
from codex_account_protocol import REVISIONS
from codex_conformance.check import Wish, cases_of
from codex_conformance.judge_parent.judge import scenarios_in
from codex_conformance.judge_parent.why import WHY
from codex_conformance.ledger import load_ledger
from codex_conformance.reference import NAME


@pytest.mark.parametrize("revision", REVISIONS)
def test_every_clause_of_parents_has_a_scenario(revision: str) -> None:
    named = {clause for spec, _ in scenarios_in(revision) for clause in spec.clauses}
    clauses = load_ledger().in_revision(revision)
    assert {each.id for each in clauses if each.judges == "parent"} == named


def test_every_clause_of_parents_says_why_it_matters() -> None:
    clauses = load_ledger().clauses.values()
    assert {each.id for each in clauses if each.judges == "parent"} == set(WHY)


def test_ids_are_area_and_words_and_no_case_has_the_same() -> None:
    ids = [spec.id for spec, _ in scenarios_in("0.169")]
    assert len(set(ids)) == len(ids)
    assert set(ids).isdisjoint(cases_of(Wish(direct=NAME, argv=(), revision="0.169")))
    for name in ids:
        area, _, words = name.partition("/")
        assert area.isalpha(), name
        assert words.replace("-", "").isalpha(), name


def test_every_scenario_says_what_it_is_about() -> None:
    for spec, body in scenarios_in("0.169"):
        sentence = (body.__doc__ or "").partition("\n")[0]
        assert sentence.endswith("."), spec.id
        assert sentence.removeprefix("`")[0].isalpha(), spec.id
