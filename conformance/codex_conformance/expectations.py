"""Expectations that cases of several areas share; each is about the one clause that it is given."""

from typing import Any

from codex_conformance.case import expect, require
from codex_conformance.exchange import Response, Turn
from codex_conformance.mock_backend import MockBackend
from codex_conformance.mock_parent import MockParent
from codex_conformance.replies import Request
from codex_conformance.tokens import ExternalTokens

ANNOUNCED = ["account/login/completed", "account/updated"]  # what follows a login, in this order


def expect_announced(clause: str, parent: MockParent, since: int, *, exactly: bool = True) -> None:
    """Expect one completed, then one updated; those of a browser login do not count.

    Unless it is `exactly` one, updated may come again.
    """
    told = parent.account_notifications(since)
    order = [entry.method for entry in told if entry.params.get("loginId") is None]
    if not exactly and ANNOUNCED[0] not in order[1:]:
        order = order[:2]
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


async def expect_logged_in(clause: str, parent: MockParent, who: ExternalTokens) -> None:
    """Expect that `account/read` names whom these tokens belong to, on whatever plan."""
    read = await parent.read_account()
    email = read.account.get("email") if isinstance(read.account, dict) else None
    expect(clause, email == who.email, f"the account of {who.email}", read)


async def expect_nobody(clause: str, parent: MockParent) -> None:
    """Expect that `account/read` names nobody."""
    read = await parent.read_account()
    require("READ-1", read.ok, "account/read to be answered", read)
    expect(clause, read.nobody, "the account null", read)


async def expect_turn_as(
    clause: str, parent: MockParent, backend: MockBackend, who: ExternalTokens | str
) -> None:
    """Expect that the next turn is made with these tokens, or with this key, and no other."""
    earlier = len(backend.turn_requests)
    outcome = await parent.run_turn()
    requests = backend.turn_requests[earlier:]
    expect(clause, bool(requests), "a request to the model provider", outcome)
    for request in requests:
        _expect_from(clause, request, who)
    require(None, outcome.completed, "a turn with a valid token to complete", outcome)


def _expect_from(clause: str, request: Request, who: ExternalTokens | str) -> None:
    bearer = who if isinstance(who, str) else who.access_token
    expect(clause, request.token == bearer, f"a request with the token {bearer}", request)
    if not isinstance(who, str):
        require("LOGIN-6", bool(request.account_id), "a request with an account id", request)
        same = request.account_id == who.account_id
        expect(clause, same, f"a request with the account id {who.account_id}", request)


async def expect_turn_without_token(clause: str, parent: MockParent, backend: MockBackend) -> None:
    """Expect that the next turn sends no token, however it ends, or whether it starts at all."""
    earlier = len(backend.turn_requests)
    await parent.try_turn()
    await parent.settle()
    for request in backend.turn_requests[earlier:]:
        expect(clause, request.token is None, "a request without a token", request)


def expect_no_refresh(clause: str, parent: MockParent, since: int = 0) -> None:
    """Expect no refresh request beyond the first `since`."""
    asked = parent.refreshes[since:]
    expect(clause, not asked, "no refresh request", asked[0] if asked else None)


async def account_meanwhile(parent: MockParent) -> Any:
    """The account that is reported while a refresh is pending, which the case needs."""
    read = await parent.read_account()
    in_time = read.answered and read.elapsed < parent.clock.timeout_from / 2
    require("REFRESH-12", in_time, "account/read to be answered meanwhile", read)
    return read.member("account")


async def held_turn(parent: MockParent, backend: MockBackend) -> Turn:
    """A turn whose request the backend has and keeps unanswered until `release`."""
    backend.hold()
    turn = await parent.start_turn()
    await parent.until(lambda: backend.held or None, "a request to the model provider")
    require(None, bool(backend.held), "a request to the model provider", "none")
    return turn


def expect_told(clause: str, told: Any, response: Response) -> None:
    """Expect a result that says all that the backend told; it may say more."""
    expect(clause, response.ok, "what the backend told", response)
    missing = untold(told, response.result)
    expect(clause, missing is None, "every member that the backend told", missing or response)


def untold(told: Any, said: Any, place: str = "the result") -> str | None:
    """The first member of `told` that `said` has not, or has otherwise; None if it has all."""
    if isinstance(told, dict) and isinstance(said, dict):
        pairs = ((told[name], said.get(name), f"{place}, {name}") for name in told)
    elif isinstance(told, list) and isinstance(said, list) and len(told) == len(said):
        pairs = ((one, said[index], f"{place}[{index}]") for index, one in enumerate(told))
    else:
        same = type(told) is type(said) and told == said
        return None if same else f"in {place} {said!r} for {told!r}"
    return next((missing for each in pairs if (missing := untold(*each)) is not None), None)
