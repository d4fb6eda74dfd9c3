"""From clauses to the messages that they are about, and from messages back to clauses and cases."""

import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from codex_account_protocol import REVISIONS, Method

from codex_conformance.ledger import Clause
from codex_conformance.specification import reached

_QUOTED = re.compile(r"`([^`]+)`")
_WORD = re.compile(r"\w+")
_METHOD = re.compile(r"[a-zA-Z]+(/[a-zA-Z]+)+|initialized?")


def names_of(clause: Clause) -> tuple[str, ...]:
    """Methods and types that a clause is about: those it spells out, and those it declares."""
    quoted = _QUOTED.findall(f"{clause.sentence} {clause.observe or ''}")
    spelled = [name for name in quoted if _METHOD.fullmatch(name)]
    return tuple(dict.fromkeys([*spelled, *clause.about]))


def messages_of(
    clause: Clause, methods: Mapping[str, tuple[str, ...]], types: Container[str]
) -> dict[str, tuple[str, ...]]:
    """What a clause is about: each method with its types, then types without one.

    Args:
        clause: the clause.
        methods: every method that there is, with the types of its params and result.
        types: every type that there is.
    """
    found: dict[str, tuple[str, ...]] = {}
    for name in names_of(clause):
        if name in methods:
            found[name] = methods[name]
        elif name in types:
            found[name] = (name,)
    return found


def types_of(method: Method) -> tuple[str, ...]:
    """The types of a method's params and result."""
    return tuple(name for name in (method.params, method.result) if name is not None)


@dataclass(frozen=True)
class Touched:
    """What a method or type touches."""

    clauses: tuple[str, ...]
    cases: tuple[str, ...]


class Traces:
    """Finds the clauses and cases that a method or type touches.

    A clause is about the methods and types that it names, and about every type that these lead to.

    Args:
        clauses: those that count.
        cases: id -> the clauses that it judges.
        methods: every method that there is, with the types of its params and result.
        types: every type that there is, by name, in one reading or several.
    """

    def __init__(
        self,
        clauses: Iterable[Clause],
        cases: Mapping[str, tuple[str, ...]],
        methods: Mapping[str, tuple[str, ...]],
        *types: Mapping[str, Any],
    ) -> None:
        known = {name: [each.get(name) for each in types] for each in types for name in each}
        self._clauses = {clause.id: clause for clause in clauses}
        self._cases = cases
        self._about: dict[str, set[str]] = {}
        for clause in self._clauses.values():
            messages = messages_of(clause, methods, known)
            direct = {name for names in messages.values() for name in names}
            self._about[clause.id] = {*messages, *reached(direct, known)}

    def of(self, name: str, part: str | None = None) -> Touched:
        """The clauses about a method or type, and their cases.

        Args:
            name: the method or type.
            part: a member, variant or value of it, `variant.member` for a member of a variant. If
                a clause names it, only those that do count.
        """
        about = [clause for clause, names in self._about.items() if name in names]
        for word in reversed((part or "").strip('"').split(".")):
            naming = [clause for clause in about if word in _words_of(self._clauses[clause])]
            if naming:
                about = naming
                break
        cases = [case for case, judged in self._cases.items() if not set(about).isdisjoint(judged)]
        return Touched(tuple(about), tuple(cases))


def _words_of(clause: Clause) -> set[str]:
    """The words of the protocol that a clause names."""
    quoted = _QUOTED.findall(f"{clause.sentence} {clause.observe or ''}")
    return {word for text in quoted for word in _WORD.findall(text)}


@cache
def known_cases(revision: str) -> dict[str, tuple[str, ...]]:
    """The cases and scenarios of a revision, each with the clauses that it judges."""
    from codex_conformance.check import Wish, cases_of  # brings pytest along
    from codex_conformance.judge_parent.judge import scenarios_in
    from codex_conformance.reference import NAME

    scenarios = {spec.id: spec.clauses for spec, _ in scenarios_in(revision)}
    return cases_of(Wish(direct=NAME, argv=(), revision=revision)) | scenarios


def all_cases() -> dict[str, tuple[str, ...]]:
    """The cases of every revision, each with the clauses that it judges."""
    return {name: judged for each in REVISIONS for name, judged in known_cases(each).items()}
