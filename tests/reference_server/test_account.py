"""Logins of every kind, logout, and who `account/read` says is logged in."""

import json
import stat
from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from .peers import CLIENT, Peer, Provider, Tokens, jwt

Play = Callable[..., None]
Json = dict[str, Any]

every_revision = pytest.mark.parametrize("revision", ["0.93", "0.99", "0.169"])

BROWSER = {"type": "chatgpt"}
KEY = {"type": "apiKey", "apiKey": "sk-1"}
EXTERNAL_ACTIVE = (
    "external tokens are active: update them with account/login/start of the type "
    "chatgptAuthTokens, or log out first with account/logout"
)


def error(response: Json) -> str:
    """The message of an error response."""
    return str(response["error"]["message"])


@every_revision
def test_external_login_is_answered_then_completed_then_updated(play: Play, revision: str) -> None:
    tokens = Tokens(1)

    async def scenario(peer: Peer, _provider: Provider) -> None:
        since = len(peer.heard)
        response = await peer.log_in(tokens)
        assert response["result"] == {"type": "chatgptAuthTokens"}
        await peer.ask("account/read", {})
        newest = {"onboardingEntrypoint": None} if revision == "0.169" else {}
        plan = {"planType": "pro"} if revision == "0.169" else {}
        assert [m.get("params") for m in peer.heard[since:-1]] == [
            None,
            {"loginId": None, "success": True, "error": None} | newest,
            {"authMode": "chatgptAuthTokens"} | plan,
        ]
        account = {"type": "chatgpt", "email": tokens.email, "planType": "pro"}
        newest = {"workspaceName": None} if revision == "0.169" else {}
        assert await peer.account() == account | newest

    play(scenario, revision)


@pytest.mark.parametrize(
    ("given", "claimed", "shown"),
    [
        ("plus", "pro", "plus"),
        (None, "pro", "pro"),
        (None, None, "unknown"),
        ("no-such-plan", "pro", "unknown"),
    ],
)
def test_plan_given_wins_over_the_claim(
    play: Play, given: str | None, claimed: str | None, shown: str
) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        await peer.log_in(Tokens(1, plan=claimed), chatgptPlanType=given)
        assert (await peer.account())["planType"] == shown

    play(scenario, "0.99")


def test_account_id_given_wins_over_the_claim(play: Play) -> None:
    async def scenario(peer: Peer, provider: Provider) -> None:
        tokens = Tokens(1)
        provider.valid = {tokens.access}
        await peer.log_in(tokens, chatgptAccountId="acc-9")
        assert await (await peer.start_turn()).status() == "completed"
        assert provider.requests[0].headers["chatgpt-account-id"] == "acc-9"

    play(scenario, "0.99")


@pytest.mark.parametrize(("revision", "email"), [("0.93", ""), ("0.99", ""), ("0.169", None)])
@pytest.mark.parametrize("payload", [{}, [], "text", 5, None, {"email": 5}])
def test_token_without_claims_logs_in_an_account_without_email(
    play: Play, revision: str, email: str | None, payload: Any
) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        tokens = Tokens(1)
        tokens.access = tokens.id = jwt(payload)
        assert "result" in await peer.log_in(tokens)
        account = await peer.account()
        assert (account["email"], account["planType"]) == (email, "unknown")

    play(scenario, revision)


def test_email_may_be_in_the_profile(play: Play) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        tokens = Tokens(1)
        tokens.access = jwt({"https://api.openai.com/profile": {"email": "p@x.example"}})
        await peer.log_in(tokens)
        assert (await peer.account())["email"] == "p@x.example"

    play(scenario)


GOOD = jwt({"email": "a@b.example"})
HEADER, PAYLOAD, _SIGNATURE = GOOD.split(".")
NO_JWTS = [
    "",
    "secret-text",
    f"{HEADER}.{PAYLOAD}",
    f"{HEADER}.{PAYLOAD}.",
    f".{PAYLOAD}.c2ln",
    f"{HEADER}.{PAYLOAD}=.c2ln",
    f"{HEADER}.!!!.c2ln",
    f"{HEADER}.{PAYLOAD}.!!!",
    f"{HEADER}.c2VjcmV0.c2ln",
    f"c2VjcmV0.{PAYLOAD}.c2ln",
    f"{HEADER}.{'W' * 40000}.c2ln",
    f"{HEADER}.{urlsafe_b64encode(b'[' * 30000).decode()}.c2ln",
    f"{HEADER}.\u00e9\u00e9.c2ln",
]


