"""A conversation as a sequence chart of plain text."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from codex_conformance.sequence import LANES, Lane, Step, abridged

_MARGIN = 15  # the time, and whether the step is wrong
_BACKEND = 23  # from the server's line to the backend's
_TIME = 8
_NARROWEST = 60


@dataclass(frozen=True)
class _Pen:
    """The characters that a chart is drawn with; answers have a line of their own kind."""

    axis: str
    solid: str
    dashed: str
    right: str
    left: str
    gap: str
    cut: str


_LINES = _Pen("│", "─", "╌", "▶", "◀", "⋮", "…")
_ASCII = _Pen("|", "-", ".", ">", "<", ":", "~")


def chart_lines(
    steps: Sequence[Step],
    wrong: Collection[int] = (),
    *,
    width: int = 78,
    most: int = 24,
    ascii_only: bool = False,
) -> list[str]:
    """A conversation as lines of text: a column a speaker, an arrow a message, time downwards.

    Args:
        steps: what was said, in order.
        wrong: positions in the transcript of what is to be marked.
        width: characters of a line, not less than 60.
        most: steps that are drawn; the others are counted.
        ascii_only: draw with ASCII characters alone.

    Returns:
        Lines no longer than `width`; none where nothing was said.
    """
    if not steps:
        return []
    pen = _ASCII if ascii_only else _LINES
    width = max(width, _NARROWEST)
    axes = _axes(steps, width)
    return [_head(axes, width), *_rows(abridged(steps, most, wrong), axes, frozenset(wrong), pen)]


def _axes(steps: Sequence[Step], width: int) -> dict[Lane, int]:
    """The column of each speaker; the backend has one where it says anything."""
    last = width - 2
    if any("backend" in (step.source, step.target) for step in steps):
        return {"parent": _MARGIN, "server": last - _BACKEND, "backend": last}
    return {"parent": _MARGIN, "server": last}


def _head(axes: dict[Lane, int], width: int) -> str:
    line = ""
    for lane, column in axes.items():
        line = f"{line:<{min(column - len(lane) // 2, width - len(lane))}}{lane}"
    return line


def _rows(
    steps: Sequence[Step], axes: dict[Lane, int], wrong: frozenset[int], pen: _Pen
) -> Iterator[str]:
    for step in steps:
        mark = "wrong" if step.index in wrong else ""
        margin = f"{step.at:{_TIME}.3f} {mark:<6}"
        if step.kind == "gap":
            yield f"{'':<{_MARGIN}}{pen.gap} {step.label}"
        elif step.source is None or step.target is None:
            room = max(axes.values()) - _MARGIN - 1
            yield f"{margin}{pen.gap} {_cut(step.label, room, pen)}"
        else:
            yield margin + _arrow(step, axes, pen)


def _arrow(step: Step, axes: dict[Lane, int], pen: _Pen) -> str:
    assert step.source is not None
    assert step.target is not None
    ends = sorted((axes[step.source], axes[step.target]))
    line = pen.dashed if step.kind in ("result", "error", "status") else pen.solid
    room = ends[1] - ends[0] - 1
    label = f" {_cut(step.label, room - 4, pen)} "
    if axes[step.source] < axes[step.target]:
        drawn = f"{line}{label}".ljust(room - 1, line) + pen.right
    else:
        drawn = pen.left + f"{label}{line}".rjust(room - 1, line)
    row = [" "] * (max(axes.values()) + 1)
    for lane in LANES:
        if lane in axes:
            row[axes[lane]] = pen.axis
    row[ends[0] + 1 : ends[1]] = drawn
    return "".join(row)[_MARGIN:]


def _cut(label: str, room: int, pen: _Pen) -> str:
    return label if len(label) <= room else f"{label[: room - 1]}{pen.cut}"
