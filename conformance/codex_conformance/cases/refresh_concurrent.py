"""REFRESH: several things at once, while a refresh request waits for its answer."""

import anyio
import pytest

from codex_conformance.case import case, expect, not_applicable, require
from codex_conformance.exchange import Outcome, RefreshRequest, Turn
from codex_conformance.mock_backend import MockBackend
from codex_conformance.mock_parent import MockParent
from codex_conformance.replies import Request, unauthorized
from codex_conformance.tokens import ALPHA, BETA, ExternalTokens, Mint

TURNS = 4  # that meet a 401 at the same time
UNANSWERED = 2  # of them where nobody answers, each of which may take the whole limit


async def about_to_be_rejected(
    parent: MockParent, backend: MockBackend, current: ExternalTokens, thread: str | None = None
) -> Turn:
    """A turn whose request is answered with a 401 that is under way until `release`."""
    backend.answer_next_turn(unauthorized)
    backend.hold(1)
    turn = await parent.start_turn(thread)
    await parent.until(lambda: backend.held or None, "a request to the model")
    require(None, bool(backend.held), "a request to the model", "none")
    backend.expire(current)
    return turn


async def rejected_together(
    parent: MockParent, backend: MockBackend, current: ExternalTokens, count: int
) -> list[Turn]:
    """Turns on threads of their own whose requests get their 401 all at the same time.

    Where the target lets turns wait for each other, or first asks something else of the backend,
    each gets it when its request comes.
    """
    threads = [await parent.start_thread() for _ in range(count)]
    before = len(parent.refreshes)

    def held_or_rejected() -> bool | None:
        return backend.held >= count or len(parent.refreshes) > before or None

    backend.expire(current)
    backend.hold(count)
    turns = [await parent.start_turn(thread) for thread in threads]
    await parent.until(held_or_rejected, f"{count} held requests")
    backend.release()
    return turns


@pytest.mark.parametrize("each", [False, True], ids=["one-token", "a-token-each"])
@case("refresh/several-at-once", "REFRESH-10")
async def test_refresh_for_several_turns_at_once_completes_them_all(
    parent: MockParent, backend: MockBackend, tokens: Mint, each: bool
) -> None:
    """Turns that meet a 401 with the same token all complete when every request is answered."""
    old, new = tokens.mint(), tokens.mint()
    await parent.login(old)
    parent.answer_every_refresh(lambda _: tokens.mint() if each else new, heeded=False)
    turns = await rejected_together(parent, backend, old, TURNS)
    outcomes = [await turn.outcome() for turn in turns]

    for outcome in outcomes:
        expect("REFRESH-10", outcome.completed, f"all {TURNS} turns to complete", outcome)
    retries = [request for request in backend.turn_requests if request.token != old.access_token]
    enough = len(retries) >= TURNS
    expect("REFRESH-10", enough, f"{TURNS} requests with a new token", [*map(str, retries)])
    if not each:
        asked = len(parent.refreshes)
        parent.observe("REFRESH-10", f"refresh requests for {TURNS} turns at once: {asked}")


