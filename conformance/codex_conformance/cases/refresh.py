"""REFRESH: `account/chatgptAuthTokens/refresh`."""

from codex_conformance.case import case, expect
from codex_conformance.mock_backend import MockBackend
from codex_conformance.mock_parent import MockParent
from codex_conformance.tokens import Mint


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
    bearers = [sent.token for sent in backend.turn_requests]
    asked = bearers == [old.access_token, new.access_token]
    expect("REFRESH-3", asked, "one request with the old token, one with the new", bearers)
