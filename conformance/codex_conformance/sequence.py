"""A transcript as steps between parent, server and backend: what charts are drawn from."""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, get_args

import msgspec

from codex_conformance.tokens import redact
from codex_conformance.wire import MARKS, Entry, printable, whose

Lane = Literal["parent", "server", "backend"]
Kind = Literal[
    "request", "result", "error", "notification", "rubbish", "http", "status", "note", "gap"
]
LANES: tuple[Lane, ...] = get_args(Lane)
MOST = 200  # steps of a conversation that a result carries
MOST_STORED = 1000  # steps of a conversation in a folder of transcripts
_LABEL = 120  # characters
_TEXT = 2000  # characters
_STATUS = re.compile(r"(\d{3}) to (\S+ \S+)")
_ASKED = re.compile(r"([A-Z]+ \S+) \(")
_AROUND = 2  # steps that are kept on each side of a wrong one


@dataclass(frozen=True)
class Step:
    """One thing that happened, harmless to a terminal and without secrets.

    Attributes:
        index: position in the transcript; -1 for a gap.
        at: seconds since the case began.
        source: who spoke; None for a note or a gap, which are nobody's.
        target: who was spoken to.
        label: a few words: the method, the HTTP request, the status.
        text: the line as it went over the wire, bounded; before it, which connection, if another
            than the parent's.
        problem: why it is no message, or empty.
    """

    index: int
    at: float
    source: Lane | None
    target: Lane | None
    kind: Kind
    label: str
    text: str
    problem: str = ""

    def line(self, limit: int = _TEXT) -> str:
        """The step as a line of a transcript."""
        direction = {"server": "from-target", "parent": "to-target"}.get(self.source or "", "note")
        mark = MARKS["http" if "backend" in (self.source, self.target) else direction]
        text = self.text if len(self.text) <= limit else f"{self.text[:limit]}…"
        problem = f"   [{self.problem}]" if self.problem else ""
        return f"{self.at:9.3f} {mark} {text}{problem}"


def steps_of(entries: Iterable[Entry], secrets: dict[str, str]) -> Iterator[Step]:
    """The steps of a transcript, secrets as fingerprints.

    Args:
        entries: what was said, in order.
        secrets: secret -> its name.
    """
    asked: dict[tuple[str, str], str] = {}
    for entry in entries:
        source, target, kind, label = _drawn(entry, asked)
        yield Step(
            index=entry.index,
            at=round(entry.at, 3),
            source=source,
            target=target,
            kind=kind,
            label=_bounded(whose(entry) + printable(redact(label, secrets)), _LABEL),
            text=_bounded(whose(entry) + printable(redact(entry.text, secrets)), _TEXT),
            problem=printable(entry.problem),
        )


def _drawn(
    entry: Entry, asked: dict[tuple[str, str], str]
) -> tuple[Lane | None, Lane | None, Kind, str]:
    if entry.direction == "http":
        if answer := _STATUS.match(entry.text):
            return "backend", "server", "status", answer[1]
        request = _ASKED.match(entry.text)
        return "server", "backend", "http", request[1] if request else entry.text
    if entry.direction == "note":
        return None, None, "note", entry.text
    source: Lane = "parent" if entry.direction == "to-target" else "server"
    target: Lane = "server" if source == "parent" else "parent"
    if entry.message is None:
        return source, target, "rubbish", entry.problem or "no message"
    identity = json.dumps(entry.message.get("id"))
    if entry.is_response:
        kind: Kind = "error" if "error" in entry.message else "result"
        of = asked.get((target, identity), "a request that nobody made")
        return source, target, kind, f"{kind} of {of}"
    method = entry.method or "a method that is no text"
    if entry.is_request:
        asked[source, identity] = method
        return source, target, "request", method
    return source, target, "notification", method


def _bounded(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"


def abridged(steps: Sequence[Step], most: int, wrong: Collection[int] = ()) -> tuple[Step, ...]:
    """The steps, with a gap in place of what is least worth seeing where they are too many.

    Kept are the last ones, the first ones, and those beside the first wrong one.

    Args:
        steps: what was said, in order.
        most: steps that are kept, the gaps between them not counted.
        wrong: positions in the transcript of what is wrong.
    """
    if len(steps) <= most:
        return tuple(steps)
    kept: set[int] = set()
    first = next((place for place, step in enumerate(steps) if step.index in wrong), None)
    if first is not None:
        near = sorted(range(len(steps)), key=lambda place: abs(place - first))
        kept.update(near[: min(2 * _AROUND + 1, most)])
    for place in range(len(steps)):
        for end in (len(steps) - 1 - place, place):
            if len(kept) < most:
                kept.add(end)
    return tuple(_with_gaps(steps, sorted(kept)))


def _with_gaps(steps: Sequence[Step], kept: Sequence[int]) -> Iterator[Step]:
    expected = 0
    for place in [*kept, len(steps)]:
        if place > expected:
            label = f"{place - expected} more"
            yield Step(-1, steps[expected].at, None, None, "gap", label, label)
        if place < len(steps):
            yield steps[place]
        expected = place + 1


def write_transcript(
    folder: Path, case: str, steps: Sequence[Step], wrong: Collection[int] = ()
) -> str:
    """Write a conversation for people, and beside it, as JSON Lines, for charts.

    Args:
        folder: that takes both files.
        case: the case's id.
        steps: the whole conversation.
        wrong: positions in the transcript of what is wrong.

    Returns:
        The name of the file for people.
    """
    name = f"{case.replace('/', '.')}.txt"
    path = folder / name
    path.write_text("".join(f"{step.line()}\n" for step in steps), "utf-8")
    few = abridged(steps, MOST_STORED, wrong)
    lines = "".join(f"{json.dumps(asdict(step), ensure_ascii=False)}\n" for step in few)
    path.with_suffix(".jsonl").write_text(lines, "utf-8")
    return name


def read_steps(path: Path) -> tuple[Step, ...]:
    """The steps that were written beside a transcript; none where there are none to read.

    Args:
        path: of the transcript for people.
    """
    try:
        lines = path.with_suffix(".jsonl").read_bytes().splitlines()
        return tuple(msgspec.json.decode(line, type=Step) for line in lines)
    except (OSError, msgspec.MsgspecError):
        return ()
