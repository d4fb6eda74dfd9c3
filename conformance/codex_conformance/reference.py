"""The one door from the kit to the reference server."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import anyio.abc
import codex_reference_server

NAME = "codex_conformance.reference:in_memory"


def in_memory(
    home: Path, environ: Mapping[str, str], argv: Sequence[str]
) -> AbstractAsyncContextManager[anyio.abc.ObjectStream[bytes]]:
    """A reference server in this process: `factory(home, environ, argv)` of the targets."""
    return codex_reference_server.in_memory(home, environ, argv)


def serve(argv: Sequence[str]) -> int:
    """Run the reference server over its transport until its input ends; its exit status."""
    from codex_reference_server.main import main

    return main(argv)
