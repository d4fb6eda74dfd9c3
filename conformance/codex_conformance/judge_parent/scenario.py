"""What a scenario is written with: its declaration, and what it expects of an answer."""

from collections.abc import Callable
from typing import Any

from codex_conformance.case import Broken, Case, case, expect
from codex_conformance.judge_parent.answers import Answer, Handed
from codex_conformance.judge_parent.app import App


def scenario(scenario_id: str, *clauses: str, **settings: Any) -> Callable[[Case], Case]:
    """Declare a coroutine function a scenario; arguments as of `case`.

    It is called with the `App` as soon as the parent application has been started.
    """
    return case(scenario_id, *clauses, **settings)


def expect_answered(app: App, clause: str, answer: Answer, expected: str) -> None:
    """Expect an answer of whatever kind, from a parent that answers ordinary requests at all."""
    if not answer.came and not app.ordinary.came and clause != "PARENT-3":
        raise Broken(
            None,
            "a parent that answers an ordinary refresh request",
            "no answer to the one in the opening conversation",
            prerequisite=True,
        )
    expect(clause, answer.came, expected, answer)


def expect_like_any_other(app: App, clause: str, answer: Answer, expected: str) -> None:
    """Expect an answer of the kind that an ordinary request gets."""
    expect_answered(app, clause, answer, expected)
    if app.ordinary.tokens:
        expect(clause, answer.tokens is not None, f"{expected}, with tokens as ordinarily", answer)


def need_tokens(answer: Answer) -> Handed:
    """The tokens of an answer, which the scenario needs to judge anything."""
    if answer.tokens is None:
        raise Broken(None, "an answer with tokens", str(answer), prerequisite=True)
    return answer.tokens


def need(holds: bool, expected: str, actual: object) -> None:
    """State what the scenario needs of the parent before it can judge anything."""
    if not holds:
        raise Broken(None, expected, str(actual), prerequisite=True)
