"""Expectations that cases of several areas share; each is about the one clause that it is given."""

from typing import Any

from codex_conformance.case import expect
from codex_conformance.exchange import Response
from codex_conformance.mock_backend import MockBackend
from codex_conformance.mock_parent import MockParent
from codex_conformance.tokens import ExternalTokens

ANNOUNCED = ["account/login/completed", "account/updated"]  # what follows a login, in this order


def expect_announced(clause: str, parent: MockParent, since: int) -> None:
    """Expect one completed, then one updated; those of a browser login do not count."""
    told = parent.account_notifications(since)
    order = [entry.method for entry in told if entry.params.get("loginId") is None]
    expect(clause, order == ANNOUNCED, "completed once, then updated once", order or "neither")


async def expect_login_refused(clause: str, parent: MockParent, params: Any) -> Response:
    """Expect that a login gets an error, and that no notification is sent."""
    before = parent.mark()
    response = await parent.call("account/login/start", params)
    await parent.settle()
    expect(clause, response.refused, "an error for the login", response)
    told = parent.account_notifications(before)
    expect(clause, not told, "no notification after a refused login", told[0] if told else None)
    return response


async def expect_account(clause: str, parent: MockParent, account: dict[str, Any]) -> None:
    """Expect that `account/read` names this account."""
    read = await parent.read_account()
    expect(clause, read.account == account, f"the account {account}", read)


async def expect_nobody(clause: str, parent: MockParent) -> None:
    """Expect that `account/read` names nobody."""
    read = await parent.read_account()
    expect(clause, read.nobody, "the account null", read)


async def expect_turn_as(
    clause: str, parent: MockParent, backend: MockBackend, who: ExternalTokens | str
) -> None:
    """Expect that the next turn completes, with these tokens or this key on all its requests."""
    earlier = len(backend.turn_requests)
    outcome = await parent.run_turn()
    expect(clause, outcome.completed, "the next turn to complete", outcome)
    requests = backend.turn_requests[earlier:]
    expect(clause, bool(requests), "a request to the model provider", "none")
    bearer = who if isinstance(who, str) else who.access_token
    for request in requests:
        expect(clause, request.token == bearer, f"a request with the token {bearer}", request)
        if not isinstance(who, str):
            same = request.account_id == who.account_id
            expect(clause, same, f"a request with the account id {who.account_id}", request)


async def expect_turn_as_nobody(clause: str, parent: MockParent, backend: MockBackend) -> None:
    """Expect that the next turn, however it ends, sends no token and asks for no refresh."""
    earlier, asked = len(backend.turn_requests), len(parent.refreshes)
    await parent.try_turn()
    await parent.settle()
    for request in backend.turn_requests[earlier:]:
        expect(clause, request.token is None, "a request without a token", request)
    refreshes = parent.refreshes[asked:]
    expect(clause, not refreshes, "no refresh request", refreshes[0] if refreshes else None)
