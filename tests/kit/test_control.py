"""The control interface: commands on loopback, from programs only, and no secret in any answer."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

import anyio
import httpx
import pytest
from codex_conformance.loopback import served
from codex_conformance.replies import Reply, request_of
from codex_conformance.stand_in import traffic as traffic_room
from codex_conformance.stand_in.composition import StandIn
from codex_conformance.stand_in.control import application, controlled
from codex_conformance.stand_in.settings import Settings
from codex_conformance.stand_in.traffic import Redaction, Traffic
from codex_conformance.tokens import Mint, Needles
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from .parents import Parent, parent_of

Scenario = Callable[[httpx.AsyncClient, Parent, Mint], Awaitable[None]]
Play = Callable[[Scenario], StandIn]


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Play a scenario with a stand-in, its parent, and a client of its control interface."""

    def play(scenario: Scenario) -> StandIn:
        stand_in = StandIn(Settings(traffic=str(tmp_path / "traffic.jsonl")))

        async def run() -> None:
            transport = httpx.ASGITransport(application(stand_in))
            async with (
                parent_of(stand_in, tmp_path) as parent,
                httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as control,
            ):
                with anyio.fail_after(50):
                    await scenario(control, parent, Mint("control"))

        anyio.run(run)
        return stand_in

    return play


async def said(control: httpx.AsyncClient, verb: str, **members: Any) -> Any:
    answer = await control.post(f"/{verb}", json=members)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_every_command_is_heeded(play: Play) -> None:
    async def scenario(control: httpx.AsyncClient, parent: Parent, mint: Mint) -> None:
        assert (await control.get("/")).json()["authMode"] is None
        assert (await control.post("/expire")).status_code == 409
        await parent.log_in(mint.mint())
        state = (await control.get("/")).json()
        assert state["authMode"] == "chatgptAuthTokens"
        assert (await said(control, "expire")) == {"expired": state["token"]}
        assert (await said(control, "revoke"))["revoked"] is True
        assert (await said(control, "revoke", revoked=False))["revoked"] is False
        assert (await said(control, "workspaces", ids=["a", "b"]))["workspaces"] == ["a", "b"]
        assert (await said(control, "workspaces", ids=[]))["workspaces"] == []
        assert await said(control, "sign-in") == {"redirect": None}
        assert (await said(control, "delay", seconds=0.5))["delay"] == 0.5
        await said(control, "delay", seconds=0)
        await said(control, "fail", status=429, times=1)
        assert "429" in (await parent.turn("fails"))["error"]["message"]
        async with anyio.create_task_group() as tasks:

            async def answer() -> None:
                await parent.answer(await parent.refresh(), mint.mint())

            tasks.start_soon(answer)
            assert await said(control, "refresh") == {"refreshed": True, "reason": None}
        assert (await parent.turn("works"))["status"] == "completed"

    play(scenario)


REFUSED = [
    ("POST", "/delay", {"content": b'{"seconds":"x"}'}, 400, "Expected `float`, got `str`"),
    ("POST", "/delay", {"content": b'{"seconds":-1}'}, 400, "seconds is -1.0, expected a number"),
    ("POST", "/fail", {"content": b'{"status":200}'}, 400, "status is 200, expected one from 400"),
    ("POST", "/fail", {"content": b'{"status":500,"times":-1}'}, 400, "times is -1, expected"),
    ("POST", "/expire", {"content": b'{"token":"x"}'}, 400, "Object contains unknown field"),
    ("POST", "/revoke", {"content": b"{"}, 400, "Input data was truncated"),
    ("POST", "/revoke", {"content": b" " * 65537}, 413, "a command has at most 65536 bytes"),
    ("GET", "/traffic?after=x", {}, 400, "after is 'x', expected the number of an entry"),
    ("POST", "/sign-in", {"content": b'{"authUrl":"x"}'}, 409, "authUrl is none that account/"),
    ("GET", "/expire", {}, 405, "commands are POST, / and /traffic are GET"),
    ("GET", "/other", {}, 404, "no such path; there are GET / and /traffic, POST /expire, "),
    ("GET", "/", {"headers": {"origin": "http://evil.test"}}, 403, "requests of web pages are"),
    ("POST", "/expire", {"headers": {"origin": "null"}}, 403, "requests of web pages are not"),
    ("GET", "/", {"headers": {"host": "evil.test"}}, 403, "the Host header names no loopback"),
    ("GET", "/", {"headers": {"host": "[::1"}}, 403, "the Host header names no loopback"),
    ("GET", "/x", {"headers": {"host": "evil.test:80"}}, 403, "the Host header names no loopb"),
]


