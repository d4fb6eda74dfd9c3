"""Lines between the kit and a target, and the record of everything that was said.

Nothing here is shared with the reference server: a fault in one must show in the other.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import anyio

from codex_conformance.tokens import redact

Direction = Literal["to-target", "from-target", "http", "note"]

LINE_LIMIT = 8 * 1024 * 1024  # bytes; a longer line from a target is cut and reads as no message
STREAM_LIMIT = 16 * 1024 * 1024  # bytes that who is judged may say in one case
LINES_LIMIT = 20_000  # lines that one target may say in one case
RUBBISH_LIMIT = 1000  # lines that are no message, after which nobody listens any more
DEPTH_LIMIT = 100  # arrays and objects within each other; a message of the protocol has a dozen
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
MARKS = {"to-target": "-->", "from-target": "<--", "http": "~~~", "note": "***"}
_SHOWN = 2000  # characters of a line in a report
_TOLD = 20_000  # characters of a message in a report


@dataclass(frozen=True)
class Entry:
    """One thing that happened.

    Attributes:
        index: position in the transcript.
        at: seconds since the case began.
        text: the line as it went over the wire, without its end.
        message: the decoded JSON object, where it is one.
        connection: 0 for the parent's, then those that a case opened beside it.
        problem: why it is no message, or empty.
    """

    index: int
    at: float
    direction: Direction
    text: str
    message: dict[str, Any] | None = None
    problem: str = ""
    connection: int = 0

    @property
    def method(self) -> str | None:
        """The method, of a request or a notification."""
        method = (self.message or {}).get("method")
        return method if isinstance(method, str) else None

    @property
    def is_request(self) -> bool:
        """Whether it asks for an answer."""
        return self.message is not None and "method" in self.message and "id" in self.message

    @property
    def is_notification(self) -> bool:
        """Whether it tells without asking."""
        return self.message is not None and "method" in self.message and "id" not in self.message

    @property
    def is_response(self) -> bool:
        """Whether it answers."""
        return self.message is not None and "method" not in self.message and "id" in self.message

    @property
    def params(self) -> dict[str, Any]:
        """The params, where they are an object, else an empty one."""
        params = (self.message or {}).get("params")
        return params if isinstance(params, dict) else {}

    def __str__(self) -> str:
        return printable(self.text[:_SHOWN])


@dataclass
class Transcript:
    """Everything that was said in a case, in order.

    Attributes:
        connection: whose part of it is read and written here.
    """

    entries: list[Entry] = field(default_factory=list)
    began: float | None = None
    connection: int = 0

    def beside(self, connection: int) -> "Transcript":
        """The same for another connection: it reads and writes its own part of it."""
        return Transcript(self.entries, self.began, connection)

    def add(
        self,
        direction: Direction,
        text: str,
        message: dict[str, Any] | None = None,
        problem: str = "",
    ) -> Entry:
        """Append what just happened."""
        now = anyio.current_time()
        if self.began is None:
            self.began = now
        entry = Entry(
            len(self.entries), now - self.began, direction, text, message, problem, self.connection
        )
        self.entries.append(entry)
        return entry

    def received(self, since: int = 0) -> Iterator[Entry]:
        """What came from the target, from position `since` on."""
        return (entry for entry in self.own(since) if entry.direction == "from-target")

    def sent(self) -> Iterator[Entry]:
        """What went to the target."""
        return (entry for entry in self.own() if entry.direction == "to-target")

    def own(self, since: int = 0) -> Iterator[Entry]:
        """What passed over this connection, from position `since` on."""
        return (entry for entry in self.entries[since:] if entry.connection == self.connection)


def shown(entry: Entry, secrets: dict[str, str]) -> str:
    """One entry as a line of a report, harmless to a terminal."""
    text = redact(entry.text, secrets)
    if len(text) > _SHOWN:
        text = f"{text[:_SHOWN]}… ({len(text)} characters)"
    problem = f"   [{entry.problem}]" if entry.problem else ""
    mark = f"{MARKS[entry.direction]} {whose(entry)}"
    return f"{entry.at:9.3f} {mark}{printable(text)}{problem}"


def whose(entry: Entry) -> str:
    """What stands before the words of a connection beside the parent's; nothing for its own."""
    return f"[connection {entry.connection + 1}] " if entry.connection else ""


def printable(text: str) -> str:
    """`text` with control characters spelled out, so that no target can drive a terminal."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def harmless(text: str) -> str:
    """`text` of one or more lines, each of them printable, and no longer than anybody reads."""
    if len(text) > _TOLD:
        text = f"{text[:_TOLD]}… ({len(text)} characters)"
    return "\n".join(map(printable, text.split("\n")))


def decode(line: bytes) -> tuple[dict[str, Any] | None, str]:
    """A line as a message, or None and why it is none."""
    if len(line) >= LINE_LIMIT:
        return None, f"a line of {LINE_LIMIT // 2**20} MiB or more"
    try:
        value = _DECODER.decode(line.decode("utf-8"))
    except UnicodeDecodeError:
        return None, "not UTF-8"
    except RecursionError:
        return None, "nested too deep"
    except ValueError as error:
        return None, f"not JSON: {error}"
    if _is_deep(line, value):
        return None, "nested too deep"
    if _SURROGATE.search(line) and _has_lone_surrogate(value):
        return None, "a text with half a surrogate pair, which is no Unicode"
    if not isinstance(value, dict):
        return None, "not a JSON object"
    if "method" not in value and "id" not in value:
        return None, "neither a method nor an id"
    return value, ""


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON value")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def _is_deep(line: bytes, value: Any) -> bool:
    """Whether a value is nested deeper than any message of the protocol."""
    if line.count(b"[") + line.count(b"{") <= DEPTH_LIMIT:
        return False
    level = [value]
    for _ in range(DEPTH_LIMIT):
        below: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                below += each.values()
            elif isinstance(each, list):
                below += each
        if not below:
            return False
        level = below
    return True


def _has_lone_surrogate(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


class LineReader:
    """Bytes to lines, bounded: a line over the limit is cut, what follows is its rest."""

    def __init__(self, limit: int = LINE_LIMIT) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The lines that `chunk` completes, without their ends."""
        *complete, rest = chunk.split(b"\n")
        for piece in complete:
            self._keep(piece)
            yield self.rest().removesuffix(b"\r")
        self._keep(rest)

    def rest(self) -> bytes:
        """What is left without an end of line; forgets it."""
        line = b"".join(self._parts)
        self._parts.clear()
        self._size = 0
        return line

    def _keep(self, piece: bytes) -> None:
        room = self._limit - self._size
        if piece and room > 0:
            self._parts.append(piece[:room])
            self._size += min(len(piece), room)
