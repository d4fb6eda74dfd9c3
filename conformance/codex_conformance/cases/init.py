"""INIT: the handshake."""

import re
from typing import Any

import pytest

from codex_conformance.bench import Bench
from codex_conformance.case import Setup, case, expect, not_applicable, require, since
from codex_conformance.exchange import REFRESH
from codex_conformance.mock_backend import MockBackend
from codex_conformance.mock_parent import ABSENT, CLIENT, MockParent
from codex_conformance.schema import judge
from codex_conformance.tokens import Mint

GATED = since("0.99")
LOGIN_DONE, UPDATED = "account/login/completed", "account/updated"
NO_NOTIFICATION = ("account", "account/", "account/*", "Account/Updated", "account/updated/x", "")
TURN = ("thread/started", "turn/started", "item/started", "item/completed")


@pytest.mark.parametrize(
    "setup",
    [Setup(handshake=False), Setup(handshake=False, stored_login="apiKey")],
    ids=["logged-out", "logged-in"],
)
@case("init/request-before", "INIT-1")
async def test_request_before_initialize_gets_an_error_and_changes_nothing(
    parent: MockParent, tokens: Mint, bench: Bench, setup: Setup
) -> None:
    """Any request before `initialize` gets an error, and nobody is logged in or out by it."""
    wanted = None if setup.stored_login is None else {"type": "apiKey"}
    await parent.initialize()
    usual = await parent.read_account()
    if wanted is not None and usual.nobody:
        not_applicable("the target reads no login from auth.json")
    clause = "READ-1" if wanted is None else "APIKEY-4"
    require(clause, usual.ok and usual.account == wanted, f"the account {wanted}", usual)
    await bench.restart()
    before = parent.mark()
    requests: list[tuple[str, Any]] = [
        ("account/read", {}),
        ("account/logout", ABSENT),
        ("account/login/start", parent.login_params(tokens.mint())),
        ("account/login/start", {"type": "apiKey", "apiKey": tokens.api_key()}),
        ("account/login/cancel", {"loginId": "00000000-0000-4000-8000-000000000000"}),
        ("thread/start", {"model": "mock-model"}),
        ("no/such/method", {}),
    ]
    for method, params in requests:
        response = await parent.call(method, params)
        expect("INIT-1", response.refused, f"an error for {method} before initialize", response)
    greeting = await parent.initialize()
    require("INIT-3", greeting.ok, "initialize to be accepted", greeting)
    read = await parent.read_account()

    expect("INIT-1", read.ok and read.account == wanted, f"the account {wanted} as stored", read)
    told = parent.account_notifications(before)
    expect("INIT-1", not told, "no login or logout to be announced", told[0] if told else None)


@case("init/initialized-alone", "INIT-1", handshake=False)
async def test_initialized_does_not_stand_in_for_initialize(parent: MockParent) -> None:
    """The notification `initialized` without `initialize` opens nothing."""
    await parent.notify("initialized")
    early = await parent.read_account()
    greeting = await parent.initialize()
    read = await parent.read_account()

    expect("INIT-1", early.refused, "an error for account/read before initialize", early)
    require("INIT-3", greeting.ok and read.ok, "initialize to open the connection", greeting)


@case("init/second", "INIT-2")
async def test_second_initialize_gets_an_error_and_changes_nothing(
    parent: MockParent, tokens: Mint
) -> None:
    """A second `initialize`, the same or another, is refused; login and capabilities stay."""
    await parent.login(tokens.mint())
    before = await parent.read_account()
    require("READ-1", before.ok, "account/read to be answered", before)
    require("LOGIN-3", bool(parent.notifications(UPDATED)), UPDATED, None)
    same = await parent.call("initialize", parent.initialize_params())
    other = parent.initialize_params(experimental=False, opt_out=(UPDATED,), name="somebody-else")
    different = await parent.call("initialize", other)
    read = await parent.read_account()
    mark = parent.mark()
    again = await parent.try_login(tokens.mint())
    await parent.settle()

    expect("INIT-2", same.refused, "an error for the same initialize again", same)
    expect("INIT-2", different.refused, "an error for another initialize", different)
    expect("INIT-2", read.account == before.account, f"the account {before.account}", read)
    expect("INIT-2", again.ok, "the capabilities of the first, so that a login is taken", again)
    updated = parent.notifications(UPDATED, mark)
    expect("INIT-2", bool(updated), f"the opt-outs of the first, so that {UPDATED} comes", updated)


