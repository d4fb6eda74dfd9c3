"""Mutants: the reference server with one named fault each.

A mutant is a function that patches the server, decorated with the exact set of clauses that the
suite must find broken. The decorated function is a target: from this folder,
`codex-conformance check --target direct:wire_mutants:numeric_text_id_as_number` shows what it does.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakSet

import anyio.abc
import codex_reference_server
import pytest
from codex_reference_server.auth import Auth
from codex_reference_server.connection import Connection
from codex_reference_server.credentials import EXTERNAL
from codex_reference_server.refresh import ExternalRefresher

Fault = Callable[[pytest.MonkeyPatch], None]

_WATCHERS: WeakSet[Any] = WeakSet()


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


def around(patch: pytest.MonkeyPatch, owner: Any, name: str) -> Callable[[Any], Any]:
    """Replace a function of a module or class; the replacement gets the real one ahead."""
    real = getattr(owner, name)

    def put(replacement: Callable[..., Any]) -> Callable[..., Any]:
        patch.setattr(owner, name, lambda *args, **kwargs: replacement(real, *args, **kwargs))
        return replacement

    return put


def instances(patch: pytest.MonkeyPatch, owner: type) -> list[Any]:
    """The instances of a class, as they are made."""
    made: list[Any] = []
    real = owner.__dict__["__init__"]

    def remember(self: Any, *args: Any) -> None:
        made.append(self)
        real(self, *args)

    _WATCHERS.add(remember)
    patch.setattr(owner, "__init__", remember)
    return made


def watches(replacement: object) -> bool:
    """Whether a replacement does what it replaces, and looks on."""
    return replacement in _WATCHERS


def external(auth: Auth) -> Any:
    """The refresher of external tokens."""
    return auth._refreshers[EXTERNAL]


def answered_after_the_refresh(patch: pytest.MonkeyPatch, method: str) -> None:
    """Answer the requests of a method when no refresh request is open any more."""
    auths, held = instances(patch, Auth), []

    @around(patch, Connection, "_answer")
    def answer(real: Any, self: Any, request_id: Any, name: str, params: Any) -> None:
        if name == method and external(auths[-1])._question is not None:
            held.append(lambda: real(self, request_id, name, params))
        else:
            real(self, request_id, name, params)

    @around(patch, ExternalRefresher, "_settle")
    def settle(real: Any, self: Any, *args: Any) -> None:
        real(self, *args)
        while held and self._question is None:
            held.pop(0)()
