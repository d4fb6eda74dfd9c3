"""A browser login from its start to its end, in memory; what the cases of the kit do not reach."""

import errno
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import anyio
import httpx
import pytest
from codex_reference_server.browser_login import _challenge
from codex_reference_server.landing import Landing, LandingsInMemory, page

from .peers import ISSUER, Peer, Provider, Tokens

Play = Callable[..., None]
Json = dict[str, Any]

GIVEN = Tokens(8)
ISSUED = {"id_token": GIVEN.id, "access_token": GIVEN.access, "refresh_token": "rt-1"}


class Login:
    """A browser login that has started."""

    def __init__(self, peer: Peer, result: Json) -> None:
        self.peer = peer
        self.id = result["loginId"]
        self.auth_url = result["authUrl"]
        self.asked = {k: v[0] for k, v in parse_qs(urlsplit(self.auth_url).query).items()}
        self.since = len(peer.heard)

    async def comes_back(self, **query: str) -> tuple[int, str]:
        """Status and body of what the browser gets that comes back with the right state."""
        return await self.visit(f"?{urlencode({'state': self.asked['state']} | query)}")

    async def visit(self, rest: str) -> tuple[int, str]:
        status, _, body = await self.peer.wire.visit(self.asked["redirect_uri"] + rest)  # type: ignore[attr-defined]
        return status, body.decode()

    async def told(self) -> list[Any]:
        """The notifications since the start."""
        await anyio.wait_all_tasks_blocked()
        return [(m["method"], m["params"]) for m in self.peer.heard[self.since :] if "method" in m]


async def start(peer: Peer) -> Login:
    return Login(peer, (await peer.ask("account/login/start", {"type": "chatgpt"}))["result"])


def completed(login: Login, error: str | None) -> tuple[str, Json]:
    return "account/login/completed", {
        "loginId": login.id,
        "success": error is None,
        "error": error,
        "onboardingEntrypoint": None,
    }


def test_right_callback_trades_the_code_and_stores_the_tokens(play: Play, home: Path) -> None:
    async def scenario(peer: Peer, provider: Provider) -> None:
        login = await start(peer)
        assert login.auth_url.startswith(f"{ISSUER}/oauth/authorize?")
        provider.issuer.gives(**ISSUED)
        status, body = await login.comes_back(code="c-1")
        assert status == 200
        assert "You are signed in" in body
        question = dict(parse_qsl(provider.issuer.requests[0].content.decode()))
        verifier = question.pop("code_verifier")
        assert _challenge(verifier) == login.asked["code_challenge"]
        assert question == {
            "grant_type": "authorization_code",
            "client_id": login.asked["client_id"],
            "code": "c-1",
            "redirect_uri": login.asked["redirect_uri"],
        }
        assert await login.told() == [
            completed(login, None),
            ("account/updated", {"authMode": "chatgpt", "planType": "pro"}),
        ]
        for secret in ("c-1", verifier, *ISSUED.values()):
            assert secret.encode() not in peer.raw

    play(scenario)
    file = home / "auth.json"
    content = json.loads(file.read_text())
    assert content.pop("last_refresh").endswith("Z")
    assert content == {
        "auth_mode": "chatgpt",
        "OPENAI_API_KEY": None,
        "tokens": ISSUED | {"account_id": "acc-1"},
    }
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


FAILURES: dict[str, tuple[Json, httpx.Response | Exception | None, str]] = {
    "denied": ({"error": "access_denied"}, None, "consent was denied"),
    "error": ({"error": "<b>x"}, None, "the issuer said no"),
    "refused": ({"code": "c"}, httpx.Response(400, json={}), "the issuer did not take the code"),
    "trouble": (
        {"code": "c"},
        httpx.ConnectError("x"),
        "the connection to the issuer failed",
    ),
    "no-refresh-token": (
        {"code": "c"},
        httpx.Response(200, json={"id_token": GIVEN.id, "access_token": GIVEN.access}),
        "the answer of the issuer is of no use",
    ),
    "no-jwt": (
        {"code": "c"},
        httpx.Response(200, json=ISSUED | {"id_token": "x"}),
        "the id token of the issuer's answer is no JWT",
    ),
    "workspace": (
        {"code": "c"},
        httpx.Response(200, json=ISSUED),
        "the tokens belong to another workspace; forced_chatgpt_workspace_id allows only ws-1",
    ),
}


@pytest.mark.parametrize(("query", "answer", "error"), FAILURES.values(), ids=FAILURES.keys())
def test_failure_is_told_and_shown_and_nothing_is_stored(
    play: Play, home: Path, query: Json, answer: httpx.Response | Exception | None, error: str
) -> None:
    async def scenario(peer: Peer, provider: Provider) -> None:
        login = await start(peer)
        if answer is not None:
            provider.issuer.answers = [answer]
        shown = page(200, "You are not signed in", f"The login has failed: {error}.")
        assert await login.comes_back(**query) == (200, shown.body)
        assert await login.told() == [completed(login, error)]
        assert await peer.account() is None
        with pytest.raises(ConnectionRefusedError):
            await login.comes_back(code="c")

    forced = ("-c", "forced_chatgpt_workspace_id=ws-1") if "ws-1" in error else ()
    play(scenario, "0.169", *forced)
    assert not (home / "auth.json").exists()


