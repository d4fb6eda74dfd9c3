"""OTHER: the data of the backend reaches the client whole, and its trouble as an error."""

import pytest

from codex_conformance.account_data import (
    MESSAGES,
    NOTICE,
    OUTCOMES,
    THREAD,
    THREAD_USAGE,
    TOKEN_USAGE,
)
from codex_conformance.account_endpoints import (
    MESSAGE_BOARD,
    NUDGE,
    PROFILE,
    REDEEM,
    THREAD_COSTS,
    serving,
)
from codex_conformance.case import Setup, case, expect, not_applicable, since
from codex_conformance.exchange import Response
from codex_conformance.expectations import expect_told
from codex_conformance.mock_backend import MockBackend
from codex_conformance.mock_parent import ABSENT, MockParent
from codex_conformance.replies import Script, not_json, status
from codex_conformance.tokens import Mint

NEWEST = since("0.169")

# Each request with params, and where it is answered.
USAGE = ("account/usage/read", ABSENT, PROFILE)
USAGE_OF_THREAD = ("account/usage/read", {"threadId": THREAD}, THREAD_COSTS)
CREDIT = {"idempotencyKey": "key-1", "creditId": "credit-1"}
CONSUME = ("account/rateLimitResetCredit/consume", CREDIT, REDEEM)
SEND_NUDGE = ("account/sendAddCreditsNudgeEmail", {"creditType": "credits"}, NUDGE)
READ_MESSAGES = ("account/workspaceMessages/read", ABSENT, MESSAGE_BOARD)

ASKED_WITH_CHATGPT = {
    "usage": USAGE,
    "usage-of-thread": USAGE_OF_THREAD,
    "consume-credit": CONSUME,
    "nudge": SEND_NUDGE,
    "messages": READ_MESSAGES,
}

Asked = tuple[str, object, str]

every_request = pytest.mark.parametrize(
    "asked", ASKED_WITH_CHATGPT.values(), ids=ASKED_WITH_CHATGPT
)


async def ask(parent: MockParent, asked: Asked) -> Response:
    """Send the request, whatever comes of it."""
    method, params, _endpoint = asked
    return await parent.call(method, params)


async def told_of(parent: MockParent, backend: MockBackend, asked: Asked) -> Response:
    """The same; not applicable where the target refuses it though the backend is in no trouble."""
    method, _params, endpoint = asked
    response = await ask(parent, asked)
    if response.refused:
        backend.answer_as_ever(endpoint)
        again = await ask(parent, asked)
        if again.refused:
            not_applicable(f"the target refuses every {method}: {again.error_message}")
    return response