@case("init/second-opens-no-gate", "INIT-2", revisions=GATED, experimental=False)
async def test_second_initialize_does_not_add_a_capability(
    parent: MockParent, tokens: Mint
) -> None:
    """A refused `initialize` with `experimentalApi` does not let external tokens in."""
    params = parent.login_params(tokens.mint())
    control = await parent.call("account/login/start", params)
    require("INIT-4", control.refused, "the login without the capability to be refused", control)
    second = await parent.call("initialize", parent.initialize_params())
    login = await parent.call("account/login/start", params)

    expect("INIT-2", second.refused, "an error for a second initialize", second)
    expect("INIT-2", login.refused, "the login to be refused as before", login)


LEAST = {"name": "acme_parent", "version": "0.0.1"}
GREETINGS: dict[str, dict[str, Any]] = {
    "least": {"clientInfo": LEAST},
    "nulls": {"clientInfo": LEAST | {"title": None}, "capabilities": None},
    "no-capability": {"clientInfo": LEAST, "capabilities": {}},
    "full": {"clientInfo": CLIENT, "capabilities": {"experimentalApi": True}},
    "name-with-a-blank": {"clientInfo": LEAST | {"name": "Acme Parent", "title": "Acme"}},
}


@pytest.mark.parametrize("params", GREETINGS.values(), ids=GREETINGS)
@case("init/response", "INIT-3", handshake=False)
async def test_initialize_is_answered_with_the_members_of_the_revision(
    parent: MockParent, params: dict[str, Any]
) -> None:
    """The response has the revision's members; `userAgent` begins with client and version."""
    response = await parent.call("initialize", params)
    await parent.notify("initialized")
    read = await parent.read_account()

    expect("INIT-3", response.ok, "a result", response)
    fault, _growth = judge(parent.revision, "InitializeResponse", response.result)
    expect("INIT-3", fault is None, "the members of the revision", fault)
    name = params["clientInfo"]["name"]
    agent = response.member("userAgent")
    good = isinstance(agent, str) and re.match(rf"{re.escape(name)}/[^\s/]+", agent) is not None
    expect("INIT-3", good, f"a userAgent that begins {name}/<version>", response)
    require("INIT-1", read.ok, "the connection to be open then", read)


@pytest.mark.parametrize(
    "capabilities",
    [ABSENT, None, {}, {"experimentalApi": False}],
    ids=["absent", "null", "empty", "false"],
)
@case("init/gate", "INIT-4", revisions=GATED, handshake=False)
async def test_external_login_without_the_capability_is_refused(
    parent: MockParent, tokens: Mint, capabilities: Any
) -> None:
    """Without `experimentalApi: true` the login gets an error that names the capability."""
    await greet(parent, capabilities)
    usual = await parent.read_account()
    require("READ-1", usual.nobody, "nobody to be logged in before", usual)
    before = parent.mark()
    login = await parent.call("account/login/start", parent.login_params(tokens.mint()))
    read = await parent.read_account()
    await parent.settle()

    expect("INIT-4", login.refused, "an error for the login", login)
    named = login.error_mentions("experimentalApi")
    expect("INIT-4", named, "an error that names experimentalApi", login)
    expect("INIT-4", read.nobody, "nobody to be logged in", read)
    told = parent.account_notifications(before)
    expect("INIT-4", not told, "no login to be announced", told[0] if told else None)


@case("init/gate-keeps-login", "INIT-4", revisions=GATED, experimental=False, stored_login="apiKey")
async def test_refused_capability_leaves_who_was_logged_in(
    parent: MockParent, tokens: Mint
) -> None:
    """A login refused for the capability does not touch the login that was there."""
    before = await parent.read_account()
    if before.nobody:
        not_applicable("the target reads no login from auth.json")
    require("APIKEY-4", before.account == {"type": "apiKey"}, "the stored API key", before)
    login = await parent.call("account/login/start", parent.login_params(tokens.mint()))
    read = await parent.read_account()

    expect("INIT-4", login.refused, "an error for the login", login)
    expect("INIT-4", read.account == {"type": "apiKey"}, "the account of the API key", read)


@pytest.mark.parametrize("capabilities", [ABSENT, {}], ids=["absent", "empty"])
@case("init/no-gate", "INIT-4", revisions=("0.93",), handshake=False)
async def test_external_login_needs_no_capability(
    parent: MockParent, tokens: Mint, bench: Bench, capabilities: Any
) -> None:
    """In 0.93 a client without any capability logs in with external tokens."""
    await parent.initialize()
    await parent.login(tokens.mint())
    await bench.restart()
    await greet(parent, capabilities)
    login = await parent.try_login(tokens.mint())

    expect("INIT-4", login.ok, "the login to be accepted", login)


