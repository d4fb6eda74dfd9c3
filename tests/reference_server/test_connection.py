"""Lines, messages, ids: what is answered, what is ignored, and that neither disturbs the rest."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from codex_reference_server import connection as room
from codex_reference_server import turns
from codex_reference_server.config import Config, load_config
from codex_reference_server.connection import Connection
from codex_reference_server.main import Arrangement, Server, in_memory, running_server
from codex_reference_server.revision import REVISIONS, Revision
from codex_reference_server.transports import LINE_LIMIT, Lines

from .peers import CLIENT, REFRESH, Peer, Provider, Tokens

Play = Callable[..., None]


def test_lines_are_the_same_however_they_are_cut() -> None:
    whole = b'{"a":1}\n\n{"b":2}\r\n{"c'
    for size in range(1, len(whole) + 1):
        lines = Lines()
        cut = [whole[i : i + size] for i in range(0, len(whole), size)]
        assert [line for chunk in cut for line in lines.feed(chunk)] == whole.split(b"\n")[:-1]
        assert lines.end() == b'{"c'
        assert lines.end() == b""


def test_line_over_the_limit_is_dropped_and_the_next_one_kept() -> None:
    lines = Lines()
    piece = b"x" * (LINE_LIMIT // 4)
    assert [lines.feed(piece) for _ in range(5)] == [[]] * 5
    assert lines.feed(b"x\n{}\n") == [b"", b"{}"]


NO_MESSAGES = [
    b"",
    b"\r",
    b"rubbish",
    b"{",
    b"[]",
    b'[{"id":1,"method":"account/read","params":{}}]',
    b"null",
    b"5",
    b'"text"',
    b"\xff\xfe",
    b'{"id":99,"method":"account/logout","params":{"a":"\xff"}}',
    b'{"id":99,"method":"account/logout","params":{"a":"\\ud800"}}',
    b'{"id":null,"method":"account/logout"}',
    b'{"id":1.5,"method":"account/logout"}',
    b'{"id":true,"method":"account/logout"}',
    b'{"id":9223372036854775808,"method":"account/logout"}',
    b'{"id":99,"method":5}',
    b'{"method":"account/logout"}',
    b'{"method":"no/such/notification"}',
    b'{"id":0,"result":{}}',
    b'{"id":12345,"error":{"code":1,"message":"m"}}',
    b'{"result":{}}',
    b"{}",
    b'{"a":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    b"[" * 10_000,
]


@pytest.mark.parametrize("line", NO_MESSAGES, ids=range(len(NO_MESSAGES)))
def test_line_that_is_no_message_has_no_effect(play: Play, line: bytes) -> None:
    tokens = Tokens(1)

    async def scenario(peer: Peer, _provider: Provider) -> None:
        await peer.log_in(tokens)
        await peer.ask("account/read", {})
        since = len(peer.heard)
        await peer.say(line)
        assert (await peer.account())["email"] == tokens.email
        assert peer.methods(since) == ["response"]

    play(scenario)


@pytest.mark.parametrize("request_id", [0, -1, 2**63 - 1, -(2**63), "", "0", "\u00e9\n\u2028\0"])
def test_response_bears_the_id_of_its_request(play: Play, request_id: Any) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        await peer.say({"id": request_id, "method": "account/read", "params": {}, "jsonrpc": "2.0"})
        response = await peer.until(lambda m: "result" in m and "account" in m["result"])
        assert response["id"] == request_id
        assert type(response["id"]) is type(request_id)

    play(scenario)


def test_both_directions_number_their_requests_by_themselves(play: Play) -> None:
    old, new = Tokens(1), Tokens(2)

    async def scenario(peer: Peer, provider: Provider) -> None:
        provider.valid = {new.access}
        await peer.log_in(old)
        turn = await peer.start_turn()
        request = await peer.refresh_request()
        since = len(peer.heard)
        await peer.say({"id": request["id"], "method": "account/read", "params": {}})
        response = await peer.until(lambda m: m["id"] == request["id"], since)
        assert response["result"]["account"]["email"] == old.email
        await peer.say(peer.refreshed(request, new))
        assert await turn.status() == "completed"

    play(scenario)


def test_message_split_into_bytes_and_many_in_one_write_are_answered_in_order(play: Play) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        requests = [peer.call("account/read", {}) for _ in range(500)]
        first = json.dumps(requests[0]).encode() + b"\r\n"
        for i in range(len(first)):
            await peer.wire.send(first[i : i + 1])
        since = len(peer.heard)
        await peer.say(*requests[1:])
        await peer.answer_to(requests[-1])
        answered = [message["id"] for message in peer.heard[since:]]
        assert answered[-499:] == [request["id"] for request in requests[1:]]

    play(scenario)


def test_line_of_a_mebibyte_is_answered(play: Play) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        params = {"refreshToken": False, "unknown": "x" * 1024 * 1024}
        assert "result" in await peer.ask("account/read", params)

    play(scenario)


BAD_PARAMS: dict[str, tuple[str, Any, str]] = {
    "none": ("account/read", None, "Expected `object`, got `null`"),
    "array": ("account/read", [], "Expected `object`, got `array`"),
    "wrong-type": (
        "account/read",
        {"refreshToken": "canary"},
        "Expected `bool`, got `str` - at `$.refreshToken`",
    ),
    "missing": ("account/login/cancel", {}, "Object missing required field `loginId`"),
    "unknown-login": (
        "account/login/start",
        {"type": "canary' - at `$.canary"},
        "Invalid value - at `$.type`",
    ),
    "tag-of-wrong-type": ("account/login/start", {"type": 5}, "Expected `str` - at `$.type`"),
    "token-of-wrong-type": (
        "account/login/start",
        {"type": "chatgptAuthTokens", "accessToken": ["canary"], "chatgptAccountId": "a"},
        "Expected `str`, got `array` - at `$.accessToken`",
    ),
    "enum": (
        "thread/start",
        {"sandbox": "canary"},
        "Invalid enum value - at `$.sandbox`",
    ),
    "nested": (
        "turn/start",
        {"threadId": "t", "input": [{"type": "text", "text": {"canary": 1}}]},
        "Expected `str`, got `object` - at `$.input[0].text`",
    ),
}


@pytest.mark.parametrize(("method", "params", "reason"), BAD_PARAMS.values(), ids=BAD_PARAMS)
def test_bad_params_are_refused_without_being_repeated(
    play: Play, method: str, params: Any, reason: str
) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        response = await peer.ask(method, params)
        message = f"invalid params of {method}: {reason}"
        assert response["error"] == {"code": -32602, "message": message}
        assert b"canary" not in peer.raw

    play(scenario)


def test_unknown_method_is_refused_without_being_repeated(play: Play) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        for method in ("canary/x", "account/updated", "initialized", ""):
            assert (await peer.ask(method, {}))["error"] == {
                "code": -32601,
                "message": "unknown method: this server does not know it",
            }
        assert b"canary" not in peer.raw

    play(scenario)


def test_unknown_members_are_ignored_at_every_level(play: Play) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        request = peer.login(Tokens(1), more={"deep": [None]}) | {"trace": None, "x": {}}
        await peer.say(request)
        assert "result" in await peer.answer_to(request)
        assert "result" in await peer.ask("account/logout", {"any": "thing"})

    play(scenario)


def test_request_before_initialize_is_refused_and_changes_nothing(play: Play) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        for method in ("account/login/start", "account/read", "canary"):
            params = {"type": "apiKey", "apiKey": "sk-1"}
            response = await peer.ask(method, params)
            assert response["error"] == {"code": -32600, "message": "Not initialized"}
        assert "error" in await peer.ask("initialize", {"clientInfo": {"name": "n"}})
        assert "result" in await peer.initialize()
        assert await peer.account() is None

    play(scenario, initialize=False)


def test_second_initialize_is_refused_and_changes_nothing(play: Play) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        response = await peer.initialize(experimentalApi=False)
        assert response["error"] == {"code": -32600, "message": "Already initialized"}
        assert "result" in await peer.log_in(Tokens(1))

    play(scenario)


@pytest.mark.parametrize(
    ("revision", "release"), [("0.93", "0.98.0"), ("0.99", "0.99.0"), ("0.169", "0.169.0")]
)
def test_initialize_is_answered_with_the_members_of_the_revision(
    play: Play, home: Any, revision: str, release: str
) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        result = (await peer.ask("initialize", {"clientInfo": CLIENT}))["result"]
        agent = result.pop("userAgent")
        assert agent.startswith(f"peer/{release} (")
        assert agent.endswith(") codex-conformance (peer; 1)")
        newest = {"platformFamily": "unix", "platformOs": "linux", "codexHome": str(home)}
        assert result == (newest if revision == "0.169" else {})

    play(scenario, revision, initialize=False)


@pytest.mark.parametrize(("revision", "is_silent"), [("0.93", False), ("0.99", True)])
def test_notifications_are_opted_out_of_by_method_from_0_99(
    play: Play, revision: str, is_silent: bool
) -> None:
    methods = ["account/updated", "account/login/start", "account/chatgptAuthTokens/refresh"]

    async def scenario(peer: Peer, _provider: Provider) -> None:
        await peer.initialize(optOutNotificationMethods=methods)
        assert "result" in await peer.log_in(Tokens(1))
        await peer.start_turn()
        await peer.refresh_request()
        assert ("account/updated" not in peer.methods()) is is_silent
        assert "account/login/completed" in peer.methods()

    play(scenario, revision, initialize=False)


def test_client_that_does_not_read_is_given_nothing_more_to_do(play: Play) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        requests = [peer.call("account/read", {}) for _ in range(200)]
        sent = 0
        peer.deaf = anyio.Event()
        with anyio.move_on_after(1):
            while True:
                await peer.say(*requests)
                sent += 1
        assert sent < 1000
        peer.deaf.set()
        assert "result" in await peer.ask("account/read", {})

    play(scenario)


@asynccontextmanager
async def seated(home: Path, number: int) -> AsyncIterator[list["Seat"]]:
    """Clients of one server, each initialized."""
    revision = REVISIONS["0.169"]
    async with running_server(load_config(home, {}, (), revision), revision) as server:
        seats = [Seat(server.connect()) for _ in range(number)]
        for seat in seats:
            capabilities = {"experimentalApi": True}
            await seat.ask("initialize", {"clientInfo": CLIENT, "capabilities": capabilities})
        yield seats


def test_turn_is_told_to_who_follows_its_thread_and_the_login_to_everybody(
    play: Play, home: Path
) -> None:
    tokens = Tokens(1)

    async def scenario(_peer: Peer, provider: Provider) -> None:
        provider.valid = {tokens.access}
        async with seated(home, 2) as (owner, other):
            await owner.log_in(tokens)
            await owner.start_turn()
            await owner.until(method="turn/completed")
            await other.ask("account/read", {})
            assert [m for m in other.heard if m.startswith(("turn", "item", "thread"))] == [
                "thread/started"
            ]
            assert other.heard[:3] == [
                "response",
                "account/login/completed",
                "account/updated",
            ]

    play(scenario)


def test_turn_outlives_its_client_and_others_may_answer_for_it(play: Play, home: Path) -> None:
    old, new = Tokens(1), Tokens(2)

    async def scenario(_peer: Peer, provider: Provider) -> None:
        provider.valid = {new.access}
        async with seated(home, 2) as (owner, other):
            await owner.log_in(old)
            await owner.start_turn()
            request = await other.until(method=REFRESH)
            owner.connection.close()
            other.say({"id": request["id"], "result": new.members("0.169")})
            account = (await other.ask("account/read", {}))["result"]["account"]
            assert account["email"] == new.email
        assert provider.bearers == [old.access, new.access]

    play(scenario)


def test_client_that_does_not_read_stalls_nobody_and_is_hung_up_on(
    play: Play, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "HIGH_WATER", 2000)
    monkeypatch.setattr(room, "FLOOD", 10_000)

    async def scenario(_peer: Peer, provider: Provider) -> None:
        tokens = Tokens(1)
        provider.valid = {tokens.access}
        async with seated(home, 2) as (owner, deaf):
            overflows: list[bool] = []
            deaf.connection.outbox.overflow = lambda: overflows.append(True)
            while not overflows:
                await owner.log_in(tokens)
            await owner.start_turn()
            ended = await owner.until(method="turn/completed")
            assert ended["params"]["turn"]["status"] == "completed"
            assert await deaf.connection.outbox.take() == []
        assert overflows == [True]

    play(scenario)


@pytest.mark.parametrize("is_followed_by_another", [False, True])
def test_turn_waits_for_a_client_that_does_not_read_unless_another_does(
    play: Play, home: Path, monkeypatch: pytest.MonkeyPatch, is_followed_by_another: bool
) -> None:
    monkeypatch.setattr(room, "HIGH_WATER", 100)
    tokens = Tokens(1)

    async def scenario(_peer: Peer, provider: Provider) -> None:
        provider.valid, provider.gate = {tokens.access}, anyio.Event()
        async with seated(home, 2) as (owner, other):
            await owner.log_in(tokens)
            thread = await owner.start_turn()
            if is_followed_by_another:
                other.connection._session.threads.add(thread)
            provider.gate.set()
            with anyio.move_on_after(60) as patience:
                await other.until(method="turn/completed")
            assert patience.cancelled_caught is not is_followed_by_another
            await owner.until(method="turn/completed")

    play(scenario)


def test_overloaded_server_refuses_what_it_would_have_to_wait_for(
    play: Play, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "LATER_LIMIT", 3)
    monkeypatch.setattr(turns, "TURNS_LIMIT", 2)
    overload = {"code": -32001, "message": "Server overloaded; retry later."}

    async def scenario(peer: Peer, provider: Provider) -> None:
        tokens = Tokens(1)
        provider.valid, provider.gate = {tokens.access}, anyio.Event()
        await peer.log_in(tokens)
        requests = [peer.call("account/rateLimits/read") for _ in range(4)]
        await peer.say(*requests)
        assert (await peer.answer_to(requests[3]))["error"] == overload
        under_way = [await peer.start_turn() for _ in range(2)]
        refused = peer.call("turn/start", {"threadId": under_way[0].thread, "input": []})
        await peer.say(refused)
        assert (await peer.answer_to(refused))["error"] == overload
        provider.gate.set()
        for turn in under_way:
            assert await turn.status() == "completed"
        assert "result" in await peer.ask("account/rateLimits/read")

    play(scenario)


def test_two_clients_are_both_asked_and_the_first_answer_counts(play: Play, home: Path) -> None:
    old, new, late = Tokens(1), Tokens(2), Tokens(3)

    async def scenario(_peer: Peer, provider: Provider) -> None:
        provider.valid = {new.access}
        async with seated(home, 2) as (owner, other):
            await owner.log_in(old)
            await owner.start_turn()
            asked = [await seat.until(method=REFRESH) for seat in (owner, other)]
            assert asked[0] == asked[1]
            for seat, tokens in ((other, new), (owner, late)):
                seat.say({"id": 0, "result": tokens.members("0.169")})
            ended = await owner.until(method="turn/completed")
            assert ended["params"]["turn"]["status"] == "completed"
            account = (await other.ask("account/read", {}))["result"]["account"]
            assert account["email"] == new.email
            other.connection.close()
            owner.connection.close()

    play(scenario)


class Seat:
    """A client without a transport.

    Attributes:
        heard: the method of every message, `response` for those that have none.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.heard: list[str] = []
        self._heard: list[dict[str, Any]] = []

    async def log_in(self, tokens: Tokens) -> None:
        login = {"type": "chatgptAuthTokens"} | tokens.members("0.169")
        await self.ask("account/login/start", login)

    async def start_turn(self) -> str:
        """A turn under way; its thread."""
        thread: str = (await self.ask("thread/start", {}))["result"]["thread"]["id"]
        text = [{"type": "text", "text": "hi"}]
        await self.ask("turn/start", {"threadId": thread, "input": text})
        return thread

    def say(self, message: dict[str, Any]) -> None:
        self.connection.receive(json.dumps(message).encode())

    async def ask(self, method: str, params: Any) -> dict[str, Any]:
        self.say({"id": method, "method": method, "params": params})
        return await self.until(id=method)

    async def until(self, **members: Any) -> dict[str, Any]:
        """The next message that has these members."""
        while True:
            self._heard += map(json.loads, await self.connection.outbox.take())
            while self._heard:
                message = self._heard.pop(0)
                self.heard.append(message.get("method", "response"))
                if members.items() <= message.items():
                    return message


def test_last_line_needs_no_end(play: Play) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        request = peer.call("account/read", {})
        await peer.wire.send(json.dumps(request).encode())
        await peer.wire.send_eof()
        assert "result" in await peer.answer_to(request)
        await peer.hung_up()

    play(scenario)


def test_client_that_hangs_up_both_ways_ends_the_server(play: Play) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        await peer.say(*(peer.call("account/read", {}) for _ in range(100)))
        peer.over = True

    play(scenario)


def test_server_that_cannot_begin_says_why_and_is_not_there(home: Path) -> None:
    @asynccontextmanager
    async def beside(_server: Server) -> AsyncIterator[None]:
        raise OSError("what runs beside it cannot begin")
        yield

    def arrange(config: Config, revision: Revision) -> Arrangement:
        return Arrangement(config, revision, beside=beside)

    async def run() -> None:
        async with in_memory(home, {}, [], arrange):
            raise AssertionError("it has begun")

    with pytest.raises(ExceptionGroup) as caught:
        anyio.run(run)
    (why,) = leaves(caught.value)
    assert str(why) == "what runs beside it cannot begin"


def leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    return [
        leaf
        for each in group.exceptions
        for leaf in (leaves(each) if isinstance(each, BaseExceptionGroup) else [each])
    ]
