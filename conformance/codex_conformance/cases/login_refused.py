"""LOGIN: logins with external tokens that are refused, or that may be."""

from collections.abc import Callable

import pytest

from codex_conformance.case import case, expect, since
from codex_conformance.expectations import (
    expect_announced,
    expect_logged_in,
    expect_login_refused,
    expect_nobody,
    expect_turn_as,
)
from codex_conformance.mock_backend import MockBackend
from codex_conformance.mock_parent import MockParent
from codex_conformance.tokens import BETA, NO_JWT, Mint, base64url, jwt_part_replaced

ODD_JWT: dict[str, Callable[[str], str]] = {
    "a fourth part": lambda token: f"{token}.more",
    "an empty signature": jwt_part_replaced(2, ""),
    "a header that is no JSON": jwt_part_replaced(0, base64url("this is no JSON")),
    "an array as payload": jwt_part_replaced(1, base64url("[]")),
    "a string as payload": jwt_part_replaced(1, base64url('"text"')),
    "null as payload": jwt_part_replaced(1, base64url("null")),
}
no_jwt = pytest.mark.parametrize("broken", NO_JWT.values(), ids=NO_JWT)


@no_jwt
@case("login/no-jwt", "LOGIN-8")
async def test_token_that_is_no_jwt_is_refused_and_the_login_stays(
    parent: MockParent, backend: MockBackend, tokens: Mint, broken: Callable[[str], str]
) -> None:
    """A token that is no JWT gets an error, and whoever was logged in still is."""
    given, other = tokens.mint(), tokens.mint(BETA)
    await parent.login(given)
    text = tokens.keep(broken(other.access_token))
    bad = other.claims_replaced(parent.revision, text)
    await expect_login_refused("LOGIN-8", parent, parent.login_params(bad))

    await expect_logged_in("LOGIN-8", parent, given)
    await expect_turn_as("LOGIN-8", parent, backend, given)


@no_jwt
@case("login/no-jwt-nobody", "LOGIN-8")
async def test_token_that_is_no_jwt_logs_nobody_in(
    parent: MockParent, tokens: Mint, broken: Callable[[str], str]
) -> None:
    """A token that is no JWT gets an error, and nobody is logged in by it."""
    other = tokens.mint()
    text = tokens.keep(broken(other.access_token))
    bad = other.claims_replaced(parent.revision, text)
    await expect_login_refused("LOGIN-8", parent, parent.login_params(bad))

    await expect_nobody("LOGIN-8", parent)


