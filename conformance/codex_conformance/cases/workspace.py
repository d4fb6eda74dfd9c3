"""WORKSPACE: `forced_chatgpt_workspace_id`."""

import json
from typing import Any

import pytest

from codex_conformance.case import Setup, case, expect
from codex_conformance.exchange import Response
from codex_conformance.expectations import (
    expect_account,
    expect_announced,
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
    await expect_account("WORKSPACE-1", parent, given.account)
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


@case("workspace/login", "WORKSPACE-2", forced_workspace=ALPHA)
async def test_login_with_the_forced_workspace_works(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """Tokens of the forced workspace are accepted, announced and used, also after a refusal."""
    given = tokens.mint(ALPHA)
    await parent.call("account/login/start", parent.login_params(tokens.mint(BETA)))
    before = parent.mark()
    response = await parent.try_login(given)
    await parent.settle()

    expect("WORKSPACE-2", response.ok, "the login to be accepted", response)
    expect_announced("WORKSPACE-2", parent, before)
    await expect_account("WORKSPACE-2", parent, given.account)
    await expect_turn_as("WORKSPACE-2", parent, backend, given)


@case("workspace/refresh", "WORKSPACE-2", forced_workspace=ALPHA)
async def test_refresh_with_the_forced_workspace_completes_the_turn(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """A refresh that is answered with the forced workspace is taken as without restriction."""
    old, new = tokens.mint(ALPHA), tokens.mint(ALPHA, plan="plus")
    await parent.login(old)
    backend.expire(old)
    outcome = await parent.refreshed_turn(new)

    expect("WORKSPACE-2", outcome.completed, "the turn to complete after the refresh", outcome)
    await expect_account("WORKSPACE-2", parent, new.account)


async def expect_refresh_refused(
    parent: MockParent, backend: MockBackend, wrong: ExternalTokens
) -> None:
    """Expect that a turn fails whose refresh is answered with the wrong workspace."""
    turn = await parent.start_turn()
    request = await parent.refresh_in(turn)
    if request is not None:
        await request.answer_unheeded(wrong)
    outcome = await turn.outcome()
    await parent.settle()
    expect("WORKSPACE-3", outcome.failed, "the turn to fail with an error", outcome)
    expect_never_sent("WORKSPACE-3", backend, wrong)


@pytest.mark.parametrize("times", [1, 3], ids=["once", "again-and-again"])
@case("workspace/refresh-elsewhere", "WORKSPACE-3", "WORKSPACE-4", forced_workspace=ALPHA)
async def test_refresh_with_another_workspace_fails_turns_until_a_good_answer(
    parent: MockParent, backend: MockBackend, tokens: Mint, times: int
) -> None:
    """Another workspace's tokens fail each turn until a good answer completes one."""
    old, good = tokens.mint(ALPHA), tokens.mint(ALPHA, plan="plus")
    wrongs = [tokens.mint(BETA) for _ in range(times)]
    await parent.login(old)
    backend.expire(old)
    for wrong in wrongs:
        await expect_refresh_refused(parent, backend, wrong)

    turn = await parent.start_turn()
    request = await parent.refresh_in(turn)
    if request is not None:
        await request.answer(good)
    outcome = await turn.outcome()
    anew = request is not None and outcome.completed
    expect("WORKSPACE-4", anew, "the next turn to ask anew and, answered well, complete", outcome)
    await expect_turn_as("WORKSPACE-4", parent, backend, good)
    for wrong in wrongs:
        expect_never_sent("WORKSPACE-3", backend, wrong)


@case("workspace/refresh-elsewhere-keeps-account", "WORKSPACE-5", forced_workspace=ALPHA)
async def test_refresh_with_another_workspace_leaves_the_account(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """`account/read` shows the account from before, after the refused answer and after more."""
    old = tokens.mint(ALPHA)
    await parent.login(old)
    backend.expire(old)
    turn = await parent.start_turn()
    await (await parent.next_refresh()).answer_unheeded(tokens.mint(BETA))
    await turn.outcome()
    await parent.settle()
    await expect_account("WORKSPACE-5", parent, old.account)

    turn = await parent.start_turn()
    request = await parent.refresh_in(turn)
    if request is not None:
        await request.fail()
    await turn.outcome()
    await expect_account("WORKSPACE-5", parent, old.account)


@case("workspace/refresh-elsewhere-then-login", "WORKSPACE-2", forced_workspace=ALPHA)
async def test_login_after_a_refused_refresh_works(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """After a refresh with another workspace a login with the forced one is accepted and used."""
    old, wrong, given = tokens.mint(ALPHA), tokens.mint(BETA), tokens.mint(ALPHA)
    await parent.login(old)
    backend.expire(old)
    turn = await parent.start_turn()
    await (await parent.next_refresh()).answer_unheeded(wrong)
    await turn.outcome()
    response = await parent.try_login(given)
    await parent.settle()

    expect("WORKSPACE-2", response.ok, "the login to be accepted", response)
    await expect_turn_as("WORKSPACE-2", parent, backend, given)


@case("workspace/list", "WORKSPACE-6", forced_workspace=[ALPHA, BETA], revisions=("0.169",))
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
    await expect_account("WORKSPACE-6", parent, given.account)
    expect_never_sent("WORKSPACE-6", backend, wrong)


@case(
    "workspace/list-refresh-elsewhere",
    "WORKSPACE-6",
    "WORKSPACE-3",
    forced_workspace=[ALPHA, BETA],
    revisions=("0.169",),
)
async def test_refresh_with_none_of_a_list_fails_the_turn(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """A refresh that is answered with a workspace outside the list fails the turn."""
    old = tokens.mint(ALPHA)
    await parent.login(old)
    backend.expire(old)

    await expect_refresh_refused(parent, backend, tokens.mint(GAMMA))


@pytest.mark.parametrize(
    "setup",
    [Setup(forced_workspace=f"  {ALPHA} "), Setup(forced_workspace=[f" {ALPHA}", f"{BETA}  "])],
    ids=["string", "list"],
)
@case("workspace/surrounding-blanks", "WORKSPACE-6", revisions=("0.169",))
async def test_blanks_around_a_forced_workspace_do_not_count(
    parent: MockParent, tokens: Mint, setup: Setup
) -> None:
    """A workspace id with blanks around it lets in that workspace, and no other."""
    forced = "the workspace" if isinstance(setup.forced_workspace, str) else "a member"
    for account in (BETA, ALPHA) if isinstance(setup.forced_workspace, list) else (ALPHA,):
        response = await parent.try_login(tokens.mint(account))
        await parent.settle()
        expect("WORKSPACE-6", response.ok, f"a login with {forced} to be accepted", response)

    await expect_login_refused("WORKSPACE-6", parent, parent.login_params(tokens.mint(GAMMA)))


BLANK: dict[str, Any] = {"a blank string": "  ", "an empty list": [], "a list of blanks": ["", " "]}


@pytest.mark.parametrize(
    ("setup", "what"),
    [(Setup(forced_workspace=value, handshake=False), what) for what, value in BLANK.items()],
    ids=["string", "empty-list", "list"],
)
@case("workspace/blank", "WORKSPACE-6", revisions=("0.169",))
async def test_blank_forced_workspace_restricts_nobody_or_somebody(
    parent: MockParent, tokens: Mint, setup: Setup, what: str
) -> None:
    """A blank workspace, no workspace or only blank ones may mean no restriction."""
    assert setup.forced_workspace is not None
    greeted = await parent.initialize()
    if not greeted.ok:
        await parent.hang_up()
        parent.observe("WORKSPACE-6", f"with {what} the server does not start")
        return
    response = await parent.try_login(tokens.mint())
    await parent.settle()

    verdict = "restricts nobody" if response.ok else "refuses logins"
    parent.observe("WORKSPACE-6", f"{what} {verdict}")
