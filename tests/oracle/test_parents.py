"""What judges parents is broken in turn, and a parent in this process notices.

Each rule, each shared helper, each path to a verdict, each thing that a scenario does to a parent,
and each statement of a scenario about one.
"""

import functools
import inspect
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import answers_on_stage as a
import manners_on_stage as m
import pytest
import secrets_on_stage as s
import tokens_on_stage as t
from codex_conformance.invariants import Finding
from codex_conformance.judge_parent import answers, rules
from codex_conformance.judge_parent.scenarios import all_scenarios
from edits import Statement, statements
from on_stage import Parent
from oracle import replaced
from parent_edits import EDITS
from parent_probes import EVERYTHING, KILLERS, Outcome, Probe, breaks

GOOD = Probe(EVERYTHING)
RULES: dict[Callable[..., Any], Probe] = {
    rules._messages: breaks("handshake/order", a.ParamsOfTheWrongType, "PARENT-1"),
    rules._order: breaks("handshake/order", a.NoInitialized, "PARENT-1"),
    rules._capability: breaks("handshake/capability", a.NoCapability, "PARENT-2"),
    rules._answers: breaks("answers/rejected-again", a.AnswersTwice, "PARENT-3"),
    rules._placeholders: breaks("secret/after-refreshes", t.AStarredToken, "PARENT-16"),
    rules._leaks: breaks("secret/after-refreshes", s.PrintsTheToken, "PARENT-16"),
}
_PROBES = (*KILLERS, *(probe for _, probe in EDITS.values()), *RULES.values(), GOOD)
PROBES = {probe.name: probe for probe in _PROBES}
SCENARIOS = {spec.id: body for spec, body in all_scenarios()}
STATED = ("expect", "need", "not_applicable", "_expect")


@pytest.fixture(autouse=True)
def homes_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    if Path("/dev/shm").is_dir():
        monkeypatch.setattr(tempfile, "tempdir", "/dev/shm")


def found(fault: AbstractContextManager[None], probe: Probe) -> Outcome:
    """What a probe finds with this fault in the judge."""
    answers.claims_of.cache_clear()
    with fault:
        return probe.found()


@functools.cache
def sound(probe: Probe) -> tuple[Outcome, Outcome]:
    """What a probe tells while the judge is whole."""
    return probe.told(opening=False)


def is_noticed(statement: AbstractContextManager[None], probe: Probe) -> bool:
    """Whether a probe tells something else with this statement of the scenario."""
    whole = sound(probe)
    with statement:
        return probe.told(opening=False) != whole


def opposite(rule: Callable[..., Any]) -> Callable[..., Any]:
    def inverted(*evidence: Any) -> Any:
        if not list(rule(*evidence)):
            yield Finding("PARENT-1", "something else", "what was wanted")

    return inverted


@pytest.mark.parametrize("name", PROBES)
def test_whole_judge_finds_what_a_parent_breaks(name: str) -> None:
    probe = PROBES[name]
    assert sound(probe)[0] == probe.outcome


def test_every_rule_is_mutated() -> None:
    named = {rule.__name__ for rule in RULES}
    called = set(rules._findings.__code__.co_names)
    assert named == {name for name in called if inspect.isfunction(vars(rules).get(name))}


@pytest.mark.parametrize("rule", RULES, ids=lambda each: each.__name__)
def test_disabled_rule_is_noticed(rule: Callable[..., Any]) -> None:
    probe = RULES[rule]
    assert found(replaced(rule, lambda *_: iter(())), probe) != probe.outcome


@pytest.mark.parametrize("rule", RULES, ids=lambda each: each.__name__)
def test_inverted_rule_is_noticed(rule: Callable[..., Any]) -> None:
    assert found(replaced(rule, opposite(rule)), GOOD) != GOOD.outcome


@pytest.mark.parametrize("name", EDITS)
def test_edit_of_what_judges_parents_is_noticed(name: str) -> None:
    edit, probe = EDITS[name]
    assert found(edit.made(), probe) != probe.outcome


def stated() -> dict[str, tuple[Statement, tuple[Probe, ...]]]:
    """Each statement of a scenario about a parent, and the probes of the scenarios that make it."""
    found: dict[str, tuple[Statement, tuple[Probe, ...]]] = {}
    for name, body in SCENARIOS.items():
        probes = tuple(probe for probe in KILLERS if probe.scenario == name)
        for statement in _statements(body):
            known = found.get(statement.name, (statement, ()))[1]
            found[statement.name] = statement, known + probes
    return found


def _statements(body: Callable[..., Any]) -> list[Statement]:
    """Those of a scenario, and of the helpers in its file that it calls."""
    return [
        statement
        for function in (body, *_helpers(body))
        for statement in statements(function, STATED)
    ]


def _helpers(function: Callable[..., Any]) -> list[Callable[..., Any]]:
    scope = vars(sys.modules[function.__module__])
    names = [name for name in function.__code__.co_names if name.startswith("_")]
    called = [scope[name] for name in names if inspect.isfunction(scope.get(name))]
    return [*called, *(deeper for each in called for deeper in _helpers(each))]


STATEMENTS = stated()


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario_is_failed_by_a_parent(name: str) -> None:
    clauses = {clause for probe in KILLERS if probe.scenario == name for clause in probe.outcome}
    spec = vars(SCENARIOS[name])["spec"]
    assert clauses >= set(spec.clauses)


@pytest.mark.parametrize("name", STATEMENTS)
def test_disabled_statement_of_a_scenario_is_noticed(name: str) -> None:
    statement, probes = STATEMENTS[name]
    assert any(is_noticed(statement.disabled(), probe) for probe in probes)


@pytest.mark.parametrize("name", [name for name, (one, _) in STATEMENTS.items() if one.decides])
def test_inverted_statement_of_a_scenario_is_noticed(name: str) -> None:
    statement, probes = STATEMENTS[name]
    scenarios = dict.fromkeys(probe.scenario for probe in probes)
    good = (Probe(each, parent) for each in scenarios for parent in (Parent, m.StartsAgain))
    assert any(is_noticed(statement.inverted(), probe) for probe in good)
