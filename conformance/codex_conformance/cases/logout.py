"""LOGOUT: `account/logout`."""

import pytest

from codex_conformance.bench import Bench
from codex_conformance.case import Setup, case, expect, not_applicable, require
from codex_conformance.expectations import (
    expect_no_refresh,
    expect_nobody,
    expect_turn_without_token,
    held_turn,
)
from codex_conformance.mock_backend import MockBackend
from codex_conformance.mock_parent import MockParent
from codex_conformance.replies import unauthorized
from codex_conformance.tokens import Mint


@pytest.mark.parametrize(
    "setup",
    [Setup(), Setup(stored_login="apiKey"), Setup(stored_login="managed")],
    ids=["external-tokens", "api-key", "managed-login"],
)
@case("logout/from", "LOGOUT-1", "LOGOUT-2", "LOGOUT-3")
async def test_logout_is_answered_then_announced(
    parent: MockParent, backend: MockBackend, bench: Bench, tokens: Mint, setup: Setup
) -> None:
    """A logout gets `{}`, then updated without a mode; then nobody is logged in."""
    if setup.stored_login is None:
        await parent.login(tokens.mint())
    elif (await parent.read_account()).nobody:
        not_applicable("the target reads no login from auth.json")
    else:
        parent.use_bearer(bench.stored, "LOGIN-7")
    before = parent.mark()
    response = await parent.try_logout()
    await parent.settle()

    expect("LOGOUT-1", isinstance(response.result, dict), "the result {}", response)
    updated = parent.notifications("account/updated", before)
    expect("LOGOUT-1", bool(updated), "account/updated", "none")
    gone = updated[-1].params.get("authMode") is None
    expect("LOGOUT-1", gone, "account/updated with authMode null", updated[-1])
    first = response.index is not None and response.index < updated[0].index
    expect("LOGOUT-1", first, "the response before account/updated", updated[0])
    await expect_nobody("LOGOUT-2", parent)
    await expect_turn_without_token("LOGOUT-3", parent, backend)
    expect_no_refresh("LOGOUT-3", parent)


@case("logout/turn-afterwards", "LOGOUT-3", "LOGOUT-2")
async def test_turn_after_logout_sends_no_token_and_asks_for_no_refresh(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """After a logout turns may fail, but none sends a token or asks for one, again and again."""
    await parent.login(tokens.mint())
    await parent.run_turn()
    await parent.logout()
    await expect_turn_without_token("LOGOUT-3", parent, backend)
    expect_no_refresh("LOGOUT-3", parent)
    await expect_nobody("LOGOUT-2", parent)

    sent = len(backend.turn_requests)
    outcome = await parent.try_turn()
    await parent.settle()
    expect_no_refresh("LOGOUT-3", parent)
    ended = "is refused" if outcome is None else f"ends as {outcome.status}"
    asks = "a request without a token" if len(backend.turn_requests) > sent else "no request"
    parent.observe("LOGOUT-3", f"a turn after logout {ended}, with {asks}")


@case("logout/unauthorized-in-flight", "LOGOUT-3", "LOGOUT-2")
async def test_unauthorized_answer_after_logout_asks_for_no_refresh(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """A request under way at logout that gets its 401 afterwards asks for no refresh."""
    old = tokens.mint()
    await parent.login(old)
    backend.answer_next_turn(unauthorized)
    turn = await held_turn(parent, backend)
    await parent.logout()
    backend.release()
    await turn.outcome()
    await parent.settle()

    await expect_nobody("LOGOUT-2", parent)
    await expect_turn_without_token("LOGOUT-3", parent, backend)
    expect_no_refresh("LOGOUT-3", parent)


@case("logout/during-refresh", "LOGOUT-5")
async def test_logout_during_refresh_is_answered_at_once(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """A logout does not wait for the pending refresh."""
    old = tokens.mint()
    await parent.login(old)
    backend.expire(old)
    turn = await parent.start_turn()
    request = await parent.next_refresh()
    logout = await parent.begin("account/logout")
    response = await parent.answer_to(logout, within=parent.clock.prompt)
    await request.fail()
    await turn.outcome()
    await parent.answer_to(logout)

    expect("LOGOUT-5", response.ok, "the logout to be answered before the refresh ends", response)


@pytest.mark.parametrize("late", [False, True], ids=["at-once", "after-the-limit"])
@case("logout/refresh-answered", "LOGOUT-4", "LOGOUT-3", waits=12)
async def test_refresh_pending_at_logout_logs_nobody_in_when_answered(
    parent: MockParent, backend: MockBackend, tokens: Mint, late: bool
) -> None:
    """A good answer to a refresh that was pending at logout comes too late, whenever it comes."""
    old, answer = tokens.mint(), tokens.mint()
    await parent.login(old)
    backend.expire(old)
    turn = await parent.start_turn()
    request = await parent.next_refresh()
    logout = await parent.begin("account/logout")
    await parent.answer_to(logout, within=parent.clock.prompt)
    if late:
        await request.wait_until(parent.clock.just_after_limit())
    await request.answer_unheeded(answer)
    await turn.outcome()
    response = await parent.answer_to(logout)
    require("LOGOUT-1", response.ok, "the logout to be accepted", response)
    parent.use_bearer(None, "LOGOUT-3")
    await parent.settle()

    await expect_nobody("LOGOUT-4", parent)
    await expect_turn_without_token("LOGOUT-4", parent, backend)
    await expect_nobody("LOGOUT-4", parent)
    expect_no_refresh("LOGOUT-3", parent, since=1)


@case("logout/over-api-key", "LOGOUT-2", "LOGOUT-3", "APIKEY-4")
async def test_logout_from_external_tokens_over_an_api_key_forgets_both(
    parent: MockParent, backend: MockBackend, bench: Bench, tokens: Mint
) -> None:
    """A logout leaves nobody logged in, the API key below the external tokens included."""
    key = tokens.api_key()
    await parent.login_api_key(key)
    await parent.login(tokens.mint())
    await parent.logout()

    await expect_nobody("LOGOUT-2", parent)
    await expect_turn_without_token("LOGOUT-3", parent, backend)
    expect_no_refresh("LOGOUT-3", parent)
    kept = [path.name for path in bench.home.files_with(key)]
    expect("APIKEY-4", not kept, "no file that holds the key after logout", kept)


@case("logout/nobody", "LOGOUT-6", "LOGOUT-2")
async def test_logout_when_nobody_is_logged_in_succeeds(parent: MockParent) -> None:
    """A logout without a login succeeds and leaves nobody logged in."""
    response = await parent.try_logout()

    expect("LOGOUT-6", response.ok, "the logout to succeed", response)
    await expect_nobody("LOGOUT-2", parent)


@case("logout/twice", "LOGOUT-6", "LOGOUT-2", "LOGOUT-3")
async def test_logout_twice_succeeds_twice(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """A second logout succeeds like the first, and nobody is logged in after it."""
    await parent.login(tokens.mint())
    await parent.logout()
    response = await parent.try_logout()
    await parent.settle()

    expect("LOGOUT-6", response.ok, "the second logout to succeed", response)
    await expect_nobody("LOGOUT-2", parent)
    await expect_turn_without_token("LOGOUT-3", parent, backend)
    expect_no_refresh("LOGOUT-3", parent)
