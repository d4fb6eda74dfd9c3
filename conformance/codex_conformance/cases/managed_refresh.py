"""MANAGED: what a server does with the refresh token of a managed login."""

from typing import Any

import pytest

from codex_conformance.bench import Bench
from codex_conformance.case import case, expect, not_applicable, require
from codex_conformance.cases.managed_login import expect_stored
from codex_conformance.expectations import (
    expect_logged_in,
    expect_no_refresh,
    expect_nobody,
    expect_turn_as,
    expect_turn_without_token,
    held_turn,
)
from codex_conformance.issuer import ManagedLogin, brought, members, refusing
from codex_conformance.mock_backend import MockBackend
from codex_conformance.mock_parent import MockParent
from codex_conformance.replies import Reply, Request, dropped, json_reply, status
from codex_conformance.tokens import ALPHA, BETA, Mint

USED_UP = ["expired", "reused", "invalidated"]
TURNS = 3
FEW = 2  # attempts with a refused refresh token that a turn may cost; more are a storm


async def stored_login(parent: MockParent, bench: Bench) -> ManagedLogin:
    """The managed login that lay in auth.json, which the case needs the target to use.

    A target that refreshes it by itself when it starts has a newer one from then on.
    """
    if (await parent.read_account()).nobody:
        not_applicable("the target reads no login from auth.json")
    await parent.settle()
    return bench.backend.issuer.newest


async def rejected_login(parent: MockParent, bench: Bench) -> ManagedLogin:
    """The same, with an access token that gets a 401 from now on."""
    login = await stored_login(parent, bench)
    bench.backend.expire(login.tokens)
    return login


def traded_since(login: ManagedLogin, backend: MockBackend) -> list[Any]:
    """The refresh tokens that the issuer was brought since it gave this login."""
    issuer = backend.issuer
    return brought(issuer.refreshes[issuer.given.index(login) :])


@case("managed/refresh", "MANAGED-4", stored_login="managed")
async def test_rejected_token_is_refreshed_with_the_refresh_token(
    parent: MockParent, backend: MockBackend, bench: Bench
) -> None:
    """A 401 sends the refresh token to the issuer; its tokens are stored, and used at once."""
    login = await rejected_login(parent, bench)
    outcome = await parent.run_turn()
    await parent.settle()

    asked = traded_since(login, backend)
    once = asked == [login.refresh_token]
    expect("MANAGED-4", once, f"one refresh with {login.refresh_token}", asked)
    expect("MANAGED-4", outcome.completed, "the turn to complete after the refresh", outcome)
    expect_no_refresh("MANAGED-4", parent)
    newer = backend.issuer.given[-1]
    await expect_logged_in("MANAGED-4", parent, newer.tokens)
    await expect_turn_as("MANAGED-4", parent, backend, newer.tokens)
    await expect_stored("MANAGED-4", parent, bench, newer)


@case("managed/refresh-again", "MANAGED-4", stored_login="managed")
async def test_next_refresh_uses_the_rotated_refresh_token(
    parent: MockParent, backend: MockBackend, bench: Bench
) -> None:
    """Each refresh token is used once: the next refresh brings the one that the last one gave."""
    login = await rejected_login(parent, bench)
    await parent.run_turn()
    newer = backend.issuer.newest
    backend.expire(newer.tokens)
    outcome = await parent.run_turn()

    asked = traded_since(login, backend)
    wanted = [login.refresh_token, newer.refresh_token]
    expect("MANAGED-4", asked == wanted, f"one refresh each with {wanted}", asked)
    expect("MANAGED-4", outcome.completed, "the second turn to complete, too", outcome)
    await expect_stored("MANAGED-4", parent, bench, backend.issuer.newest)


@case("managed/refresh-then-restart", "MANAGED-4", stored_login="managed")
async def test_refreshed_tokens_outlive_the_server(
    parent: MockParent, backend: MockBackend, bench: Bench
) -> None:
    """A server that is started again uses the tokens of the refresh, and can refresh those."""
    await rejected_login(parent, bench)
    await parent.run_turn()
    await bench.restart()
    read = await parent.read_account()
    expect("MANAGED-4", not read.nobody, "the login after a restart", read)
    newer = await stored_login(parent, bench)

    await expect_turn_as("MANAGED-4", parent, backend, newer.tokens)
    backend.expire(newer.tokens)
    outcome = await parent.run_turn()
    expect("MANAGED-4", outcome.completed, "the turn to complete after a refresh", outcome)