@pytest.mark.parametrize(("method", "path", "request_", "status", "reason"), REFUSED)
def test_bad_requests_are_refused_with_a_reason(
    play: Play, method: str, path: str, request_: Any, status: int, reason: str
) -> None:
    async def scenario(control: httpx.AsyncClient, _parent: Parent, _mint: Mint) -> None:
        answer = await control.request(method, path, **request_)
        assert answer.status_code == status
        assert answer.json()["error"].startswith(reason)

    play(scenario)


def test_traffic_tells_both_sides_and_no_secret(play: Play, tmp_path: Path) -> None:
    minted: list[Mint] = []

    async def scenario(control: httpx.AsyncClient, parent: Parent, mint: Mint) -> None:
        minted.append(mint)
        first, second, key = mint.mint(), mint.mint(), mint.api_key()
        opaque = mint.opaque()
        await parent.log_in(first)
        await parent.ask("getAuthStatus", includeToken=True)
        await parent.turn(f"my tokens are {first.access_token} and {key}")
        await said(control, "expire")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(parent.turn, "refreshed")
            await parent.answer(await parent.refresh(), second)
        await parent.ask("account/logout")
        await parent.ask("account/login/start", type="apiKey", apiKey=opaque)
        await parent.turn(f"my key is {opaque}")
        await parent.say({"method": f"{second.access_token}", "params": {opaque: key}})
        await parent.ask("account/read")
        lines = [json.loads(line) for line in (await control.get("/traffic")).text.splitlines()]
        assert lines[0]["message"]["method"] == "initialize"
        assert {"client", "server"} <= {line.get("from") for line in lines}
        exchanges = [line for line in lines if "http" in line]
        assert [each["status"] for each in exchanges] == [200, 401, 200, 200]
        login = next(each for each in lines if "accessToken" in str(each))["message"]["params"]
        assert exchanges[0]["token"] == login["accessToken"] != exchanges[2]["token"]
        after = (await control.get(f"/traffic?after={lines[-2]['number']}")).text.splitlines()
        assert [json.loads(line) for line in after] == lines[-1:]
        assert Needles(mint.secrets).find((await control.get("/")).content) is None

    play(scenario)
    written = (tmp_path / "traffic.jsonl").read_bytes()
    assert Needles(minted[0].secrets).find(written) is None
    assert (tmp_path / "traffic.jsonl").stat().st_mode & 0o777 == 0o600
    assert json.loads(written.splitlines()[0])["message"]["method"] == "initialize"


def test_traffic_of_what_is_no_message_shows_its_length_only() -> None:
    traffic = Traffic()
    traffic.watch("client", b'{"accessToken": "canary-canary"')
    traffic.watch("client", b"[" * 100_000)
    traffic.watch("client", b"  ")
    assert [json.loads(line)["no_message"] for line in traffic.lines()] == [
        "31 bytes",
        "100000 bytes",
    ]


