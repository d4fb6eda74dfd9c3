"""Several runs side by side, each with a name of its own."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from codex_conformance.results import RunResult
from codex_conformance.results_file import Stored
from codex_conformance.wire import printable


@dataclass(frozen=True)
class Column:
    """One run among others.

    Attributes:
        label: what it is called beside the others.
        folder: of its transcripts, where it has one.
    """

    label: str
    run: RunResult
    folder: Path | None = None


def column_of(run: RunResult) -> Column:
    """A run that stands alone, called by its target."""
    return Column(run.subject.command, run)


def columns(stored: Sequence[Stored]) -> tuple[Column, ...]:
    """The runs, each called by its file without `.json`; by the whole path if others are too."""
    times = Counter(each.path.stem for each in stored)
    return tuple(
        Column(
            printable(each.path.stem if times[each.path.stem] == 1 else str(each.path)),
            each.run,
            each.folder,
        )
        for each in stored
    )
