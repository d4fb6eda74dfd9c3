"""Whatever a good server's output is cut into and strewn with, the mock parent hears it all."""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import matrix
from codex_account_protocol import methods
from codex_conformance import reference
from codex_conformance.bench import Judged, judge_case
from codex_conformance.results import CaseResult
from codex_conformance.schema import judge
from codex_conformance.targets import DirectTarget
from control import Factory
from from_schema import JSON, broken, valid
from hypothesis import given, settings
from hypothesis import strategies as st

NEWEST = "0.169"
Alter = Callable[[bytes], list[bytes]]
"""What a server says in place of a line: the pieces that it writes."""


class Altered:
    """The stream of a server that says something else than it would; it keeps what it hears."""

    def __init__(self, stream: Any, alter: Alter, heard: list[bytes]) -> None:
        self._stream = stream
        self._alter = alter
        self._heard = heard
        self._rest = b""
        self._pieces: list[bytes] = []

    async def receive(self) -> bytes:
        """The next piece."""
        while not self._pieces:
            *lines, self._rest = (self._rest + await self._stream.receive()).split(b"\n")
            self._pieces = [piece for line in lines for piece in self._alter(line + b"\n") if piece]
        await anyio.lowlevel.checkpoint()
        return self._pieces.pop(0)

    async def send(self, data: bytes) -> None:
        """What the parent says."""
        self._heard += data.splitlines()
        await self._stream.send(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def altered(alter: Alter, heard: list[bytes]) -> Factory:
    """The reference server, which says its lines as `alter` has them."""

    @asynccontextmanager
    async def factory(
        home: Path, environ: Mapping[str, str], argv: Sequence[str]
    ) -> AsyncIterator[Any]:
        async with reference.in_memory(home, environ, argv) as stream:
            yield Altered(stream, alter, heard)

    return factory


def refreshed(alter: Alter, heard: list[bytes] | None = None) -> CaseResult:
    """What comes of a login, a turn and a refresh with such a server; `heard`: of the parent."""
    spec, body = next(each for each in matrix.cases(NEWEST) if each[0].id == "refresh/good-answer")
    target = DirectTarget(altered(alter, [] if heard is None else heard), ("--revision", NEWEST))
    return judge_case(Judged(target, NEWEST), spec, body)


def at(position: int, frame: bytes) -> Alter:
    """A frame ahead of the line at a position."""
    before = [position]

    def alter(line: bytes) -> list[bytes]:
        before[0] -= 1
        return [frame + b"\n", line] if before[0] == -1 else [line]

    return alter


def in_pieces(size: int, end: bytes, padding: bytes, news: list[bytes]) -> Alter:
    """Lines with other ends and with news between them, in pieces of so many bytes."""

    def alter(line: bytes) -> list[bytes]:
        said = b"".join(padding + each + end for each in (*news, line.rstrip(b"\n")))
        return [said[start : start + size] for start in range(0, len(said), size)]

    return alter


def encoded(message: Any) -> bytes:
    return json.dumps(message).encode()


def news() -> st.SearchStrategy[bytes]:
    """Notifications, and messages with members, that no revision knows."""
    method = st.text("xyz/", min_size=1, max_size=9).map("future/{}".format)
    unknown = st.fixed_dictionaries(
        {"method": method}, optional={"params": JSON, "futureText": JSON}
    )
    return unknown.map(encoded)


@settings(max_examples=100)
@given(
    size=st.integers(1, 200),
    end=st.sampled_from([b"\n", b"\r\n"]),
    padding=st.sampled_from([b"", b"\n", b" \t", b"\r\n"]),
    news=st.lists(news(), max_size=2),
)
def test_server_that_speaks_in_another_way_is_heard(
    size: int, end: bytes, padding: bytes, news: list[bytes]
) -> None:
    result = refreshed(in_pieces(size, end, padding, news))
    assert (result.verdict, result.message) == ("pass", None)


def nested(depth: int) -> bytes:
    return b'{"id":1,"result":' + b"[" * depth + b"]" * depth + b"}"


def broken_frames() -> st.SearchStrategy[bytes]:
    """Lines that are no message."""
    row = st.sampled_from([row for row in methods(NEWEST) if row.params])
    message = row.flatmap(
        lambda row: valid(NEWEST, row.params or "").map(
            lambda params: encoded({"method": row.method, "params": params})
        )
    )
    return st.one_of(
        st.tuples(message, st.integers(1, 200)).map(lambda drawn: drawn[0][: -drawn[1]] or b"{"),
        message.map(lambda text: text + text),
        message.map(lambda text: text.replace(b'"', b'"\xff', 1)),
        message.map(lambda text: b"[" + text + b"]"),
        st.integers(100, 5000).map(
            lambda depth: b'{"id":1,"result":' + b"[" * depth + b"]" * depth + b"}"
        ),
        st.sampled_from([b'{"id":NaN}', b'{"id":1,"result":"\\ud800"}', b"{}", b"\0", b"null"]),
        JSON.filter(lambda value: not isinstance(value, dict)).map(encoded),
    )


@settings(max_examples=150)
@given(position=st.integers(0, 8), frame=broken_frames())
def test_broken_frame_costs_the_parent_nothing_and_is_told(position: int, frame: bytes) -> None:
    result = refreshed(at(position, frame))
    assert {one.clause for one in result.broken} == {"WIRE-1"}, result.message
    assert result.verdict == "fail"


TOLD = [row for row in methods(NEWEST) if row.kind == "notification" and row.params]
ODD = st.sampled_from([row for row in TOLD if row.direction == "serverToClient"]).flatmap(
    lambda row: st.tuples(
        st.just(row), valid(NEWEST, row.params or "") | broken(NEWEST, row.params or "")
    )
)


@settings(max_examples=100)
@given(position=st.integers(0, 8), drawn=ODD)
def test_odd_notification_breaks_what_its_schema_says_and_no_more(
    position: int, drawn: tuple[Any, Any]
) -> None:
    row, params = drawn
    text = encoded({"method": row.method, "params": params})
    fault, _ = judge(NEWEST, row.params, params)
    result = refreshed(at(position, text))
    wanted = set() if fault is None else {"WIRE-10"}
    assert {one.clause for one in result.broken} == wanted, result.message


UNUSED = st.text(max_size=5) | st.integers(-9, -1)  # no server request of a good server has it


@settings(max_examples=50)
@given(
    position=st.integers(2, 8), request_id=st.text(max_size=5) | st.integers(-9, -1), params=JSON
)
def test_request_that_no_parent_knows_is_refused_by_it(
    position: int, request_id: str | int, params: Any
) -> None:
    heard: list[bytes] = []
    asked = {"id": request_id, "method": "future/ask", "params": params}
    result = refreshed(at(position, encoded(asked)), heard)
    assert (result.verdict, result.message) == ("pass", None)
    refusals = [message for message in map(json.loads, heard) if "error" in message]
    assert [(each["id"], each["error"]["code"]) for each in refusals] == [(request_id, -32601)]