def test_visitors_without_business_change_nothing(play: Play) -> None:
    async def scenario(peer: Peer, provider: Provider) -> None:
        login = await start(peer)
        state = login.asked["state"]
        many = "&".join(f"x{n}=1" for n in range(30))
        assert [
            (await login.visit(rest))[0]
            for rest in (
                f"/more?state={state}&code=c",
                f"?state={state}&state={state}&code=c",
                f"?state={state}&code=c&{many}",
                f"?state={state}",
                f"?state={state}&code=",
                "?state=%ff&code=c",
            )
        ] == [404, 400, 400, 400, 400, 400]
        port = urlsplit(login.asked["redirect_uri"]).port
        visit = peer.wire.visit  # type: ignore[attr-defined]
        status, headers, _ = await visit(
            f"http://evil.test:{port}/auth/callback?state={state}&code=c"
        )
        assert status == 400
        assert headers["Referrer-Policy"] == "no-referrer"
        assert provider.issuer.requests == []
        assert await login.told() == []

    play(scenario)


def test_callback_that_comes_again_meanwhile_is_refused(play: Play) -> None:
    async def scenario(peer: Peer, provider: Provider) -> None:
        login = await start(peer)
        provider.issuer.gives(**ISSUED)
        provider.issuer.gate = anyio.Event()
        shown: list[int] = []

        async def come_back() -> None:
            shown.append((await login.comes_back(code="c"))[0])

        async with anyio.create_task_group() as browsers:
            browsers.start_soon(come_back)
            await anyio.wait_all_tasks_blocked()
            await come_back()
            provider.issuer.gate.set()
        assert shown == [400, 200]
        assert len(provider.issuer.requests) == 1

    play(scenario)


def test_login_that_nobody_completes_fails_after_ten_minutes(play: Play) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        began = anyio.current_time()
        login = await start(peer)
        await peer.told("account/login/completed", login.since)
        assert anyio.current_time() - began == 600
        assert await login.told() == [
            completed(login, "the login was not completed within 10 minutes")
        ]

    play(scenario)


@pytest.mark.parametrize("answer", [httpx.Response(200, json=ISSUED), httpx.Response(400)])
def test_login_that_is_cancelled_during_the_exchange_ends_once_and_logs_nobody_in(
    play: Play, home: Path, answer: httpx.Response
) -> None:
    async def scenario(peer: Peer, provider: Provider) -> None:
        login = await start(peer)
        provider.issuer.answers = [answer]
        provider.issuer.gate = anyio.Event()

        async def come_back() -> None:
            await login.comes_back(code="c")

        async with anyio.create_task_group() as browsers:
            browsers.start_soon(come_back)
            await anyio.wait_all_tasks_blocked()
            await peer.ask("account/login/cancel", {"loginId": login.id})
            provider.issuer.gate.set()
        assert await login.told() == [completed(login, "the login was canceled")]
        assert await peer.account() is None

    play(scenario)
    assert not (home / "auth.json").exists()


def test_second_login_takes_the_port_of_the_first(play: Play) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        uris = [(await start(peer)).asked["redirect_uri"] for _ in range(3)]
        assert uris == ["http://localhost:1455/auth/callback"] * 3

    play(scenario)


def test_tokens_that_cannot_be_stored_fail_the_login(play: Play, home: Path) -> None:
    (home / "auth.json").mkdir()
    reason = "auth.json cannot be written: Is a directory"

    async def scenario(peer: Peer, provider: Provider) -> None:
        login = await start(peer)
        provider.issuer.gives(**ISSUED)
        status, shown = await login.comes_back(code="c")
        assert (status, f"The login has failed: {reason}." in shown) == (200, True)
        assert await login.told() == [completed(login, reason)]
        assert await peer.account() is None

    play(scenario)


def test_login_without_a_port_is_refused_and_the_next_one_is_not(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    take, failures = LandingsInMemory.take, [OSError(errno.EMFILE, os.strerror(errno.EMFILE))]

    def take_or_fail(landings: LandingsInMemory) -> Landing:
        if failures:
            raise failures.pop()
        return take(landings)

    monkeypatch.setattr(LandingsInMemory, "take", take_or_fail)

    async def scenario(peer: Peer, _provider: Provider) -> None:
        refused = await peer.ask("account/login/start", {"type": "chatgpt"})
        assert refused["error"] == {
            "code": -32603,
            "message": "no port for the browser: Too many open files",
        }
        login = await start(peer)
        cancelled = await peer.ask("account/login/cancel", {"loginId": login.id})
        assert cancelled["result"] == {"status": "canceled"}

    play(scenario)


def test_pages_escape_what_they_show() -> None:
    assert "<i>&" not in page(200, "<i>&", "<i>&\"'").body
    assert "&lt;i&gt;&amp;&quot;&#x27;" in page(200, "", "<i>&\"'").body
