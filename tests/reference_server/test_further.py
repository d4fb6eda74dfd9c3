"""Limits, and the further requests about an account."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from codex_account_protocol import methods

from .peers import CONFIG, Peer, Provider, Tokens, hello

Play = Callable[..., None]

READ = "account/rateLimits/read"
UPDATED = "account/rateLimits/updated"
FURTHER = {
    "account/usage/read": None,
    "account/rateLimitResetCredit/consume": {"idempotencyKey": "k"},
    "account/sendAddCreditsNudgeEmail": {"creditType": "credits"},
    "account/workspaceMessages/read": None,
    "account/securitySetup/read": None,
    "account/gatewayOAuth/read": None,
    "account/gatewayOAuth/login": None,
    "account/gatewayOAuth/cancel": None,
}

NOT_AS_EXPECTED = "the backend's answer at wham/usage is not as expected"

THREAD = "abcdef11-1111-4111-8111-111111111111"
NO_TOKENS = dict.fromkeys(
    (
        "lifetimeTokens",
        "peakDailyTokens",
        "longestRunningTurnSec",
        "currentStreakDays",
        "longestStreakDays",
    )
)

every_revision = pytest.mark.parametrize("revision", ["0.93", "0.99", "0.169"])


def window(percent: float, seconds: int | None = 18_000) -> dict[str, Any]:
    return {
        "used_percent": percent,
        "limit_window_seconds": seconds,
        "reset_after_seconds": 60,
        "reset_at": 2_000_000_000,
    }


def usage(primary: Any = None, secondary: Any = None, **more: Any) -> httpx.Response:
    limit = {"allowed": True, "primary_window": primary, "secondary_window": secondary}
    return httpx.Response(200, json={"plan_type": "pro", "rate_limit": limit} | more)


def shown(percent: int, minutes: int | None = 300) -> dict[str, Any]:
    return {"usedPercent": percent, "windowDurationMins": minutes, "resetsAt": 2_000_000_000}


@every_revision
def test_limits_are_those_of_the_backend(play: Play, revision: str) -> None:
    async def scenario(peer: Peer, provider: Provider) -> None:
        tokens = Tokens(1)
        await peer.log_in(tokens)
        credit = {"has_credits": True, "unlimited": False, "balance": "5"}
        provider.limits = usage(window(41.6), window(7, 90), credits=credit)
        result = (await peer.ask(READ))["result"]
        limits = result["rateLimits"]
        assert (limits["primary"], limits["secondary"]) == (shown(42), shown(7, 2))
        assert limits["credits"] == {"hasCredits": True, "unlimited": False, "balance": "5"}
        assert limits["planType"] == "pro"
        if revision == "0.169":
            assert result["rateLimitsByLimitId"] == {"codex": limits}
            assert result["rateLimitResetCredits"] is None
        (request,) = provider.limits_asked
        assert request.headers["authorization"] == f"Bearer {tokens.access}"
        assert request.headers["chatgpt-account-id"] == tokens.account

    play(scenario, revision)


@pytest.mark.parametrize(
    ("answer", "primary", "plan"),
    [
        (httpx.Response(200, json={}), None, None),
        (usage(plan_type="no-such-plan"), None, "unknown"),
        (usage(window(0, None), rate_limit={"primary_window": None}), None, "pro"),
        (usage(window(0, None)), shown(0, None), "pro"),
    ],
)
def test_what_the_backend_does_not_say_is_null(
    play: Play, answer: httpx.Response, primary: Any, plan: str | None
) -> None:
    async def scenario(peer: Peer, provider: Provider) -> None:
        await peer.log_in(Tokens(1))
        provider.limits = answer
        limits = (await peer.ask(READ))["result"]["rateLimits"]
        assert (limits["primary"], limits["planType"]) == (primary, plan)

    play(scenario)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (httpx.Response(401, json={}), "unexpected status 401 from the backend"),
        (httpx.Response(200, text="<"), NOT_AS_EXPECTED),
        (httpx.Response(200, content=b'"\xff"'), NOT_AS_EXPECTED),
        (usage(window(-1)), NOT_AS_EXPECTED),
        (usage(window(1e300)), NOT_AS_EXPECTED),
        (httpx.ConnectError("no"), "the connection to the backend failed"),
    ],
)
def test_limits_that_do_not_come_are_an_error(play: Play, answer: Any, said: str) -> None:
    async def scenario(peer: Peer, provider: Provider) -> None:
        await peer.log_in(Tokens(1))
        provider.limits = answer
        error = (await peer.ask(READ))["error"]
        assert said in error["message"]
        assert error["code"] == -32603
        assert peer.refreshes == []

    play(scenario)


def test_limits_without_a_configured_backend_are_an_error(home: Path, play: Play) -> None:
    home.joinpath("config.toml").write_text(CONFIG.replace("chatgpt_base_url", "elsewhere"))

    async def scenario(peer: Peer, _provider: Provider) -> None:
        await peer.log_in(Tokens(1))
        assert "set chatgpt_base_url" in (await peer.ask(READ))["error"]["message"]

    play(scenario)


@pytest.mark.parametrize("method", [READ, "account/usage/read", "account/workspaceMessages/read"])
def test_what_belongs_to_a_chatgpt_login_is_refused_without_one(play: Play, method: str) -> None:
    async def scenario(peer: Peer, provider: Provider) -> None:
        for _ in range(2):
            error = (await peer.ask(method))["error"]
            assert error["message"].startswith("this needs a login with ChatGPT")
            await peer.ask("account/login/start", {"type": "apiKey", "apiKey": "sk-1"})
        assert provider.limits_asked == []

    play(scenario)


def test_other_requests_overtake_limits_that_are_waited_for(play: Play) -> None:
    async def scenario(peer: Peer, provider: Provider) -> None:
        await peer.log_in(Tokens(1))
        provider.gate = anyio.Event()
        provider.limits = usage(window(1))
        limits, logout = peer.call(READ), peer.call("account/logout")
        await peer.say(limits, logout)
        assert (await peer.answer_to(logout))["result"] == {}
        provider.gate.set()
        assert (await peer.answer_to(limits))["result"]["rateLimits"]["primary"] == shown(1)
        answers = [each for each in peer.heard if each.get("id") == limits["id"]]
        assert len(answers) == 1

    play(scenario)


def test_limits_that_are_waited_for_keep_no_server_alive(play: Play) -> None:
    async def scenario(peer: Peer, provider: Provider) -> None:
        await peer.log_in(Tokens(1))
        provider.gate = anyio.Event()
        await peer.say(peer.call(READ))
        await anyio.wait_all_tasks_blocked()
        assert len(provider.limits_asked) == 1
        await peer.wire.send_eof()
        await peer.hung_up()

    play(scenario)


def limited(**headers: str) -> Callable[[], httpx.Response]:
    """A turn that says hello, with limits in the head of its response."""

    def answer() -> httpx.Response:
        response = hello()
        for name, value in headers.items():
            response.headers[f"x-codex-{name.replace('_', '-')}"] = value
        return response

    return answer


@every_revision
def test_limits_with_a_turn_are_told(play: Play, revision: str) -> None:
    async def scenario(peer: Peer, provider: Provider) -> None:
        await peer.log_in(Tokens(1))
        provider.answers.append(
            limited(
                primary_used_percent="62.5",
                primary_window_minutes="300",
                primary_reset_at="2000000000",
                secondary_used_percent="9",
            )
        )
        assert await (await peer.start_turn()).status() == "completed"
        limits = (await peer.told(UPDATED))["rateLimits"]
        assert limits["primary"] == shown(62)
        bare = {"usedPercent": 9, "windowDurationMins": None, "resetsAt": None}
        assert limits["secondary"] == bare

    play(scenario, revision)


@pytest.mark.parametrize("text", ["", "nan", "inf", "-1", "many"])
def test_limits_that_are_no_numbers_are_not_told(play: Play, text: str) -> None:
    async def scenario(peer: Peer, provider: Provider) -> None:
        await peer.log_in(Tokens(1))
        provider.answers.append(limited(primary_used_percent=text, primary_reset_at=text))
        assert await (await peer.start_turn()).status() == "completed"
        assert UPDATED not in peer.methods()

    play(scenario)


def test_a_refused_turn_tells_its_limits_too(play: Play) -> None:
    async def scenario(peer: Peer, provider: Provider) -> None:
        await peer.log_in(Tokens(1))
        headers = {"x-codex-primary-used-percent": "100"}
        provider.answers.append(lambda: httpx.Response(429, headers=headers))
        assert await (await peer.start_turn()).status() == "failed"
        limits = (await peer.told(UPDATED))["rateLimits"]
        assert limits["primary"]["usedPercent"] == 100

    play(scenario)


# --- what the backend is asked, and its answers beyond those that the cases know

CREDIT = {"id": "c", "reset_type": "new", "status": "new", "granted_at": "2027-01-01T00:00:00Z"}
MESSAGE = {"message_id": "m", "message_type": "new", "message_body": "hello"}
COST = {"thread_id": THREAD, "estimated_usage_credits_micros": 1, "groups": []}


def told(path: str, value: Any, status: int = 200) -> dict[str, httpx.Response]:
    return {path: httpx.Response(status, json=value)}


@pytest.mark.parametrize(
    ("method", "params", "endpoints", "result"),
    [
        (
            "account/workspaceMessages/read",
            None,
            told("workspace-messages", {"messages": [MESSAGE]}),
            {
                "featureEnabled": True,
                "messages": [
                    {
                        "messageId": "m",
                        "messageType": "unknown",
                        "messageBody": "hello",
                        "createdAt": None,
                        "archivedAt": None,
                    }
                ],
            },
        ),
        (
            "account/workspaceMessages/read",
            None,
            told("workspace-messages", {}),
            {"featureEnabled": True, "messages": []},
        ),
        (
            "account/usage/read",
            {"threadId": THREAD.upper()},
            told("usage/thread_usage/query", {"threads": [COST | {"thread_id": "other"}, COST]}),
            {
                "summary": NO_TOKENS,
                "dailyUsageBuckets": None,
                "threadUsage": {
                    "threadId": THREAD,
                    "estimatedUsageCreditsMicros": 1,
                    "estimatedUsageUsdMicros": None,
                    "nativeUsageUsdMicros": None,
                    "groups": [],
                },
            },
        ),
        (
            "account/usage/read",
            {"threadId": THREAD},
            told("usage/thread_usage/query", {}, 404),
            {"summary": NO_TOKENS, "dailyUsageBuckets": None, "threadUsage": None},
        ),
        (
            "account/sendAddCreditsNudgeEmail",
            {"creditType": "credits"},
            {"accounts/send_add_credits_nudge_email": httpx.Response(204)},
            {"status": "sent"},
        ),
    ],
)
def test_answer_of_the_backend_becomes_the_result(
    play: Play, method: str, params: Any, endpoints: dict[str, httpx.Response], result: Any
) -> None:
    async def scenario(peer: Peer, provider: Provider) -> None:
        await peer.log_in(Tokens(1))
        provider.endpoints = endpoints
        assert (await peer.ask(method, params))["result"] == result

    play(scenario)


def test_reset_credit_with_new_words_is_of_unknown_kind(play: Play) -> None:
    async def scenario(peer: Peer, provider: Provider) -> None:
        await peer.log_in(Tokens(1))
        listed = {"available_count": 0, "credits": [CREDIT]}
        provider.endpoints = told("rate-limit-reset-credits", listed)
        credits_shown = (await peer.ask(READ))["result"]["rateLimitResetCredits"]["credits"]
        assert credits_shown == [
            {
                "id": "c",
                "resetType": "unknown",
                "status": "unknown",
                "grantedAt": 1798761600,
                "expiresAt": None,
                "title": None,
                "description": None,
            }
        ]

    play(scenario)


def test_details_of_reset_credits_are_not_asked_for_where_they_are_not_wanted(play: Play) -> None:
    async def scenario(peer: Peer, provider: Provider) -> None:
        await peer.log_in(Tokens(1))
        provider.limits = usage(rate_limit_reset_credits={"available_count": 3})
        result = (await peer.ask(READ, {"excludeResetCreditDetails": True}))["result"]
        assert result["rateLimitResetCredits"] == {"availableCount": 3, "credits": None}
        assert provider.asked == []

    play(scenario)


def test_limits_of_another_user_say_nothing_about_ordinary_use(play: Play) -> None:
    async def scenario(peer: Peer, provider: Provider) -> None:
        await peer.log_in(Tokens(1))
        provider.limits = usage(user_id="other", account_id="other", rate_limit_upsell="more")
        result = (await peer.ask(READ))["result"]
        assert result["ordinaryUsageAllowed"] is None
        assert "rateLimitUpsell" not in result

    play(scenario)


@pytest.mark.parametrize(
    ("method", "params", "said"),
    [
        (
            "account/usage/read",
            {"threadId": "x"},
            "threadId is no UUID: expected one that thread/start gave",
        ),
        (
            "account/rateLimitResetCredit/consume",
            {"idempotencyKey": ""},
            "idempotencyKey is empty: expected a text that is new for each credit",
        ),
    ],
)
def test_params_that_no_backend_could_answer_are_refused_without_asking(
    play: Play, method: str, params: Any, said: str
) -> None:
    async def scenario(peer: Peer, provider: Provider) -> None:
        await peer.log_in(Tokens(1))
        assert (await peer.ask(method, params))["error"]["message"] == said
        assert provider.asked == []

    play(scenario)


# --- the further requests


def test_every_stable_account_request_is_answered_or_refused(play: Play) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        await peer.log_in(Tokens(1))
        answered = {}
        for method, params in FURTHER.items():
            response = await peer.ask(method, params)
            if "result" in response:
                answered[method] = response["result"]
            else:
                assert response["error"]["code"] != -32601, method
        assert answered == {
            "account/workspaceMessages/read": {"featureEnabled": False, "messages": []},
            "account/securitySetup/read": {"notice": None},
            "account/gatewayOAuth/read": {
                "required": False,
                "providerId": "mock",
                "providerName": "mock",
                "status": None,
                "error": None,
                "supportsDeviceAuth": False,
            },
            "account/gatewayOAuth/cancel": {},
        }

    play(scenario)


def test_no_stable_account_request_is_forgotten() -> None:
    stable = {
        each.method
        for each in methods("0.169")
        if each.method.startswith("account/")
        and (each.kind, each.direction, each.stability) == ("request", "clientToServer", "stable")
    }
    elsewhere = {"account/login/start", "account/login/cancel", "account/logout", "account/read"}
    assert stable - elsewhere == {READ, *FURTHER}


@pytest.mark.parametrize("method", FURTHER)
def test_a_request_of_a_later_revision_is_unknown(play: Play, method: str) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        assert (await peer.ask(method, FURTHER[method]))["error"]["code"] == -32601

    play(scenario, "0.99")


def test_a_gateway_of_a_provider_that_is_not_configured_is_refused(play: Play) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        named = {"modelProvider": "nobody"}
        assert (
            "modelProvider"
            in (await peer.ask("account/gatewayOAuth/read", named))["error"]["message"]
        )
        own = {"modelProvider": "mock"}
        assert (await peer.ask("account/gatewayOAuth/read", own))["result"]["required"] is False

    play(scenario)
