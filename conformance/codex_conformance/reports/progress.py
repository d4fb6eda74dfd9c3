"""What a person at a terminal sees while a run goes on: a few lines on stderr, gone at its end."""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from codex_conformance.results import CaseResult, Plan

_LONG = 1.0  # seconds after which a case is worth naming
_RED = ("fail", "error", "untestable")


@dataclass
class Tally:
    """How far a run is.

    Attributes:
        areas: area -> how many cases it has.
        began: case under way -> when it began, in seconds of `time.monotonic`.
    """

    planned: int = 0
    areas: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)
    began: dict[str, float] = field(default_factory=dict)

    def lines(self, now: float) -> Iterator[Text]:
        """A line on the whole, one on the areas under way, one on the cases that take long."""
        told = Text(f"{self.done.total()} of {self.planned}")
        for verdict, count in self.verdicts.items():
            style = "red" if verdict in _RED else ""
            told.append(", ").append(f"{count} {verdict}", style)
        yield told
        open_areas = [
            f"{area} {self.done[area]}/{count}"
            for area, count in self.areas.items()
            if 0 < self.done[area] < count
        ]
        if open_areas:
            yield Text("  ".join(open_areas), "dim")
        began = sorted(self.began.copy().items(), key=lambda item: item[1])
        waiting = [f"{case} {now - at:.0f} s" for case, at in began if now - at >= _LONG]
        if waiting:
            yield Text(f"waiting ({len(waiting)}): {', '.join(waiting)}", "dim")


class Progress:
    """Shows a tally at a terminal, four times a second, each line cut to its width."""

    def __init__(self) -> None:
        self._tally = Tally()
        self._live = Live(
            get_renderable=self._drawn,
            console=Console(stderr=True, highlight=False),
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def started(self, plan: Plan) -> None:
        """Begin to show."""
        self._tally.planned = plan.cases
        self._tally.areas.update(map(_area, plan.ids))
        self._live.start()

    def began_case(self, case: str) -> None:
        """A case is under way from now on."""
        self._tally.began[case] = time.monotonic()

    def finished_case(self, result: CaseResult) -> None:
        """Count it."""
        self._tally.began.pop(result.id, None)
        self._tally.done[_area(result.id)] += 1
        self._tally.verdicts[result.verdict] += 1

    def stop(self) -> None:
        """Take away what is shown; more than once does no harm."""
        self._live.stop()

    def _drawn(self) -> Group:
        lines = list(self._tally.lines(time.monotonic()))
        for line in lines:
            line.no_wrap, line.overflow = True, "ellipsis"
        return Group(*lines)


def _area(case: str) -> str:
    return case.partition("/")[0]
