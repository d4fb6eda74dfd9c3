"""RATE: the limits of a login, asked for and told."""

from typing import Any

import pytest

from codex_conformance.account_data import every_limit
from codex_conformance.account_endpoints import CREDITS, LIMITS, serving
from codex_conformance.case import Setup, case, expect, not_applicable, require, since
from codex_conformance.exchange import Response
from codex_conformance.expectations import expect_told, untold
from codex_conformance.limits import ACCOUNT_LIMITS, TURN_LIMITS, Window
from codex_conformance.mock_backend import MockBackend
from codex_conformance.mock_parent import MockParent
from codex_conformance.replies import Script, limited_turn, not_json, status
from codex_conformance.tokens import ALPHA, Mint, user_of
from codex_conformance.wire import Entry

READ = "account/rateLimits/read"
UPDATED = "account/rateLimits/updated"


async def read_limits(parent: MockParent) -> Response:
    """Ask for the limits; not applicable where the target does not know the method."""
    return parent.offered(await parent.call(READ), READ)


def shown(limits: dict[str, Window]) -> dict[str, Any]:
    """The windows as a client has to be told of them."""
    return {which: window.shown for which, window in limits.items()}


@pytest.mark.parametrize(
    "setup", [Setup(), Setup(stored_login="managed")], ids=["external-tokens", "managed-login"]
)
@case("rate/read", "RATE-1")
async def test_limits_are_those_of_the_backend(
    parent: MockParent, tokens: Mint, setup: Setup
) -> None:
    """With either ChatGPT login the limits read as the backend has them."""
    if setup.stored_login is None:
        await parent.login(tokens.mint())
    elif (await parent.read_account()).nobody:
        not_applicable("the target reads no managed login from auth.json")
    response = await read_limits(parent)

    expect("RATE-1", response.ok, "the limits of the backend", response)
    wanted = shown(ACCOUNT_LIMITS)
    same = untold(wanted, response.member("rateLimits")) is None
    expect("RATE-1", same, f"rateLimits with {wanted}", response)


@case("rate/plan-and-credits", "RATE-1")
async def test_plan_and_credits_are_those_of_the_backend(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """The plan that the limits are those of, and the credits beyond them, read as told."""
    await parent.login(tokens.mint())
    told = every_limit(ALPHA, user_of(ALPHA))
    backend.answer_at(LIMITS, serving(told.served))
    response = await read_limits(parent)

    limits = told.shown["rateLimits"]
    wanted = {"rateLimits": {name: limits[name] for name in ("planType", "credits")}}
    expect_told("RATE-1", wanted, response)


@case("rate/every-limit", "RATE-1", revisions=since("0.169"))
async def test_every_limit_is_that_of_the_backend(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """All that the backend says about limits is told, and so are the credits to set them back."""
    await parent.login(tokens.mint())
    told = every_limit(ALPHA, user_of(ALPHA))
    backend.answer_at(LIMITS, serving(told.served))
    expect_told("RATE-1", told.shown, await read_limits(parent))


@case("rate/credits-by-number", "RATE-1", revisions=since("0.169"))
async def test_credits_that_are_not_told_one_by_one_are_counted(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """Where the details cannot be had, the limits come all the same, with the credits' number."""
    await parent.login(tokens.mint())
    backend.answer_at(LIMITS, serving(every_limit(ALPHA, user_of(ALPHA)).served))
    backend.answer_at(CREDITS, status(500))
    wanted = {"rateLimitResetCredits": {"availableCount": 1}}
    expect_told("RATE-1", wanted, await read_limits(parent))


@pytest.mark.parametrize(
    "trouble", [status(403), status(500), not_json], ids=["forbidden", "server-error", "no-json"]
)
@case("rate/read-trouble", "RATE-1")
async def test_limits_that_the_backend_does_not_tell_are_an_error(
    parent: MockParent, backend: MockBackend, tokens: Mint, trouble: Script
) -> None:
    """A backend that answers with an error, or with no data, has told no limits."""
    await parent.login(tokens.mint())
    backend.answer_at(LIMITS, trouble)
    response = await parent.known(await parent.call(READ), READ)
    expect("RATE-1", response.refused, "an error for limits that nobody told", response)


@pytest.mark.parametrize("who", ["nobody", "api-key", "logged-out"])
@case("rate/read-without-chatgpt", "RATE-1")
async def test_limits_without_a_chatgpt_login_are_refused(
    parent: MockParent, tokens: Mint, who: str
) -> None:
    """Limits belong to a ChatGPT login: without one the request gets an error."""
    if who == "api-key":
        await parent.login_api_key(tokens.api_key())
    elif who == "logged-out":
        await parent.login(tokens.mint())
        await parent.logout()
    response = await parent.known(await parent.call(READ), READ)

    expect("RATE-1", response.refused, "an error for the limits of nobody", response)
    await parent.login(tokens.mint())  # one that refuses every request refuses this one too


@case("rate/read-unauthorized", "RATE-2")
async def test_unauthorized_limits_are_an_error_or_a_refresh(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """What the target makes of a token that is refused when it asks for the limits."""
    old, new = tokens.mint(), tokens.mint()
    await parent.login(old)
    parent.answer_every_refresh(lambda _request: new)
    backend.expire(old)
    response = await parent.known(await parent.call(READ), READ)

    refreshed = "a refresh, then " if parent.refreshes else ""
    result = "the limits" if response.ok else "an error" if response.refused else "no response"
    parent.observe("RATE-2", f"a 401 for the limits leads to {refreshed}{result}")


@case("rate/updated", "RATE-3")
async def test_limits_in_a_response_are_announced(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """A turn whose response carries limits is followed by a notification with these limits."""
    await parent.login(tokens.mint())
    backend.answer_next_turn(limited_turn)
    before = parent.mark()
    outcome = await parent.run_turn()
    require(None, outcome.completed, "the turn to complete", outcome)
    wanted = shown(TURN_LIMITS)

    def announced() -> Entry | None:
        news = parent.notifications(UPDATED, before)
        said = ((each, each.params.get("rateLimits")) for each in news)
        return next((each for each, limits in said if untold(wanted, limits) is None), None)

    await parent.until(announced, UPDATED, parent.clock.soon)
    came = parent.notifications(UPDATED, before)
    expect("RATE-3", bool(came), f"{UPDATED} after a response with limits", "none")
    expect("RATE-3", announced() is not None, f"{UPDATED} with {wanted}", came[-1])