@case("managed/refresh-in-part", "MANAGED-4", stored_login="managed")
async def test_refresh_that_gives_no_refresh_token_leaves_the_one_there_is(
    parent: MockParent, backend: MockBackend, bench: Bench, tokens: Mint
) -> None:
    """An issuer need not rotate: what its answer leaves out stays as it was."""
    login = await rejected_login(parent, bench)
    newer = ManagedLogin(tokens.mint(ALPHA), login.refresh_token)
    body = {name: newer.body[name] for name in ("id_token", "access_token")}
    backend.issuer.answer_refreshes(lambda _: json_reply(200, body))
    backend.issuer.know(newer)
    outcome = await parent.run_turn()

    expect("MANAGED-4", outcome.completed, "the turn to complete after the refresh", outcome)
    await expect_turn_as("MANAGED-4", parent, backend, newer.tokens)
    await expect_stored("MANAGED-4", parent, bench, newer)


@case("managed/refreshed-elsewhere", "MANAGED-4", stored_login="managed")
async def test_tokens_that_another_process_has_refreshed_are_found(
    parent: MockParent, backend: MockBackend, bench: Bench, tokens: Mint
) -> None:
    """Where another process has refreshed the login in auth.json, a 401 costs no turn."""
    login = await rejected_login(parent, bench)
    newer = ManagedLogin(tokens.mint(ALPHA), tokens.refresh_token())
    backend.issuer.know(newer)
    bench.home.store_managed_login(newer)
    outcome = await parent.run_turn()
    await parent.settle()

    expect("MANAGED-4", outcome.completed, "the turn to complete", outcome)
    expect_no_refresh("MANAGED-4", parent)
    asked = traded_since(login, backend)
    first = "the server reads auth.json again and retries" if not asked else "the server refreshes"
    which = " with what auth.json has now" if login.refresh_token not in asked else ""
    parent.observe("MANAGED-4", f"after another process has refreshed, {first}{which}")


@case("managed/refresh-many", "MANAGED-4", stored_login="managed")
async def test_turns_that_meet_a_401_together_use_the_refresh_token_once(
    parent: MockParent, backend: MockBackend, bench: Bench
) -> None:
    """Several turns rejected at once all complete; no refresh token is used twice."""
    login = await stored_login(parent, bench)
    threads = [await parent.start_thread() for _ in range(TURNS)]
    backend.expire(login.tokens)
    backend.hold(TURNS)
    turns = [await parent.start_turn(thread) for thread in threads]
    await parent.until(lambda: backend.held == TURNS or None, f"{TURNS} requests of turns")
    backend.issuer.hold()
    backend.release_turns()
    await parent.until(lambda: backend.issuer.held or None, "a refresh at the issuer")
    await parent.settle()
    backend.release()
    outcomes = [await turn.outcome() for turn in turns]

    for outcome in outcomes:
        expect("MANAGED-4", outcome.completed, "each turn to complete", outcome)
    asked = traded_since(login, backend)
    once = len(asked) == len(set(asked))
    expect("MANAGED-4", once, "each refresh token to be used once", asked)
    await expect_stored("MANAGED-4", parent, bench, backend.issuer.newest)


@pytest.mark.parametrize(
    "script",
    [status(500), status(503), dropped, lambda _: json_reply(200, ["no tokens"])],
    ids=["500", "503", "dropped", "no-tokens"],
)
@case("managed/refresh-later", "MANAGED-4", stored_login="managed")
async def test_refresh_that_fails_for_now_is_made_up_for_by_the_next_turn(
    parent: MockParent, backend: MockBackend, bench: Bench, script: Any
) -> None:
    """An issuer in trouble fails the turn, not the login: the next turn refreshes."""
    login = await rejected_login(parent, bench)
    backend.issuer.answer_refreshes(script)
    outcome = await parent.run_turn()
    require(None, outcome.failed, "a turn without a refresh to fail", outcome)
    expect("MANAGED-4", bool(traded_since(login, backend)), "a refresh", outcome)
    expect_no_refresh("MANAGED-4", parent)
    backend.issuer.answer_refreshes(None)
    outcome = await parent.run_turn()

    expect("MANAGED-4", outcome.completed, "the next turn to refresh and complete", outcome)
    await expect_stored("MANAGED-4", parent, bench, backend.issuer.newest)


