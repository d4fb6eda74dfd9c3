"""The console: in colour where that is wanted, and silent once nobody reads it."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from codex_conformance.reports.progress import Progress


def say(line: str = "") -> None:
    """Print a line. When nobody reads any more the run goes on, and its files are written."""
    try:
        click.echo(line)
    except BrokenPipeError:
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())


def painted(text: str, colour: str) -> str:
    """The text in a colour, at a terminal that has any and a user who wants some."""
    if os.environ.get("NO_COLOR") or _is_dumb():
        return text
    return click.style(text, colour)  # away again where stdout is no terminal


def progress() -> "Progress | None":
    """What shows how far a run is: where stderr is a terminal that can take back what it shows."""
    if not sys.stderr.isatty() or _is_dumb():
        return None
    from codex_conformance.reports.progress import Progress

    return Progress()


def _is_dumb() -> bool:
    return os.environ.get("TERM", "dumb") in ("dumb", "unknown", "")


def can_draw_lines() -> bool:
    """Whether standard output takes characters beyond ASCII."""
    return (sys.stdout.encoding or "ascii").lower().replace("-", "").startswith("utf")