@every_revision
@pytest.mark.parametrize("token", NO_JWTS, ids=range(len(NO_JWTS)))
def test_token_that_is_no_jwt_is_refused_and_whoever_was_logged_in_still_is(
    play: Play, revision: str, token: str
) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        before = Tokens(1)
        await peer.log_in(before)
        await peer.ask("account/read", {})
        since = len(peer.heard)
        tokens = Tokens(2)
        tokens.access, tokens.id = (tokens.access, token) if revision == "0.93" else (token, "")
        member = "idToken" if revision == "0.93" else "accessToken"
        assert (await peer.log_in(tokens))["error"] == {
            "code": -32600,
            "message": f"{member} is no JWT: expected three parts in base64url, joined by dots",
        }
        assert (await peer.account())["email"] == before.email
        assert peer.methods(since) == ["response", "response"]

    play(scenario, revision)


@pytest.mark.parametrize("signature", ["c2ln", "x", "a.b.c"])
def test_signature_is_not_looked_at(play: Play, signature: str) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        tokens = Tokens(1)
        tokens.access = f"{HEADER}.{PAYLOAD}.{signature}"
        assert "result" in await peer.log_in(tokens)

    play(scenario)


def test_access_token_in_0_93_may_be_any_text(play: Play) -> None:
    async def scenario(peer: Peer, provider: Provider) -> None:
        tokens = Tokens(1)
        tokens.access = "opaque"
        provider.valid = {"opaque"}
        assert "result" in await peer.log_in(tokens)
        assert await (await peer.start_turn()).status() == "completed"

    play(scenario, "0.93")


@pytest.mark.parametrize("revision", ["0.99", "0.169"])
@pytest.mark.parametrize("capabilities", [None, {}, {"experimentalApi": False}, "absent"])
def test_external_login_without_the_capability_is_refused_by_its_name(
    play: Play, revision: str, capabilities: Any
) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        more = {} if capabilities == "absent" else {"capabilities": capabilities}
        await peer.ask("initialize", {"clientInfo": CLIENT} | more)
        assert "experimentalApi" in error(await peer.log_in(Tokens(1)))
        assert await peer.account() is None

    play(scenario, revision, initialize=False)


def test_external_login_in_0_93_needs_no_capability(play: Play) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        await peer.ask("initialize", {"clientInfo": CLIENT})
        assert "result" in await peer.log_in(Tokens(1))

    play(scenario, "0.93", initialize=False)


def test_forced_login_method_refuses_the_other_kinds(play: Play) -> None:
    async def api_only(peer: Peer, _provider: Provider) -> None:
        assert error(await peer.log_in(Tokens(1))) == error(
            await peer.ask("account/login/start", BROWSER)
        )
        assert "result" in await peer.ask("account/login/start", KEY)

    async def chatgpt_only(peer: Peer, _provider: Provider) -> None:
        refused = error(await peer.ask("account/login/start", KEY))
        assert refused == "forced_login_method allows only logins with 'chatgpt'"
        assert "result" in await peer.ask("account/login/start", BROWSER)
        assert "result" in await peer.log_in(Tokens(1))

    play(api_only, "0.169", "-c", "forced_login_method=api")
    play(chatgpt_only, "0.169", "-c", "forced_login_method=chatgpt")


@every_revision
def test_forced_workspace_lets_only_its_tokens_in(play: Play, revision: str) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        since = len(peer.heard)
        assert "ws-1" in error(await peer.log_in(Tokens(1, "ws-2")))
        assert await peer.account() is None
        assert peer.methods(since) == ["response", "response"]
        assert "result" in await peer.log_in(Tokens(2, "ws-1"))

    play(scenario, revision, "-c", "forced_chatgpt_workspace_id=' ws-1 '")


def test_forced_workspaces_let_each_of_them_in(play: Play) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        assert "ws-1 or ws-2" in error(await peer.log_in(Tokens(1, "ws-3")))
        assert "result" in await peer.log_in(Tokens(2, "ws-2"))

    play(scenario, "0.169", "-c", 'forced_chatgpt_workspace_id=["ws-1", "ws-2", " "]')


@every_revision
def test_other_logins_are_refused_while_external_tokens_are_active(
    play: Play, revision: str
) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        tokens = Tokens(1)
        await peer.log_in(tokens)
        kinds = [BROWSER, KEY]
        if revision == "0.169":
            kinds.append({"type": "chatgptDeviceCode"})
        for params in kinds:
            assert error(await peer.ask("account/login/start", params)) == EXTERNAL_ACTIVE
        assert (await peer.account())["email"] == tokens.email
        await peer.ask("account/logout")
        assert "result" in await peer.ask("account/login/start", BROWSER)
        assert "result" in await peer.ask("account/login/start", KEY)

    play(scenario, revision)


def test_logins_that_are_not_offered_say_so(play: Play) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        params = {"type": "amazonBedrock", "apiKey": "k", "region": "r"}
        assert error(await peer.ask("account/login/start", params)) == (
            "login of the type amazonBedrock is not offered by this server"
        )

    play(scenario)


