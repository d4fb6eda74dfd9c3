"""WIRE-6 and WIRE-7: params that are wrong, and members that nobody knows."""

from typing import Any
from uuid import UUID

import pytest

from codex_conformance.case import case, expect, require
from codex_conformance.exchange import Response
from codex_conformance.faults import faulty
from codex_conformance.mock_backend import MockBackend
from codex_conformance.mock_parent import ABSENT, MockParent
from codex_conformance.tokens import ExternalTokens, Mint
from codex_conformance.wire import Entry

NO_LOGIN = str(UUID(int=4, version=4))  # a loginId that nobody was given
WORDS = [{"type": "text", "text": "Say hello."}]
STARTED = ("turn/started", "thread/started")


async def expect_refused(
    parent: MockParent, method: str, type_name: str, good: dict[str, Any]
) -> None:
    """Expect an error for everything that `good` becomes by one fault, and nothing to happen.

    What is told of the thread or turn that `good` names began before.
    """
    earlier = {str(value) for name, value in good.items() if name in ("threadId", "turnId")}
    before, account = parent.mark(), (await parent.read_account()).account
    for what, params in faulty(parent.revision, type_name, good):
        response = await parent.call(method, params)
        expect("WIRE-6", response.refused, f"an error for {method} with {what}", response)
    after = await parent.read_account()
    await parent.settle()

    expect("WIRE-6", after.account == account, f"the account {account} as before", after)
    told = parent.account_notifications(before)
    told += [
        entry
        for news in STARTED
        for entry in parent.notifications(news, before)
        if _begun(entry) not in earlier
    ]
    expect("WIRE-6", not told, "nothing to be announced", told[0] if told else None)


def _begun(entry: Entry) -> Any:
    """The id of the thread or turn that is said to have started."""
    started = entry.params.get(str(entry.method).partition("/")[0])
    return started.get("id") if isinstance(started, dict) else None


def expect_accepted(response: Response) -> None:
    """Expect that the same params without a fault are fine: no refusal was for another reason."""
    require(None, response.ok, f"{response.method} to take params without a fault", response)


@pytest.mark.parametrize("logged_in", [True, False], ids=["logged-in", "logged-out"])
@case("wire/wrong-params/external-login", "WIRE-6")
async def test_external_login_with_wrong_params_changes_nothing(
    parent: MockParent, tokens: Mint, logged_in: bool
) -> None:
    """A login with external tokens with one wrong type or missing member gets an error."""
    if logged_in:
        await parent.login(tokens.mint())
    good = parent.login_params(tokens.mint().stating("plus"))
    await expect_refused(parent, "account/login/start", "LoginAccountParams", good)
    expect_accepted(await parent.call("account/login/start", good))


@case("wire/wrong-params/number-for-type", "WIRE-6")
async def test_login_with_a_number_for_its_type_changes_nothing(
    parent: MockParent, tokens: Mint
) -> None:
    """A number is no login type, whichever position the type has in a list."""
    await parent.login(tokens.mint())
    account = (await parent.read_account()).account
    good = parent.login_params(tokens.mint())
    for number in range(8):
        response = await parent.call("account/login/start", good | {"type": number})
        expect("WIRE-6", response.refused, f"an error for a login with type {number}", response)
    after = await parent.read_account()

    expect("WIRE-6", after.account == account, f"the account {account} as before", after)
    expect_accepted(await parent.call("account/login/start", good))


@case("wire/wrong-params/api-key-login", "WIRE-6")
async def test_api_key_login_with_wrong_params_changes_nothing(
    parent: MockParent, tokens: Mint
) -> None:
    """A login with an API key with one wrong type or missing member gets an error."""
    await parent.login_api_key(tokens.api_key())
    good = {"type": "apiKey", "apiKey": tokens.api_key()}
    await expect_refused(parent, "account/login/start", "LoginAccountParams", good)
    expect_accepted(await parent.call("account/login/start", good))


