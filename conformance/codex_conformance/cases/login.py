"""LOGIN: `account/login/start` with `chatgptAuthTokens`."""

from codex_conformance.case import case, expect
from codex_conformance.mock_backend import MockBackend
from codex_conformance.mock_parent import MockParent
from codex_conformance.tokens import Mint


@case("login/accepted", "LOGIN-1", "LOGIN-2", "LOGIN-3", "LOGIN-4")
async def test_login_with_valid_tokens_is_answered_then_announced(
    parent: MockParent, tokens: Mint
) -> None:
    """Valid tokens get the response, then login/completed, then updated, each exactly once."""
    before = parent.mark()
    response = await parent.try_login(tokens.mint())
    await parent.settle()

    wanted = {"type": "chatgptAuthTokens"}
    expect("LOGIN-1", response.result == wanted, f"the result {wanted}", response)
    completed = parent.notifications("account/login/completed", before)
    expect("LOGIN-2", len(completed) > 0, "account/login/completed", "none")
    told = completed[0].params
    good = told.get("success") is True and not told.get("loginId") and not told.get("error")
    expect("LOGIN-2", good, "success true, loginId null, error null", completed[0])
    updated = parent.notifications("account/updated", before)
    expect("LOGIN-3", len(updated) > 0, "account/updated", "none")
    mode = updated[-1].params.get("authMode")
    expect("LOGIN-3", mode == "chatgptAuthTokens", "authMode chatgptAuthTokens", updated[-1])
    order = [entry.method for entry in parent.account_notifications(before)]
    rightly = order == ["account/login/completed", "account/updated"]
    expect("LOGIN-4", rightly, "completed once, then updated once", order)
    first = response.index is not None and response.index < completed[0].index
    expect("LOGIN-4", first, "the response before the notifications", completed[0])


@case("login/bearer", "LOGIN-6")
async def test_turn_after_login_carries_access_token_and_account_id(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """Requests to the model provider carry the access token and the account id."""
    given = tokens.mint()
    await parent.login(given)
    outcome = await parent.run_turn()

    expect("LOGIN-6", outcome.completed, "a turn that completes", outcome)
    for request in backend.turn_requests:
        expect("LOGIN-6", request.token == given.access_token, "the access token", request)
        expect("LOGIN-6", request.account_id == given.account_id, given.account_id, request)
