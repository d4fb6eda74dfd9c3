"""What surrounds a case: it says what it is, and is bounded and calm where something is odd."""

import json
import socket
import struct
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from codex_conformance import home, mock_backend, processes, schema, sockets
from codex_conformance.account_endpoints import account_endpoint
from codex_conformance.backend_in_process import mounted_in_process
from codex_conformance.backend_on_loopback import served_on_loopback
from codex_conformance.case import NotApplicable
from codex_conformance.errors import UnfitTargetError, leaves
from codex_conformance.exchange import Exit
from codex_conformance.home import fresh_home
from codex_conformance.mock_backend import MockBackend
from codex_conformance.processes import Family
from codex_conformance.pulse import Pulse
from codex_conformance.replies import request_of
from codex_conformance.schema import judge, judge_line
from codex_conformance.shapes import shape_of
from codex_conformance.sink import refusing_proxy
from codex_conformance.sockets import ListeningTarget, RunningTarget
from codex_conformance.stand_in.embedded import EmbeddedBackend
from codex_conformance.tokens import Mint
from codex_conformance.wire import Transcript, harmless

from .odd_servers import GREETING, odd_server


def mock() -> MockBackend:
    return MockBackend(Mint("furniture"), Pulse(), Transcript())


def test_end_of_a_target_says_how_it_was() -> None:
    assert [str(Exit(ended, status, 1.0)) for ended, status in ((False, None), (True, None))] == [
        "a target that still runs",
        "its end",
    ]
    assert str(Exit(True, 3, 1.0)) == "exit status 3"


def test_text_is_no_longer_than_anybody_reads() -> None:
    text = harmless("x" * 10**6)
    assert text.endswith("… (1000000 characters)")
    assert len(text) < 10**5


@pytest.mark.parametrize("content", [None, b"{", b"[]", b'{"tokens": 5}', b"\xff"])
def test_home_without_a_managed_login_has_no_tokens(content: bytes | None) -> None:
    with fresh_home() as place:
        if content is not None:
            place.auth_file.write_bytes(content)
        assert place.stored_tokens == {}


def test_file_that_has_just_gone_holds_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with fresh_home() as place:
        monkeypatch.setattr(home, "_files", lambda _folder: iter([tmp_path / "gone"]))
        assert place.files_with("secret") == []


def test_judgements_that_are_remembered_are_so_many_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    remembered: dict[Any, Any] = {}
    monkeypatch.setattr(schema, "_judged", remembered)
    monkeypatch.setattr(schema, "_JUDGED_LIMIT", 2)
    for number in range(5):
        value = {"account": None, "requiresOpenaiAuth": number}
        fault, _ = judge_line("0.99", "GetAccountResponse", value, json.dumps(value))
        assert fault is not None
        assert len(remembered) <= 2


@pytest.mark.parametrize("email", [None, 5])
def test_shape_of_a_later_revision_is_an_addition_and_no_fault(email: int | None) -> None:
    account = {"type": "chatgpt", "email": email, "planType": "free", "workspaceName": None}
    fault, added = judge("0.93", "Account", account)
    is_later = judge("0.169", "Account", account) == (None, None)
    assert is_later == (email is None) == (fault is None) == (added is not None)


def test_backend_answers_so_many_requests_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mock_backend, "REQUESTS_LIMIT", 1)

    async def asks() -> list[int]:
        backend = mock()
        replies = [await backend("GET", "/x", {}, b"") for _ in range(2)]
        assert len(backend.requests) == 1
        return [reply.status for reply in replies]

    assert anyio.run(asks)[1] == 503


def test_backend_in_process_refuses_a_client_that_blocks() -> None:
    async def asks() -> None:
        async with mounted_in_process(mock()) as origin:
            with pytest.raises(httpx.ConnectError, match=r"nothing may block, use AsyncClient$"):
                httpx.get(f"{origin}/v1/models")  # noqa: ASYNC210 - that it blocks is the point

    anyio.run(asks)


def hang_up(port: int, request: bytes) -> None:
    """Send the beginning of a request, and reset the connection."""
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(request)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def test_request_that_breaks_off_reaches_no_backend() -> None:
    async def asks() -> list[str]:
        backend = mock()
        async with served_on_loopback(backend) as origin, httpx.AsyncClient() as client:
            head = b"POST /v1/broken HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhal"
            hang_up(int(origin.rpartition(":")[2]), head)
            await client.get(f"{origin}/v1/whole")
        return [request.path for request in backend.requests]

    assert anyio.run(asks) == ["/v1/whole"]