@pytest.mark.parametrize(
    ("method", "type_name", "good"),
    [
        ("account/login/cancel", "CancelLoginAccountParams", {"loginId": NO_LOGIN}),
        ("account/read", "GetAccountParams", {"refreshToken": False}),
        ("thread/start", "ThreadStartParams", {"model": "mock-model", "sandbox": "read-only"}),
    ],
    ids=["cancel", "read", "thread-start"],
)
@case("wire/wrong-params", "WIRE-6")
async def test_request_with_wrong_params_changes_nothing(
    parent: MockParent, tokens: Mint, method: str, type_name: str, good: dict[str, Any]
) -> None:
    """Params with one wrong type or missing member get an error."""
    await parent.login(tokens.mint())
    await expect_refused(parent, method, type_name, good)
    expect_accepted(parent.offered(await parent.call(method, good), method))


@case("wire/wrong-params/turn-start", "WIRE-6")
async def test_turn_start_with_wrong_params_starts_no_turn(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """A turn with one wrong type or missing member is not started; without, it is."""
    await parent.login(tokens.mint())
    thread = await parent.start_thread()
    await parent.settle()
    good = {"threadId": thread, "input": WORDS}
    await expect_refused(parent, "turn/start", "TurnStartParams", good)
    sent = backend.turn_requests
    expect("WIRE-6", not sent, "no request to the model", sent[0] if sent else None)
    outcome = await parent.run_turn(thread)
    require(None, outcome.completed, "a turn to complete", outcome)


@case("wire/wrong-params/turn-interrupt", "WIRE-6")
async def test_turn_interrupt_with_wrong_params_interrupts_nothing(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """An interruption with one wrong type or missing member gets an error; the turn goes on."""
    await parent.login(tokens.mint())
    backend.hold()
    turn = await parent.start_turn()
    await parent.until(lambda: backend.held or None, "the turn's request")
    await parent.settle()
    good = {"threadId": turn.thread, "turnId": turn.id}
    await expect_refused(parent, "turn/interrupt", "TurnInterruptParams", good)
    backend.release()
    outcome = await turn.outcome()

    ended = outcome.ended and outcome.status != "interrupted"
    expect("WIRE-6", ended, "the turn to go on to its end", outcome)


@case("wire/wrong-params/initialize", "WIRE-6", handshake=False)
async def test_initialize_with_wrong_params_does_not_initialize(parent: MockParent) -> None:
    """`initialize` with one wrong type or missing member gets an error; a good one then works."""
    good = parent.initialize_params(opt_out=("no/such/method",))
    for what, params in faulty(parent.revision, "InitializeParams", good):
        response = await parent.call("initialize", params)
        expect("WIRE-6", response.refused, f"an error for initialize with {what}", response)
    greeting = await parent.initialize(opt_out=("no/such/method",))
    read = await parent.read_account()

    expect("WIRE-6", greeting.ok, "initialize to work after those", greeting)
    expect("WIRE-6", read.account is None, "nobody to be logged in", read)


@case("wire/array-params", "WIRE-6")
async def test_array_in_place_of_an_object_is_reported(parent: MockParent, tokens: Mint) -> None:
    """What an array gets where an object belongs is up to the server, as long as it answers."""
    first, second = tokens.mint(), tokens.mint()
    await parent.login(first)
    positions = list(parent.login_params(second.stating("pro")).values())
    for what, method, params in (
        ("account/read with []", "account/read", []),
        ("account/read with [false]", "account/read", [False]),
        ("a login with []", "account/login/start", []),
        ("a login with its members in order", "account/login/start", positions),
    ):
        response = await parent.call(method, params)
        expect("WIRE-6", response.answered, f"an answer to {what}", response)
        parent.observe("WIRE-6", f"{what} gets {'an error' if response.refused else 'a result'}")


def strewn(value: Any) -> Any:
    """A value with members that nobody knows in every object, at every depth."""
    if isinstance(value, list):
        return [strewn(item) for item in value]
    if not isinstance(value, dict):
        return value
    known = {name: strewn(member) for name, member in value.items()}
    unknown: dict[str, Any] = {"futureText": "text", "futureObject": {"type": [None, {"id": 1}]}}
    return {"futureNull": None} | known | unknown


@case("wire/unknown-members", "WIRE-7", handshake=False)
async def test_unknown_members_of_requests_are_ignored(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """Members that the schema does not know are ignored, from the envelope to the innermost."""
    plainly, parent.dress = parent.dress, strewn
    greeting = await parent.initialize(opt_out=("no/such/method",))
    expect("WIRE-7", greeting.ok, "initialize with unknown members to be accepted", greeting)
    parent.dress = plainly
    await parent.login_and_read(tokens.mint())
    parent.dress = strewn
    given = tokens.mint()
    login, read = await parent.try_login(given), await parent.read_account(refresh_token=False)
    expect("WIRE-7", login.ok, "a login with unknown members to be accepted", login)
    named = read.names(given)
    expect("WIRE-7", named, "account/read with unknown members to name the account", read)
    thread = await parent.call("thread/start", {"model": "mock-model"})
    expect("WIRE-7", thread.ok, "thread/start with unknown members to be accepted", thread)
    turn_params = {"threadId": thread.result["thread"]["id"], "input": WORDS}
    turn = await parent.call("turn/start", turn_params)
    expect("WIRE-7", turn.ok, "turn/start with unknown members to be accepted", turn)
    await parent.until(lambda: backend.turn_requests or None, "the turn's request")


def of_both_revisions(given: ExternalTokens) -> dict[str, Any]:
    """What a client sends that wants to please every revision."""
    return given.stating("pro").members("0.99") | given.members("0.93")


@case("wire/members-of-other-revision", "WIRE-7")
async def test_login_in_both_shapes_at_once_is_accepted(parent: MockParent, tokens: Mint) -> None:
    """The members of another revision are unknown ones, and are ignored."""
    given = tokens.mint()
    await parent.login_and_read(tokens.mint())
    params = {"type": "chatgptAuthTokens"} | of_both_revisions(given)
    login = await parent.call("account/login/start", params)
    read = await parent.read_account()

    expect("WIRE-7", login.ok, "a login with both shapes to be accepted", login)
    expect("WIRE-7", read.names(given), "account/read to name the new account", read)


@pytest.mark.parametrize("form", ["unknown-members", "other-revision"])
@case("wire/unknown-members-in-answer", "WIRE-7")
async def test_unknown_members_of_an_answer_are_ignored(
    parent: MockParent, backend: MockBackend, tokens: Mint, form: str
) -> None:
    """A refresh answer with members that the schema does not know is as good as without."""
    old, plain, new = tokens.mint(), tokens.mint(), tokens.mint()
    await parent.login(old)
    backend.expire(old)
    control = await parent.refreshed_turn(plain)
    require("REFRESH-3", control.completed, "the turn to complete after a refresh", control)
    backend.expire(plain)
    turn = await parent.start_turn()
    request = await parent.next_refresh()
    parent.use_bearer(new.access_token, "REFRESH-5")
    members = of_both_revisions(new) if form == "other-revision" else new.members(parent.revision)
    answer = {"id": request.id, "result": members}
    await parent.send(strewn(answer) if form == "unknown-members" else answer)
    outcome = await turn.outcome()

    expect("WIRE-7", outcome.completed, "an answer with unknown members to do", outcome)


@case("wire/params-for-none", "WIRE-7")
async def test_params_on_a_method_without_any_are_reported(
    parent: MockParent, tokens: Mint
) -> None:
    """What params get on a method that has none is up to the server, as long as it answers."""
    shapes: dict[str, Any] = {"null": None, "{}": {}, "a member": {"x": 1}, "[]": [], "a text": ""}
    for what, params in shapes.items():
        await parent.login(tokens.mint())
        response = await parent.call("account/logout", params)
        expect("WIRE-7", response.answered, f"an answer to account/logout with {what}", response)
        read = await parent.read_account()
        told = "an error" if response.refused else "a result"
        stays = "nobody is logged in" if read.nobody else "the login stays"
        parent.observe("WIRE-7", f"account/logout with {what}: {told}, {stays}")
    absent = await parent.call("account/logout", ABSENT)
    require("LOGOUT-1", absent.ok, "the logout without params to be accepted", absent)
