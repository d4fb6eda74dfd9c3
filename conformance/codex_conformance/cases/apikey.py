"""APIKEY: `account/login/start` with `apiKey`."""

import stat

from codex_conformance.bench import Bench
from codex_conformance.case import case, expect, not_applicable
from codex_conformance.expectations import (
    expect_account,
    expect_announced,
    expect_login_refused,
    expect_no_refresh,
    expect_nobody,
    expect_turn_as,
    expect_turn_without_token,
)
from codex_conformance.mock_backend import MockBackend
from codex_conformance.mock_parent import MockParent
from codex_conformance.tokens import Mint

OTHERS = stat.S_IRWXG | stat.S_IRWXO


@case("apikey/accepted", "APIKEY-1")
async def test_login_with_an_api_key_is_answered_then_announced(
    parent: MockParent, tokens: Mint
) -> None:
    """An API key gets the response, then login/completed, then updated; the account shows it."""
    before = parent.mark()
    response = await parent.login_api_key(tokens.api_key())

    wanted = {"type": "apiKey"}
    named = response.member("type")
    expect("APIKEY-1", named == "apiKey", "the type apiKey", response)
    expect_announced("APIKEY-1", parent, before, exactly=False)
    completed, *updates = parent.account_notifications(before)
    good = completed.params.get("success") is True and not completed.params.get("error")
    expect("APIKEY-1", good, "success true and error null", completed)
    for updated in updates:
        mode = updated.params.get("authMode")
        expect("APIKEY-1", mode == "apikey", "authMode apikey", updated)
    first = response.index is not None and response.index < completed.index
    expect("APIKEY-1", first, "the response before the notifications", completed)
    read = await parent.read_account()
    expect("APIKEY-1", read.account == wanted, f"the account {wanted}", read)


@case("apikey/bearer", "APIKEY-2")
async def test_turn_after_login_carries_the_api_key(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """Requests to the model provider carry the API key as bearer."""
    key = tokens.api_key()
    await parent.login_api_key(key)

    await expect_turn_as("APIKEY-2", parent, backend, key)


@case("apikey/again", "APIKEY-2", "APIKEY-1")
async def test_login_with_another_api_key_replaces_the_first(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """A second API key is announced like the first, and requests carry it from then on."""
    second = tokens.api_key()
    await parent.login_api_key(tokens.api_key())
    before = parent.mark()
    await parent.login_api_key(second)

    expect_announced("APIKEY-1", parent, before, exactly=False)
    await expect_turn_as("APIKEY-2", parent, backend, second)


@case("apikey/unauthorized", "APIKEY-2")
async def test_turn_with_a_refused_api_key_fails_without_a_refresh(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """A 401 for the API key fails the turn and asks for nothing; a good key completes the next."""
    key = tokens.api_key()
    await parent.login_api_key(key)
    backend.expire(key)
    outcome = await parent.run_turn()
    await parent.settle()

    expect("APIKEY-2", outcome.failed, "the turn to fail with an error", outcome)
    expect_no_refresh("APIKEY-2", parent)
    backend.restore(key)
    await expect_turn_as("APIKEY-2", parent, backend, key)


@case("apikey/forced-chatgpt", "APIKEY-3", forced_login_method="chatgpt")
async def test_api_key_under_forced_chatgpt_method_is_refused(
    parent: MockParent, bench: Bench, tokens: Mint
) -> None:
    """Under `forced_login_method = "chatgpt"` an API key gets an error and is not kept."""
    key = tokens.api_key()
    response = await expect_login_refused("APIKEY-3", parent, {"type": "apiKey", "apiKey": key})
    await parent.known(response, "apiKey")

    await expect_nobody("APIKEY-3", parent)
    kept = [path.name for path in bench.home.files_with(key)]
    expect("APIKEY-3", not kept, "no file that holds the key", kept)


@case("apikey/restart", "APIKEY-4")
async def test_api_key_survives_a_restart_in_a_private_file(
    parent: MockParent, backend: MockBackend, bench: Bench, tokens: Mint
) -> None:
    """The API key lies in files that only their owner can read, and a restarted server uses it."""
    key = tokens.api_key()
    await parent.login_api_key(key)
    for path in bench.home.files_with(key):
        mode = stat.S_IMODE(path.stat().st_mode)
        private = not mode & OTHERS
        expect("APIKEY-4", private, f"{path.name} readable by its owner only", f"mode {mode:o}")
    await bench.restart()

    read = await parent.read_account()
    expect("APIKEY-4", read.account == {"type": "apiKey"}, "the API key after a restart", read)
    await expect_turn_as("APIKEY-4", parent, backend, key)


@case("apikey/logout", "APIKEY-4")
async def test_logout_removes_the_api_key(
    parent: MockParent, backend: MockBackend, bench: Bench, tokens: Mint
) -> None:
    """After `account/logout` no file holds the API key, and a restarted server has none."""
    key = tokens.api_key()
    await parent.login_api_key(key)
    await bench.restart()
    await parent.logout()

    kept = [path.name for path in bench.home.files_with(key)]
    expect("APIKEY-4", not kept, "no file that holds the key after logout", kept)
    await expect_nobody("APIKEY-4", parent)
    await bench.restart()
    await expect_nobody("APIKEY-4", parent)
    await expect_turn_without_token("APIKEY-4", parent, backend)


@case("apikey/over-managed-login", "APIKEY-1", "APIKEY-2", "APIKEY-4", stored_login="managed")
async def test_api_key_takes_the_place_of_a_managed_login(
    parent: MockParent, backend: MockBackend, bench: Bench, tokens: Mint
) -> None:
    """An API key replaces a managed login for good: it is shown and used, after a restart too."""
    key = tokens.api_key()
    if (await parent.read_account()).nobody:
        not_applicable("the target reads no login from auth.json")
    before = parent.mark()
    await parent.login_api_key(key)

    expect_announced("APIKEY-1", parent, before, exactly=False)
    await expect_account("APIKEY-1", parent, {"type": "apiKey"})
    await expect_turn_as("APIKEY-2", parent, backend, key)
    await bench.restart()
    await expect_account("APIKEY-4", parent, {"type": "apiKey"})
    await expect_turn_as("APIKEY-4", parent, backend, key)