async def greet(parent: MockParent, capabilities: Any) -> None:
    """Initialize with exactly these capabilities, which the case needs."""
    params = {"clientInfo": CLIENT}
    params |= {} if capabilities is ABSENT else {"capabilities": capabilities}
    greeting = await parent.call("initialize", params)
    require("INIT-3", greeting.ok, "initialize to be accepted", greeting)
    await parent.notify("initialized")


async def see_login_announced(bench: Bench) -> None:
    """See a login announced where nothing is opted out of, which the case needs; then restart."""
    parent = bench.parent
    await parent.initialize()
    await parent.login(bench.mint.mint())
    for clause, method in (("LOGIN-2", LOGIN_DONE), ("LOGIN-3", UPDATED)):
        require(clause, bool(parent.notifications(method)), method, None)
    await bench.restart()


@pytest.mark.parametrize(
    ("silent", "loud"),
    [(UPDATED, LOGIN_DONE), (LOGIN_DONE, UPDATED)],
    ids=["updated", "login-completed"],
)
@case("init/opt-out", "INIT-5", handshake=False)
async def test_notification_opted_out_of_does_not_come(
    parent: MockParent, tokens: Mint, bench: Bench, silent: str, loud: str
) -> None:
    """Exactly the named notification is silenced, at login and at logout; responses come."""
    await see_login_announced(bench)
    before = parent.mark()
    await parent.initialize(opt_out=(silent,))
    login = await parent.try_login(tokens.mint())
    await parent.settle()
    logout = await parent.try_logout()
    await parent.settle()

    expect("INIT-5", login.ok, "the response to the login", login)
    expect("INIT-5", logout.answered, "the response to the logout", logout)
    came = parent.notifications(silent, before)
    expect("INIT-5", not came, f"no {silent}", came[0] if came else None)
    others = parent.notifications(loud, before)
    expect("INIT-5", bool(others), f"{loud}, which was not named", None)


@case("init/opt-out-is-exact", "INIT-5", handshake=False)
async def test_opt_out_of_another_name_silences_nothing(
    parent: MockParent, tokens: Mint, bench: Bench
) -> None:
    """Neither a prefix nor a pattern nor another case names a notification."""
    await see_login_announced(bench)
    before = parent.mark()
    await parent.initialize(opt_out=NO_NOTIFICATION)
    await parent.login(tokens.mint())

    for method in (LOGIN_DONE, UPDATED):
        came = parent.notifications(method, before)
        expect("INIT-5", bool(came), f"{method}, which was not named", None)


@case("init/opt-out-of-a-turn", "INIT-5", opt_out=TURN)
async def test_opt_out_of_a_turns_notifications_silences_only_those(
    parent: MockParent, tokens: Mint
) -> None:
    """With the steps of a turn silenced its end is still told."""
    await parent.login(tokens.mint())
    outcome = await parent.run_turn()

    expect("INIT-5", outcome.ended, "turn/completed, which was not named", outcome)
    for method in TURN:
        came = parent.notifications(method)
        expect("INIT-5", not came, f"no {method}", came[0] if came else None)


@case("init/opt-out-of-no-notification", "INIT-5", handshake=False)
async def test_opt_out_never_silences_responses_and_server_requests(
    parent: MockParent, backend: MockBackend, tokens: Mint, bench: Bench
) -> None:
    """Named like a notification, a response and a server request come all the same."""
    first, second, third = tokens.mint(), tokens.mint(), tokens.mint()
    await parent.initialize()
    await parent.login(first)
    backend.expire(first)
    control = await parent.refreshed_turn(second)
    require("REFRESH-3", control.completed, "the turn to complete after a refresh", control)
    await bench.restart()
    await parent.initialize(opt_out=("account/login/start", "account/read", "turn/start", REFRESH))
    login, read = await parent.try_login(second), await parent.read_account()
    expect("INIT-5", login.ok, "the response to the login", login)
    expect("INIT-5", read.ok, "the response to account/read", read)
    backend.expire(second)
    turn = await parent.start_turn()
    request = await parent.refresh_if_any()
    expect("INIT-5", request is not None, "the refresh request", request)
    assert request is not None
    await request.answer(third)
    outcome = await turn.outcome()

    require("REFRESH-3", outcome.completed, "the turn to complete after the refresh", outcome)
