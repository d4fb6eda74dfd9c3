"""Options that the commands which judge have in common."""

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

FILE = click.Path(dir_okay=False, path_type=Path)

Command = Callable[..., None]


@dataclass(frozen=True)
class Outputs:
    """The files that a run is to be written to; None where nobody asks for one."""

    json: Path | None = None
    junit: Path | None = None
    html: Path | None = None
    badge: Path | None = None
    summary: Path | None = None

    @property
    def transcripts(self) -> Path | None:
        """The folder of conversations, beside the results."""
        return self.json and self.json.with_name(f"{self.json.name}.d")


_OUTPUTS = (
    click.option("--json", type=FILE, metavar="F", help="Write results; transcripts go to F.d/."),
    click.option("--junit", type=FILE, metavar="F", help="Write JUnit XML."),
    click.option("--html", type=FILE, metavar="F", help="Write a page to read in a browser."),
    click.option("--badge", type=FILE, metavar="F", help="Write JSON for a badge of shields.io."),
    click.option("--summary", type=FILE, metavar="F", help="Write Markdown, such as for a CI job."),
)


def output_options(command: Command) -> Command:
    """Give a command an option for each file of `Outputs`, which it takes as `outputs`."""

    @functools.wraps(command)
    def with_outputs(
        *,
        json: Path | None,
        junit: Path | None,
        html: Path | None,
        badge: Path | None,
        summary: Path | None,
        **others: Any,
    ) -> None:
        command(outputs=Outputs(json, junit, html, badge, summary), **others)

    return functools.reduce(lambda made, option: option(made), reversed(_OUTPUTS), with_outputs)


def without_option(
    kind: str, names: Callable[[], Iterable[str]], about: str
) -> Callable[[Command], Command]:
    """`--without NAME=REASON`, repeatable, as pairs.

    Args:
        kind: of what is left out, as the help calls it.
        names: what can be left out; asked only where something is.
        about: the help.
    """

    def pairs(
        _context: click.Context, _option: click.Parameter, values: tuple[str, ...]
    ) -> tuple[tuple[str, str], ...]:
        return tuple(_pair(value, kind, list(names())) for value in values)

    return click.option(
        "--without", multiple=True, callback=pairs, metavar=f"{kind}=REASON", help=about
    )


def _pair(value: str, kind: str, names: list[str]) -> tuple[str, str]:
    name, _, reason = value.partition("=")
    if name not in names or not reason.strip():
        known = ", ".join(names)
        raise click.BadParameter(f"{value!r}: expected {kind}=REASON, with {kind} one of {known}")
    return name, reason.strip()
