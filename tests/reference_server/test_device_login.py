"""A login on another device: what the cases of the kit do not reach."""

from collections.abc import Callable
from typing import Any

import anyio
import httpx
import pytest

from .peers import ISSUER, Peer, Provider, Tokens

Play = Callable[..., None]
DEVICE = {"type": "chatgptDeviceCode"}
CODE = {"device_auth_id": "d-1", "user_code": "AB-1", "interval": "7"}
GIVEN = Tokens(8)
ISSUED = {"id_token": GIVEN.id, "access_token": GIVEN.access, "refresh_token": "rt-1"}


async def start(peer: Peer) -> Any:
    return await peer.ask("account/login/start", DEVICE)


def test_user_is_shown_where_to_type_what_and_the_issuer_asked_as_often_as_it_says(
    play: Play,
) -> None:
    async def scenario(peer: Peer, provider: Provider) -> None:
        issuer = provider.issuer
        issuer.answers = [
            httpx.Response(200, json=CODE),
            httpx.Response(403),
            httpx.Response(404),
            httpx.Response(200, json={"authorization_code": "c", "code_verifier": "v"}),
            httpx.Response(200, json=ISSUED),
        ]
        login = (await start(peer))["result"]
        began = anyio.current_time()
        assert {name: login[name] for name in ("type", "verificationUrl", "userCode")} == {
            "type": "chatgptDeviceCode",
            "verificationUrl": f"{ISSUER}/codex/device",
            "userCode": "AB-1",
        }
        await peer.told("account/updated")
        assert anyio.current_time() - began == 3 * 7
        paths = [request.url.path.removeprefix("/api/accounts") for request in issuer.requests]
        polls = ["/deviceauth/token"] * 3
        assert paths == ["/deviceauth/usercode", *polls, "/oauth/token"]
        assert b"code_verifier=v" in issuer.requests[-1].content
        assert (await peer.account())["email"] == GIVEN.email

    play(scenario)


@pytest.mark.parametrize(("interval", "pause"), [(0, 1), (-3, 1), ("x", 5), ("nan", 1), (None, 5)])
def test_pause_between_polls_is_never_less_than_a_second(
    play: Play, interval: Any, pause: float
) -> None:
    code = {name: CODE[name] for name in ("device_auth_id", "user_code")}
    stated = code if interval is None else code | {"interval": interval}

    async def scenario(peer: Peer, provider: Provider) -> None:
        provider.issuer.answers = [httpx.Response(200, json=stated), httpx.Response(400)]
        began = anyio.current_time()
        await start(peer)
        await peer.told("account/login/completed")
        assert anyio.current_time() - began == pause

    play(scenario)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (httpx.Response(404), "the issuer refused with status 404"),
        (httpx.Response(500), "unexpected status 500 from the issuer"),
        (httpx.Response(200, json={}), "the answer of the issuer is of no use"),
    ],
)
def test_login_without_a_code_is_refused(play: Play, answer: httpx.Response, reason: str) -> None:
    async def scenario(peer: Peer, provider: Provider) -> None:
        provider.issuer.answers = [answer]
        message = (await start(peer))["error"]["message"]
        assert message == f"no code for another device: {reason}"

    play(scenario)


def test_login_that_another_overtakes_before_its_code_is_there_is_refused(play: Play) -> None:
    tokens = Tokens(1)

    async def scenario(peer: Peer, provider: Provider) -> None:
        provider.issuer.answers = [httpx.Response(200, json=CODE)]
        provider.issuer.gate = anyio.Event()
        request = peer.call("account/login/start", DEVICE)
        await peer.say(request)
        await anyio.wait_all_tasks_blocked()
        await peer.log_in(tokens)
        provider.issuer.gate.set()
        refused = (await peer.answer_to(request))["error"]["message"]
        assert refused == "the login was superseded by another login"
        assert (await peer.account())["email"] == tokens.email
        assert len(provider.issuer.requests) == 1

    play(scenario)
