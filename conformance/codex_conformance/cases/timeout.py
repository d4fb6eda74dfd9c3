"""TIMEOUT: a refresh request that is not answered in time."""

from codex_conformance.case import case, expect
from codex_conformance.mock_backend import MockBackend
from codex_conformance.mock_parent import MockParent
from codex_conformance.tokens import Mint


@case("timeout/unanswered", "TIMEOUT-1", waits=10)
async def test_refresh_unanswered_fails_the_turn_after_ten_seconds(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """Without an answer the turn fails 10 s after the request."""
    old = tokens.mint()
    await parent.login(old)
    backend.expire(old)
    turn = await parent.start_turn()
    request = await parent.next_refresh()
    outcome = await turn.outcome()

    expect("TIMEOUT-1", outcome.failed, "the turn to fail with an error", outcome)
    waited = outcome.at - request.at
    clock = parent.clock
    in_time = clock.timeout_from <= waited <= clock.timeout_to
    expect("TIMEOUT-1", in_time, "the turn to fail 10 s after the request", f"{waited:.3f} s")
