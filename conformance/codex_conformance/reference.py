"""The one door from the kit to the reference server."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import anyio.abc
import codex_reference_server
from codex_reference_server import (
    REVISIONS,
    Arrangement,
    Config,
    ConfigError,
    Revision,
    Server,
    Wiring,
)
from codex_reference_server.main import main

if TYPE_CHECKING:
    from codex_reference_server import landing

__all__ = [
    "NAME",
    "PACKAGE",
    "Arrange",
    "Arrangement",
    "Config",
    "ConfigError",
    "Page",
    "Revision",
    "Server",
    "Visit",
    "Wiring",
    "in_memory",
    "page",
    "release_of",
    "serve",
]

NAME = "codex_conformance.reference:in_memory"
PACKAGE = codex_reference_server

Page: TypeAlias = "landing.Page"
"""What a browser is shown that visits a login."""

Visit: TypeAlias = "landing.Visit"
"""One request of such a browser."""

Arrange = Callable[[Config, Revision], Arrangement]
"""Decide what is run, given what arguments and configuration say."""


def in_memory(
    home: Path, environ: Mapping[str, str], argv: Sequence[str], arrange: Arrange = Arrangement
) -> AbstractAsyncContextManager[anyio.abc.ObjectStream[bytes]]:
    """A reference server in this process: `factory(home, environ, argv)` of the targets."""
    return codex_reference_server.in_memory(home, environ, argv, arrange)


def serve(argv: Sequence[str], arrange: Arrange = Arrangement) -> int:
    """Run the reference server over its transport until its input ends; its exit status."""
    return main(argv, arrange)


def page(status: int, title: str, text: str, more: str = "") -> Page:
    """A page of plain words, and HTML below them."""
    from codex_reference_server import landing

    return landing.page(status, title, text, more)


def release_of(revision: str) -> str:
    """The version of the release that a revision describes."""
    return REVISIONS[revision].release
