"""The oracle with one fault: what judges is broken here, not what is judged."""

import contextlib
import functools
import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import control
import matrix
import pytest
from codex_conformance import case
from codex_conformance.bench import Judged, judge_case
from codex_conformance.results import CaseResult
from codex_conformance.targets import DirectTarget

NEWEST = "0.169"


@dataclass(frozen=True)
class Probe:
    """One case against one target: what the oracle makes of it.

    Attributes:
        case: its id.
        target: `module:name` of a mutant, `control:name` of a control; empty for the server.
    """

    case: str
    target: str = ""
    revision: str = NEWEST

    def verdict(self) -> tuple[str, frozenset[str]]:
        """The verdict, and the clauses that were found broken."""
        result = self.result()
        return result.verdict, frozenset(one.clause for one in result.broken)

    def result(self) -> CaseResult:
        """Everything that is found."""
        case = matrix.by_id(self.revision)[self.case]
        return judge_case(Judged(self._target(), self.revision), *case)

    def _target(self) -> DirectTarget:
        kind, _, name = self.target.partition(":")
        if kind == "control":
            greeting = control.greeting(control.REACTIONS[name], self.revision)
            return DirectTarget(control.control(greeting), ())
        if kind:
            return DirectTarget(matrix.mutants()[self.target], ())
        return matrix.reference_server(self.revision)


@functools.cache
def sound(probe: Probe) -> tuple[str, frozenset[str]]:
    """What the oracle makes of a probe while it is whole."""
    return probe.verdict()


@contextlib.contextmanager
def replaced(real: Any, fault: Any) -> Iterator[None]:
    """Put `fault` wherever a module knows the function `real` by a name."""
    with pytest.MonkeyPatch.context() as patch:
        found = 0
        for module in list(sys.modules.values()):
            if not isinstance(module, types.ModuleType) or module.__name__ == "__main__":
                continue
            for name, value in list(vars(module).items()):
                if value is real:
                    patch.setattr(module, name, fault)
                    found += 1
        assert found, f"nobody knows {real}"
        yield


def silent(clause: Any, holds: bool, expected: Any, actual: Any) -> None:
    """An expectation that holds whatever comes."""


def contrary(clause: Any, holds: bool, expected: Any, actual: Any) -> None:
    """An expectation of the opposite."""
    case.expect(clause, not holds, expected, actual)


def expecting(helper: Callable[..., Any], expect: Callable[..., None]) -> Callable[..., Any]:
    """A helper with `expect` in place of what it states requirements with."""
    scope = helper.__globals__ | {"expect": expect, "require": expect}
    copy = types.FunctionType(
        helper.__code__, scope, helper.__name__, helper.__defaults__, helper.__closure__
    )
    copy.__kwdefaults__ = helper.__kwdefaults__
    return copy