def test_client_that_resets_its_connection_does_not_disturb_the_proxy() -> None:
    async def asks() -> None:
        async with refusing_proxy() as sink:
            hang_up(sink.port, b"CONNECT a.exam")
            async with await anyio.connect_tcp("127.0.0.1", sink.port) as stream:
                await stream.send(b"CONNECT b.example:443 HTTP/1.1\r\n\r\n")
                assert (await stream.receive()).startswith(b"HTTP/1.1 403 ")
            assert sink.hosts()[-1] == "b.example:443"

    anyio.run(asks)


def test_workspace_of_a_request_may_be_used() -> None:
    async def asks() -> Any:
        served = account_endpoint("/backend-api/wham/accounts/check")
        assert served is not None
        head = {"chatgpt-account-id": "acct"}
        reply = served(request_of("GET", "/backend-api/wham/accounts/check", head, b""))
        return json.loads(b"".join([chunk async for chunk in reply.chunks()]))

    told = anyio.run(asks)
    assert told["account_ordering"] == ["acct"] == [each["id"] for each in told["accounts"]]


@pytest.mark.parametrize(
    ("asked", "status", "reason"),
    [
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, 401, "refresh_token_reused"),
        ({"grant_type": "authorization_code", "code": "x"}, 400, "invalid_grant"),
    ],
)
def test_issuer_refuses_what_it_has_not_given(
    asked: dict[str, str], status: int, reason: str
) -> None:
    async def asks() -> tuple[int, str]:
        reply = await EmbeddedBackend()("POST", "/oauth/token", {}, json.dumps(asked).encode())
        return reply.status, b"".join([chunk async for chunk in reply.chunks()]).decode()

    got, said = anyio.run(asks)
    assert (got, reason in said) == (status, True)


def test_server_in_process_without_a_browser_is_not_judged_by_one() -> None:
    async def visits() -> None:
        with fresh_home() as place:
            async with odd_server(initialize=GREETING).open(place, {}) as channel:
                with pytest.raises(NotApplicable, match=r"^the streams .* have no visit\(url\)$"):
                    await channel.visit("http://localhost/")

    anyio.run(visits)


def test_command_that_does_not_listen_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "START_PATIENCE", 0.3)

    async def opens() -> None:
        with fresh_home() as place:
            command = ("sh", "-c", "echo hello >&2; exec sleep 60")
            async with ListeningTarget(command, "ws").open(place, {"PATH": "/usr/bin:/bin"}):
                raise AssertionError("it listens")

    with pytest.RaisesGroup(UnfitTargetError, flatten_subgroups=True) as unfit:
        anyio.run(opens)
    (why,) = leaves(unfit.value)
    assert isinstance(why, UnfitTargetError)
    assert why.message == ("the target does not say where it listens within 0.3 s; it said 'hello'")


def test_connection_that_the_server_has_ended_takes_nothing_more() -> None:
    from websockets.asyncio.server import ServerConnection, serve

    async def end(client: ServerConnection) -> None:
        await client.close()

    async def talks() -> None:
        async with serve(end, "127.0.0.1", 0) as server:
            address = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
            with fresh_home() as place:
                async with RunningTarget(address).open(place, {}) as channel:
                    with pytest.raises(anyio.EndOfStream):
                        await channel.receive()
                    with pytest.raises(anyio.BrokenResourceError):
                        await channel.send(b"{}\n")

    anyio.run(talks)


def test_orphan_that_has_just_gone_is_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = 2**22 + 1  # more than the system ever counts
    monkeypatch.setattr(processes, "children", lambda _of: frozenset({gone}))
    family = Family(gone + 1, frozenset())
    assert family.members() == set()
    processes._living.discard(gone + 1)


def test_members_of_a_member_are_named_after_both() -> None:
    inner = {"type": "object", "properties": {"x": {"type": "string"}}}
    found = shape_of({"type": "object", "properties": {"outer": inner}})
    assert "outer.x" in json.dumps(found, default=str)
