"""SECRET: where tokens do not belong. The invariants after every case look at the same places."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from codex_conformance.bench import Bench
from codex_conformance.case import case, expect, not_applicable, require, since
from codex_conformance.expectations import (
    expect_nobody,
    expect_turn_without_token,
)
from codex_conformance.mock_backend import MockBackend
from codex_conformance.mock_parent import MockParent
from codex_conformance.replies import Reply, Request, Script, calling, completed_turn, unauthorized
from codex_conformance.tokens import ALPHA, BETA, ExternalTokens, Mint, Needles

ELSEWHERE = "http://elsewhere.example/v1/responses"
# The environment, which may be empty, and after it what no refusal says that repeats the command.
SHOW, SHOWN = "env; echo end-$((40+2))", "end-42"
COMMANDS: dict[str, dict[str, Any]] = {
    # No login shell: it would read the user's profile, and wait for whatever that waits for.
    "exec_command": {"cmd": SHOW, "login": False},
    "shell_command": {"command": SHOW, "login": False},
    "shell": {"command": ["sh", "-c", SHOW]},
}


@case("secret/nowhere-at-rest", "SECRET-1", "SECRET-2")
async def test_tokens_are_in_no_file_and_no_argument_while_the_server_runs(
    bench: Bench, parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """After login, turns, refresh and failures no file and no process argument holds a token."""

    def expect_nowhere(step: str) -> None:
        needles = Needles(tokens.secrets)
        found = bench.home.leak(needles)
        expect("SECRET-1", found is None, f"no token in any file after {step}", found)
        found = needles.find(parent.channel.arguments())
        expect("SECRET-2", found is None, f"no token in process arguments after {step}", found)

    old, new = tokens.mint(), tokens.mint()
    await parent.login(old)
    expect_nowhere("the login")
    await parent.run_turn()
    expect_nowhere("a turn")
    backend.expire(old)
    turn, request = await parent.refused_turn()
    expect_nowhere("a refresh request")
    await request.answer(new)
    await turn.outcome()
    expect_nowhere("a refresh")
    backend.expire(new)
    turn, request = await parent.refused_turn()
    await request.fail()
    await turn.outcome()
    expect_nowhere("a failed refresh")
    await parent.logout()
    expect_nowhere("the logout")


@case("secret/restart", "SECRET-1")
async def test_server_started_again_is_logged_out(
    bench: Bench, parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """A server that is started again in the same home knows nothing of tokens from before."""
    old = tokens.mint()
    await parent.login(old)
    backend.expire(old)
    await parent.refreshed_turn(tokens.mint())
    await bench.restart()
    since = len(backend.requests)

    await expect_nobody("SECRET-1", parent)
    await expect_turn_without_token("SECRET-1", parent, backend)
    for request in backend.requests[since:]:
        expect("SECRET-1", request.token is None, "no request with a token", request)


@case("secret/restart-after-failed-turn", "SECRET-1")
async def test_server_started_again_after_a_failed_turn_is_logged_out(
    bench: Bench, parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """Nor does it after a turn that failed, with a refresh request still open."""
    old = tokens.mint()
    await parent.login(old)
    backend.expire(old)
    turn, request = await parent.refused_turn()
    await request.fail()
    await turn.outcome()
    await parent.refused_turn()
    await bench.restart()

    await expect_nobody("SECRET-1", parent)


def _swapped(tokens: ExternalTokens, revision: str) -> dict[str, Any]:
    members = tokens.members(revision)
    return dict(zip(members, reversed(members.values()), strict=True))


BAD_LOGINS: dict[str, Callable[[ExternalTokens, str], Any]] = {
    "bare-token": lambda bad, _revision: bad.access_token,
    "token-in-array": lambda bad, revision: _typed(bad, revision, [bad.access_token]),
    "token-in-object": lambda bad, revision: _typed(bad, revision, {"token": bad.access_token}),
    "one-member-missing": lambda bad, _revision: {
        "type": "chatgptAuthTokens",
        "idToken": bad.id_token,
    },
}


def _typed(tokens: ExternalTokens, revision: str, value: Any) -> dict[str, Any]:
    return {"type": "chatgptAuthTokens"} | tokens.members(revision) | {"accessToken": value}


@pytest.mark.parametrize("what", BAD_LOGINS)
@case("secret/refused-login", "SECRET-2")
async def test_login_refused_repeats_no_token(parent: MockParent, tokens: Mint, what: str) -> None:
    """The error for a login that does not validate does not repeat the token in it."""
    params = BAD_LOGINS[what](tokens.mint(), parent.revision)
    response = await parent.call("account/login/start", params)
    require("WIRE-6", response.refused, "an error for the login", response)

    expect_unrepeated(parent, tokens)
    await parent.login(tokens.mint())  # one that refuses every login repeats nothing either


@case("secret/no-jwt-login", "SECRET-2")
async def test_login_with_no_jwt_repeats_nothing_of_it(parent: MockParent, tokens: Mint) -> None:
    """The error for a token that is no JWT does not repeat it."""
    bad = tokens.mint().claims_replaced(parent.revision, tokens.opaque())
    response = await parent.try_login(bad)
    require("LOGIN-8", response.refused, "an error for the login", response)

    expect_unrepeated(parent, tokens)
    await parent.login(tokens.mint())  # one that refuses every login repeats nothing either


@case("secret/swapped-login", "SECRET-2", revisions=since("0.99"))
async def test_login_with_members_swapped_repeats_no_token(
    parent: MockParent, tokens: Mint
) -> None:
    """The error for a token in the place of the account id does not repeat it."""
    params = {"type": "chatgptAuthTokens"} | _swapped(tokens.mint(), parent.revision)
    response = await parent.call("account/login/start", params)
    require("LOGIN-8", response.refused, "an error for the login", response)

    expect_unrepeated(parent, tokens)
    await parent.login(tokens.mint())  # one that refuses every login repeats nothing either


@case("secret/refused-workspace", "SECRET-2", forced_workspace=BETA)
async def test_login_to_another_workspace_repeats_no_token(
    parent: MockParent, tokens: Mint
) -> None:
    """The error for another workspace's tokens names workspaces, not tokens."""
    response = await parent.try_login(tokens.mint(ALPHA))
    require("WORKSPACE-1", response.refused, "an error for the login", response)

    expect_unrepeated(parent, tokens)
    await parent.login(tokens.mint(BETA))