@case("other/usage", "OTHER-1", revisions=NEWEST)
async def test_usage_is_that_of_the_backend(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """The tokens used read as the backend has them, in total and by the day."""
    await parent.login(tokens.mint())
    expect_told("OTHER-1", TOKEN_USAGE.shown, await told_of(parent, backend, USAGE))


@case("other/usage-not-told", "OTHER-1", revisions=NEWEST)
async def test_usage_that_the_backend_does_not_tell_is_null(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """What the backend does not say is null or absent, not nought."""
    await parent.login(tokens.mint())
    backend.answer_at(PROFILE, serving({"stats": {}}))
    response = await told_of(parent, backend, USAGE)

    summary = response.member("summary")
    expect("OTHER-1", isinstance(summary, dict), "a summary", response)
    said = {name for name in TOKEN_USAGE.shown["summary"] if summary.get(name) is not None}
    days = response.member("dailyUsageBuckets")
    expect("OTHER-1", not said and not days, "nothing but null in the summary, no day", response)


@case("other/usage-of-thread", "OTHER-1", revisions=NEWEST)
async def test_usage_of_a_thread_is_that_of_the_backend(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """The cost of a thread reads as the backend has it."""
    await parent.login(tokens.mint())
    expect_told("OTHER-1", THREAD_USAGE.shown, await told_of(parent, backend, USAGE_OF_THREAD))


@pytest.mark.parametrize("code", OUTCOMES, ids=lambda code: code.replace("_", "-"))
@case("other/consume-credit", "OTHER-1", revisions=NEWEST)
async def test_outcome_of_a_credit_is_that_of_the_backend(
    parent: MockParent, backend: MockBackend, tokens: Mint, code: str
) -> None:
    """The client learns what became of the credit; the backend is asked once, for that credit."""
    await parent.login(tokens.mint())
    backend.answer_at(REDEEM, serving({"code": code}))
    response = await told_of(parent, backend, CONSUME)

    expect_told("OTHER-1", {"outcome": OUTCOMES[code]}, response)
    asked = [request.json() for request in backend.requests_at(REDEEM)]
    wanted = [{"redeem_request_id": "key-1", "credit_id": "credit-1"}]
    expect("OTHER-1", asked == wanted, f"the backend to be asked for {wanted}", str(asked))


@pytest.mark.parametrize("credit", ["credits", "usage_limit"])
@case("other/nudge", "OTHER-1", revisions=NEWEST)
async def test_nudge_is_sent_by_the_backend(
    parent: MockParent, backend: MockBackend, tokens: Mint, credit: str
) -> None:
    """The backend is asked once to send the e-mail, and the client told that it was sent."""
    await parent.login(tokens.mint())
    response = await told_of(parent, backend, (SEND_NUDGE[0], {"creditType": credit}, NUDGE))

    expect_told("OTHER-1", {"status": "sent"}, response)
    asked = [request.json() for request in backend.requests_at(NUDGE)]
    wanted = [{"credit_type": credit}]
    expect("OTHER-1", asked == wanted, f"the backend to be asked for {wanted}", str(asked))


@case("other/nudge-too-soon", "OTHER-1", revisions=NEWEST)
async def test_nudge_that_comes_too_soon_is_cooling_down(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """A backend that has sent one lately answers 429, which is no error."""
    await parent.login(tokens.mint())
    backend.answer_at(NUDGE, status(429))
    expect_told(
        "OTHER-1", {"status": "cooldown_active"}, await told_of(parent, backend, SEND_NUDGE)
    )


@case("other/messages", "OTHER-1", revisions=NEWEST)
async def test_messages_are_those_of_the_backend(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """The messages of the workspace read as the backend has them, moments as Unix seconds."""
    await parent.login(tokens.mint())
    expect_told("OTHER-1", MESSAGES.shown, await told_of(parent, backend, READ_MESSAGES))


@case("other/messages-not-offered", "OTHER-1", revisions=NEWEST)
async def test_messages_that_are_not_offered_are_said_to_be_off(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """A backend that answers 404 offers no messages to this login, which is no error."""
    await parent.login(tokens.mint())
    backend.answer_at(MESSAGE_BOARD, status(404))
    wanted = {"featureEnabled": False, "messages": []}
    expect_told("OTHER-1", wanted, await told_of(parent, backend, READ_MESSAGES))


@case("other/security-setup", "OTHER-1", revisions=NEWEST, setup=Setup(stored_login="managed"))
async def test_security_notice_is_that_of_the_backend(
    parent: MockParent, backend: MockBackend
) -> None:
    """A managed login is shown the reminder that the backend has for it."""
    if (await parent.read_account()).nobody:
        not_applicable("the target reads no managed login from auth.json")
    response = await told_of(parent, backend, ("account/securitySetup/read", ABSENT, ""))
    expect_told("OTHER-1", NOTICE.shown, response)


TROUBLE = {"forbidden": status(403), "server-error": status(500), "no-json": not_json}

STATUS_SAYS_IT = (("nudge", "no-json"), ("usage-of-thread", "forbidden"))
"""Sent, whatever the body says; and a thread whose cost this login may not know, which is null."""

troubled_requests = pytest.mark.parametrize(
    ("asked", "trouble"),
    [
        pytest.param(asked, trouble, id=f"{name}-{what}")
        for name, asked in ASKED_WITH_CHATGPT.items()
        for what, trouble in TROUBLE.items()
        if (name, what) not in STATUS_SAYS_IT
    ],
)


@troubled_requests
@case("other/backend-trouble", "OTHER-1", revisions=NEWEST)
async def test_trouble_of_the_backend_is_an_error(
    parent: MockParent, backend: MockBackend, tokens: Mint, asked: Asked, trouble: Script
) -> None:
    """A backend that answers with an error, or with no data, has told nothing to answer with."""
    method, _params, endpoint = asked
    await parent.login(tokens.mint())
    backend.answer_at(endpoint, trouble)
    response = await parent.known(await ask(parent, asked), method)
    expect("OTHER-1", response.refused, f"an error for {method}", response)


@pytest.mark.parametrize("who", ["nobody", "api-key", "logged-out"])
@every_request
@case("other/without-chatgpt", "OTHER-1", revisions=NEWEST)
async def test_data_of_a_chatgpt_login_is_refused_without_one(
    parent: MockParent, backend: MockBackend, tokens: Mint, asked: Asked, who: str
) -> None:
    """What only a ChatGPT login has is refused without one, and the backend is not asked for it."""
    method, _params, endpoint = asked
    if who == "api-key":
        await parent.login_api_key(tokens.api_key())
    elif who == "logged-out":
        await parent.login(tokens.mint())
        await parent.logout()
    response = await parent.known(await ask(parent, asked), method)
    await parent.settle()

    expect("OTHER-1", response.refused, f"an error for {method} without a ChatGPT login", response)
    requests = backend.requests_at(endpoint)
    expect("OTHER-1", not requests, "no request to the backend", requests and str(requests[0]))
    if who == "nobody":
        await parent.login(tokens.mint())  # one that refuses every request asks for nothing either


@every_request
@case("other/login-replaced", "OTHER-1", revisions=NEWEST)
async def test_data_is_asked_for_with_the_tokens_in_use(
    parent: MockParent, backend: MockBackend, tokens: Mint, asked: Asked
) -> None:
    """The backend is asked as the login in use now: its token, and its account."""
    method, _params, endpoint = asked
    first, second = tokens.mint(), tokens.mint(account="acct-beta")
    await parent.login(first)
    await parent.login(second)
    response = await told_of(parent, backend, asked)

    expect("OTHER-1", response.ok, f"a result of {method}", response)
    bearers = {(one.token, one.account_id) for one in backend.requests_at(endpoint)}
    wanted = {(second.access_token, second.account_id)}
    expect("OTHER-1", bearers == wanted, "a request with the newer tokens alone", str(bearers))
