"""Mutants: the reference server with one named fault each.

A mutant is a function that patches the server, decorated with the exact set of clauses that the
suite must find broken. The decorated function is a target: from this folder,
`codex-conformance check --target direct:wire_mutants:numeric_text_id_as_number` shows what it does.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio.abc
import codex_reference_server
import pytest

Fault = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True)
class Mutant:
    """The reference server with one fault.

    Attributes:
        broken: the clauses that the suite finds broken, no more and no less.
        revision: the one that it is run in.
        fault: puts the fault into the server.
    """

    name: str
    broken: frozenset[str]
    revision: str
    fault: Fault

    @asynccontextmanager
    async def __call__(
        self, home: Path, environ: Mapping[str, str], argv: Sequence[str]
    ) -> AsyncIterator[anyio.abc.ObjectStream[bytes]]:
        """A faulty server in this process: `factory(home, environ, argv)` of the targets."""
        with pytest.MonkeyPatch.context() as patch:
            self.fault(patch)
            revision = ["--revision", self.revision, *argv]
            async with codex_reference_server.in_memory(home, environ, revision) as stream:
                yield stream


def mutant(*broken: str, revision: str = "0.169") -> Callable[[Fault], Mutant]:
    """Declare a function that patches the server a mutant."""

    def declare(fault: Fault) -> Mutant:
        return Mutant(fault.__name__, frozenset(broken), revision, fault)

    return declare
