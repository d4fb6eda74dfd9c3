"""WIRE-1 to WIRE-5 and WIRE-10: what a message looks like, and which one answers which."""

import re
from typing import Any

import pytest

from codex_conformance.case import case, expect, not_applicable, require
from codex_conformance.mock_backend import MockBackend
from codex_conformance.mock_parent import ABSENT, MockParent, encode
from codex_conformance.replies import status, streamed_turn
from codex_conformance.schema import law
from codex_conformance.tokens import Mint
from codex_conformance.wire import Entry

FOREIGN = 'grüße \u2028 例え \U0001f600 " \\ \n'  # two to four bytes a character, and escapes
IDS = ["seven", "7", "", "0", FOREIGN, "x" * 1000, 0, 7, -7, 2**53 + 1, 2**63 - 1, -(2**63)]
NO_LOGIN = {"loginId": "00000000-0000-4000-8000-000000000000"}  # that nobody was given
LEGACY = re.compile("codex/event/.*")  # a family of its own, a method per internal event
UNKNOWN = ["no/such/method", "account/none", "Account/Read", "account/read ", ""]
NOT_FOR_CLIENTS = ["account/updated", "account/chatgptAuthTokens/refresh", "initialized"]


def versioned(message: dict[str, Any]) -> dict[str, Any]:
    """A message that says which JSON-RPC it is."""
    return {"jsonrpc": "2.0"} | message


@case("wire/jsonrpc-member", "WIRE-1", handshake=False)
async def test_message_with_jsonrpc_member_is_accepted(parent: MockParent, tokens: Mint) -> None:
    """Requests and notifications with `"jsonrpc":"2.0"` are as welcome as those without."""
    plainly, parent.dress = parent.dress, versioned
    greeting = await parent.initialize()
    expect("WIRE-1", greeting.ok, "initialize with jsonrpc to be accepted", greeting)
    parent.dress = plainly
    await parent.login_and_read(tokens.mint())
    parent.dress = versioned
    given = tokens.mint()
    login, read = await parent.try_login(given), await parent.read_account()

    expect("WIRE-1", login.ok, "a login with jsonrpc to be accepted", login)
    expect("WIRE-1", read.names(given), "account/read with jsonrpc to name the account", read)


