"""What framing and envelope leave open."""

import json
import re
from collections import deque
from collections.abc import Callable
from itertools import count
from typing import Any

import anyio
import pytest
from codex_reference_server import transports
from codex_reference_server.connection import Connection, Outbox
from codex_reference_server.messages import Refusal
from freedom import freedom
from mutant import around

PIECE = 7  # bytes
FIRST_LETTER = re.compile(r'"([a-z/])')  # of a text or of the name of a member
ERROR = {"code": -32600, "message": "Invalid Request"}
AT_LEISURE = {"initialize", "thread/start", "turn/start", "account/read", "account/rateLimits/read"}
BY_ID = "rateLimitsByLimitId"  # an object whose members are no members of a type


@freedom("WIRE-1", case="login/accepted", says='{"jsonrpc":"2.0"')
def jsonrpc_is_said(patch: pytest.MonkeyPatch) -> None:
    """Every message carries `"jsonrpc":"2.0"`."""

    @around(patch, Outbox, "put")
    def put(real: Any, self: Any, line: bytes) -> None:
        real(self, line.replace(b"{", b'{"jsonrpc":"2.0",', 1))


@freedom(
    "WIRE-1", "WIRE-10", case="login/accepted", says='"\\u0074ype" : "\\u0063hatgptAuthTokens"'
)
def writes_json_otherwise(patch: pytest.MonkeyPatch) -> None:
    """Members come last first, texts escaped, blanks between all, and a few bytes at a time."""

    @around(patch, Outbox, "put")
    def put(real: Any, self: Any, line: bytes) -> None:
        text = json.dumps(_otherwise(json.loads(line)), separators=(" , ", " : "))
        real(self, FIRST_LETTER.sub(_escaped, text).encode())

    async def send(stream: Any, outbox: Any, conversation: anyio.CancelScope) -> None:
        try:
            while lines := await outbox.take():
                data = transports._joined(lines)
                for start in range(0, len(data), PIECE):
                    await stream.send(data[start : start + PIECE])
        except anyio.BrokenResourceError:
            conversation.cancel()

    patch.setattr(transports, "_send", send)


@freedom("WIRE-10", case="login/accepted", says='{"method":"server/tick"')
def strews_notifications(patch: pytest.MonkeyPatch) -> None:
    """Before and after every message, the first too, come notifications that nobody knows."""

    @around(patch, Outbox, "put")
    def put(real: Any, self: Any, line: bytes) -> None:
        real(self, b'{"method":"server/tick","params":{"threadId":null,"turn":7,"authMode":"x"}}')
        real(self, line)
        real(self, b'{"method":"server/tick","params":[]}')
        real(self, b'{"method":"server/tock"}')


@freedom("WIRE-3", "WIRE-8", "WIRE-10", case="login/accepted", says='"method":"server/ping"')
def asks_for_other_things(patch: pytest.MonkeyPatch) -> None:
    """Before and after every message it asks its client for what no client knows."""
    numbers = count()

    @around(patch, Outbox, "put")
    def put(real: Any, self: Any, line: bytes) -> None:
        real(self, b'{"id":"ping-%d","method":"server/ping","params":{}}' % next(numbers))
        real(self, line)
        real(self, b'{"id":"ping-%d","method":"server/ping"}' % next(numbers))


def rewriting(patch: pytest.MonkeyPatch, change: Callable[[Any], Any]) -> None:
    """Let every message be changed before it goes out."""

    @around(patch, Outbox, "put")
    def put(real: Any, self: Any, line: bytes) -> None:
        message = change(json.loads(line))
        real(self, json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode())


@freedom("WIRE-7", "WIRE-10", case="login/accepted", says='"future":[null,{"id":1}]')
def says_more(patch: pytest.MonkeyPatch) -> None:
    """Members that nobody knows are in everything it says, at every level."""

    def grown(value: Any, name: str = "") -> Any:
        if isinstance(value, list):
            return [*map(grown, value)]
        if not isinstance(value, dict):
            return value
        known = {name: grown(member, name) for name, member in value.items()}
        return known if name == BY_ID else known | {"future": [None, {"id": 1}], "futureNull": None}

    rewriting(patch, grown)


@freedom(
    "WIRE-5",
    "INIT-4",
    "WORKSPACE-1",
    case="wire/unknown-method",
    says='{"code":7,"message":"Nein."',
    inapplicable=("mode/device-code",),
)
def refuses_in_other_words(patch: pytest.MonkeyPatch) -> None:
    """Every error has the same odd code and a foreign message; its data say why."""

    @around(patch, Connection, "_refuse")
    def refuse(real: Any, self: Any, request_id: Any, refusal: Refusal) -> None:
        error = {"code": 7, "message": "Nein.", "data": {"why": [refusal.message]}}
        self.outbox.put(_encode({"id": request_id, "error": error}))


@freedom("WIRE-9", "WIRE-2", case="wire/garbage/no-message", says='"id":987654,"error"')
def refuses_half_a_request(patch: pytest.MonkeyPatch) -> None:
    """A line with an id and nothing else gets an error under that id."""

    @around(patch, Connection, "receive")
    def receive(real: Any, self: Any, line: bytes) -> None:
        real(self, line)
        if line.startswith(b'{"id":') and b"," not in line:
            self.outbox.put(_encode(json.loads(line) | {"error": ERROR}))


@freedom("WIRE-4", "REFRESH-12", case="login/accepted", says="    1.000 <-- ")
def takes_a_second(patch: pytest.MonkeyPatch) -> None:
    """It looks at a request a second after it has come, where nothing has to be done at once."""
    waiting: deque[Callable[[], None]] = deque()

    @around(patch, Connection, "_answer")
    def answer(real: Any, self: Any, request_id: Any, name: str, params: Any) -> None:
        if name not in AT_LEISURE:
            real(self, request_id, name, params)
            return
        waiting.append(lambda: real(self, request_id, name, params))
        self._tasks.start_soon(_next_of, waiting)


@freedom("LOGIN-4", "LOGOUT-1", "RATE-3", case="login/accepted", says="    1.000 <-- ")
def tells_a_second_later(patch: pytest.MonkeyPatch) -> None:
    """What is told of account and thread comes a second after it has happened."""
    waiting: deque[Callable[[], None]] = deque()

    @around(patch, Connection, "tell")
    def tell(real: Any, self: Any, line: bytes, method: str | None = None) -> None:
        if method is None or not method.startswith(("account/", "thread/")):
            real(self, line, method)
            return
        waiting.append(lambda: real(self, line, method))
        self._tasks.start_soon(_next_of, waiting)


@freedom("WIRE-11", case="wire/end-of-input/idle", says='{"method":"server/parting"}')
def takes_leave(patch: pytest.MonkeyPatch) -> None:
    """When its input has ended it says so, and ends itself a second later."""

    @around(patch, transports, "_receive")
    async def receive(real: Any, stream: Any, connection: Connection) -> None:
        await real(stream, connection)
        connection.outbox.put(b'{"method":"server/parting"}')
        await anyio.sleep(1)


async def _next_of(waiting: deque[Callable[[], None]]) -> None:
    """Do in a second what has waited longest then."""
    await anyio.sleep(1)
    waiting.popleft()()


def _escaped(match: re.Match[str]) -> str:
    return f'"\\u{ord(match[1]):04x}'


def _otherwise(value: Any) -> Any:
    if isinstance(value, list):
        return [*map(_otherwise, value)]
    if isinstance(value, dict):
        return {name: _otherwise(member) for name, member in reversed(value.items())}
    return value


def _encode(message: dict[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode()