@case("login/missing-member", "LOGIN-8")
async def test_login_without_a_required_member_is_refused_and_the_login_stays(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """A login that lacks a required member gets an error, and whoever was logged in still is."""
    given, other = tokens.mint(), tokens.mint(BETA)
    await parent.login(given)
    params = parent.login_params(other)
    for member in params:
        rest = {name: value for name, value in params.items() if name != member}
        await expect_login_refused("LOGIN-8", parent, rest)
        await expect_logged_in("LOGIN-8", parent, given)

    await expect_turn_as("LOGIN-8", parent, backend, given)


@case("login/missing-member-nobody", "LOGIN-8")
async def test_login_without_a_required_member_logs_nobody_in(
    parent: MockParent, tokens: Mint
) -> None:
    """A login that lacks a required member gets an error, and nobody is logged in by it."""
    params = parent.login_params(tokens.mint())
    for member in params:
        rest = {name: value for name, value in params.items() if name != member}
        await expect_login_refused("LOGIN-8", parent, rest)
        await expect_nobody("LOGIN-8", parent)


@case("login/odd-jwt", "LOGIN-8")
async def test_token_that_is_hardly_a_jwt_is_accepted_or_refused(
    parent: MockParent, tokens: Mint
) -> None:
    """What has parts that decode, and yet is no usual JWT, may be accepted or refused."""
    for what, change in ODD_JWT.items():
        other = tokens.mint()
        odd = other.claims_replaced(parent.revision, tokens.keep(change(other.access_token)))
        before = parent.mark()
        response = await parent.try_login(odd)
        await parent.settle()
        told = parent.account_notifications(before) if response.refused else []
        first = told[0] if told else None
        expect("LOGIN-8", first is None, "no notification after a refused login", first)
        verdict = "accepted" if response.ok else "refused"
        parent.observe("LOGIN-8", f"a token with {what} is {verdict}")
    await parent.login(tokens.mint())  # one that refuses every token knows no JWT


@case("login/over-browser-login", "LOGIN-9", "LOGIN-4", browser_login=True)
async def test_login_cancels_a_browser_login_in_progress(parent: MockParent, tokens: Mint) -> None:
    """A pending browser login ends without success and cannot be cancelled any more."""
    given = tokens.mint()
    login_id = (await parent.begin_browser_login()).member("loginId")
    before = parent.mark()
    await parent.login(given)
    canceled = await parent.cancel_login(login_id)

    status = canceled.member("status")
    expect("LOGIN-9", status == "notFound", 'the status "notFound"', canceled)
    told = parent.account_notifications(before)
    expect_announced("LOGIN-4", parent, before)
    for entry in told:
        if entry.params.get("loginId") is not None:
            failed = entry.params.get("loginId") == login_id and not entry.params.get("success")
            expect("LOGIN-9", failed, "success false for the browser login", entry)
    await expect_logged_in("LOGIN-9", parent, given)


@case("login/forced-api", "LOGIN-10", forced_login_method="api")
async def test_login_under_forced_api_method_is_refused(parent: MockParent, tokens: Mint) -> None:
    """Under `forced_login_method = "api"` external tokens get an error and log nobody in."""
    await expect_login_refused("LOGIN-10", parent, parent.login_params(tokens.mint()))

    await expect_nobody("LOGIN-10", parent)


@case("login/forced-api-over-key", "LOGIN-10", forced_login_method="api")
async def test_login_under_forced_api_method_leaves_the_api_key(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """Under `forced_login_method = "api"` external tokens get an error and the API key stays."""
    key = tokens.api_key()
    await parent.login_api_key(key)
    await expect_login_refused("LOGIN-10", parent, parent.login_params(tokens.mint()))

    await expect_turn_as("LOGIN-10", parent, backend, key)


@case("login/forced-chatgpt", "LOGIN-1", forced_login_method="chatgpt")
async def test_login_under_forced_chatgpt_method_is_accepted(
    parent: MockParent, tokens: Mint
) -> None:
    """External tokens are a login with ChatGPT, as `forced_login_method = "chatgpt"` wants it."""
    response = await parent.try_login(tokens.mint())

    expect("LOGIN-1", response.ok, "a login with ChatGPT tokens to be accepted", response)


@case("login/empty-account-id", "LOGIN-11", revisions=since("0.99"))
async def test_login_with_an_empty_account_id_is_accepted_or_refused(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """An empty account id may be refused, at once or with login/completed, or be accepted."""
    before = parent.mark()
    response = await parent.try_login(tokens.mint().announced_as(""))
    await parent.settle()
    if response.refused:
        parent.observe("LOGIN-11", "an empty account id is refused")
        return
    told = parent.notifications("account/login/completed", before)
    success = bool(told) and told[-1].params.get("success") is True
    await parent.try_turn()
    ids = {request.account_id for request in backend.turn_requests}
    carried = "carries an account id" if ids - {None, ""} else "carries no account id"
    completed = "success" if success else "no success"
    parent.observe("LOGIN-11", f"an empty account id gets a result, then {completed}")
    parent.observe("LOGIN-11", f"a turn after it {carried if ids else 'sends no request'}")


@case("login/empty-access-token", "LOGIN-11", revisions=("0.93",))
async def test_login_with_an_empty_access_token_is_accepted_or_refused(
    parent: MockParent, tokens: Mint
) -> None:
    """An empty access token, from which nothing is read, may be refused or accepted."""
    given = tokens.mint().with_access_token("")
    response = await parent.call("account/login/start", parent.login_params(given))
    await parent.settle()

    verdict = "accepted" if response.ok else "refused"
    parent.observe("LOGIN-11", f"an empty access token is {verdict}")


@case("login/unknown-plan", "LOGIN-11")
async def test_login_with_an_unknown_plan_shows_some_plan(parent: MockParent, tokens: Mint) -> None:
    """A plan name that nobody knows may be refused, or be shown as whatever the target makes it."""
    response = await parent.try_login(tokens.mint(plan="wizard"))
    read = await parent.read_account()

    plan = read.account.get("planType") if isinstance(read.account, dict) else None
    shown = f"is shown as {plan}" if response.ok else "is refused"
    parent.observe("LOGIN-11", f"the unknown plan wizard {shown}")
