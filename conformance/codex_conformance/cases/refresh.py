"""REFRESH: when `account/chatgptAuthTokens/refresh` is sent, and what a good answer does."""

from typing import Any

import pytest

from codex_conformance.case import case, expect, not_applicable, require, since
from codex_conformance.cases.login import log_in_as_announced
from codex_conformance.exchange import RefreshRequest
from codex_conformance.mock_backend import MockBackend
from codex_conformance.mock_parent import MockParent
from codex_conformance.replies import Reply, Request, calling, unauthorized
from codex_conformance.tokens import ALPHA, BETA, Mint

STORM = 3  # turns in a row whose every request gets a 401
ODD_BODIES = {
    "empty": Reply(401),
    "text": Reply(401, {"content-type": "text/plain"}, b"Unauthorized"),
    "page": Reply(401, {"content-type": "text/html"}, b"<html>Please log in</html>"),
}


def expect_asked_once(clause: str, parent: MockParent) -> None:
    """Expect one refresh request so far, no more and no less."""
    asked = [str(request) for request in parent.refreshes]
    expect(clause, len(asked) == 1, "one refresh request", asked)


def expect_one_retry(sent: list[Request]) -> None:
    """Expect as many requests with new tokens as were rejected, at most, and not none."""
    rejected = [request for request in sent if request.token == sent[0].token]
    once = 0 < len(sent) - len(rejected) <= len(rejected)
    expect("REFRESH-4", once, "one retry of the rejected request", [*map(str, sent)])