@case("refresh/several-unanswered", "REFRESH-10", waits=20)
async def test_refresh_for_several_turns_unanswered_fails_them_all(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """Where nobody answers, n turns that meet a 401 fail within n times the limit."""
    old = tokens.mint()
    await parent.login(old)
    turns = await rejected_together(parent, backend, old, UNANSWERED)
    request = await parent.next_refresh()
    outcomes: list[Outcome] = []
    async with anyio.create_task_group() as group:

        async def wait_for(turn: Turn) -> None:
            outcomes.append(await turn.outcome(UNANSWERED * parent.clock.timeout_to))

        for turn in turns:
            group.start_soon(wait_for, turn)

    for outcome in outcomes:
        expect("REFRESH-10", outcome.failed, "every turn to fail with an error", outcome)
    took = max(outcome.at for outcome in outcomes) - request.at
    in_time = took <= UNANSWERED * parent.clock.timeout_to
    expect("REFRESH-10", in_time, f"{UNANSWERED} times the limit at most", f"{took:.1f} s")
    together = sum(sent.at < request.at + parent.clock.timeout_from for sent in parent.refreshes)
    asked = len(parent.refreshes)
    manner = "one after the other" if together == 1 < asked else "at once"
    parent.observe("REFRESH-10", f"for {UNANSWERED} unanswered turns: {asked}, {manner}")


@case("refresh/late-401-after-login", "REFRESH-11")
async def test_late_401_after_a_login_is_retried_without_asking(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """A 401 for a token that a login has replaced is retried with the new one, asking nobody."""
    old, new = tokens.mint(), tokens.mint()
    await parent.login(old)
    turn = await about_to_be_rejected(parent, backend, old)
    await parent.login(new)
    if parent.completion_of(turn.thread, turn.id) is not None:
        not_applicable("the target ends the turns under way at a login")
    backend.release()

    await expect_retry_unasked(parent, backend, turn, new)


@case("refresh/late-401-after-refresh", "REFRESH-11")
async def test_late_401_after_a_refresh_is_retried_without_asking(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """A 401 for a token that another turn's refresh has replaced is retried, asking nobody."""
    old, new = tokens.mint(), tokens.mint()
    await parent.login(old)
    threads = [await parent.start_thread(), await parent.start_thread()]
    late = await about_to_be_rejected(parent, backend, old, threads[0])
    early = await parent.start_turn(threads[1])
    await side_by_side(parent, backend, (late, early), new)
    await (await parent.next_refresh()).answer_unheeded(new)
    outcome = await early.outcome()
    require("REFRESH-3", outcome.completed, "the other turn to complete", outcome)
    backend.release()

    await expect_retry_unasked(parent, backend, late, new)


async def side_by_side(
    parent: MockParent, backend: MockBackend, turns: tuple[Turn, Turn], new: ExternalTokens
) -> None:
    """Wait for the second turn's request while the first turn's is held, or is not applicable."""
    if await parent.until(
        lambda: backend.turn_requests[1:] or parent.refreshes or None, "the other turn's request"
    ):
        return
    parent.answer_every_refresh(lambda _: new)
    backend.release()
    for turn in turns:
        outcome = await turn.outcome()
        require("REFRESH-3", outcome.completed, "the turn to complete after the refresh", outcome)
    not_applicable("the target lets a turn wait for the end of the one before")


async def expect_retry_unasked(
    parent: MockParent, backend: MockBackend, turn: Turn, new: ExternalTokens
) -> None:
    """The turn completes with the new tokens, and no refresh request comes before that."""
    before = len(parent.refreshes)

    def asked_or_ended() -> RefreshRequest | bool | None:
        ended = parent.completion_of(turn.thread, turn.id) is not None
        return parent.refreshes[-1] if len(parent.refreshes) > before else ended or None

    found = await parent.until(asked_or_ended, "turn/completed or a refresh request")
    asked = found if isinstance(found, RefreshRequest) else None
    expect("REFRESH-11", asked is None, "a retry without asking the client", asked)
    last = backend.turn_requests[-1]
    expect("REFRESH-11", last.token == new.access_token, "a retry with the new token", last)
    outcome = await turn.outcome()
    expect("REFRESH-11", outcome.completed, "the turn to complete", outcome)


@case("refresh/others-answered-meanwhile", "REFRESH-12")
async def test_refresh_pending_lets_other_requests_be_answered(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """While a refresh is pending the server answers other requests."""
    old = tokens.mint()
    await parent.login(old)
    other_thread = await parent.start_thread()
    backend.expire(old)
    turn, request = await parent.refused_turn()
    prompt = [{"type": "text", "text": "Say hello."}]
    asked = [
        await parent.begin("account/read", {}),
        await parent.begin("thread/start", {"model": "mock-model"}),
        await parent.begin("turn/start", {"threadId": other_thread, "input": prompt}),
        await parent.begin("no/such/method", {}),
    ]
    limit = parent.clock.just_before_limit()
    responses = [await parent.answer_to(pending, limit) for pending in asked]
    early = await turn.outcome(0)
    await parent.until(
        lambda: backend.turn_requests[1:] or None, "the other turn's request", parent.clock.soon
    )
    new = tokens.mint()
    parent.answer_every_refresh(lambda _: new, heeded=False)
    await request.answer_unheeded(new)
    outcome = await turn.outcome()

    for response in responses:
        wanted = f"an answer to {response.method} while the refresh is pending"
        expect("REFRESH-12", response.answered, wanted, response)
    expect("REFRESH-12", not early.ended, "the turn to go on waiting for its refresh", early)
    require("REFRESH-3", outcome.completed, "the pending turn to complete after all", outcome)


def expect_no_mixture(backend: MockBackend, *known: ExternalTokens) -> None:
    """No request bears the token of one account with the id of another."""
    accounts = {tokens.access_token: tokens.account_id for tokens in known}

    def mixed(request: Request) -> bool:
        own = accounts.get(request.token or "")
        return own is not None and request.account_id not in (None, own)

    for request in filter(mixed, backend.requests):
        expect("REFRESH-20", False, "every token with the id of its own account", request)


@case("refresh/no-mixture-after-login", "REFRESH-20")
async def test_login_as_another_account_never_mixes_token_and_id(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """After a login as another account every request bears token and id of one account."""
    alpha, beta = tokens.mint(ALPHA), tokens.mint(BETA)
    await parent.login(alpha)
    await parent.run_turn()
    await parent.login(beta)
    outcome = await parent.run_turn()

    require(None, outcome.completed, "a turn as the other account to complete", outcome)
    expect_no_mixture(backend, alpha, beta)


@pytest.mark.parametrize("account", [ALPHA, BETA], ids=["same-account", "other-account"])
@case("refresh/no-mixture-after-answer", "REFRESH-20")
async def test_refresh_answer_never_mixes_token_and_id(
    parent: MockParent, backend: MockBackend, tokens: Mint, account: str
) -> None:
    """Whether the answer switches the account or not, token and id are of one account."""
    old, new, last = tokens.mint(ALPHA), tokens.mint(account), tokens.mint(ALPHA)
    await parent.login(old)
    backend.expire(old)
    turn, request = await parent.refused_turn()
    await request.answer_unheeded(new)
    await turn.outcome()
    parent.answer_every_refresh(lambda _: last, heeded=False)
    await parent.run_turn()
    await parent.read_account()

    expect_no_mixture(backend, old, new, last)


@pytest.mark.parametrize("answered", [ALPHA, BETA], ids=["answer-of-before", "answer-of-login"])
@case("refresh/no-mixture-with-login-meanwhile", "REFRESH-20")
async def test_login_during_a_refresh_never_mixes_token_and_id(
    parent: MockParent, backend: MockBackend, tokens: Mint, answered: str
) -> None:
    """A login as another account while a refresh is pending mixes nothing either."""
    alpha, beta, answer = tokens.mint(ALPHA), tokens.mint(BETA), tokens.mint(answered)
    await parent.login(alpha)
    backend.expire(alpha)
    turn, request = await parent.refused_turn()
    await parent.login(beta)
    await request.answer_unheeded(answer)
    await turn.outcome()
    last = tokens.mint(BETA)
    parent.answer_every_refresh(lambda _: last, heeded=False)
    await parent.run_turn()

    expect_no_mixture(backend, alpha, beta, answer, last)


@case("refresh/no-mixture-with-late-401", "REFRESH-20")
async def test_late_401_of_another_account_never_mixes_token_and_id(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """A 401 that comes after a login as another account mixes nothing either."""
    alpha, beta = tokens.mint(ALPHA), tokens.mint(BETA)
    await parent.login(alpha)
    turn = await about_to_be_rejected(parent, backend, alpha)
    await parent.login(beta)
    parent.answer_every_refresh(lambda _: beta)
    backend.release()
    await turn.outcome()

    expect_no_mixture(backend, alpha, beta)


@case("refresh/interrupted", "REFRESH-21")
async def test_interrupt_with_a_refresh_pending_ends_the_turn_at_once(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """`turn/interrupt` ends a turn that waits for a refresh; the later answer changes nothing."""
    old, late = tokens.mint(), tokens.mint()
    await parent.login(old)
    before = await parent.account()
    backend.expire(old)
    turn, request = await parent.refused_turn()
    asked = await turn.begin_interrupt()
    outcome = await turn.outcome(parent.clock.prompt)
    parent.offered(await parent.answer_to(asked), "turn/interrupt")
    interrupted = outcome.status == "interrupted"
    expect("REFRESH-21", interrupted, "the turn to end at once as interrupted", outcome)

    since = parent.mark()
    await request.answer_unheeded(late)
    await parent.settle()
    account = await parent.account()
    expect("REFRESH-21", account == before, f"the account from before, {before}", account)
    for method in ("turn/completed", "error", "account/updated"):
        told = parent.notifications(method, since)
        expect("REFRESH-21", not told, f"no {method} after the late answer", [*map(str, told)])
    sent = backend.requests_with(late)
    expect("REFRESH-21", not sent, "no request with the late tokens", [*map(str, sent)])


@case("refresh/turn-after-interrupt", "REFRESH-21")
async def test_interrupt_with_a_refresh_pending_does_the_next_turn_no_harm(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """The turn after the interrupt asks anew, or shares the open request, and completes."""
    old, new = tokens.mint(), tokens.mint()
    await parent.login(old)
    backend.expire(old)
    turn, request = await parent.refused_turn()
    await turn.interrupt()
    await turn.outcome()
    parent.answer_every_refresh(lambda _: new, heeded=False)
    again = await parent.start_turn()
    await request.answer_unheeded(new)
    outcome = await again.outcome()

    expect("REFRESH-21", outcome.completed, "the next turn to complete", outcome)
