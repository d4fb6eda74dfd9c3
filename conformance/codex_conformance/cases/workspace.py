"""WORKSPACE: `forced_chatgpt_workspace_id`."""

import json

import pytest

from codex_conformance.bench import Bench
from codex_conformance.case import Setup, case, expect, require, since
from codex_conformance.exchange import Outcome, Response
from codex_conformance.expectations import (
    expect_logged_in,
    expect_login_refused,
    expect_nobody,
    expect_turn_as,
)
from codex_conformance.mock_backend import MockBackend
from codex_conformance.mock_parent import MockParent
from codex_conformance.tokens import ALPHA, BETA, GAMMA, ExternalTokens, Mint


def expect_workspace_named(response: Response) -> None:
    """Expect that the error of a refused login names the forced workspace."""
    error = json.dumps(response.message.get("error"))
    expect("WORKSPACE-1", ALPHA in error, f"an error that names {ALPHA}", response)


def expect_never_sent(clause: str, backend: MockBackend, wrong: ExternalTokens) -> None:
    """Expect that no request, to whatever endpoint, carried these tokens."""
    sent = backend.requests_with(wrong)
    expect(clause, not sent, "no request with the refused tokens", sent[0] if sent else None)


@case("workspace/login-elsewhere", "WORKSPACE-1", forced_workspace=ALPHA)
async def test_login_with_another_workspace_logs_nobody_in(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """Tokens of another workspace get an error that names the forced one, and nothing changes."""
    wrong = tokens.mint(BETA)
    response = await expect_login_refused("WORKSPACE-1", parent, parent.login_params(wrong))

    expect_workspace_named(response)
    await expect_nobody("WORKSPACE-1", parent)
    expect_never_sent("WORKSPACE-1", backend, wrong)


@case("workspace/login-elsewhere-keeps-login", "WORKSPACE-1", forced_workspace=ALPHA)
async def test_login_with_another_workspace_leaves_the_login(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """Tokens of another workspace get an error, and whoever was logged in still is."""
    given, wrong = tokens.mint(ALPHA), tokens.mint(BETA)
    await parent.login(given)
    response = await expect_login_refused("WORKSPACE-1", parent, parent.login_params(wrong))

    expect_workspace_named(response)
    await expect_logged_in("WORKSPACE-1", parent, given)
    await expect_turn_as("WORKSPACE-1", parent, backend, given)
    expect_never_sent("WORKSPACE-1", backend, wrong)


@case("workspace/login-elsewhere-keeps-key", "WORKSPACE-1", forced_workspace=ALPHA)
async def test_login_with_another_workspace_leaves_the_api_key(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """Tokens of another workspace get an error, and an API key that was active still is."""
    key, wrong = tokens.api_key(), tokens.mint(BETA)
    await parent.login_api_key(key)
    await expect_login_refused("WORKSPACE-1", parent, parent.login_params(wrong))

    await expect_turn_as("WORKSPACE-1", parent, backend, key)
    expect_never_sent("WORKSPACE-1", backend, wrong)


@case(
    "workspace/login-elsewhere-keeps-browser-login",
    "WORKSPACE-1",
    forced_workspace=ALPHA,
    browser_login=True,
)
async def test_login_with_another_workspace_leaves_a_browser_login_in_progress(
    parent: MockParent, tokens: Mint
) -> None:
    """Tokens of another workspace get an error, and a browser login that waits still does."""
    login_id = (await parent.begin_browser_login()).member("loginId")
    await expect_login_refused("WORKSPACE-1", parent, parent.login_params(tokens.mint(BETA)))

    canceled = await parent.cancel_login(login_id)
    waits = canceled.member("status") == "canceled"
    expect("WORKSPACE-1", waits, "the browser login to wait until it is canceled", canceled)


@case("workspace/login", "WORKSPACE-2", forced_workspace=ALPHA)
async def test_login_with_the_forced_workspace_works(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """Tokens of the forced workspace are accepted and used, also after a refusal."""
    given = tokens.mint(ALPHA)
    await parent.call("account/login/start", parent.login_params(tokens.mint(BETA)))
    response = await parent.try_login(given)
    await parent.settle()

    expect("WORKSPACE-2", response.ok, "the login to be accepted", response)
    await expect_logged_in("WORKSPACE-2", parent, given)
    await expect_turn_as("WORKSPACE-2", parent, backend, given)


@case("workspace/refresh", "WORKSPACE-2", forced_workspace=ALPHA)
async def test_refresh_with_the_forced_workspace_completes_the_turn(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """A refresh that is answered with the forced workspace is taken as without restriction."""
    old, new = tokens.mint(ALPHA), tokens.mint(ALPHA)
    await parent.login(old)
    backend.expire(old)
    outcome = await parent.refreshed_turn(new)

    expect("WORKSPACE-2", outcome.completed, "the turn to complete after the refresh", outcome)
    await expect_logged_in("WORKSPACE-2", parent, new)


async def turn_answered_with(parent: MockParent, wrong: ExternalTokens) -> tuple[bool, Outcome]:
    """A turn whose refresh is answered with tokens to be refused: whether it asked, and its end."""
    turn = await parent.start_turn()
    request = await parent.refresh_in(turn)
    if request is not None:
        await request.answer_unheeded(wrong)
    outcome = await turn.outcome()
    await parent.settle()
    return request is not None, outcome


@case("workspace/refresh-elsewhere", "WORKSPACE-3", forced_workspace=ALPHA)
async def test_refresh_with_another_workspace_fails_the_turn(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """Another workspace's tokens fail the turn, and the backend never sees them, then or later."""
    old, wrong = tokens.mint(ALPHA), tokens.mint(BETA)
    await parent.login(old)
    backend.expire(old)
    asked, outcome = await turn_answered_with(parent, wrong)
    require("REFRESH-1", asked, "a refresh request after the 401", outcome)
    expect("WORKSPACE-3", outcome.failed, "the turn to fail with an error", outcome)

    await turn_answered_with(parent, wrong)
    expect_never_sent("WORKSPACE-3", backend, wrong)


@pytest.mark.parametrize("times", [1, 3], ids=["once", "again-and-again"])
@case("workspace/good-answer-after", "WORKSPACE-4", forced_workspace=ALPHA)
async def test_refresh_after_another_workspace_is_asked_anew_and_completes(
    parent: MockParent, backend: MockBackend, tokens: Mint, times: int
) -> None:
    """However often another workspace was answered, the next turn asks and takes a good answer."""
    old, good = tokens.mint(ALPHA), tokens.mint(ALPHA)
    await parent.login(old)
    backend.expire(old)
    wanted = "the next turn to ask anew and, answered well, to complete"
    for earlier in range(times):
        asked, outcome = await turn_answered_with(parent, tokens.mint(BETA))
        expect("WORKSPACE-4", asked or not earlier, wanted, outcome)

    turn = await parent.start_turn()
    request = await parent.refresh_in(turn)
    expect("WORKSPACE-4", request is not None, wanted, request or await turn.outcome())
    assert request is not None
    await request.answer(good)
    outcome = await turn.outcome()
    expect("WORKSPACE-4", outcome.completed, wanted, outcome)
    await expect_turn_as("WORKSPACE-4", parent, backend, good)


@case("workspace/refresh-elsewhere-keeps-account", "WORKSPACE-5", forced_workspace=ALPHA)
async def test_refresh_with_another_workspace_leaves_the_account(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """`account/read` shows the account from before, after the refused answer and after more."""
    old = tokens.mint(ALPHA)
    await parent.login(old)
    backend.expire(old)
    asked, outcome = await turn_answered_with(parent, tokens.mint(BETA))
    require("REFRESH-1", asked, "a refresh request after the 401", outcome)
    await expect_logged_in("WORKSPACE-5", parent, old)

    turn = await parent.start_turn()
    request = await parent.refresh_in(turn)
    if request is not None:
        await request.fail()
    await turn.outcome()
    await expect_logged_in("WORKSPACE-5", parent, old)


@case("workspace/refresh-elsewhere-then-login", "WORKSPACE-2", forced_workspace=ALPHA)
async def test_login_after_a_refused_refresh_works(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """After a refresh with another workspace a login with the forced one is accepted and used."""
    old, wrong, given = tokens.mint(ALPHA), tokens.mint(BETA), tokens.mint(ALPHA)
    await parent.login(old)
    backend.expire(old)
    await turn_answered_with(parent, wrong)
    response = await parent.try_login(given)
    await parent.settle()

    expect("WORKSPACE-2", response.ok, "the login to be accepted", response)
    await expect_turn_as("WORKSPACE-2", parent, backend, given)


@case("workspace/list", "WORKSPACE-6", forced_workspace=[ALPHA, BETA], revisions=since("0.169"))
async def test_login_with_any_of_a_list_works(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """Tokens of any workspace in the list are accepted and used; others are refused."""
    for account in (BETA, ALPHA):
        given = tokens.mint(account)
        response = await parent.try_login(given)
        await parent.settle()
        expect("WORKSPACE-6", response.ok, f"a login with {account} to be accepted", response)
        await expect_turn_as("WORKSPACE-6", parent, backend, given)

    wrong = tokens.mint(GAMMA)
    await expect_login_refused("WORKSPACE-6", parent, parent.login_params(wrong))
    await expect_logged_in("WORKSPACE-6", parent, given)
    expect_never_sent("WORKSPACE-6", backend, wrong)


@case(
    "workspace/list-refresh-elsewhere",
    "WORKSPACE-6",
    forced_workspace=[ALPHA, BETA],
    revisions=since("0.169"),
)
async def test_refresh_with_none_of_a_list_fails_the_turn(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """A refresh that is answered with a workspace outside the list fails the turn."""
    old = tokens.mint(ALPHA)
    wrong = tokens.mint(GAMMA)
    await parent.login(old)
    backend.expire(old)
    asked, outcome = await turn_answered_with(parent, wrong)

    require("REFRESH-1", asked, "a refresh request after the 401", outcome)
    expect("WORKSPACE-6", outcome.failed, "the turn to fail with an error", outcome)
    expect_never_sent("WORKSPACE-6", backend, wrong)


@pytest.mark.parametrize(
    ("setup", "accounts"),
    [
        (Setup(forced_workspace=f"  {ALPHA} "), [ALPHA]),
        (Setup(forced_workspace=[f" {ALPHA}", f"{BETA}  "]), [ALPHA, BETA]),
    ],
    ids=["string", "list"],
)
@case("workspace/surrounding-blanks", "WORKSPACE-6", revisions=since("0.169"))
async def test_blanks_around_a_forced_workspace_do_not_count(
    parent: MockParent, tokens: Mint, setup: Setup, accounts: list[str]
) -> None:
    """A workspace id with blanks around it lets in that workspace, and no other."""
    for account in accounts:
        response = await parent.try_login(tokens.mint(account))
        await parent.settle()
        forced = f"{account} to be accepted under {setup.forced_workspace}"
        expect("WORKSPACE-6", response.ok, f"a login with {forced}", response)

    await expect_login_refused("WORKSPACE-6", parent, parent.login_params(tokens.mint(GAMMA)))


BLANK: tuple[str | list[str], ...] = ("  ", [], ["", " "])


@pytest.mark.parametrize(
    "setup",
    [Setup(forced_workspace=blank, handshake=False) for blank in BLANK],
    ids=["string", "empty-list", "list"],
)
@case("workspace/blank", "WORKSPACE-6", revisions=since("0.169"))
async def test_blank_forced_workspace_restricts_nobody_or_somebody(
    bench: Bench, parent: MockParent, tokens: Mint, setup: Setup
) -> None:
    """A blank workspace, none at all or only blank ones may mean no restriction."""
    forced = f"forced_chatgpt_workspace_id = {json.dumps(setup.forced_workspace)}"
    greeted = await parent.initialize()
    if not greeted.ok:
        verdict = "keeps the server from starting"
    else:
        response = await parent.try_login(tokens.mint())
        await parent.settle()
        verdict = "restricts nobody" if response.ok else "refuses logins"
    parent.observe("WORKSPACE-6", f"{forced} {verdict}")
    if verdict != "restricts nobody":
        await parent.hang_up()
        await expect_unrestricted_login(bench)


async def expect_unrestricted_login(bench: Bench) -> None:
    """Expect that it was the workspace: started again without one, the target takes a login."""
    bench.home.configure(Setup(), bench.origin, bench.judged.client_version)
    await bench.restart()
    greeted = await bench.parent.initialize()
    require("INIT-3", greeted.ok, "a server that starts without a forced workspace", greeted)
    await bench.parent.login(bench.mint.mint())
