"""LOGIN: `account/login/start` with `chatgptAuthTokens`, accepted."""

from typing import Any

import pytest

from codex_conformance.case import case, expect, not_applicable, require, since
from codex_conformance.expectations import (
    expect_account,
    expect_announced,
    expect_turn_as,
    held_turn,
)
from codex_conformance.mock_backend import MockBackend
from codex_conformance.mock_parent import MockParent
from codex_conformance.tokens import ALPHA, BETA, ExternalTokens, Mint

PLANS = ("free", "go", "plus", "pro", "team", "business", "enterprise", "edu")  # in every revision


async def log_in_as_announced(parent: MockParent, tokens: ExternalTokens) -> None:
    """Log in under another account id than the token's claim, which a target may refuse."""
    response = await parent.try_login(tokens)
    verdict = "accepted" if response.ok else "refused"
    parent.observe("LOGIN-11", f"an account id other than the token's claim is {verdict}")
    if response.refused:
        not_applicable("the target refuses an account id that differs from the token's claim")
    await parent.settle()


@case("login/accepted", "LOGIN-1", "LOGIN-2", "LOGIN-3", "LOGIN-4")
async def test_login_with_valid_tokens_is_answered_then_announced(
    parent: MockParent, tokens: Mint
) -> None:
    """Valid tokens get the response, then login/completed, then updated, each exactly once."""
    before = parent.mark()
    response = await parent.try_login(tokens.mint())
    await parent.settle()

    named = response.member("type")
    expect("LOGIN-1", named == "chatgptAuthTokens", "the type chatgptAuthTokens", response)
    completed = parent.notifications("account/login/completed", before)
    expect("LOGIN-2", len(completed) > 0, "account/login/completed", "none")
    told = completed[0].params
    good = told.get("success") is True and not told.get("loginId") and not told.get("error")
    expect("LOGIN-2", good, "success true, loginId null, error null", completed[0])
    updated = parent.notifications("account/updated", before)
    expect("LOGIN-3", len(updated) > 0, "account/updated", "none")
    mode = updated[-1].params.get("authMode")
    expect("LOGIN-3", mode == "chatgptAuthTokens", "authMode chatgptAuthTokens", updated[-1])
    expect_announced("LOGIN-4", parent, before)
    first = response.index is not None and response.index < completed[0].index
    expect("LOGIN-4", first, "the response before the notifications", completed[0])


@pytest.mark.parametrize("stated", [None, "plus"], ids=["claimed", "stated"])
@case("login/updated-names-plan", "LOGIN-3", revisions=since("0.169"))
async def test_updated_after_login_names_the_plan(
    parent: MockParent, tokens: Mint, stated: str | None
) -> None:
    """`account/updated` after a login says the plan, the stated one where there is one."""
    minted = tokens.mint(plan="pro")
    given = minted if stated is None else minted.stating(stated)
    before = parent.mark()
    await parent.login(given)

    updated = parent.notifications("account/updated", before)
    expect("LOGIN-3", len(updated) > 0, "account/updated", "none")
    plan = updated[-1].params.get("planType")
    wanted = given.account["planType"]
    expect("LOGIN-3", plan == wanted, f"the planType {wanted}", updated[-1])


@case("login/claims", "LOGIN-5")
async def test_account_after_login_shows_email_and_plan_of_the_claims(
    parent: MockParent, tokens: Mint
) -> None:
    """`account/read` names the email and the plan that the token claims, whichever they are."""
    for plan in PLANS:
        given = tokens.mint(plan=plan)
        await parent.login(given)
        await expect_account("LOGIN-5", parent, given.account)


