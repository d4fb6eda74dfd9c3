"""Which cases a fault can reach: those in which the server runs something that the fault replaces.

In every other case the faulty server does, step by step, what the server does without the fault:
the order of what happens at the same time comes from the seed of the case, and the clock is
virtual. Its verdict is known.
"""

import inspect
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from cProfile import Profile
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, TypeGuard, cast

import codex_reference_server
import pytest
from mutant import Fault, watches

SERVER = str(Path(codex_reference_server.__file__).parent)


@contextmanager
def code_that_runs() -> Iterator[set[CodeType]]:
    """The code of every function of the server that runs meanwhile; known at the end."""
    seen: set[CodeType] = set()
    profile = Profile(subcalls=False, builtins=False)
    with profile:
        yield seen
    seen.update(row.code for row in profile.getstats() if _is_of_the_server(row.code))


def _is_plain(real: object) -> TypeGuard[FunctionType]:
    return isinstance(real, FunctionType) and not hasattr(real, "__wrapped__")


def _is_of_the_server(code: CodeType) -> bool:
    return code.co_filename.startswith(SERVER)


@dataclass
class Reach:
    """What a fault replaces.

    Attributes:
        codes: of plain functions of the server, which run or do not.
        names: of all else, which is reached where code runs that names it.
    """

    codes: set[CodeType] = field(default_factory=set)
    names: set[str] = field(default_factory=set)

    def __contains__(self, ran: frozenset[CodeType]) -> bool:
        """Whether something of it ran, among the code of the server that did."""
        return not self.codes.isdisjoint(ran) or any(
            not self.names.isdisjoint(code.co_names) for code in ran
        )

    def setattr(self, owner: object, name: str, value: object) -> None:
        """As `MonkeyPatch.setattr`, but nothing is replaced."""
        if not watches(value):
            self._replaced(inspect.getattr_static(owner, name), name)

    def setitem(self, mapping: MutableMapping[str, Any], name: str, value: object) -> None:
        """As `MonkeyPatch.setitem`, but nothing is replaced."""
        self._replaced(mapping[name], name)

    def _replaced(self, real: object, name: str) -> None:
        if _is_plain(real) and _is_of_the_server(real.__code__):
            self.codes.add(real.__code__)
        else:
            self.names.add(name)


def reach_of(fault: Fault) -> Reach:
    """What a fault replaces; the server stays as it is."""
    reach = Reach()
    fault(cast("pytest.MonkeyPatch", reach))
    return reach
