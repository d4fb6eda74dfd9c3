"""MANAGED: the login in the browser, from its start to its end."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from codex_conformance.bench import Bench
from codex_conformance.case import case, expect, not_applicable, require, since
from codex_conformance.expectations import (
    expect_account,
    expect_logged_in,
    expect_nobody,
    expect_turn_as,
)
from codex_conformance.issuer import ManagedLogin, brought, callback, refusing
from codex_conformance.mock_backend import MockBackend
from codex_conformance.mock_parent import MockParent
from codex_conformance.replies import dropped, json_reply, status
from codex_conformance.tokens import ALPHA, BETA, Mint
from codex_conformance.wire import Entry

COMPLETED, UPDATED = "account/login/completed", "account/updated"
SOON = 15.0  # seconds; far from the time that a login has


@dataclass(frozen=True)
class BrowserLogin:
    """A login that waits for the browser."""

    id: str
    auth_url: str

    def query(self, name: str) -> str:
        """A member of the query of `authUrl`, empty where it is not there."""
        return parse_qs(urlsplit(self.auth_url).query).get(name, [""])[0]


async def begun(parent: MockParent) -> BrowserLogin:
    """A browser login that has started, which the case needs."""
    response = await parent.begin_browser_login()
    auth_url = response.member("authUrl")
    require("MANAGED-1", isinstance(auth_url, str), "an authUrl", response)
    return BrowserLogin(str(response.member("loginId")), str(auth_url))


async def begun_at_mock_issuer(parent: MockParent, bench: Bench) -> BrowserLogin:
    """The same, where a user of the mock issuer can log in."""
    login = await begun(parent)
    if not login.auth_url.startswith(f"{bench.origin}/"):
        host = urlsplit(login.auth_url).hostname
        not_applicable(f"the target's issuer cannot be pointed at the mock issuer, but is {host}")
    return login


def ends_of(parent: MockParent, login_id: str, since_mark: int) -> list[Entry]:
    """What the target says of the end of a login."""
    told = parent.notifications(COMPLETED, since_mark)
    return [entry for entry in told if entry.params.get("loginId") == login_id]


async def expect_success(clause: str, parent: MockParent, login_id: str, mark: int) -> None:
    """Expect completed with success for this login, once, then updated to `chatgpt`."""
    await parent.until(lambda: parent.notifications(UPDATED, mark) or None, UPDATED, SOON)
    await parent.settle()
    told = parent.account_notifications(mark)
    order = [entry.method for entry in told]
    good = order[:2] == [COMPLETED, UPDATED] and order.count(COMPLETED) == 1
    expect(clause, good, "completed, then updated", order or "neither")
    completed, *updates = told
    good = completed.params.get("success") is True and not completed.params.get("error")
    expect(clause, good, "success true and error null", completed)
    same = completed.params.get("loginId") == login_id
    expect(clause, same, f"the loginId {login_id}", completed)
    for updated in updates:
        mode = updated.params.get("authMode")
        expect(clause, mode == "chatgpt", "authMode chatgpt", updated)


async def expect_failure(clause: str, parent: MockParent, login_id: str, mark: int) -> None:
    """Expect completed without success, with an error, for this login; and no updated."""
    await parent.until(lambda: ends_of(parent, login_id, mark) or None, COMPLETED, SOON)
    await parent.settle()
    ends = ends_of(parent, login_id, mark)
    expect(clause, len(ends) == 1, f"completed once for the login {login_id}", f"{len(ends)} times")
    failed = ends[0].params.get("success") is False and bool(ends[0].params.get("error"))
    expect(clause, failed, "success false and an error", ends[0])
    updated = parent.notifications(UPDATED, mark)
    expect(clause, not updated, "no account/updated", updated[0] if updated else None)


async def expect_status(clause: str, parent: MockParent, login_id: str, wanted: str) -> None:
    """Expect this status in the answer to the cancellation of a login."""
    response = await parent.cancel_login(login_id)
    got = response.member("status")
    expect(clause, got == wanted, f'the status "{wanted}"', response)


async def expect_stored(clause: str, parent: MockParent, bench: Bench, login: ManagedLogin) -> None:
    """Expect that a managed login outlives the server, wherever that keeps it."""
    wanted = {name: login.body[name] for name in ("id_token", "access_token", "refresh_token")}
    stored = bench.home.stored_tokens
    if {name: stored.get(name) for name in wanted} == wanted:
        return
    await bench.restart()
    await expect_turn_as(clause, parent, bench.backend, login.tokens)
    bench.backend.expire(login.tokens)
    earlier = len(bench.backend.issuer.refreshes)
    await parent.run_turn()
    asked = brought(bench.backend.issuer.refreshes[earlier:])
    same = asked[:1] == [login.refresh_token]
    expect(clause, same, f"a refresh with {login.refresh_token} after a restart", asked)


# MANAGED-1


@case("managed/browser-login", "MANAGED-1", browser_login=True)
async def test_browser_login_starts_with_pkce_state_and_loopback(
    parent: MockParent, bench: Bench
) -> None:
    """`chatgpt` gets a loginId and an authUrl with PKCE, state and a redirect to loopback."""
    login = await begun(parent)

    expect("MANAGED-1", bool(login.id), "a loginId", login.id)
    challenge, method = login.query("code_challenge"), login.query("code_challenge_method")
    strong = method == "S256" and len(challenge) == 43
    expect("MANAGED-1", strong, "a code_challenge by S256", f"{challenge!r} by {method!r}")
    kind = login.query("response_type")
    expect("MANAGED-1", kind == "code", "response_type code", kind)
    expect("MANAGED-1", bool(login.query("client_id")), "a client_id", login.auth_url)
    expect("MANAGED-1", len(login.query("state")) >= 16, "a state", login.query("state"))
    redirect = urlsplit(login.query("redirect_uri"))
    loopback = redirect.scheme == "http" and redirect.hostname in ("localhost", "127.0.0.1", "::1")
    expect("MANAGED-1", loopback, "a redirect_uri on loopback", redirect.geturl())
    shown = await bench.browse(redirect.geturl())
    expect("MANAGED-1", shown.status is not None, "somebody who listens there", shown)


@case("managed/browser-login-again", "MANAGED-1", browser_login=True)
async def test_every_browser_login_has_secrets_of_its_own(parent: MockParent) -> None:
    """Neither loginId nor state nor challenge are ever used twice."""
    first, second = await begun(parent), await begun(parent)

    expect("MANAGED-1", first.id != second.id, "another loginId", second.id)
    for name in ("state", "code_challenge"):
        fresh = first.query(name) != second.query(name)
        expect("MANAGED-1", fresh, f"another {name}", second.query(name))


@case("managed/browser-login-workspace", "MANAGED-1", browser_login=True, forced_workspace=ALPHA)
async def test_browser_login_names_the_forced_workspace(parent: MockParent) -> None:
    """With a forced workspace the authUrl carries it as `allowed_workspace_id`."""
    login = await begun(parent)

    named = login.query("allowed_workspace_id")
    expect("MANAGED-1", named == ALPHA, f"allowed_workspace_id {ALPHA}", named or "none")


@case(
    "managed/browser-login-workspaces",
    "MANAGED-1",
    browser_login=True,
    forced_workspace=[ALPHA, BETA],
    revisions=since("0.169"),
)
async def test_browser_login_names_every_forced_workspace(parent: MockParent) -> None:
    """With a list of workspaces the authUrl carries each of them."""
    login = await begun(parent)

    values = parse_qs(urlsplit(login.auth_url).query).get("allowed_workspace_id", [])
    named = sorted(",".join(values).split(","))
    expect("MANAGED-1", named == [ALPHA, BETA], f"{ALPHA} and {BETA}", named)


# MANAGED-2


@case("managed/callback", "MANAGED-2", browser_login=True)
async def test_right_callback_logs_in(
    parent: MockParent, backend: MockBackend, bench: Bench
) -> None:
    """The right callback completes the login; its tokens are stored, shown and used."""
    login = await begun_at_mock_issuer(parent, bench)
    mark = parent.mark()
    await bench.browse(backend.issuer.consent(login.auth_url))

    await expect_success("MANAGED-2", parent, login.id, mark)
    given = backend.issuer.newest
    await expect_logged_in("MANAGED-2", parent, given.tokens)
    await expect_turn_as("MANAGED-2", parent, backend, given.tokens)
    await expect_stored("MANAGED-2", parent, bench, given)


@case("managed/callback-then-restart", "MANAGED-2", "MANAGED-4", browser_login=True)
async def test_login_by_browser_outlives_the_server(
    parent: MockParent, backend: MockBackend, bench: Bench
) -> None:
    """A server that is started again uses the login, and can refresh it."""
    login = await begun_at_mock_issuer(parent, bench)
    mark = parent.mark()
    await bench.browse(backend.issuer.consent(login.auth_url))
    await expect_success("MANAGED-2", parent, login.id, mark)
    await bench.restart()
    read = await parent.read_account()
    expect("MANAGED-2", not read.nobody, "the login after a restart", read)
    await parent.settle()

    given = backend.issuer.newest
    await expect_logged_in("MANAGED-2", parent, given.tokens)
    backend.expire(given.tokens)
    outcome = await parent.run_turn()
    expect("MANAGED-4", outcome.completed, "the turn to complete after a refresh", outcome)


@case("managed/callback-over-api-key", "MANAGED-2", browser_login=True)
async def test_login_by_browser_replaces_an_api_key(
    parent: MockParent, backend: MockBackend, bench: Bench, tokens: Mint
) -> None:
    """A managed login takes the place of an API key."""
    await parent.login_api_key(tokens.api_key())
    login = await begun_at_mock_issuer(parent, bench)
    mark = parent.mark()
    await bench.browse(backend.issuer.consent(login.auth_url))

    await expect_success("MANAGED-2", parent, login.id, mark)
    parent.use_bearer(backend.issuer.newest.tokens.access_token, "LOGIN-7")
    await expect_turn_as("MANAGED-2", parent, backend, backend.issuer.newest.tokens)


WRONG_STATES: dict[str, Callable[[BrowserLogin], str]] = {
    "other": lambda login: callback(login.auth_url, code="ac-wrong", state="wrong"),
    "empty": lambda login: callback(login.auth_url, code="ac-wrong", state=""),
    "missing": lambda login: f"{login.query('redirect_uri')}?code=ac-wrong",
    "nothing": lambda login: login.query("redirect_uri"),
    "prefix": lambda login: callback(
        login.auth_url, code="ac-wrong", state=login.query("state")[:-1]
    ),
    "denied": lambda login: callback(login.auth_url, error="access_denied", state="wrong"),
}


@pytest.mark.parametrize("which", WRONG_STATES)
@case("managed/wrong-state", "MANAGED-2", browser_login=True)
async def test_callback_with_a_wrong_state_changes_nothing(
    parent: MockParent, backend: MockBackend, bench: Bench, which: str
) -> None:
    """A wrong or missing state gets an HTTP error; the login is pending still."""
    login = await begun(parent)
    mark = parent.mark()
    shown = await bench.browse(WRONG_STATES[which](login))
    await parent.settle()

    expect("MANAGED-2", shown.is_error, "an HTTP error", shown)
    told = parent.account_notifications(mark)
    expect("MANAGED-2", not told, "no notification", told[0] if told else None)
    asked = backend.issuer.exchanges
    expect("MANAGED-2", not asked, "no exchange of the code", asked[0] if asked else None)
    await expect_status("MANAGED-2", parent, login.id, "canceled")


@case("managed/wrong-state-then-right", "MANAGED-2", browser_login=True)
async def test_right_callback_after_a_wrong_one_logs_in(
    parent: MockParent, backend: MockBackend, bench: Bench
) -> None:
    """Since the login is pending still, the right callback completes it."""
    login = await begun_at_mock_issuer(parent, bench)
    for wrong in WRONG_STATES.values():
        await bench.browse(wrong(login))
    mark = parent.mark()
    await bench.browse(backend.issuer.consent(login.auth_url))

    await expect_success("MANAGED-2", parent, login.id, mark)
    await expect_logged_in("MANAGED-2", parent, backend.issuer.newest.tokens)


@case("managed/callback-twice", "MANAGED-2", browser_login=True)
async def test_second_right_callback_changes_nothing(
    parent: MockParent, backend: MockBackend, bench: Bench
) -> None:
    """A callback that comes again, as when a page is loaded again, completes nothing again."""
    login = await begun_at_mock_issuer(parent, bench)
    mark = parent.mark()
    url = backend.issuer.consent(login.auth_url)
    await bench.browse(url)
    await expect_success("MANAGED-2", parent, login.id, mark)
    mark = parent.mark()
    await bench.browse(url)
    await parent.settle()

    told = parent.account_notifications(mark)
    expect("MANAGED-2", not told, "nothing told a second time", told[0] if told else None)
    await expect_logged_in("MANAGED-2", parent, backend.issuer.newest.tokens)


async def judge_failure(
    parent: MockParent, login: BrowserLogin, mark: int, nobody: bool = True
) -> None:
    """Expect the failure of a login, which revisions before 0.169 leave open."""
    if parent.revision == "0.169":
        await expect_failure("MANAGED-2", parent, login.id, mark)
    else:
        await parent.settle()
        ends = ends_of(parent, login.id, mark)
        told = f"success {ends[0].params.get('success')}" if ends else "nothing"
        parent.observe("MANAGED-2", f"a login that the issuer does not grant: {told} is told")
    if nobody:
        await expect_nobody("MANAGED-2", parent)


@case("managed/denied", "MANAGED-2", browser_login=True)
async def test_denied_consent_fails_the_login(parent: MockParent, bench: Bench) -> None:
    """A callback that says that consent was denied ends the login without success."""
    login = await begun(parent)
    mark = parent.mark()
    await bench.browse(callback(login.auth_url, error="access_denied"))

    await judge_failure(parent, login, mark)
    if parent.revision == "0.169":
        await expect_status("MANAGED-2", parent, login.id, "notFound")


@case("managed/denied-keeps-login", "MANAGED-2", browser_login=True)
async def test_denied_consent_keeps_whoever_is_logged_in(
    parent: MockParent, bench: Bench, tokens: Mint
) -> None:
    """A login that fails takes nobody's login away."""
    await parent.login_api_key(tokens.api_key())
    before = await parent.read_account()
    require("APIKEY-1", before.account == {"type": "apiKey"}, "the API key to be shown", before)
    login = await begun(parent)
    mark = parent.mark()
    await bench.browse(callback(login.auth_url, error="access_denied"))

    await judge_failure(parent, login, mark, nobody=False)
    await expect_account("MANAGED-2", parent, {"type": "apiKey"})


EXCHANGES: dict[str, Any] = {
    "refused": refusing("invalid_grant", 400),
    "500": status(500),
    "dropped": dropped,
    "no-tokens": lambda _request: json_reply(200, {"token_type": "Bearer"}),
}


@pytest.mark.parametrize("what", EXCHANGES)
@case("managed/exchange-failed", "MANAGED-2", browser_login=True)
async def test_failed_exchange_of_the_code_fails_the_login(
    parent: MockParent, backend: MockBackend, bench: Bench, what: str
) -> None:
    """Where the issuer gives no tokens for the code, the login ends without success."""
    login = await begun_at_mock_issuer(parent, bench)
    backend.issuer.answer_exchanges(EXCHANGES[what])
    mark = parent.mark()
    await bench.browse(backend.issuer.consent(login.auth_url))

    await judge_failure(parent, login, mark)