@case("login/claims-of-id-token", "LOGIN-5", "LOGIN-6", revisions=("0.93",))
async def test_account_and_account_id_come_from_the_id_token(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """Where both tokens have claims, those of the id token count."""
    claimed, other = tokens.mint(ALPHA, plan="plus"), tokens.mint(BETA, plan="pro")
    given = claimed.with_access_token(other.access_token)
    await parent.login(given)
    await expect_account("LOGIN-5", parent, claimed.account)

    await expect_turn_as("LOGIN-6", parent, backend, given)


@case("login/opaque-access-token", "LOGIN-6", "LOGIN-1", revisions=("0.93",))
async def test_access_token_that_is_no_jwt_is_carried_as_it_is(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """Nothing is read from the access token, so that any text will do."""
    given = tokens.mint().with_access_token(tokens.opaque())
    await parent.login(given)

    await expect_turn_as("LOGIN-6", parent, backend, given)


@pytest.mark.parametrize("claimed", ["pro", None], ids=["over-the-claim", "without-a-claim"])
@case("login/stated-plan", "LOGIN-5", revisions=since("0.99"))
async def test_stated_plan_wins_over_the_claim(
    parent: MockParent, tokens: Mint, claimed: str | None
) -> None:
    """`chatgptPlanType` is the plan of the account, whatever the token claims."""
    given = tokens.mint(plan=claimed).stating("plus")
    await parent.login(given)

    await expect_account("LOGIN-5", parent, given.account)


@pytest.mark.parametrize(
    ("claimed", "members"),
    [("plus", {"chatgptPlanType": None}), (None, {"chatgptPlanType": None}), (None, {})],
    ids=["null-then-claim", "null-no-claim", "absent-no-claim"],
)
@case("login/unstated-plan", "LOGIN-5", revisions=since("0.99"))
async def test_unstated_plan_falls_back_to_the_claim_then_to_unknown(
    parent: MockParent, tokens: Mint, claimed: str | None, members: dict[str, Any]
) -> None:
    """Without `chatgptPlanType` the claim says the plan, and without a claim it is `unknown`."""
    given = tokens.mint(plan=claimed)
    response = await parent.call("account/login/start", parent.login_params(given) | members)
    require("LOGIN-1", response.ok, "the login to be accepted", response)

    await expect_account("LOGIN-5", parent, given.account)


@case("login/bearer", "LOGIN-6")
async def test_turn_after_login_carries_access_token_and_account_id(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """Requests to the model provider carry the access token and the account id."""
    given = tokens.mint()
    await parent.login(given)

    await expect_turn_as("LOGIN-6", parent, backend, given)
    for request in backend.requests_with(given):
        if request.is_to_provider:
            same = request.account_id == given.account_id
            expect("LOGIN-6", same, f"a request with the account id {given.account_id}", request)


@case("login/stated-account-id", "LOGIN-6", revisions=since("0.99"))
async def test_turn_carries_the_stated_account_id_where_the_claim_differs(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """`chatgptAccountId` is the account id of requests, also where the token claims another."""
    given = tokens.mint(ALPHA).announced_as(BETA)
    await log_in_as_announced(parent, given)

    await expect_turn_as("LOGIN-6", parent, backend, given)


@pytest.mark.parametrize(
    "account", [ALPHA, BETA, None], ids=["same-account", "another-account", "same-tokens"]
)
@case("login/again", "LOGIN-7", "LOGIN-4", "LOGIN-5")
async def test_login_again_replaces_the_tokens(
    parent: MockParent, backend: MockBackend, tokens: Mint, account: str | None
) -> None:
    """A second login is announced like the first, and the next request carries its tokens."""
    old = tokens.mint(ALPHA)
    new = old if account is None else tokens.mint(account, plan="plus")
    await parent.login(old)
    await parent.run_turn()
    before = parent.mark()
    await parent.login(new)

    expect_announced("LOGIN-4", parent, before)
    await expect_turn_as("LOGIN-7", parent, backend, new)
    await expect_account("LOGIN-5", parent, new.account)


@case("login/again-and-again", "LOGIN-7", "LOGIN-4", "LOGIN-5")
async def test_login_several_times_leaves_the_last(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """Of several logins in a row each is announced, and the last one counts, be it an old one."""
    first = tokens.mint(ALPHA)
    for given in (first, tokens.mint(BETA), tokens.mint(ALPHA), tokens.mint(BETA), first):
        before = parent.mark()
        await parent.login(given)
        expect_announced("LOGIN-4", parent, before)

    await expect_turn_as("LOGIN-7", parent, backend, first)
    await expect_account("LOGIN-5", parent, first.account)


@case("login/again-during-turn", "LOGIN-7")
async def test_login_while_a_turn_runs_counts_from_the_next_request_on(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """A login while a request is under way is answered, and the next turn carries its tokens."""
    old, new = tokens.mint(), tokens.mint()
    await parent.login(old)
    turn = await held_turn(parent, backend)
    await parent.login(new)
    backend.release()
    await turn.outcome()

    await expect_turn_as("LOGIN-7", parent, backend, new)
