"""ERROR: a refresh request that the client answers with an error."""

from typing import Any

import pytest

from codex_conformance.case import case, expect, require
from codex_conformance.mock_backend import MockBackend
from codex_conformance.mock_parent import MockParent
from codex_conformance.tokens import Mint, Needles

ERRORS: dict[str, dict[str, Any]] = {
    "server-error": {"code": -32000, "message": "cannot refresh"},
    "internal-error": {"code": -32603, "message": "internal error"},
    "method-not-found": {"code": -32601, "message": "method not found"},
    "own-code": {"code": 7, "message": "the user has to log in again"},
    "code-zero": {"code": 0, "message": "cannot refresh"},
    "empty-message": {"code": -32000, "message": ""},
    "with-data": {"code": -32000, "message": "cannot refresh", "data": {"why": ["x", None, 1]}},
}
MALFORMED: dict[str, Any] = {
    "code-text": {"code": "oops", "message": "cannot refresh"},
    "code-fraction": {"code": 1.5, "message": "cannot refresh"},
    "code-null": {"code": None, "message": "cannot refresh"},
    "code-missing": {"message": "cannot refresh"},
    "message-missing": {"code": -32000},
    "message-null": {"code": -32000, "message": None},
    "message-number": {"code": -32000, "message": 5},
    "empty": {},
    "text": "cannot refresh",
    "array": [-32000, "cannot refresh"],
}


@pytest.mark.parametrize("what", ERRORS)
@case("error/at-once", "ERROR-1", "ERROR-2")
async def test_refresh_answered_with_an_error_fails_the_turn_at_once(
    parent: MockParent, backend: MockBackend, tokens: Mint, what: str
) -> None:
    """An error fails the turn at once and keeps the tokens; the next 401 asks again."""
    old, good = tokens.mint(), tokens.mint()
    await parent.login(old)
    before = await parent.account()
    backend.expire(old)
    turn, request = await parent.refused_turn()
    await request.respond({"error": ERRORS[what]})
    outcome = await turn.outcome(parent.clock.prompt)

    expect("ERROR-1", outcome.ended, "the turn to fail at once", "it goes on waiting")
    expect("ERROR-1", outcome.failed, "the turn to fail with an error", outcome)
    account = await parent.account()
    expect("ERROR-1", account == before, f"the account from before, {before}", account)

    again = await parent.start_turn()
    asked = await parent.refresh_if_any()
    expect("ERROR-2", asked is not None, "the next turn to ask again", await again.outcome(0))
    assert asked is not None
    await asked.answer(good)
    outcome = await again.outcome()
    require("REFRESH-3", outcome.completed, "the next turn to complete when answered", outcome)


@case("error/tokens-stay", "ERROR-1")
async def test_refresh_answered_with_an_error_keeps_the_tokens(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """The tokens from before stay in use: once they are valid again, a turn completes."""
    old = tokens.mint()
    await parent.login(old)
    backend.expire(old)
    turn, request = await parent.refused_turn()
    await request.fail()
    await turn.outcome()
    backend.restore(old)
    outcome = await parent.run_turn()

    expect("ERROR-1", outcome.completed, "a turn with the tokens from before", outcome)
    last = backend.turn_requests[-1]
    expect("ERROR-1", last.token == old.access_token, "the token from before in it", last)


@case("error/again-and-again", "ERROR-1", "ERROR-2")
async def test_refresh_refused_again_and_again_is_asked_for_once_a_turn(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """Turn after turn asks once, fails at once, and no request is sent without new tokens."""
    old = tokens.mint()
    await parent.login(old)
    for number in (1, 2, 3):
        backend.expire(old)
        turn, request = await parent.refused_turn()
        await request.fail()
        outcome = await turn.outcome(parent.clock.prompt)
        expect("ERROR-1", outcome.ended, "the turn to fail at once", "it goes on waiting")
        expect("ERROR-1", outcome.failed, "the turn to fail with an error", outcome)
        asked = len(parent.refreshes)
        expect("ERROR-2", asked == number, f"{number} refresh requests in as many turns", asked)
        sent = [str(each) for each in backend.turn_requests if each.index > request.index]
        expect("ERROR-1", not sent, "no retry without new tokens", sent)


@pytest.mark.parametrize("where", ["message", "data"])
@case("error/token-in", "ERROR-3")
async def test_token_in_an_error_from_the_client_is_not_repeated(
    parent: MockParent, backend: MockBackend, tokens: Mint, where: str
) -> None:
    """A token in `error.message` or `error.data` is neither said nor logged by the server."""
    old, leaked = tokens.mint(), tokens.mint()
    secrets = {leaked.access_token: "the token", leaked.id_token: "the id token"}
    parent.forgiven.update(secrets)
    await parent.login(old)
    backend.expire(old)
    turn, request = await parent.refused_turn()
    if where == "message":
        await request.fail(f"cannot refresh {leaked.access_token} and {leaked.id_token}")
    else:
        await request.fail(data={"tokens": leaked.members("0.93")})
    await turn.outcome()
    await parent.settle()
    await parent.hang_up()
    await parent.ended(parent.clock.prompt)

    needles = Needles(secrets)
    for entry in parent.transcript.received(request.index):
        found = needles.find(entry.text.encode())
        expect("ERROR-3", found is None, "no message with that token", entry)
    found = needles.find(parent.channel.diagnostics())
    expect("ERROR-3", found is None, "nothing of it on stderr", f"{found} on stderr")


@pytest.mark.parametrize("what", MALFORMED)
@case("error/malformed", "ERROR-4")
async def test_refresh_answered_with_a_malformed_error_fails_the_turn_at_once(
    parent: MockParent, backend: MockBackend, tokens: Mint, what: str
) -> None:
    """An error without code or message, or with odd ones, is an error all the same."""
    old = tokens.mint()
    await parent.login(old)
    before = await parent.account()
    backend.expire(old)
    turn, request = await parent.refused_turn()
    await request.respond({"error": MALFORMED[what]})
    outcome = await turn.outcome(parent.clock.prompt)

    expect("ERROR-4", outcome.ended, "the turn to fail at once", "it goes on waiting")
    expect("ERROR-4", outcome.failed, "the turn to fail with an error", outcome)
    account = await parent.account()
    expect("ERROR-4", account == before, f"the account from before, {before}", account)