@case("wire/jsonrpc-member-in-answer", "WIRE-1")
async def test_refresh_answer_with_jsonrpc_member_is_taken(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """An answer with `"jsonrpc":"2.0"` is as good as one without."""
    plain, dressed = await refreshed_once(parent, backend, tokens), tokens.mint()
    backend.expire(plain)
    turn = await parent.start_turn()
    request = await parent.next_refresh()
    parent.dress = versioned
    await request.answer(dressed)
    outcome = await turn.outcome()

    expect("WIRE-1", outcome.completed, "an answer with jsonrpc to complete the turn", outcome)


async def refreshed_once(parent: MockParent, backend: MockBackend, tokens: Mint) -> Any:
    """Log in and have a turn refreshed in the plainest way, which the case needs; the tokens."""
    old, new = tokens.mint(), tokens.mint()
    await parent.login(old)
    backend.expire(old)
    outcome = await parent.refreshed_turn(new)
    require("REFRESH-3", outcome.completed, "the turn to complete after a refresh", outcome)
    return new


@case("wire/foreign-text", "WIRE-1")
async def test_text_beyond_ascii_comes_back_unharmed(parent: MockParent, tokens: Mint) -> None:
    """Text in UTF-8, line separators among it, comes back on one line and unchanged."""
    foreign = tokens.mint(email=f"{FOREIGN}@grüße.example")
    await parent.login_and_read(tokens.mint())
    await parent.login(foreign)
    read = await parent.read_account()

    same = read.names(foreign)
    expect("WIRE-1", same, "the account to have the email as the token has it", read)


@pytest.mark.parametrize(
    ("method", "params"),
    [("account/read", {}), ("no/such/method", ABSENT)],
    ids=["of-a-result", "of-an-error"],
)
@case("wire/id", "WIRE-2")
async def test_response_repeats_the_id_in_its_type(
    parent: MockParent, method: str, params: Any
) -> None:
    """A response carries the request's id, same value and same type, string or int64."""
    plain = await parent.call(method, params)
    require("WIRE-4", plain.answered, f"a response to {method}", plain)
    for request_id in IDS:
        response = await parent.call(method, params, request_id)
        same = response.answered and response.ok == plain.ok
        expect("WIRE-2", same, f"a response under the id {request_id!r:.20}", response)


@case("wire/id-types-apart", "WIRE-2")
async def test_number_and_text_are_different_ids(parent: MockParent) -> None:
    """7 and "7" are two requests, each answered under its own id."""
    controls = await parent.read_account(), await parent.call("no/such/method")
    require("READ-1", controls[0].ok, "a result of account/read", controls[0])
    require("WIRE-5", controls[1].refused, "an error for an unknown method", controls[1])
    read = parent.request("account/read", {}, 7)
    unknown = parent.request("no/such/method", request_id="7")
    await parent.send_bytes(encode(read) + encode(unknown))
    of_number = await parent.answer_to(parent.expecting(7, "account/read"))
    of_text = await parent.answer_to(parent.expecting("7", "no/such/method"))

    expect("WIRE-2", of_number.ok, "the result of account/read under the number", of_number)
    expect("WIRE-2", of_text.refused, "the error of the unknown method under the text", of_text)


@case("wire/equal-ids", "WIRE-3")
async def test_client_request_with_the_id_of_a_pending_server_request(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """A client request under the id of a pending refresh is answered, and is no answer to it."""
    plain, new = await refreshed_once(parent, backend, tokens), tokens.mint()
    control = await parent.cancel_login(NO_LOGIN["loginId"])
    require("MANAGED-3", control.ok, "account/login/cancel to be answered", control)
    backend.expire(plain)
    turn = await parent.start_turn()
    refresh = await parent.next_refresh()
    own = await parent.call("account/login/cancel", NO_LOGIN, refresh.id)
    early = parent.completion_of(turn.thread, turn.id)
    await refresh.answer(new)
    outcome = await turn.outcome()

    expect("WIRE-3", own.ok, "the client's request to get its result", own)
    expect("WIRE-3", early is None, "the turn to wait for the answer to the refresh", early)
    expect("WIRE-3", outcome.completed, "the answer under the same id to be taken", outcome)


@case("wire/equal-ids-in-flight", "WIRE-3")
async def test_server_request_with_the_id_of_a_client_request_in_flight(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """A refresh request under the id of a client request: each is answered to its own side."""
    plain, new = await refreshed_once(parent, backend, tokens), tokens.mint()
    last = parent.refreshes[-1].id
    foretold = last + 1 if isinstance(last, int) else None
    backend.hold()
    backend.expire(plain)
    turn = await parent.start_turn()
    # A server that asks the backend for the account has this in flight when it asks the client.
    own = await parent.begin("account/read", {}, foretold)
    backend.release()
    refresh = await parent.next_refresh()
    if refresh.id != foretold:
        not_applicable("the ids of the target's requests cannot be foretold")
    parent.answer_every_refresh(lambda _request: new)
    await refresh.answer(new)
    read, outcome = await parent.answer_to(own), await turn.outcome()

    expect("WIRE-3", read.ok, "the client's request to get its result", read)
    expect("WIRE-3", outcome.completed, "the answer under the same id to be taken", outcome)


@case("wire/one-response", "WIRE-4")
async def test_pipelined_requests_get_one_response_each(parent: MockParent) -> None:
    """A request gets one response, never none and never two, however many are under way."""
    before = parent.mark()
    asked = []
    for number in range(20):
        asked.append(await parent.begin("account/read", {}, f"read-{number}"))
        asked.append(await parent.begin("no/such/method", request_id=f"unknown-{number}"))
    for pending in asked:
        response = await parent.answer_to(pending)
        expect("WIRE-4", response.answered, f"a response to {pending.method}", response)
    fence = await parent.read_account()

    responses = [entry for entry in parent.transcript.received(before) if entry.is_response]
    count = len([entry for entry in responses if entry.index != fence.index])
    expect("WIRE-4", count == len(asked), f"{len(asked)} responses", str(count))


@case("wire/notification", "WIRE-4")
async def test_notification_gets_no_response(parent: MockParent) -> None:
    """A notification gets no response, be its method known, unknown or that of a request."""
    before = parent.mark()
    for method in ("initialized", "no/such/method", "account/read"):
        await parent.notify(method)
        await parent.notify(method, {})
    fence = await parent.read_account()
    await parent.settle()

    require("READ-1", fence.ok, "account/read to be answered", fence)
    asked = [identity(entry) for entry in parent.transcript.sent() if entry.is_request]
    for entry in parent.transcript.received(before):
        stray = entry.is_response and identity(entry) not in asked
        expect("WIRE-4", not stray, "no response to a notification", entry)


def identity(entry: Entry) -> Any:
    """The id of a message."""
    return (entry.message or {}).get("id")


@case("wire/unknown-method", "WIRE-5")
async def test_unknown_method_gets_an_error_promptly(parent: MockParent) -> None:
    """A request for an unknown method, or for one that is not for clients, gets an error."""
    await parent.account()  # a known method is answered otherwise
    codes = []
    for method in (*UNKNOWN, *NOT_FOR_CLIENTS):
        for params in (ABSENT, {}, {"unknown": True}):
            response = await parent.call(method, params)
            expect("WIRE-5", response.refused, f"an error for the method {method!r}", response)
            expect("WIRE-5", response.prompt, f"the error for {method!r} at once", response)
            codes.append(response.error_code)
    parent.observe("WIRE-5", f"error code {' or '.join(map(str, sorted(set(codes), key=str)))}")


@case("wire/walk", "WIRE-10")
async def test_messages_of_a_session_with_external_tokens_validate(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """Login, turns good, failed and interrupted, refresh, logout: every message validates."""
    await refreshed_once(parent, backend, tokens)
    await parent.read_account()
    backend.answer_next_turn(streamed_turn)
    streamed = await parent.run_turn()
    backend.answer_every_turn(status(500))
    failed = await parent.run_turn()
    backend.answer_every_turn(None)
    backend.hold()
    turn = await parent.start_turn()
    await parent.until(lambda: backend.held or None, "the turn's request")
    await turn.interrupt()
    interrupted = await turn.outcome()
    backend.release()
    await parent.logout()

    require(None, streamed.completed, "a turn to complete", streamed)
    require(None, failed.failed, "a turn to fail when the model provider does", failed)
    require(None, interrupted.status == "interrupted", "a turn to be interrupted", interrupted)
    report_methods(parent)


@case("wire/walk-api-key", "WIRE-10")
async def test_messages_of_a_session_with_an_api_key_validate(
    parent: MockParent, tokens: Mint
) -> None:
    """Login, turn and logout with an API key: every message validates."""
    await parent.login_api_key(tokens.api_key())
    read = await parent.read_account()
    outcome = await parent.run_turn()
    await parent.logout()

    require("APIKEY-1", read.account == {"type": "apiKey"}, "the account of an API key", read)
    require(None, outcome.completed, "a turn to complete", outcome)


@case("wire/walk-browser-login", "WIRE-10", browser_login=True)
async def test_messages_of_a_browser_login_validate(parent: MockParent) -> None:
    """A browser login that is begun and canceled: every message validates."""
    login = await parent.begin_browser_login()
    canceled = await parent.cancel_login(login.member("loginId"))
    again = await parent.cancel_login(login.member("loginId"))
    await parent.settle()

    status_of = [response.member("status") for response in (canceled, again)]
    require("MANAGED-3", status_of == ["canceled", "notFound"], "canceled, notFound", status_of)


def report_methods(parent: MockParent) -> None:
    """Record which methods came that the revision does not describe, and which did not come."""
    described = {
        name
        for name, method in law(parent.revision).methods.items()
        if method["direction"] == "serverToClient"
    }
    said = {entry.method for entry in parent.transcript.received() if entry.method is not None}
    beyond = {LEGACY.sub("codex/event/*", method) for method in said - described}
    for title, methods in (
        ("methods beyond the revision", beyond),
        ("methods of the revision that did not come", described - said),
    ):
        parent.observe("WIRE-10", f"{title}: {', '.join(sorted(methods)) or 'none'}")
