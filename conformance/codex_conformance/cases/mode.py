"""MODE: which login may follow which."""

from typing import Any

import pytest

from codex_conformance.bench import Bench
from codex_conformance.case import Setup, case, expect, not_applicable, require
from codex_conformance.cases.managed_device import pending
from codex_conformance.cases.managed_login import begun_at_mock_issuer, expect_success
from codex_conformance.exchange import Response, refused_alike
from codex_conformance.expectations import (
    expect_account,
    expect_logged_in,
    expect_login_refused,
    expect_turn_as,
)
from codex_conformance.mock_backend import MockBackend
from codex_conformance.mock_parent import MADE_UP, MockParent
from codex_conformance.tokens import BETA, ExternalTokens, Mint


async def expect_blocked(
    clause: str, parent: MockParent, backend: MockBackend, tokens: Mint, params: dict[str, Any]
) -> Response:
    """Expect that a login is refused while external tokens are active, and leaves no trace.

    A login that was left pending ends, and says so with its loginId, when another login or a
    logout takes its place.
    """
    given, later = tokens.mint(), tokens.mint(BETA)
    await parent.login(given)
    before = parent.mark()
    response = await expect_login_refused(clause, parent, params)
    await expect_logged_in(clause, parent, given)
    await expect_turn_as(clause, parent, backend, given)

    await parent.login(later)
    await parent.logout()
    told = parent.notifications("account/login/completed", before)
    told = [entry for entry in told if entry.params.get("loginId") is not None]
    ended = [entry for entry in told if entry.params.get("success") is False]
    expect(clause, not ended, "no login left pending, to end later", ended[0] if ended else None)
    return response


async def expect_refreshed_by_parent(
    clause: str,
    parent: MockParent,
    backend: MockBackend,
    given: ExternalTokens,
    refreshed: ExternalTokens,
) -> None:
    """Expect that a 401 for the tokens given asks the parent, and that its answer is used."""
    backend.expire(given)
    turn = await parent.start_turn()
    request = await parent.refresh_in(turn)
    expect(clause, request is not None, "a refresh request after a 401", request)
    assert request is not None
    await request.answer(refreshed)
    outcome = await turn.outcome()
    expect(clause, outcome.completed, "the turn to complete after the refresh", outcome)