@case("managed/logout-during-refresh", "LOGOUT-3", "LOGOUT-2", "LOGOUT-1", stored_login="managed")
async def test_answer_of_the_issuer_after_a_logout_logs_nobody_in(
    parent: MockParent, backend: MockBackend, bench: Bench
) -> None:
    """What the issuer answers to a refresh after a logout logs nobody in, then or later."""
    await rejected_login(parent, bench)
    issuer = backend.issuer
    issuer.hold()
    turn = await parent.start_turn()
    await parent.until(lambda: issuer.held or None, "a refresh at the issuer")
    require("MANAGED-4", bool(issuer.held), "a refresh at the issuer", "none")
    mark = parent.mark()
    logout = await parent.begin("account/logout")
    # A logout may wait for the issuer, whose answer is held no longer than one that does not needs.
    await parent.until(
        lambda: parent.notifications("account/updated", mark) or None,
        "account/updated",
        parent.clock.soon,
    )
    backend.release()
    response = await parent.answer_to(logout)
    require("LOGOUT-1", response.ok, "the logout to be accepted", response)
    await turn.outcome()
    await parent.settle()

    await expect_nobody("LOGOUT-2", parent)
    last = parent.notifications("account/updated", mark)[-1:]
    gone = [entry.params.get("authMode") for entry in last] == [None]
    expect("LOGOUT-1", gone, "account/updated with authMode null at last", last or None)
    await expect_turn_without_token("LOGOUT-3", parent, backend)
    await bench.restart()
    await expect_nobody("LOGOUT-2", parent)
    await expect_turn_without_token("LOGOUT-3", parent, backend)


@case("managed/read-refreshes", "MANAGED-5", stored_login="managed")
async def test_account_read_with_refresh_token_refreshes(
    parent: MockParent, backend: MockBackend, bench: Bench
) -> None:
    """`account/read` with `refreshToken: true` refreshes; the tokens are stored and used."""
    login = await stored_login(parent, bench)
    response = await parent.read_account(refresh_token=True)
    await parent.settle()

    asked = traded_since(login, backend)
    once = asked == [login.refresh_token]
    expect("MANAGED-5", once, f"one refresh with {login.refresh_token}", asked)
    newer = backend.issuer.given[-1]
    expect("MANAGED-5", response.names(newer.tokens), f"{newer.tokens.account}", response)
    expect_no_refresh("MANAGED-5", parent)
    await expect_turn_as("MANAGED-5", parent, backend, newer.tokens)
    await expect_stored("MANAGED-5", parent, bench, newer)


@case("managed/read-refreshes-while-a-turn-waits", "MANAGED-5", stored_login="managed")
async def test_account_read_refreshes_under_a_turn_whose_token_it_replaces(
    parent: MockParent, backend: MockBackend, bench: Bench
) -> None:
    """A turn whose token was replaced by that refresh meanwhile completes with the newer one."""
    login = await stored_login(parent, bench)
    backend.expire(login.tokens)
    turn = await held_turn(parent, backend)
    response = await parent.read_account(refresh_token=True)
    require("MANAGED-5", response.ok, "account/read to be answered", response)
    backend.release()
    outcome = await turn.outcome()

    expect("MANAGED-5", outcome.completed, "the turn to complete", outcome)
    asked = traded_since(login, backend)
    once = len(asked) == len(set(asked))
    expect("MANAGED-5", once, "each refresh token to be used once", asked)


@pytest.mark.parametrize("why", USED_UP)
@case("managed/refresh-token", "MANAGED-6", stored_login="managed")
async def test_refresh_token_of_no_use_fails_the_turn_and_asks_to_sign_in(
    parent: MockParent, backend: MockBackend, bench: Bench, why: str
) -> None:
    """A refused refresh token fails each turn with words that say to sign in again; no storm."""
    login = await rejected_login(parent, bench)
    backend.issuer.answer_refreshes(refusing(f"refresh_token_{why}"))
    for turn in range(1, TURNS + 1):
        outcome = await parent.run_turn()
        expect("MANAGED-6", outcome.failed, "the turn to fail with an error", outcome)
        said = outcome.says_to_sign_in
        expect("MANAGED-6", said, "an error that says to sign in again", outcome)
        attempts = len(traded_since(login, backend))
        few = f"at least one attempt, and at most {FEW} for each of {turn} turns"
        expect("MANAGED-6", 1 <= attempts <= FEW * turn, few, f"{attempts} attempts")
    await parent.settle()

    expect_no_refresh("MANAGED-6", parent)


