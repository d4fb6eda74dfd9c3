"""A managed login whose access token is rejected: what is asked of whom, used and stored."""

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from .peers import Issuer, Peer, Provider, Tokens

Play = Callable[..., None]
Json = dict[str, Any]

OLD, NEW = Tokens(7), Tokens(8)
FAILED = "the access token was rejected (401) and not refreshed: "
NO_JWT = "the id token of the issuer's answer is no JWT"
SIGN_IN = "; please log out and sign in again"


def stored(tokens: Tokens, refresh_token: str = "rt-1", **more: Any) -> Json:
    """The content of auth.json."""
    members = {
        "id_token": tokens.id,
        "access_token": tokens.access,
        "refresh_token": refresh_token,
        "account_id": tokens.account,
    }
    return {"auth_mode": "chatgpt", "OPENAI_API_KEY": None, "tokens": members | more}


def given(issuer: Issuer, tokens: Tokens = NEW, refresh_token: str = "rt-2") -> None:
    issuer.gives(id_token=tokens.id, access_token=tokens.access, refresh_token=refresh_token)


class AuthFile:
    """An auth.json with a managed login, readable by everybody."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.put(stored(OLD))
        path.chmod(0o644)

    def put(self, content: Json | str | None) -> None:
        """Another process writes it, or removes it."""
        if content is None:
            self.path.unlink()
        else:
            self.path.write_text(content if isinstance(content, str) else json.dumps(content))

    @property
    def text(self) -> str | None:
        """What is in it; None if it is gone."""
        return self.path.read_text() if self.path.exists() else None

    @property
    def refresh_token(self) -> str | None:
        """The refresh token in it."""
        token = json.loads(self.text or '{"tokens": {}}')["tokens"].get("refresh_token")
        return None if token is None else str(token)


@pytest.fixture
def auth_file(home: Path) -> AuthFile:
    return AuthFile(home / "auth.json")


async def failure(peer: Peer) -> str:
    """Why a turn fails."""
    return str((await (await peer.start_turn()).end())["error"]["message"])


def test_refresh_asks_the_issuer_and_stores_what_it_gives(play: Play, auth_file: AuthFile) -> None:
    auth_file.put(stored(OLD, login_owner_id="o") | {"future": [1]})

    async def scenario(peer: Peer, provider: Provider) -> None:
        provider.valid = {NEW.access}
        given(provider.issuer)
        assert await (await peer.start_turn()).status() == "completed"
        assert provider.bearers == [OLD.access, NEW.access]
        assert provider.issuer.asked == [
            {
                "client_id": "app_EMoamEEZ73f0CkXaXp7hrann",
                "grant_type": "refresh_token",
                "refresh_token": "rt-1",
            }
        ]
        assert (await peer.account())["email"] == NEW.email
        assert peer.refreshes == []

    play(scenario)
    content = json.loads(auth_file.text or "")
    moment = content.pop("last_refresh")
    assert content == stored(NEW, "rt-2", login_owner_id="o") | {"future": [1]}
    assert moment.endswith("Z")
    assert stat.S_IMODE(auth_file.path.stat().st_mode) == 0o600
    assert [path.name for path in auth_file.path.parent.iterdir() if "auth" in path.name] == [
        "auth.json"
    ]


def test_store_is_read_again_before_the_issuer_is_asked(play: Play, auth_file: AuthFile) -> None:
    async def scenario(peer: Peer, provider: Provider) -> None:
        provider.valid = {NEW.access}
        auth_file.put(stored(NEW, "rt-2"))
        assert await (await peer.start_turn()).status() == "completed"
        assert provider.bearers == [OLD.access, NEW.access]
        assert provider.issuer.asked == []

    play(scenario)


def test_stored_tokens_that_are_rejected_too_are_refreshed(play: Play, auth_file: AuthFile) -> None:
    newest = Tokens(9)

    async def scenario(peer: Peer, provider: Provider) -> None:
        provider.valid = {newest.access}
        auth_file.put(stored(NEW, "rt-2"))
        given(provider.issuer, newest, "rt-3")
        assert await (await peer.start_turn()).status() == "completed"
        assert provider.bearers == [OLD.access, NEW.access, newest.access]
        assert [asked["refresh_token"] for asked in provider.issuer.asked] == ["rt-2"]

    play(scenario)


@pytest.mark.parametrize(
    "content", [None, "{", json.dumps(stored(Tokens(9, account="acc-2"))), '{"OPENAI_API_KEY":"k"}']
)
def test_login_that_is_gone_from_the_store_is_not_refreshed(
    play: Play, auth_file: AuthFile, content: str | None
) -> None:
    async def scenario(peer: Peer, provider: Provider) -> None:
        auth_file.put(content)
        assert await failure(peer) == f"{FAILED}auth.json no longer has this login{SIGN_IN}"
        assert provider.bearers == [OLD.access]
        assert provider.issuer.asked == []

    play(scenario)
    assert auth_file.text == content


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (401, {"error": {"code": "refresh_token_expired"}}, "the refresh token has expired"),
        (400, {"error": "refresh_token_reused"}, "the refresh token was used before"),
        (401, {"error": {"code": "refresh_token_invalidated"}}, "the refresh token was revoked"),
        (400, {"error": "invalid_grant"}, "the issuer refused with status 400"),
        (403, ["rt-1"], "the issuer refused with status 403"),
        (401, {"error": {"code": 7}}, "the issuer refused with status 401"),
    ],
)
def test_refused_refresh_token_is_not_tried_again(
    play: Play, auth_file: AuthFile, status: int, body: Any, reason: str
) -> None:
    async def scenario(peer: Peer, provider: Provider) -> None:
        provider.issuer.refuses(status, body)
        for _ in range(3):
            assert await failure(peer) == f"{FAILED}{reason}{SIGN_IN}"
        read = await peer.ask("account/read", {"refreshToken": True})
        assert read["result"]["account"]["email"] == OLD.email
        assert len(provider.issuer.asked) == 1

    play(scenario)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (httpx.Response(500), "unexpected status 500 from the issuer"),
        (httpx.Response(302), "unexpected status 302 from the issuer"),
        (httpx.Response(200, text="no"), "the answer of the issuer is of no use"),
        (httpx.Response(200, content=b'"\xff"'), "the answer of the issuer is of no use"),
        (
            httpx.Response(200, json={"id_token": "x"}),
            "the id token of the issuer's answer is no JWT",
        ),
        (httpx.ConnectError("x"), "the connection to the issuer failed"),
    ],
)
def test_trouble_at_the_issuer_fails_the_turn_and_not_the_login(
    play: Play, auth_file: AuthFile, answer: httpx.Response | Exception, reason: str
) -> None:
    async def scenario(peer: Peer, provider: Provider) -> None:
        provider.valid = {NEW.access}
        provider.issuer.answers = [answer]
        assert await failure(peer) == f"{FAILED}{reason}"
        given(provider.issuer)
        assert await (await peer.start_turn()).status() == "completed"

    play(scenario)


def test_issuer_that_does_not_answer_fails_the_turn_after_its_time(
    play: Play, auth_file: AuthFile
) -> None:
    async def scenario(peer: Peer, provider: Provider) -> None:
        provider.issuer.gate = anyio.Event()
        began = anyio.current_time()
        assert await failure(peer) == f"{FAILED}the issuer did not answer within 30 s"
        assert anyio.current_time() - began == 30

    play(scenario)


def test_answer_for_another_account_is_not_taken(play: Play, auth_file: AuthFile) -> None:
    before = auth_file.text

    async def scenario(peer: Peer, provider: Provider) -> None:
        given(provider.issuer, Tokens(9, account="acc-2"))
        reason = f"the issuer's answer is for another account{SIGN_IN}"
        assert await failure(peer) == f"{FAILED}{reason}"
        assert provider.bearers == [OLD.access]

    play(scenario)
    assert auth_file.text == before


def test_login_without_a_refresh_token_is_not_refreshed(play: Play, auth_file: AuthFile) -> None:
    auth_file.put(stored(OLD, ""))

    async def scenario(peer: Peer, provider: Provider) -> None:
        assert await failure(peer) == f"{FAILED}there is no refresh token{SIGN_IN}"
        assert provider.issuer.asked == []

    play(scenario)


def test_refresh_that_is_wished_before_a_logout_is_none(play: Play, auth_file: AuthFile) -> None:
    async def scenario(peer: Peer, provider: Provider) -> None:
        read = peer.call("account/read", {"refreshToken": True})
        await peer.say(read, peer.call("account/logout"))
        assert (await peer.answer_to(read))["result"]["account"] is None
        await anyio.wait_all_tasks_blocked()
        assert [request.url.path for request in provider.issuer.requests] == ["/oauth/revoke"]

    play(scenario)


def test_tokens_that_cannot_be_stored_are_not_used(play: Play, auth_file: AuthFile) -> None:
    draft = auth_file.path.with_name(f".auth.json.{os.getpid()}")

    async def scenario(peer: Peer, provider: Provider) -> None:
        provider.valid = {NEW.access}
        given(provider.issuer)
        draft.mkdir()
        assert await failure(peer) == f"{FAILED}auth.json cannot be written: Is a directory"
        assert provider.bearers == [OLD.access]
        assert (await peer.account())["email"] == OLD.email

    play(scenario)
    assert auth_file.refresh_token == "rt-1"


def test_turns_at_once_share_one_refresh_and_its_failure(play: Play, auth_file: AuthFile) -> None:
    async def scenario(peer: Peer, provider: Provider) -> None:
        provider.valid = {NEW.access}
        for status in ("failed", "completed"):
            provider.issuer.gate = anyio.Event()
            turns = [await peer.start_turn() for _ in range(3)]
            await anyio.wait_all_tasks_blocked()
            provider.issuer.gate.set()
            assert [await turn.status() for turn in turns] == [status] * 3
            given(provider.issuer)
        assert [asked["refresh_token"] for asked in provider.issuer.asked] == ["rt-1", "rt-1"]

    play(scenario)


def test_refresh_goes_on_when_its_turn_is_interrupted(play: Play, auth_file: AuthFile) -> None:
    async def scenario(peer: Peer, provider: Provider) -> None:
        provider.valid = {NEW.access}
        given(provider.issuer)
        provider.issuer.gate = anyio.Event()
        turn = await peer.start_turn()
        await anyio.wait_all_tasks_blocked()
        await turn.interrupt()
        assert await turn.status() == "interrupted"
        provider.issuer.gate.set()
        await anyio.wait_all_tasks_blocked()
        assert auth_file.refresh_token == "rt-2"
        assert await (await peer.start_turn()).status() == "completed"
        assert provider.bearers == [OLD.access, NEW.access]

    play(scenario)


@pytest.mark.parametrize("what", ["logout", "external", "elsewhere"])
def test_refresh_that_a_login_or_logout_overtakes_changes_nothing(
    play: Play, auth_file: AuthFile, what: str
) -> None:
    tokens = Tokens(1)

    async def scenario(peer: Peer, provider: Provider) -> None:
        provider.valid = {tokens.access, NEW.access}
        given(provider.issuer)
        provider.issuer.gate = anyio.Event()
        turn = await peer.start_turn()
        await anyio.wait_all_tasks_blocked()
        if what == "logout":
            await peer.ask("account/logout")
        elif what == "external":
            await peer.log_in(tokens)
        else:
            auth_file.put(stored(NEW, "rt-9"))
        provider.issuer.gate.set()
        assert await turn.status() == "failed"
        account = await peer.account()
        names = {"external": tokens.email, "elsewhere": OLD.email}
        assert (account and account["email"]) == names.get(what)

    play(scenario)
    assert auth_file.refresh_token == {"external": "rt-1", "elsewhere": "rt-9"}.get(what)


def test_account_read_refreshes_only_if_that_is_wished(play: Play, auth_file: AuthFile) -> None:
    async def scenario(peer: Peer, provider: Provider) -> None:
        for params in ({}, {"refreshToken": False}):
            await peer.ask("account/read", params)
        assert provider.issuer.asked == []
        given(provider.issuer)
        read = await peer.ask("account/read", {"refreshToken": True})
        assert read["result"]["account"]["email"] == NEW.email
        assert len(provider.issuer.asked) == 1

    play(scenario)


def test_tokens_lie_in_auth_json_and_nowhere_else(play: Play, auth_file: AuthFile) -> None:
    async def scenario(peer: Peer, provider: Provider) -> None:
        provider.valid = {NEW.access}
        given(provider.issuer)
        await (await peer.start_turn()).end()
        provider.valid = set()
        provider.issuer.refuses(401, {"error": {"code": "refresh_token_reused", "message": "rt-2"}})
        await (await peer.start_turn()).end()
        for secret in (OLD.access, OLD.id, NEW.access, NEW.id, "rt-1", "rt-2"):
            assert secret.encode() not in peer.raw

    play(scenario)
    for path in auth_file.path.parent.iterdir():
        assert path == auth_file.path or NEW.access not in path.read_text()


def test_logout_gives_the_refresh_token_back_and_does_not_wait_for_it(
    play: Play, auth_file: AuthFile
) -> None:
    async def scenario(peer: Peer, provider: Provider) -> None:
        provider.issuer.gate = anyio.Event()
        assert (await peer.ask("account/logout"))["result"] == {}
        assert auth_file.text is None
        await anyio.wait_all_tasks_blocked()
        assert [request.url.path for request in provider.issuer.requests] == ["/oauth/revoke"]
        assert provider.issuer.asked == [
            {
                "client_id": "app_EMoamEEZ73f0CkXaXp7hrann",
                "token": "rt-1",
                "token_type_hint": "refresh_token",
            }
        ]
        provider.issuer.gate.set()
        await peer.ask("account/logout")
        await anyio.wait_all_tasks_blocked()
        assert len(provider.issuer.requests) == 1

    play(scenario)