@case("refresh/good-answer", "REFRESH-1", "REFRESH-2", "REFRESH-3")
async def test_refresh_with_new_tokens_completes_the_turn(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """A 401 asks the parent; a good answer is used for the retry, and the turn completes."""
    old, new = tokens.mint(), tokens.mint()
    await parent.login(old)
    backend.expire(old)
    turn = await parent.start_turn()
    request = await parent.answer_refresh(new)
    outcome = await turn.outcome()

    reason = request.params.get("reason")
    expect("REFRESH-1", reason == "unauthorized", 'the reason "unauthorized"', request)
    previous = request.params.get("previousAccountId")
    expect("REFRESH-2", previous == old.account_id, f"previousAccountId {old.account_id}", request)
    expect("REFRESH-3", outcome.completed, "the turn to complete after the refresh", outcome)
    bearers = [sent.token for sent in backend.turn_requests if sent.index > request.index]
    expect("REFRESH-3", new.access_token in bearers, "a retry with the new token", bearers)


@case("refresh/401-in-mid-turn", "REFRESH-1", "REFRESH-3")
async def test_refresh_on_a_401_in_the_middle_of_a_turn_lets_it_go_on(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """A 401 on a later request of a turn asks the parent, too, and the turn goes on."""
    old, new = tokens.mint(), tokens.mint()
    await parent.login(old)

    def call_a_tool_and_expire(request: Request) -> Reply:
        backend.expire(old)
        return calling("no_such_tool", {})(request)

    backend.answer_next_turn(call_a_tool_and_expire)
    parent.answer_every_refresh(lambda _: new)
    outcome = await parent.run_turn()

    if len(backend.turn_requests) == 1:
        not_applicable("the target heeds no tool calls, so a turn of it is one request")
    expect_asked_once("REFRESH-1", parent)
    expect("REFRESH-3", outcome.completed, "the turn to go on and complete", outcome)


@case("refresh/previous-account-after-relogin", "REFRESH-2")
async def test_refresh_after_another_login_names_the_account_of_that_login(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """`previousAccountId` is the account id of the latest login."""
    latest = tokens.mint(BETA)
    await parent.login(tokens.mint())
    await parent.login(latest)
    backend.expire(latest)
    turn = await parent.start_turn()
    request = await parent.answer_refresh(tokens.mint(BETA))
    await turn.outcome()

    previous = request.params.get("previousAccountId")
    expect("REFRESH-2", previous == BETA, f"previousAccountId {BETA}", request)


@case("refresh/previous-account-as-announced", "REFRESH-2", revisions=since("0.99"))
async def test_refresh_names_the_announced_account_where_the_claim_differs(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """`previousAccountId` is `chatgptAccountId` of the login, also where the claim differs."""
    old = tokens.mint().announced_as(BETA)
    await log_in_as_announced(parent, old)
    backend.expire(old)
    turn = await parent.start_turn()
    request = await parent.answer_refresh(tokens.mint().announced_as(BETA))
    await turn.outcome()

    previous = request.params.get("previousAccountId")
    expect("REFRESH-2", previous == BETA, f"previousAccountId {BETA}", request)


@case("refresh/retry-repeats-the-request", "REFRESH-3")
async def test_refresh_answered_sends_the_rejected_request_again(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """The retry asks the model the same as the request that was rejected."""
    old = tokens.mint()
    await parent.login(old)
    backend.expire(old)
    turn = await parent.start_turn()
    request = await parent.answer_refresh(tokens.mint())
    await turn.outcome()

    rejected = [sent for sent in backend.turn_requests if sent.index < request.index]
    if not rejected:
        not_applicable("the target asks the model when it knows that its token is valid")
    later = [_input(sent) for sent in backend.turn_requests if sent.index > request.index]
    for sent in rejected:
        expect("REFRESH-3", _input(sent) in later, "a retry with the same input", later)


def _input(request: Request) -> Any:
    body = request.json()
    return body.get("input") if isinstance(body, dict) else body


@case("refresh/second-401", "REFRESH-4")
async def test_refresh_whose_retry_meets_a_401_fails_the_turn(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """A second 401 ends the turn as failed with the 401 in its error; nobody is asked again."""
    await parent.login(tokens.mint())
    backend.answer_every_turn(unauthorized)
    parent.answer_every_refresh(lambda _: tokens.mint())
    outcome = await parent.run_turn()

    expect("REFRESH-4", outcome.failed, "the turn to fail with an error", outcome)
    expect("REFRESH-4", outcome.mentions("401"), "the 401 in the turn's error", outcome)
    expect_asked_once("REFRESH-4", parent)
    expect_one_retry(backend.turn_requests)


@case("refresh/401-storm", "REFRESH-4")
async def test_refresh_in_a_401_storm_is_asked_for_once_a_turn(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """While every token gets a 401, each turn asks once and fails; after it turns complete."""
    await parent.login(tokens.mint())
    backend.answer_every_turn(unauthorized)
    parent.answer_every_refresh(lambda _: tokens.mint())
    for number in range(1, STORM + 1):
        before = len(backend.turn_requests)
        outcome = await parent.run_turn()
        expect("REFRESH-4", outcome.failed, "every turn to fail with an error", outcome)
        asked = len(parent.refreshes)
        seen = f"{asked} in {number} turns"
        expect("REFRESH-4", asked == number, "one refresh request in every turn", seen)
        expect_one_retry(backend.turn_requests[before:])

    backend.answer_every_turn(None)
    outcome = await parent.run_turn()
    require(None, outcome.completed, "a turn to complete after the storm", outcome)


@case("refresh/later-turns", "REFRESH-5")
async def test_refresh_serves_later_turns(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """Later turns, on any thread, use the new tokens without asking again."""
    old, new = tokens.mint(), tokens.mint()
    await parent.login(old)
    await _refreshed(parent, backend, old, new)
    sent = len(backend.turn_requests)
    for thread in (None, await parent.start_thread()):
        outcome = await parent.run_turn(thread)
        expect("REFRESH-5", outcome.completed, "later turns to complete", outcome)
    expect_asked_once("REFRESH-5", parent)
    for request in backend.turn_requests[sent:]:
        expect("REFRESH-5", request.token == new.access_token, "the new token", request)


@case("refresh/account-shown", "REFRESH-6")
async def test_refresh_shows_in_account_read(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """`account/read` shows email and plan of the new tokens."""
    old, new = tokens.mint(plan="pro"), tokens.mint(plan="plus")
    await parent.login(old)
    await _refreshed(parent, backend, old, new)
    account = await parent.account()

    wanted = {"type": "chatgpt", "email": new.email, "planType": "plus"}
    shown = isinstance(account, dict) and wanted.items() <= account.items()
    expect("REFRESH-6", shown, f"account {wanted}", account)


@case("refresh/stated-plan-shown", "REFRESH-6", revisions=since("0.99"))
async def test_refresh_stating_a_plan_shows_it_in_account_read(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """`chatgptPlanType` of the answer wins over the claim of its token."""
    old, new = tokens.mint(plan="pro"), tokens.mint(plan="pro").stating("plus")
    await parent.login(old)
    await _refreshed(parent, backend, old, new)
    account = await parent.account()

    shown = isinstance(account, dict) and account.get("planType") == "plus"
    expect("REFRESH-6", shown, "planType plus", account)


async def _refreshed(
    parent: MockParent, backend: MockBackend, old: Any, new: Any
) -> RefreshRequest:
    """Let a turn meet a 401 and complete with new tokens, which the case needs."""
    backend.expire(old)
    turn = await parent.start_turn()
    request = await parent.answer_refresh(new)
    outcome = await turn.outcome()
    require("REFRESH-3", outcome.completed, "the turn to complete after the refresh", outcome)
    await parent.settle()
    return request


@case("refresh/other-account", "REFRESH-16")
async def test_refresh_answered_with_another_account(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """An answer with another account lets the turn complete as that account, or fails it."""
    old, other = tokens.mint(), tokens.mint(BETA)
    await parent.login(old)
    backend.expire(old)
    turn, request = await parent.refused_turn()
    await request.answer_unheeded(other)
    outcome = await turn.outcome()
    retried = "retried as" if backend.turn_requests_with(other) else "not retried as"
    ended = "completes" if outcome.completed else "fails"
    parent.observe("REFRESH-16", f"the turn {ended}, {retried} the other account")

    parent.answer_every_refresh(lambda _: tokens.mint())
    await parent.run_turn()
    later = "the other" if backend.turn_requests[-1].token == other.access_token else "the former"
    parent.observe("REFRESH-16", f"the turn after it goes as {later} account")


@pytest.mark.parametrize("body", ODD_BODIES)
@case("refresh/401-with-body", "REFRESH-18")
async def test_refresh_follows_a_401_on_the_stream_whatever_its_body(
    parent: MockParent, backend: MockBackend, tokens: Mint, body: str
) -> None:
    """A 401 on the POST that would stream asks the parent, whatever comes with it."""
    await parent.login(tokens.mint())
    backend.answer_next_turn(lambda _: ODD_BODIES[body])
    turn = await parent.start_turn()
    request = await parent.refresh_if_any()
    expect("REFRESH-18", request is not None, "a refresh request", None)
    assert request is not None
    await request.answer(tokens.mint())
    outcome = await turn.outcome()
    require("REFRESH-3", outcome.completed, "the turn to complete after the refresh", outcome)


@case("refresh/401-on-websocket-upgrade", "REFRESH-18", websockets=True)
async def test_refresh_follows_a_401_on_the_websocket_upgrade(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """A 401 on the WebSocket upgrade asks the parent, before anything else is tried."""
    old = tokens.mint()
    await parent.login(old)
    backend.expire(old)
    turn = await parent.start_turn()
    await parent.until(lambda: backend.turn_requests or None, "a request to the model")
    if not any("upgrade" in request.headers for request in backend.turn_requests):
        not_applicable("the target does not use WebSocket towards the model provider")
    request = await parent.refresh_if_any()

    expect("REFRESH-18", request is not None, "a refresh request", None)
    assert request is not None
    before = [sent for sent in backend.turn_requests if sent.index < request.index]
    upgrades = all("upgrade" in sent.headers for sent in before)
    expect("REFRESH-18", upgrades, "the refresh request before any other try", [*map(str, before)])
    await request.answer(tokens.mint())
    await turn.outcome()


@pytest.mark.parametrize("what", ["nothing", "plan", "account"])
@case("refresh/updated-after-change-of", "REFRESH-19")
async def test_refresh_may_be_followed_by_account_updated(
    parent: MockParent, backend: MockBackend, tokens: Mint, what: str
) -> None:
    """`account/updated` may follow a refresh, whether plan or account changed or not."""
    account, plan = BETA if what == "account" else ALPHA, "plus" if what == "plan" else "pro"
    old, new = tokens.mint(), tokens.mint(account, plan=plan)
    await parent.login(old)
    backend.expire(old)
    turn, request = await parent.refused_turn()
    await request.answer_unheeded(new)
    await turn.outcome()
    await parent.settle()

    updated = parent.notifications("account/updated", request.index)
    follows = "follows" if updated else "does not follow"
    parent.observe("REFRESH-19", f"account/updated {follows} a refresh that changes {what}")