@case("managed/refresh-token-many", "MANAGED-6", stored_login="managed")
async def test_turns_that_meet_a_refused_refresh_token_together_all_fail(
    parent: MockParent, backend: MockBackend, bench: Bench
) -> None:
    """Several turns at once with a refused refresh token cost few attempts each."""
    login = await rejected_login(parent, bench)
    backend.issuer.answer_refreshes(refusing("refresh_token_reused"))
    threads = [await parent.start_thread() for _ in range(TURNS)]
    turns = [await parent.start_turn(thread) for thread in threads]
    for turn in turns:
        outcome = await turn.outcome()
        expect("MANAGED-6", outcome.failed, "each turn to fail with an error", outcome)
        said = outcome.says_to_sign_in
        expect("MANAGED-6", said, "an error that says to sign in again", outcome)

    attempts = len(traded_since(login, backend))
    few = f"at most {FEW * TURNS} attempts"
    expect("MANAGED-6", attempts <= FEW * TURNS, few, f"{attempts} attempts")


@case("managed/signed-in-again", "MANAGED-6", stored_login="managed")
async def test_another_login_helps_where_the_refresh_token_is_of_no_use(
    parent: MockParent, backend: MockBackend, bench: Bench, tokens: Mint
) -> None:
    """Whoever does as the error says, and logs out and in again, can go on."""
    await rejected_login(parent, bench)
    backend.issuer.answer_refreshes(refusing("refresh_token_expired"))
    outcome = await parent.run_turn()
    expect("MANAGED-6", outcome.says_to_sign_in, "an error that says to sign in again", outcome)
    await parent.logout()
    key = tokens.api_key()
    await parent.login_api_key(key)
    outcome = await parent.run_turn()

    sent = backend.turn_requests[-1]
    require("APIKEY-2", sent.token == key, "a request with the API key", sent)
    expect("MANAGED-6", outcome.completed, "a turn with the new login to complete", outcome)


def repeating(request: Request) -> Reply:
    """Refuse, and repeat the refresh token in the error."""
    token = members(request).get("refresh_token")
    error = {"code": "refresh_token_expired", "message": f"{token} has expired"}
    return json_reply(401, {"error": error, "refresh_token": token})


@pytest.mark.parametrize("code", [400, 401, 500])
@case("secret/refused-managed-refresh", "SECRET-2", stored_login="managed")
async def test_refusal_of_the_issuer_that_repeats_a_token_is_not_repeated(
    parent: MockParent, backend: MockBackend, bench: Bench, code: int
) -> None:
    """The error of a turn does not repeat the refresh token that the issuer's error has in it."""
    login = await rejected_login(parent, bench)
    backend.issuer.answer_refreshes(lambda request: Reply(code, {}, repeating(request).body))
    outcome = await parent.run_turn()
    require(None, outcome.ended, "the turn to end", outcome)
    await parent.settle()

    for entry in parent.transcript.received():
        kept = login.refresh_token not in entry.text
        expect("SECRET-2", kept, "no refresh token in a message", entry)


@case("secret/external-over-managed-login", "SECRET-1", stored_login="managed")
async def test_external_tokens_over_a_managed_login_are_not_stored(
    parent: MockParent, backend: MockBackend, bench: Bench, tokens: Mint
) -> None:
    """External tokens on top of a stored login are in no file, and gone after a restart."""
    await stored_login(parent, bench)
    old, new = tokens.mint(BETA), tokens.mint(BETA)
    await parent.login(old)
    backend.expire(old)
    await parent.refreshed_turn(new)
    for one in (old, new):
        for secret in (one.id_token, one.access_token):
            kept = [path.name for path in bench.home.files_with(secret)]
            expect("SECRET-1", not kept, "no file with an external token", kept)
    await bench.restart()

    read = await parent.read_account()
    expect("SECRET-1", not read.names(old), "not the account of the external tokens", read)
    expect("SECRET-1", not read.names(new), "not the account of the external tokens", read)