@case("mode/browser-login", "MODE-1", browser_login=True)
async def test_browser_login_while_external_tokens_are_active_is_refused(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """A `chatgpt` login gets an error, changes nothing and leaves no login pending."""
    response = await expect_blocked("MODE-1", parent, backend, tokens, {"type": "chatgpt"})
    await parent.known(response, "chatgpt")


@case("mode/api-key", "MODE-2")
async def test_api_key_while_external_tokens_are_active_is_refused(
    parent: MockParent, backend: MockBackend, bench: Bench, tokens: Mint
) -> None:
    """An `apiKey` login gets an error, changes nothing and keeps the key nowhere."""
    key = tokens.api_key()
    params = {"type": "apiKey", "apiKey": key}
    await parent.known(await expect_blocked("MODE-2", parent, backend, tokens, params), "apiKey")

    kept = [path.name for path in bench.home.files_with(key)]
    expect("MODE-2", not kept, "no file that holds the key", kept)
    used = backend.requests_with(key)
    expect("MODE-2", not used, "no request with the key", used[0] if used else None)


@case("mode/device-code", "MODE-2")
async def test_device_code_while_external_tokens_are_active_is_refused(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """A `chatgptDeviceCode` login, where it exists, gets an error and changes nothing."""
    kind = "chatgptDeviceCode"
    unknown = await parent.call("account/login/start", {"type": MADE_UP})
    response = await expect_blocked("MODE-2", parent, backend, tokens, {"type": kind})
    if refused_alike(response, kind, unknown, MADE_UP):
        not_applicable(f"the target refuses {kind} as it refuses a login type that nobody knows")


@case("mode/external-after-logout", "MODE-3")
async def test_external_tokens_after_logout_work_again(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """After a logout external tokens are accepted, used and refreshed."""
    given, refreshed = tokens.mint(BETA), tokens.mint(BETA)
    await parent.login(tokens.mint())
    await parent.logout()
    response = await parent.try_login(given)
    await parent.settle()

    expect("MODE-3", response.ok, "a login with external tokens to be accepted", response)
    await expect_turn_as("MODE-3", parent, backend, given)
    await expect_refreshed_by_parent("MODE-3", parent, backend, given, refreshed)
    await expect_logged_in("MODE-3", parent, refreshed)


@case("mode/api-key-after-logout", "MODE-3")
async def test_api_key_after_logout_works_again(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """After external tokens and a logout an API key is accepted and used."""
    key = tokens.api_key()
    await parent.login(tokens.mint())
    await parent.logout()
    response = await parent.call("account/login/start", {"type": "apiKey", "apiKey": key})
    parent.offered(response, "apiKey login")
    await parent.settle()

    expect("MODE-3", response.ok, "a login with an API key to be accepted", response)
    await expect_account("MODE-3", parent, {"type": "apiKey"})
    await expect_turn_as("MODE-3", parent, backend, key)


@case("mode/browser-after-logout", "MODE-3", browser_login=True)
async def test_browser_login_after_logout_starts_again(parent: MockParent, tokens: Mint) -> None:
    """After external tokens and a logout a browser login starts, and can be cancelled."""
    await parent.login(tokens.mint())
    await parent.logout()
    response = await parent.call("account/login/start", {"type": "chatgpt"})
    parent.offered(response, "chatgpt login")

    login_id = response.member("loginId")
    begun = isinstance(login_id, str) and isinstance(response.member("authUrl"), str)
    expect("MODE-3", begun, "a browser login to start, with loginId and authUrl", response)
    canceled = await parent.cancel_login(login_id)
    status = canceled.member("status")
    expect("MODE-3", status == "canceled", 'the status "canceled" for that login', canceled)


@pytest.mark.parametrize(
    "setup",
    [Setup(), Setup(stored_login="apiKey"), Setup(stored_login="managed")],
    ids=["api-key", "stored-api-key", "managed-login"],
)
@case("mode/external-over", "MODE-4")
async def test_external_tokens_win_over_an_earlier_login(
    parent: MockParent, backend: MockBackend, bench: Bench, tokens: Mint, setup: Setup
) -> None:
    """External tokens may be given on top of another login, and are used from then on."""
    if setup.stored_login is None:
        await parent.login_api_key(tokens.api_key())
    elif (await parent.read_account()).nobody:
        not_applicable("the target reads no login from auth.json")
    else:
        parent.use_bearer(bench.stored, "LOGIN-7")
    await parent.run_turn()
    given = tokens.mint(BETA)
    before = parent.mark()
    response = await parent.try_login(given)
    await parent.settle()

    expect("MODE-4", response.ok, "external tokens to be accepted", response)
    updated = parent.notifications("account/updated", before)
    require("LOGIN-3", bool(updated), "account/updated", "none")
    mode = updated[-1].params.get("authMode")
    expect("MODE-4", mode == "chatgptAuthTokens", "authMode chatgptAuthTokens", updated[-1])
    await expect_logged_in("MODE-4", parent, given)
    await expect_turn_as("MODE-4", parent, backend, given)


@pytest.mark.parametrize(
    "setup",
    [Setup(), Setup(stored_login="apiKey"), Setup(stored_login="managed")],
    ids=["api-key", "stored-api-key", "managed-login"],
)
@case("mode/refresh-over", "MODE-4")
async def test_external_tokens_over_an_earlier_login_are_refreshed_by_the_parent(
    parent: MockParent, backend: MockBackend, tokens: Mint, setup: Setup
) -> None:
    """A 401 for external tokens on top of another login asks the parent, as it does without."""
    if setup.stored_login is None:
        await parent.login_api_key(tokens.api_key())
    given, refreshed = tokens.mint(BETA), tokens.mint(BETA)
    await parent.login(given)

    await expect_refreshed_by_parent("MODE-4", parent, backend, given, refreshed)
    await expect_logged_in("MODE-4", parent, refreshed)


@case("mode/login-by-browser-after-logout", "MODE-3", browser_login=True)
async def test_login_by_browser_after_logout_succeeds_again(
    parent: MockParent, backend: MockBackend, bench: Bench, tokens: Mint
) -> None:
    """After external tokens and a logout a browser login can be completed, and is used."""
    await parent.login(tokens.mint(BETA))
    await parent.logout()
    login = await begun_at_mock_issuer(parent, bench)
    mark = parent.mark()
    await bench.browse(backend.issuer.consent(login.auth_url))

    await expect_success("MODE-3", parent, login.id, mark)
    await expect_logged_in("MODE-3", parent, backend.issuer.newest.tokens)
    await expect_turn_as("MODE-3", parent, backend, backend.issuer.newest.tokens)


@case("mode/device-after-logout", "MODE-3", browser_login=True)
async def test_login_on_another_device_after_logout_succeeds_again(
    parent: MockParent, backend: MockBackend, bench: Bench, tokens: Mint
) -> None:
    """After external tokens and a logout a login on another device can be completed."""
    await parent.login(tokens.mint(BETA))
    await parent.logout()
    login, mark = await pending(parent, bench)
    backend.issuer.approve_devices()

    await expect_success("MODE-3", parent, login.id, mark)
    await expect_logged_in("MODE-3", parent, backend.issuer.newest.tokens)


@case("mode/external-over-login-by-browser", "MODE-4", browser_login=True)
async def test_external_tokens_win_over_a_login_by_browser(
    parent: MockParent, backend: MockBackend, bench: Bench, tokens: Mint
) -> None:
    """On top of a login by browser they are used, and refreshed by the parent, not the issuer."""
    login = await begun_at_mock_issuer(parent, bench)
    mark = parent.mark()
    await bench.browse(backend.issuer.consent(login.auth_url))
    await parent.until(lambda: parent.notifications("account/updated", mark) or None, "updated")
    require("MANAGED-2", not (await parent.read_account()).nobody, "a managed login", "nobody")
    parent.use_bearer(backend.issuer.newest.tokens.access_token, "LOGIN-7")
    given, refreshed = tokens.mint(BETA), tokens.mint(BETA)
    response = await parent.try_login(given)
    await parent.settle()

    expect("MODE-4", response.ok, "external tokens to be accepted", response)
    await expect_turn_as("MODE-4", parent, backend, given)
    await expect_refreshed_by_parent("MODE-4", parent, backend, given, refreshed)
    asked = backend.issuer.refreshes
    expect("MODE-4", not asked, "no refresh at the issuer", asked[0] if asked else None)
