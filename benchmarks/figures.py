"""Figures: samples, their median and spread, ratios, and what the ratios are to be."""

from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any


@dataclass(frozen=True)
class Aim:
    """What the reference server is to reach beside a codex.

    Attributes:
        bound: the ratio of the medians, reference to codex, is at most this, or at least.
    """

    bound: float
    at_least: bool = False

    def is_met(self, ratio: float) -> bool:
        """Whether a ratio is within the bound."""
        return ratio >= self.bound if self.at_least else ratio <= self.bound

    def __str__(self) -> str:
        return f"{'>=' if self.at_least else '<='} {self.bound:g}"


@dataclass(frozen=True)
class Measure:
    """Something that is measured of each subject.

    Attributes:
        unit: of what is shown.
        scale: what a sample is multiplied with to be shown.
        aim: beside the releases that have to be beaten; None where there is none.
        stretch: beside codex 0.98.0.
        bound: for the worst sample itself, as it is shown, whatever a codex does.
    """

    name: str
    unit: str
    scale: float
    aim: Aim | None = None
    stretch: Aim | None = None
    bound: Aim | None = None


START = Measure("start to initialize answered", "ms", 1e3, Aim(0.8))
LOGIN = Measure("start to first login", "ms", 1e3, Aim(0.8))
IN_TURN = Measure("account/read, one after the other", "per s", 1, Aim(10, at_least=True))
AT_ONCE = Measure(
    "account/read, pipelined", "per s", 1, Aim(10, at_least=True), Aim(0.5, at_least=True)
)
REFRESH = Measure("refresh answer to turn/completed", "ms", 1e3, Aim(0.2))
IDLE = Measure("resident memory, logged in", "MB", 1e-6, Aim(0.3))
USED = Measure("resident memory, after refreshes", "MB", 1e-6, Aim(0.3))
GROWTH = Measure("memory growth, 1st to 10th part of the refreshes", "MB", 1e-6, bound=Aim(2))
SESSIONS = Measure("parallel sessions over WebSocket", "ms", 1e3)

MEASURES = (START, LOGIN, IN_TURN, AT_ONCE, REFRESH, IDLE, USED, GROWTH, SESSIONS)

STRETCH = "0.98.0"
"""The release that is beaten by nobody; its aims are apart."""


@dataclass(frozen=True)
class Summary:
    """Median and middle half of some samples, in the unit of their measure."""

    median: float
    low: float
    high: float
    count: int

    @classmethod
    def of(cls, samples: list[float], scale: float = 1) -> "Summary":
        """Sum up at least one sample."""
        ordered = sorted(sample * scale for sample in samples)
        quarters = quantiles(ordered, n=4, method="inclusive") if len(ordered) > 1 else ordered * 3
        return cls(median(ordered), quarters[0], quarters[2], len(ordered))


@dataclass(frozen=True)
class Finding:
    """A figure of the reference server, and whether it is what it is to be.

    Attributes:
        peer: the codex whose median the reference server's is divided by; None where the figure
            stands for itself.
    """

    measure: str
    subject: str
    peer: str | None
    value: float
    aim: str | None
    met: bool | None

    @classmethod
    def of(
        cls, measure: Measure, subject: str, peer: str | None, value: float, aim: Aim | None
    ) -> "Finding":
        """What a figure is beside its aim, if there is one."""
        shown, met = (None, None) if aim is None else (str(aim), aim.is_met(value))
        return cls(measure.name, subject, peer, value, shown, met)


Samples = dict[Measure, dict[str, list[float]]]


def findings(samples: Samples, subjects: dict[str, str | None]) -> list[Finding]:
    """Each of ours beside each codex, and beside its bound.

    Args:
        samples: by measure and name of the subject.
        subjects: name to version, which is None for ours.
    """
    found = []
    for measure, of in samples.items():
        for own in (name for name, version in subjects.items() if version is None and name in of):
            if measure.bound is not None:
                worst = max(of[own]) * measure.scale
                found.append(Finding.of(measure, own, None, worst, measure.bound))
            for peer, version in subjects.items():
                if version is not None and peer in of:
                    ratio = median(of[own]) / median(of[peer])
                    aim = measure.stretch if version == STRETCH else measure.aim
                    found.append(Finding.of(measure, own, peer, ratio, aim))
    return found


def as_json(samples: Samples) -> dict[str, Any]:
    """Every sample, in the unit of its measure."""
    return {
        measure.name: {
            "unit": measure.unit,
            "samples": {
                name: [each * measure.scale for each in of] for name, of in samples.items()
            },
        }
        for measure, samples in samples.items()
    }
