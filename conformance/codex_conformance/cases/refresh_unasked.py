"""REFRESH: what sends the client no `account/chatgptAuthTokens/refresh`."""

from typing import Any

import pytest

from codex_conformance.bench import Bench
from codex_conformance.case import case, expect, require
from codex_conformance.expectations import expect_no_refresh
from codex_conformance.issuer import refusing
from codex_conformance.mock_backend import MockBackend
from codex_conformance.mock_parent import MockParent
from codex_conformance.replies import dropped, status, unauthorized
from codex_conformance.tokens import Mint


@case("refresh/none-with-api-key", "REFRESH-7")
async def test_refresh_with_an_api_key_is_not_asked_for(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """A 401 for an API key sends no refresh request."""
    key = tokens.api_key()
    await parent.login_api_key(key)
    backend.expire(key)
    await parent.run_turn()
    await parent.settle()

    expect_no_refresh("REFRESH-7", parent)


@case("refresh/none-with-api-key-after-external", "REFRESH-7")
async def test_refresh_with_an_api_key_after_external_tokens_is_not_asked_for(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """Nothing is left of external tokens once an API key has taken their place."""
    key = tokens.api_key()
    await parent.login(tokens.mint())
    await parent.logout()
    await parent.login_api_key(key)
    backend.expire(key)
    await parent.run_turn()
    await parent.settle()

    expect_no_refresh("REFRESH-7", parent)


@case("refresh/none-with-managed-login", "REFRESH-7", stored_login="managed")
async def test_refresh_with_a_managed_login_is_not_asked_for(
    parent: MockParent, backend: MockBackend, bench: Bench
) -> None:
    """A 401 for a managed login sends the client no refresh request."""
    assert bench.stored is not None
    backend.expire(bench.stored)
    await parent.run_turn()
    await parent.settle()

    expect_no_refresh("REFRESH-7", parent)


@case("refresh/none-with-refused-managed-login", "REFRESH-7", stored_login="managed")
async def test_refresh_that_the_issuer_refuses_is_not_asked_of_the_client(
    parent: MockParent, backend: MockBackend, bench: Bench
) -> None:
    """Nor is the client asked where the issuer refuses the refresh, or is in trouble."""
    assert bench.stored is not None
    backend.expire(bench.stored)
    for script in (status(500), refusing("refresh_token_expired")):
        backend.issuer.answer_refreshes(script)
        await parent.run_turn()
    await parent.settle()

    expect_no_refresh("REFRESH-7", parent)


@case("refresh/none-on-account-read-with-managed-login", "REFRESH-7", stored_login="managed")
async def test_account_read_with_a_managed_login_asks_the_client_for_nothing(
    parent: MockParent,
) -> None:
    """`refreshToken: true` under a managed login sends the client no refresh request."""
    response = await parent.read_account(refresh_token=True)
    require(None, response.ok, "account/read to be answered", response)
    await parent.settle()

    expect_no_refresh("REFRESH-7", parent)


@case("refresh/none-when-logged-out", "REFRESH-7")
async def test_refresh_without_a_login_is_not_asked_for(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """A 401 when nobody is logged in sends no refresh request."""
    backend.answer_every_turn(unauthorized)
    await parent.try_turn()
    await parent.settle()

    expect_no_refresh("REFRESH-7", parent)
    await parent.login(tokens.mint())  # one that refuses every request asks for nothing either


@pytest.mark.parametrize(
    "script",
    [*map(status, (400, 403, 404, 429, 500)), dropped],
    ids=["400", "403", "404", "429", "500", "dropped"],
)
@case("refresh/none-on", "REFRESH-8")
async def test_refresh_is_not_asked_for_unless_the_backend_says_401(
    parent: MockParent, backend: MockBackend, tokens: Mint, script: Any
) -> None:
    """Another refusal of the backend, or a dropped connection, sends no refresh request."""
    await parent.login(tokens.mint())
    backend.answer_every_turn(script)
    outcome = await parent.run_turn()
    require(None, outcome.ended, "the turn to end", outcome)
    await parent.settle()

    expect_no_refresh("REFRESH-8", parent)


@pytest.mark.parametrize("expired", [False, True], ids=["valid", "expired"])
@case("refresh/none-on-account-read", "REFRESH-9")
async def test_account_read_with_refresh_token_answers_as_usual(
    parent: MockParent, backend: MockBackend, tokens: Mint, expired: bool
) -> None:
    """`refreshToken: true` changes nothing about `account/read`, and asks nobody."""
    given = tokens.mint()
    await parent.login(given)
    usual = await parent.read_account()
    if expired:
        backend.expire(given)
    response = await parent.read_account(refresh_token=True)
    await parent.settle()

    expect("REFRESH-9", response.ok, "a result", response)
    expect("REFRESH-9", response.result == usual.result, f"as usual {usual}", response)
    expect_no_refresh("REFRESH-9", parent)


@case("refresh/none-on-account-read-after-refresh", "REFRESH-9")
async def test_account_read_after_a_refresh_asks_nobody(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """Nor does it when the token of a refresh has expired before the account was ever read."""
    old, new = tokens.mint(), tokens.mint()
    await parent.login(old)
    backend.expire(old)
    outcome = await parent.refreshed_turn(new)
    require("REFRESH-3", outcome.completed, "the turn to complete after the refresh", outcome)
    backend.expire(new)
    parent.answer_every_refresh(lambda _: tokens.mint(), heeded=False)
    response = await parent.read_account(refresh_token=True)

    expect_no_refresh("REFRESH-9", parent, since=1)
    expect("REFRESH-9", response.account == new.account, f"the account {new.account}", response)
