"""REFRESH-17, and INIT-1, INIT-2 and INIT-5 for each of two connections to one server."""

import pytest

from codex_conformance.bench import Bench
from codex_conformance.case import case, expect, require, since
from codex_conformance.exchange import RefreshRequest, Turn
from codex_conformance.expectations import expect_turn_as
from codex_conformance.mock_backend import MockBackend
from codex_conformance.mock_parent import MockParent
from codex_conformance.tokens import Mint

UPDATED = "account/updated"
OWNER, OTHER = 0, 1


async def asked_twice(
    bench: Bench, parent: MockParent, backend: MockBackend, tokens: Mint
) -> tuple[Turn, MockParent, list[RefreshRequest]]:
    """A turn of `parent`, which logged in; another connection; the refresh request on both."""
    old, plain = tokens.mint(), tokens.mint()
    await parent.login(old)
    backend.expire(old)
    control = await parent.refreshed_turn(plain)
    require("REFRESH-3", control.completed, "the turn to complete after a refresh", control)
    other = await bench.another_parent()
    backend.expire(plain)
    turn = await parent.start_turn()
    requests = [await connection.refresh_if_any() for connection in (parent, other)]
    asked = [request for request in requests if request is not None]
    require("REFRESH-1", bool(asked), "a refresh request from the target", "none")
    expect("REFRESH-17", len(asked) == len(requests), "the request on both connections", asked[0])
    return turn, other, asked


@pytest.mark.parametrize("first", [OWNER, OTHER], ids=["owner", "other"])
@case("connections/first-answer", "REFRESH-17")
async def test_first_answer_is_taken_and_the_other_changes_nothing(
    bench: Bench, parent: MockParent, backend: MockBackend, tokens: Mint, first: int
) -> None:
    """Whoever answers first is taken at its word; what the other says later is not heard."""
    turn, other, requests = await asked_twice(bench, parent, backend, tokens)
    new, late = tokens.mint(), tokens.mint()
    parent.use_bearer(new.access_token, "REFRESH-5")
    await requests[first].answer_unheeded(new)
    outcome = await turn.outcome()
    expect("REFRESH-17", outcome.completed, "the first answer to complete the turn", outcome)
    await requests[1 - first].answer_unheeded(late)
    for connection in (parent, other):
        await connection.settle()
        read = await connection.read_account()
        expect("REFRESH-17", read.names(new), "the account of the first answer", read)
    await expect_turn_as("REFRESH-17", parent, backend, new)


@case("connections/error-from-the-other", "REFRESH-17")
async def test_error_from_a_connection_without_the_tokens_may_end_the_refresh(
    bench: Bench, parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """An error from who did not log in ends the refresh, or leaves it to who did."""
    turn, _other, requests = await asked_twice(bench, parent, backend, tokens)
    await requests[OTHER].fail("these tokens are not mine")
    await parent.settle()
    await requests[OWNER].answer_unheeded(tokens.mint())
    outcome = await turn.outcome()
    require(None, outcome.ended, "the turn to end", outcome)
    effect = "leaves the refresh to the other" if outcome.completed else "ends the refresh"
    parent.observe("REFRESH-17", f"an error from a connection without the tokens {effect}")


@case("connections/handshake", "INIT-2", "INIT-1")
async def test_each_connection_has_a_handshake_of_its_own(
    bench: Bench, parent: MockParent, tokens: Mint
) -> None:
    """What one connection has initialized, another has not; each does so once."""
    usual = await parent.read_account()
    require("READ-1", usual.ok, "account/read to be answered", usual)
    other = await bench.another_parent(handshake=False)
    early = await other.read_account()
    greeting = await other.initialize()
    again = await other.call("initialize", other.initialize_params())
    reads = [await connection.read_account() for connection in (parent, other)]

    expect("INIT-1", early.refused, "an error before the connection's own initialize", early)
    expect("INIT-2", greeting.ok, "the connection's first initialize to be accepted", greeting)
    expect("INIT-2", again.refused, "an error for its second initialize", again)
    for read in reads:
        expect("INIT-2", read.ok, "account/read to be answered after it", read)

    await parent.login(tokens.mint())
    await other.settle()
    told = "is told" if other.notifications(UPDATED) else "is not told"
    parent.observe("LOGIN-3", f"a connection {told} of a login over another one")


@case("connections/opt-out", "INIT-5", revisions=since("0.99"))
async def test_opting_out_silences_one_connection(
    bench: Bench, parent: MockParent, tokens: Mint
) -> None:
    """What one connection has opted out of, the other is still told."""
    other = await bench.another_parent(opt_out=(UPDATED,))
    await parent.login(tokens.mint())
    await other.settle()
    told, silenced = parent.notifications(UPDATED), other.notifications(UPDATED)

    expect("INIT-5", bool(told), f"{UPDATED} on the connection that wants it", "none")
    wrong = silenced[0] if silenced else None
    expect("INIT-5", not silenced, f"no {UPDATED} on the connection without it", wrong)
