"""The run as a table and as JSON."""

import os
import platform
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.figures import Finding, Samples, Summary, as_json
from benchmarks.subjects import Subject


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load": [round(load, 1) for load in os.getloadavg()],
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def document(subjects: list[Subject], samples: Samples, found: list[Finding]) -> dict[str, Any]:
    """Everything that is known of the run."""
    return {
        "machine": machine(),
        "subjects": [{"name": one.name, "command": list(one.command)} for one in subjects],
        "measures": as_json(samples),
        "findings": [asdict(one) for one in found],
    }


def table(subjects: list[Subject], samples: Samples, found: list[Finding]) -> str:
    """Medians with the middle half of the samples, then what is made of them."""
    names = [subject.name for subject in subjects]
    head = ["median (middle half)", *names]
    rows = [
        [
            f"{measure.name}, {measure.unit}",
            *(_shown(of.get(name), measure.scale) for name in names),
        ]
        for measure, of in samples.items()
    ]
    compared = [
        [
            f"{one.subject}{f' / {one.peer}' if one.peer else ''}: {one.measure}",
            f"{one.value:.2f}",
            one.aim or "",
            {None: "", True: "met", False: "MISSED"}[one.met],
        ]
        for one in found
    ]
    judged = [["ratio of medians, or figure", "", "aim", ""], *compared]
    return "\n".join([*_columns([head, *rows]), "", *_columns(judged)])


def _shown(samples: list[float] | None, scale: float) -> str:
    if not samples:
        return "."
    one = Summary.of(samples, scale)
    if one.count == 1:
        return f"{one.median:,.1f}"
    return f"{one.median:,.1f} ({one.low:,.1f}-{one.high:,.1f})"


def _columns(rows: list[list[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *rest in rows:
        cells = [first.ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
        yield "  ".join(cells).rstrip()