def test_logout_forgets_the_login_whoever_is_logged_in(play: Play) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        for _ in range(2):
            since = len(peer.heard)
            assert (await peer.ask("account/logout"))["result"] == {}
            assert await peer.told("account/updated", since) == {
                "authMode": None,
                "planType": None,
            }
            assert await peer.account() is None
            await peer.log_in(Tokens(1))

    play(scenario)


def test_api_key_is_stored_for_its_owner_only_until_logout(play: Play, home: Path) -> None:
    file = home / "auth.json"

    async def log_in(peer: Peer, provider: Provider) -> None:
        provider.valid = {"sk-1"}
        since = len(peer.heard)
        assert (await peer.ask("account/login/start", KEY))["result"] == {"type": "apiKey"}
        await peer.ask("account/read", {})
        assert peer.methods(since)[1:3] == ["account/login/completed", "account/updated"]
        updated = await peer.told("account/updated")
        assert updated == {"authMode": "apikey", "planType": None}
        assert await (await peer.start_turn()).status() == "completed"
        assert "chatgpt-account-id" not in provider.requests[0].headers
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert json.loads(file.read_bytes())["OPENAI_API_KEY"] == "sk-1"

    async def use(peer: Peer, provider: Provider) -> None:
        provider.valid = {"sk-1"}
        assert await peer.account() == {"type": "apiKey"}
        assert await (await peer.start_turn()).status() == "completed"
        await peer.ask("account/logout")
        assert not file.exists()

    async def find_nothing(peer: Peer, _provider: Provider) -> None:
        assert await peer.account() is None

    for scenario in (log_in, use, find_nothing):
        play(scenario)
    assert sorted(path.name for path in home.iterdir()) == ["config.toml"]


def test_api_key_that_cannot_be_stored_changes_nothing(play: Play, home: Path) -> None:
    (home / "auth.json").mkdir()

    async def scenario(peer: Peer, _provider: Provider) -> None:
        response = await peer.ask("account/login/start", KEY)
        assert response["error"]["code"] == -32603
        assert error(response) == "auth.json cannot be written: Is a directory"
        assert await peer.account() is None

    play(scenario)
    assert sorted(path.name for path in home.iterdir()) == ["auth.json", "config.toml"]


def test_logout_that_cannot_remove_the_stored_login_changes_nothing(play: Play, home: Path) -> None:
    (home / "auth.json").mkdir()
    tokens = Tokens(1)

    async def scenario(peer: Peer, provider: Provider) -> None:
        provider.valid = {tokens.access}
        await peer.log_in(tokens)
        await peer.ask("account/read", {})
        since = len(peer.heard)
        response = await peer.ask("account/logout")
        assert response["error"]["code"] == -32603
        assert error(response) == "auth.json cannot be removed: Is a directory"
        assert (await peer.account())["email"] == tokens.email
        assert peer.methods(since) == ["response", "response"]
        assert await (await peer.start_turn()).status() == "completed"

    play(scenario)


MANAGED = Tokens(7)
STORED_LOGINS: dict[str, Json] = {
    "api-key": {"auth_mode": "apikey", "OPENAI_API_KEY": "sk-7"},
    "api-key-of-old": {"OPENAI_API_KEY": "sk-7"},
    "managed": {
        "auth_mode": "chatgpt",
        "OPENAI_API_KEY": None,
        "tokens": {
            "id_token": MANAGED.id,
            "access_token": MANAGED.access,
            "refresh_token": "rt",
            "account_id": "acc-1",
        },
        "last_refresh": "2026-01-01T00:00:00Z",
    },
}


@pytest.mark.parametrize("stored", STORED_LOGINS.values(), ids=STORED_LOGINS.keys())
def test_external_tokens_win_over_a_stored_login_until_logout(
    play: Play, home: Path, stored: Json
) -> None:
    content = json.dumps(stored)
    (home / "auth.json").write_text(content)

    async def scenario(peer: Peer, provider: Provider) -> None:
        tokens = Tokens(1)
        provider.valid = {tokens.access}
        await peer.log_in(tokens)
        assert (await peer.account())["email"] == tokens.email
        assert await (await peer.start_turn()).status() == "completed"
        assert (home / "auth.json").read_text() == content
        await peer.ask("account/logout")
        assert await peer.account() is None
        assert not (home / "auth.json").exists()

    play(scenario)