@case("secret/refused-workspace-at-refresh", "SECRET-2", forced_workspace=ALPHA)
async def test_refresh_with_another_workspace_repeats_no_token(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """The error of a turn whose refresh brought another workspace's tokens does not repeat them."""
    old = tokens.mint(ALPHA)
    await parent.login(old)
    backend.expire(old)
    turn, request = await parent.refused_turn()
    await request.answer_unheeded(tokens.mint(BETA))
    await turn.outcome()
    await parent.settle()

    expect_unrepeated(parent, tokens)


BAD_ANSWERS: dict[str, Callable[[ExternalTokens, str], Any]] = {
    "bare-token": lambda bad, _revision: bad.access_token,
    "token-in-array": lambda bad, revision: (
        bad.members(revision) | {"accessToken": [bad.access_token]}
    ),
    "token-in-object": lambda bad, revision: (
        bad.members(revision) | {"accessToken": {"token": bad.access_token}}
    ),
    "one-member-missing": lambda bad, _revision: {"accessToken": bad.access_token},
}


@pytest.mark.parametrize("what", BAD_ANSWERS)
@case("secret/bad-refresh-answer", "SECRET-2")
async def test_refresh_answer_that_does_not_validate_is_not_repeated(
    parent: MockParent, backend: MockBackend, tokens: Mint, what: str
) -> None:
    """The error of a turn whose refresh was answered badly does not repeat the token in it."""
    old, bad = tokens.mint(), tokens.mint()
    await parent.login(old)
    backend.expire(old)
    turn, request = await parent.refused_turn()
    await request.respond({"result": BAD_ANSWERS[what](bad, parent.revision)})
    await turn.outcome()
    await parent.settle()

    expect_unrepeated(parent, tokens)


@case("secret/no-jwt-refresh-answer", "SECRET-2")
async def test_refresh_answer_with_no_jwt_is_not_repeated(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """The error of a turn whose refresh brought no JWT does not repeat it."""
    old = tokens.mint()
    bad = tokens.mint().claims_replaced(parent.revision, tokens.opaque())
    await parent.login(old)
    backend.expire(old)
    turn, request = await parent.refused_turn()
    await request.answer_unheeded(bad)
    await turn.outcome()
    await parent.settle()

    expect_unrepeated(parent, tokens)


@case("secret/second-401", "SECRET-2")
async def test_turn_failed_by_a_second_401_names_no_token(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """The error of a turn that failed with a 401 repeats neither token that was rejected."""
    await parent.login(tokens.mint())
    backend.answer_every_turn(unauthorized)
    parent.answer_every_refresh(lambda _: tokens.mint())
    await parent.run_turn()
    await parent.settle()

    expect_unrepeated(parent, tokens)


def expect_unrepeated(parent: MockParent, tokens: Mint) -> None:
    """The target has said no token so far, neither in a message nor on stderr."""
    needles = Needles(tokens.secrets)
    for entry in parent.transcript.received():
        found = needles.find(entry.text.encode())
        expect("SECRET-2", found is None, "no token in a message", entry)
    found = needles.find(parent.channel.diagnostics())
    expect("SECRET-2", found is None, "no token on stderr", f"{found} on stderr")


@case("secret/hosts", "SECRET-3")
async def test_tokens_go_to_the_configured_hosts_only(
    bench: Bench, parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """A login, a turn and a refresh send tokens to no other host; others asked for are noted."""
    old = tokens.mint()
    await parent.login(old)
    await parent.run_turn()
    backend.expire(old)
    await parent.refreshed_turn(tokens.mint())
    await parent.settle()

    asked = bench.sink.hosts() if bench.sink else [host for host, _ in backend.foreign_requests]
    hosts = sorted({host.removesuffix(":443") for host in asked})
    parent.observe("SECRET-3", f"other hosts asked for: {', '.join(hosts) or 'none'}")


@case("secret/redirect", "SECRET-3")
async def test_redirect_to_another_host_takes_no_token_there(
    bench: Bench, parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """Where the backend redirects to another host, the token does not go along."""
    await parent.login(tokens.mint())
    backend.answer_next_turn(lambda _: Reply(307, {"location": ELSEWHERE}))
    outcome = await parent.run_turn()
    require(None, outcome.ended, "the turn to end", outcome)
    await parent.settle()

    needles = Needles(tokens.secrets)
    heads = bench.sink.heads if bench.sink else [head for _, head in backend.foreign_requests]
    for head in heads:
        line = head.split(b"\r\n")[0].decode("latin-1")
        found = needles.find(head)
        expect("SECRET-3", found is None, "no token to another host", f"{found} in {line}")


@case("secret/environment-of-children", "SECRET-4", sandbox="danger-full-access")
async def test_command_that_a_turn_runs_finds_no_token_in_its_environment(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """A command that the model has the server run finds no token in its environment."""
    old, new = tokens.mint(), tokens.mint()
    await parent.login(old)
    backend.expire(old)
    await parent.refreshed_turn(new)
    before = parent.mark()
    backend.answer_every_turn(show_environment)
    await parent.run_turn()

    outputs = filter(None, map(_tool_output, backend.turn_requests))
    shown = next(outputs, None)
    if shown is None:
        not_applicable("the target offers the model no command tool that the kit knows")
    asked = [str(each.method) for each in parent.transcript.received(before) if each.is_request]
    if SHOWN not in shown and asked:
        not_applicable(f"the target asks its client before it runs a command: {asked[0]}")
    require(None, SHOWN in shown, "the command to show its environment", shown[:200])
    found = Needles(tokens.secrets).find(shown.encode())
    expect("SECRET-4", found is None, "no token in the environment of a command", found)


def show_environment(request: Request) -> Reply:
    """Call the first tool of the request that runs commands; complete where there is none.

    Complete also where the output of a tool is there.
    """
    ended = _tool_output(request) is not None
    tools = () if ended else _members(request).get("tools") or ()
    offered = {tool.get("name") for tool in tools}
    script: Script = next(
        (calling(name, arguments) for name, arguments in COMMANDS.items() if name in offered),
        completed_turn,
    )
    return script(request)


def _members(request: Request) -> dict[str, Any]:
    body = request.json()
    return body if isinstance(body, dict) else {}


def _tool_output(request: Request) -> str | None:
    """What the tool said whose output this request brings, None where it brings none."""
    items = _members(request).get("input")
    outputs = [
        item.get("output")
        for item in items or ()
        if isinstance(item, dict) and item.get("type") == "function_call_output"
    ]
    return json.dumps(outputs[-1], ensure_ascii=False) if outputs else None
