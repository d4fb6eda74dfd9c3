"""TIMEOUT: a refresh request that is not answered in time."""

import pytest

from codex_conformance.case import case, expect
from codex_conformance.exchange import Outcome, RefreshRequest
from codex_conformance.expectations import account_meanwhile
from codex_conformance.mock_backend import MockBackend
from codex_conformance.mock_parent import MockParent
from codex_conformance.tokens import ExternalTokens, Mint


@case("timeout/unanswered", "TIMEOUT-1", waits=10)
async def test_refresh_unanswered_fails_the_turn_after_ten_seconds(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """Without an answer the turn fails 10 s after the request."""
    old = tokens.mint()
    await parent.login(old)
    backend.expire(old)
    turn, request = await parent.refused_turn()
    outcome = await turn.outcome()

    expect("TIMEOUT-1", outcome.failed, "the turn to fail with an error", outcome)
    expect_at_the_limit(parent, request, outcome)
    sent = [str(asked) for asked in backend.turn_requests if asked.index > request.index]
    expect("TIMEOUT-1", not sent, "no retry without new tokens", sent)


@case("timeout/unanswered-amid-talk", "TIMEOUT-1", waits=10)
async def test_refresh_unanswered_amid_other_requests_has_the_same_limit(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """Nothing else that the client says in the meantime extends or shortens the limit."""
    old = tokens.mint()
    await parent.login(old)
    backend.expire(old)
    turn, request = await parent.refused_turn()
    for moment in (3.0, 6.0, 9.0):
        await request.wait_until(moment)
        await parent.read_account()
    outcome = await turn.outcome()

    expect("TIMEOUT-1", outcome.failed, "the turn to fail with an error", outcome)
    expect_at_the_limit(parent, request, outcome)


def expect_at_the_limit(parent: MockParent, request: RefreshRequest, outcome: Outcome) -> None:
    """The turn has ended 10 s after the refresh request."""
    waited, clock = outcome.at - request.at, parent.clock
    in_time = clock.timeout_from <= waited <= clock.timeout_to
    expect("TIMEOUT-1", in_time, "the turn to fail 10 s after the request", f"{waited:.3f} s")


@case("timeout/answer-just-in-time", "TIMEOUT-2", waits=9)
async def test_refresh_answered_just_before_the_limit_completes_the_turn(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """An answer just before the limit is taken."""
    old, new = tokens.mint(), tokens.mint()
    await parent.login(old)
    backend.expire(old)
    turn, request = await parent.refused_turn()
    await request.wait_until(parent.clock.just_before_limit())
    await request.answer(new)
    outcome = await turn.outcome()

    expect("TIMEOUT-2", outcome.completed, "the turn to complete", outcome)
    last = backend.turn_requests[-1]
    expect("TIMEOUT-2", last.token == new.access_token, "the new token in the retry", last)


@case("timeout/late-answer", "TIMEOUT-3", "TIMEOUT-4", waits=12)
async def test_refresh_answered_after_the_limit_changes_nothing(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """A late answer changes neither account nor tokens nor turn; the next turn asks again."""
    old, late, good = tokens.mint(), tokens.mint(), tokens.mint()
    await parent.login(old)
    before = await parent.account()
    request = await timed_out(parent, backend, old)
    since = parent.mark()
    await request.answer_unheeded(late)
    await parent.settle()

    account = await parent.account()
    expect("TIMEOUT-3", account == before, f"the account from before, {before}", account)
    for method in ("turn/completed", "error", "account/updated"):
        told = parent.notifications(method, since)
        expect("TIMEOUT-3", not told, f"no {method} after the late answer", [*map(str, told)])

    again = await parent.start_turn()
    asked = await parent.refresh_if_any()
    sent = backend.requests_with(late)
    expect("TIMEOUT-3", not sent, "no request with the late tokens", [*map(str, sent)])
    expect("TIMEOUT-4", asked is not None, "the next turn to ask again", await again.outcome(0))
    assert asked is not None
    new_id = (type(asked.id), asked.id) != (type(request.id), request.id)
    expect("TIMEOUT-4", new_id, f"an id other than {request.id!r}", asked)
    await asked.answer(good)
    outcome = await again.outcome()
    expect("TIMEOUT-4", outcome.completed, "the next turn to complete when answered", outcome)


@pytest.mark.parametrize("what", ["tokens", "error"])
@case("timeout/late-answer-to-the-first", "TIMEOUT-4", waits=12)
async def test_late_answer_while_the_next_request_is_pending_is_not_its_answer(
    parent: MockParent, backend: MockBackend, tokens: Mint, what: str
) -> None:
    """While a second request is pending, a late answer to the first neither ends nor feeds it."""
    old, late, good = tokens.mint(), tokens.mint(), tokens.mint()
    await parent.login(old)
    before = await parent.account()
    first = await timed_out(parent, backend, old)
    backend.expire(old)
    turn, second = await parent.refused_turn()
    await (first.answer_unheeded(late) if what == "tokens" else first.fail())
    account = await account_meanwhile(parent)

    early = await turn.outcome(0)
    expect("TIMEOUT-4", not early.ended, "the second request to stay pending", early)
    expect("TIMEOUT-4", account == before, f"the account from before, {before}", account)
    await second.answer(good)
    outcome = await turn.outcome()
    expect("TIMEOUT-4", outcome.completed, "the turn to complete by the second answer", outcome)
    sent = backend.requests_with(late)
    expect("TIMEOUT-4", not sent, "no request with the late tokens", [*map(str, sent)])


@case("timeout/late-answer-after-a-good-one", "TIMEOUT-4", "TIMEOUT-3", waits=10)
async def test_late_answer_never_overwrites_a_later_good_one(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """What the second request was answered with stays, however late the first is answered."""
    old, late, good = tokens.mint(), tokens.mint(), tokens.mint()
    await parent.login(old)
    backend.expire(old)
    turn, first = await parent.refused_turn()
    await turn.outcome()
    backend.expire(old)
    turn, second = await parent.refused_turn()
    await second.answer(good)
    outcome = await turn.outcome()
    expect("TIMEOUT-4", outcome.completed, "the next turn to complete when answered", outcome)
    before = await parent.account()
    await first.answer_unheeded(late)
    await parent.settle()

    account = await parent.account()
    expect("TIMEOUT-3", account == before, f"the account of the good answer, {before}", account)
    outcome = await parent.run_turn()
    expect("TIMEOUT-4", outcome.completed, "a later turn to complete", outcome)
    last = backend.turn_requests[-1]
    expect("TIMEOUT-4", last.token == good.access_token, "the good answer's token in it", last)


async def timed_out(
    parent: MockParent, backend: MockBackend, current: ExternalTokens
) -> RefreshRequest:
    """A refresh request that nobody answered, so that its turn has ended; any answer is late."""
    backend.expire(current)
    turn, request = await parent.refused_turn()
    await turn.outcome()
    await request.wait_until(parent.clock.just_after_limit())
    return request
