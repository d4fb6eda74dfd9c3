"""LOGIN-12: a login with external tokens that meets a pending refresh."""

import pytest

from codex_conformance.case import case, expect, require
from codex_conformance.exchange import RefreshRequest, Turn
from codex_conformance.expectations import expect_logged_in, expect_turn_as
from codex_conformance.mock_backend import MockBackend
from codex_conformance.mock_parent import MockParent
from codex_conformance.tokens import ALPHA, BETA, ExternalTokens, Mint


async def pending_refresh(
    parent: MockParent, backend: MockBackend, old: ExternalTokens
) -> tuple[Turn, RefreshRequest]:
    """A turn whose token was refused, and the refresh request that it waits for."""
    await parent.login(old)
    backend.expire(old)
    turn = await parent.start_turn()
    return turn, await parent.next_refresh()


def observe_retry(
    parent: MockParent, backend: MockBackend, newer: ExternalTokens, answer: ExternalTokens
) -> None:
    """Record which token the retry of the rejected request carried."""
    names = {newer.access_token: "its token", answer.access_token: "the token of the answer"}
    retries = backend.turn_requests[1:]
    carried = [names.get(retry.token or "", "neither token") for retry in retries]
    said = f"the retry carries {carried[-1]}" if carried else "there is no retry"
    whose = "the same" if newer.account_id == ALPHA else "another"
    parent.observe("LOGIN-12", f"after a login with {whose} account {said}")


@pytest.mark.parametrize("account", [ALPHA, BETA], ids=["same-account", "another-account"])
@case("login/during-refresh", "LOGIN-12")
async def test_login_during_refresh_is_answered_at_once_and_outlives_the_answer(
    parent: MockParent, backend: MockBackend, tokens: Mint, account: str
) -> None:
    """A newer login does not wait for the refresh, and the refresh's answer does not replace it."""
    newer, answer = tokens.mint(account), tokens.mint()
    turn, request = await pending_refresh(parent, backend, tokens.mint())
    response = await parent.try_login(newer)
    await request.answer_unheeded(answer)
    await turn.outcome()
    await parent.settle()
    observe_retry(parent, backend, newer, answer)

    require("LOGIN-1", response.ok, "the newer login to be accepted", response)
    expect("LOGIN-12", response.prompt, "the newer login to be answered at once", response)
    await expect_logged_in("LOGIN-12", parent, newer)
    await expect_turn_as("LOGIN-12", parent, backend, newer)


@case("login/during-refresh-error", "LOGIN-12")
async def test_login_during_refresh_outlives_an_error_for_the_refresh(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """A newer login stays when the earlier refresh is answered with an error."""
    newer = tokens.mint()
    turn, request = await pending_refresh(parent, backend, tokens.mint())
    response = await parent.try_login(newer)
    await request.fail()
    await turn.outcome()
    await parent.settle()

    require("LOGIN-1", response.ok, "the newer login to be accepted", response)
    expect("LOGIN-12", response.prompt, "the newer login to be answered at once", response)
    await expect_logged_in("LOGIN-12", parent, newer)
    await expect_turn_as("LOGIN-12", parent, backend, newer)


@case("login/during-refresh-late-answer", "LOGIN-12", waits=12)
async def test_login_during_refresh_outlives_a_late_answer(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """A newer login stays when the earlier refresh is answered after its limit."""
    newer = tokens.mint()
    turn, request = await pending_refresh(parent, backend, tokens.mint())
    response = await parent.try_login(newer)
    await turn.outcome()
    await request.wait_until(parent.clock.just_after_limit())
    await request.answer_unheeded(tokens.mint())
    await parent.settle()

    require("LOGIN-1", response.ok, "the newer login to be accepted", response)
    expect("LOGIN-12", response.prompt, "the newer login to be answered at once", response)
    await expect_logged_in("LOGIN-12", parent, newer)
    await expect_turn_as("LOGIN-12", parent, backend, newer)


@case("login/during-refresh-then-refresh", "LOGIN-12")
async def test_login_during_refresh_gets_a_refresh_of_its_own(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """A newer login whose token is refused asks anew, and takes only the answer to that request."""
    newer, newest = tokens.mint(plan="plus"), tokens.mint(plan="team")
    turn, earlier = await pending_refresh(parent, backend, tokens.mint())
    await parent.login(newer)
    await earlier.fail()
    await turn.outcome()
    backend.expire(newer)
    second = await parent.start_turn()
    request = await parent.refresh_in(second)
    expect("LOGIN-12", request is not None, "a refresh request for the newer login", request)
    assert request is not None
    await earlier.answer_unheeded(tokens.mint())
    await request.answer(newest)
    outcome = await second.outcome()

    expect("LOGIN-12", outcome.completed, "the turn of the newer login to complete", outcome)
    await expect_logged_in("LOGIN-12", parent, newest)
    await expect_turn_as("LOGIN-12", parent, backend, newest)


@case("login/after-logout-during-refresh", "LOGIN-12")
async def test_login_after_a_logout_during_refresh_outlives_the_answer(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """After logout and login the answer to the earlier refresh does not replace the newer login."""
    newer = tokens.mint(plan="plus")
    turn, request = await pending_refresh(parent, backend, tokens.mint())
    logout = await parent.begin("account/logout")
    login = await parent.begin("account/login/start", parent.login_params(newer))
    await parent.answer_to(login, within=parent.clock.prompt)
    await request.answer_unheeded(tokens.mint())
    await turn.outcome()
    await parent.answer_to(logout)
    response = await parent.answer_to(login)
    require("LOGIN-1", response.ok, "the newer login to be accepted", response)
    await parent.settle()

    await expect_logged_in("LOGIN-12", parent, newer)
    await expect_turn_as("LOGIN-12", parent, backend, newer)