def test_process_tells_its_address_and_keeps_secrets_to_itself(tmp_path: Path) -> None:
    mint = Mint("process")
    tokens = mint.mint()
    address, traffic = tmp_path / "address", tmp_path / "traffic.jsonl"
    options = ["--control", "127.0.0.1:0", "--control-file", str(address)]
    with subprocess.Popen(
        [sys.executable, "-m", "codex_conformance", "serve", *options, "--traffic", str(traffic)],
        env={"PATH": os.environ["PATH"], "CODEX_HOME": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        told = process.stderr.readline().decode()
        client: dict[str, Any] = {"clientInfo": {"name": "p", "version": "1"}}
        login = {"type": "chatgptAuthTokens", **tokens.members("0.169")}
        client |= {"capabilities": {"experimentalApi": True}}
        for message in (
            {"id": 1, "method": "initialize", "params": client},
            {"id": 2, "method": "account/login/start", "params": login},
        ):
            process.stdin.write(json.dumps(message).encode() + b"\n")
            process.stdin.flush()
            answered = process.stdout.readline()
        assert answered == b'{"id":2,"result":{"type":"chatgptAuthTokens"}}\n'
        url = address.read_text().strip()
        assert told == f"control: {url}\n"
        with build_opener(ProxyHandler({})).open(f"{url}/expire", data=b"") as answer:
            expired = answer.read()
        assert len(json.loads(expired)["expired"]) == 8
        rest, errors = process.communicate(timeout=50)
        assert process.returncode == 0
    assert not address.exists()
    everything = expired + told.encode() + rest + errors + traffic.read_bytes()
    assert Needles(mint.secrets).find(everything) is None


def test_what_cannot_be_opened_is_said_in_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        for options, reason in (
            (["--control", taken], f"control cannot listen on {taken}: "),
            (
                ["--control", "127.0.0.1:0", "--control-file", "/dev/null/x"],
                "/dev/null/x: cannot be written: ",
            ),
            (["--traffic", "/dev/null/x"], "/dev/null/x: cannot be written: "),
        ):
            done = subprocess.run(
                [sys.executable, "-m", "codex_conformance", "serve", *options],
                env={"PATH": os.environ["PATH"], "CODEX_HOME": str(tmp_path)},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=50,
            )
            assert done.returncode == 2
            last = done.stderr.decode().splitlines()[-1]
            assert last.startswith(f"codex-conformance serve: error: {reason}")


def test_traffic_of_a_backend_of_ones_own_is_told_too(tmp_path: Path) -> None:
    async def page(_request: Request) -> PlainTextResponse:
        return PlainTextResponse("no", 418)

    async def run() -> list[bytes]:
        backend = Starlette(routes=[Route("/v1/responses", page, methods=["POST"])])
        async with served(backend) as port:
            stand_in = StandIn(
                Settings(backend=f"http://127.0.0.1:{port}", traffic=str(tmp_path / "t.jsonl"))
            )
            async with parent_of(stand_in, tmp_path) as parent:
                await parent.log_in(Mint("traffic").mint())
                assert "418" in (await parent.turn("hi"))["error"]["message"]
        assert stand_in.traffic is not None
        return list(stand_in.traffic.lines())

    lines = [json.loads(line) for line in anyio.run(run)]
    assert [(each["http"], each["status"]) for each in lines if "http" in each] == [
        ("POST /v1/responses", 418)
    ]


def test_traffic_shows_a_body_that_is_no_json_by_its_length() -> None:
    async def exchange() -> None:
        traffic.exchanged(request_of("POST", "/v1/x", {}, b"token=canary"), Reply(200))

    traffic = Traffic()
    anyio.run(exchange)
    (line,) = traffic.lines()
    assert json.loads(line)["request"] == "12 bytes"


def test_secrets_are_known_so_many_and_none_that_stands_for_something_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(traffic_room, "_REMEMBERED", 2)
    redaction = Redaction()
    for secret in ("canary-first", "canary-second", "canary-third", "the"):
        redaction.learn({"accessToken": secret})
    shown = redaction.redacted("the canary-first, the canary-second, the canary-third")
    assert [name for name in ("first", "second", "third") if f"canary-{name}" in shown] == ["first"]
    assert shown.count("the ") == 3


def test_control_without_a_file_tells_its_address_on_stderr(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    async def run() -> int:
        async with controlled(StandIn(Settings()), ("127.0.0.1", 0), None):
            url = capsys.readouterr().err.removeprefix("control: ").strip()
            async with httpx.AsyncClient() as client:
                return (await client.get(url)).status_code

    assert anyio.run(run) == 200
    assert list(tmp_path.iterdir()) == []
