"""Freedoms: the reference server with one difference each that the ledger allows.

A mutant breaks a clause, and cases have to turn red; a freedom breaks none, and nothing may. The
two together say that a red case means a broken clause. As a mutant is, the decorated function is a
target: from this folder, with `PYTHONPATH=../mutants`,
`codex-conformance check --target direct:wire_freedoms:jsonrpc_is_said` shows what it does.
"""

import functools
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mutant import Fault, Mutant

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Freedom:
    """What the server does otherwise.

    Attributes:
        clauses: those that leave it open, or that it could seem to break.
        case: one in which it shows.
        says: what the transcript of that case has then, and has not on the server as it is.
        server: the server that does it.
        inapplicable: cases that do not apply any more.
    """

    clauses: tuple[str, ...]
    case: str
    says: str
    server: Mutant
    inapplicable: frozenset[str]


def freedom(
    *clauses: str, case: str, says: str, revision: str = "0.169", inapplicable: tuple[str, ...] = ()
) -> Callable[[Fault], Freedom]:
    """Declare a function that patches the server a freedom."""

    def declare(change: Fault) -> Freedom:
        server = Mutant(change.__name__, frozenset(), revision, change)
        return Freedom(clauses, case, says, server, frozenset(inapplicable))

    return declare


@functools.cache
def freedoms() -> dict[str, Freedom]:
    """Every freedom by its module and name."""
    return {
        f"{path.stem}:{name}": value
        for path in sorted(HERE.glob("*_freedoms.py"))
        for name, value in vars(importlib.import_module(path.stem)).items()
        if isinstance(value, Freedom)
    }