def test_managed_login_is_used_and_its_401_asks_the_client_for_nothing(
    play: Play, home: Path
) -> None:
    (home / "auth.json").write_text(json.dumps(STORED_LOGINS["managed"]))

    async def scenario(peer: Peer, provider: Provider) -> None:
        assert (await peer.account())["email"] == MANAGED.email
        assert await (await peer.start_turn()).status() == "failed"
        provider.valid = {MANAGED.access}
        assert await (await peer.start_turn()).status() == "completed"
        assert provider.requests[0].headers["chatgpt-account-id"] == "acc-1"
        assert peer.refreshes == []

    play(scenario)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"auth_mode": "chatgpt"}',
        '{"auth_mode": "apikey"}',
        '{"auth_mode": "chatgptAuthTokens", "OPENAI_API_KEY": "sk"}',
        '{"tokens": {"id_token": "no.j.wt", "access_token": "a"}}',
        '{"x": ' + "[" * 20000 + "]" * 20000 + "}",
    ],
)
def test_stored_login_that_cannot_be_read_is_none(play: Play, home: Path, content: str) -> None:
    (home / "auth.json").write_text(content)

    async def scenario(peer: Peer, _provider: Provider) -> None:
        assert await peer.account() is None

    play(scenario)


def test_browser_login_has_pkce_and_state_and_the_forced_workspace(play: Play) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        urls = [
            (await peer.ask("account/login/start", BROWSER))["result"]["authUrl"] for _ in range(2)
        ]
        first, second = (
            {k: v[0] for k, v in parse_qs(urlsplit(url).query).items()} for url in urls
        )
        assert first["redirect_uri"] == "http://localhost:1455/auth/callback"
        assert first["code_challenge_method"] == "S256"
        assert first["allowed_workspace_id"] == "ws-1"
        assert len(first["code_challenge"]) == len(urlsafe_b64encode(sha256().digest())) - 1
        assert first["state"] != second["state"]
        assert first["code_challenge"] != second["code_challenge"]

    play(scenario, "0.169", "-c", "forced_chatgpt_workspace_id=ws-1")


async def start_browser_login(peer: Peer) -> str:
    response = await peer.ask("account/login/start", BROWSER)
    return str(response["result"]["loginId"])


async def cancel(peer: Peer, login: str) -> Any:
    return await peer.ask("account/login/cancel", {"loginId": login})


def failed(login: str, error: str) -> Json:
    return {"loginId": login, "success": False, "error": error, "onboardingEntrypoint": None}


def test_browser_login_canceled_is_completed_without_success_and_without_updated(
    play: Play,
) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        login = await start_browser_login(peer)
        since = len(peer.heard)
        assert (await cancel(peer, login))["result"] == {"status": "canceled"}
        assert (await cancel(peer, login))["result"] == {"status": "notFound"}
        assert peer.methods(since) == ["response", "account/login/completed", "response"]
        told = await peer.told("account/login/completed")
        assert told == failed(login, "the login was canceled")
        assert error(await cancel(peer, "no-uuid")) == (
            "loginId is no UUID: expected one that account/login/start gave"
        )

    play(scenario)


SUPERSEDED_BY: dict[str, tuple[Callable[[Peer], Json], str]] = {
    "browser": (lambda peer: peer.call("account/login/start", BROWSER), "another login"),
    "api-key": (lambda peer: peer.call("account/login/start", KEY), "an API key"),
    "external": (lambda peer: peer.login(Tokens(1)), "external tokens"),
}


@pytest.mark.parametrize(("request_by", "what"), SUPERSEDED_BY.values(), ids=SUPERSEDED_BY.keys())
def test_browser_login_superseded_has_failed_and_cannot_be_canceled(
    play: Play, request_by: Callable[[Peer], Json], what: str
) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        login = await start_browser_login(peer)
        since = len(peer.heard)
        request = request_by(peer)
        await peer.say(request)
        assert "result" in await peer.answer_to(request)
        told = await peer.told("account/login/completed", since)
        assert told == failed(login, f"the login was superseded by {what}")
        assert (await cancel(peer, login))["result"] == {"status": "notFound"}

    play(scenario)


def test_external_login_that_is_refused_leaves_the_browser_login_pending(play: Play) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        login = await start_browser_login(peer)
        tokens = Tokens(1)
        tokens.access = "no jwt"
        assert "error" in await peer.log_in(tokens)
        assert (await cancel(peer, login))["result"] == {"status": "canceled"}

    play(scenario)


def test_requires_openai_auth_is_as_the_provider_is_configured(play: Play) -> None:
    async def scenario(peer: Peer, provider: Provider) -> None:
        assert (await peer.ask("account/read", {}))["result"] == {
            "account": None,
            "requiresOpenaiAuth": False,
            "userId": None,
            "workspaceRouting": None,
        }
        await peer.log_in(Tokens(1))
        assert await (await peer.start_turn()).status() == "failed"
        assert provider.bearers == [None]
        assert peer.refreshes == []

    play(scenario, "0.169", "-c", "model_providers.mock.requires_openai_auth=false")
