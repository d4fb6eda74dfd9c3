"""The steps of a session that are about managed logins: in the browser, and at their issuer."""

import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from codex_conformance.bench import Bench
from codex_conformance.case import expect
from codex_conformance.cases.managed_login import (
    WRONG_STATES,
    BrowserLogin,
    expect_failure,
    expect_success,
)
from codex_conformance.cases.managed_refresh import repeating
from codex_conformance.exchange import Response
from codex_conformance.expectations import expect_no_refresh
from codex_conformance.issuer import ManagedLogin, callback, refusing
from codex_conformance.issuer import members as members_of
from codex_conformance.replies import dropped, json_reply, status
from codex_conformance.tokens import ALPHA, ExternalTokens
from model import UPDATED, Model, Step, Told, bearer, expect_refused, refuse
from steps import START, LogOut

FOR_NOW: dict[str, Any] = {
    "500": status(500),
    "dropped": dropped,
    "no tokens": lambda _request: json_reply(200, ["no tokens"]),
}
FOR_GOOD: dict[str, Any] = {
    "expired": refusing("refresh_token_expired"),
    "reused": refusing("refresh_token_reused"),
    "refused with the token": repeating,
}
CANCELLED = {"last": "", "unknown": str(uuid.UUID(int=1)), "no UUID": "no-uuid"}
UNGRANTED = ["denied", "unknown code"]


def expect_stored(clause: str, bench: Bench, login: ManagedLogin) -> None:
    """Expect that auth.json has these tokens, and no older ones."""
    wanted = {name: login.body[name] for name in ("id_token", "access_token", "refresh_token")}
    stored = bench.home.stored_tokens
    found = {name: stored.get(name) for name in wanted}
    expect(clause, found == wanted, f"auth.json to hold {wanted}", found)


@dataclass(frozen=True)
class BeginBrowserLogin(Step):
    """A browser login; refused while external tokens are active."""

    async def take(self, bench: Bench, model: Model) -> Told:
        mark = bench.parent.mark()
        response = await bench.parent.call(START, {"type": "chatgpt"})
        if isinstance(model.who, ExternalTokens):
            expect_refused("MODE-1", response)
        elif model.setup.forced_login_method == "api":
            expect("WIRE-4", response.answered, "a response", response)
        else:
            before, model.pending = model.pending, _begun(model, response)
            model.begun.append(model.pending)
            if before is not None:
                await expect_failure("MANAGED-3", bench.parent, before.id, mark)
        return Told("MANAGED-1")


def _begun(model: Model, response: Response) -> BrowserLogin:
    login_id, url = response.member("loginId"), response.member("authUrl")
    begun = isinstance(login_id, str) and isinstance(url, str)
    expect("MANAGED-1", begun, "a loginId and an authUrl", response)
    login = BrowserLogin(login_id, url)
    strong = (login.query("code_challenge_method"), len(login.query("code_challenge")))
    expect("MANAGED-1", strong == ("S256", 43), "a code_challenge by S256", url)
    for name in ("state", "code_challenge"):
        fresh = login.query(name) not in {"", *(each.query(name) for each in model.begun)}
        expect("MANAGED-1", fresh, f"a {name} of its own", url)
    allowed = parse_qs(urlsplit(url).query).get("allowed_workspace_id", [])
    named = [each for text in allowed for each in text.split(",")]
    wanted = model.workspaces
    expect("MANAGED-1", sorted(named) == sorted(wanted), f"the workspaces {wanted} in it", url)
    return login


@dataclass(frozen=True)
class CancelBrowserLogin(Step):
    """The cancellation of the browser login begun last, or of one that nobody has begun."""

    which: str = "last"

    async def take(self, bench: Bench, model: Model) -> Told:
        parent, mark = bench.parent, bench.parent.mark()
        last = model.begun[-1] if model.begun and self.which == "last" else None
        login_id = last.id if last else CANCELLED[self.which] or CANCELLED["unknown"]
        response = await parent.call("account/login/cancel", {"loginId": login_id})
        waits = last is not None and model.pending == last
        if self.which == "no UUID":
            expect_refused("MANAGED-3", response)
        elif last is None or last != model.forgotten:
            wanted = "canceled" if waits else "notFound"
            clause = "MANAGED-3" if waits or last is None else "LOGIN-9"
            expect(clause, response.member("status") == wanted, f"the status {wanted}", response)
        if last is not None and waits:
            await expect_failure("MANAGED-3", parent, login_id, mark)
            model.pending = None
            await bench.browse(bench.backend.issuer.consent(last.auth_url))
        return Told("MANAGED-3")


@dataclass(frozen=True)
class FinishBrowserLogin(Step):
    """The user logs in on the page of the browser login that waits, after a wrong turning.

    Attributes:
        astray: in which way the first callback is wrong.
    """

    astray: str = "other"

    async def take(self, bench: Bench, model: Model) -> Told:
        login, issuer, mark = model.pending, bench.backend.issuer, bench.parent.mark()
        if login is None:
            return Told("MANAGED-2")
        astray = await bench.browse(WRONG_STATES[self.astray](login))
        expect("MANAGED-2", astray.is_error, "an HTTP error for a wrong state", astray)
        account = model.workspaces[0] if model.workspaces else ALPHA
        await bench.browse(issuer.consent(login.auth_url, account))
        await expect_success("MANAGED-2", bench.parent, login.id, mark)
        model.begun.remove(login)
        model.log_in(issuer.newest)
        expect_stored("MANAGED-2", bench, issuer.newest)
        bench.parent.use_bearer(bearer(model.who), "LOGIN-7")
        done = {"loginId": login.id, "success": True, "error": None}
        return Told("MANAGED-2", (("account/login/completed", done), (UPDATED, model.updated)))


@dataclass(frozen=True)
class FailBrowserLogin(Step):
    """The user denies consent to the browser login that waits, or comes back with no good code."""

    why: str

    async def take(self, bench: Bench, model: Model) -> Told:
        login, mark = model.pending, bench.parent.mark()
        if login is not None:
            denied = {"error": "access_denied"} if self.why == "denied" else {}
            query = denied or {"code": bench.mint.code()}
            await bench.browse(callback(login.auth_url, **query))
            await expect_failure("MANAGED-2", bench.parent, login.id, mark)
            model.pending = None
        return Told("MANAGED-2")


@dataclass(frozen=True)
class RestartLoggedIn(Step):
    """The server is ended, another process logs in, and it is started again in the same home."""

    kind: str = "managed"

    async def take(self, bench: Bench, model: Model) -> Told:
        if model.setup.forced_login_method is None:
            model.seen = bench.parent.mark()
            if self.kind == "managed":
                login = ManagedLogin(bench.mint.mint(ALPHA), bench.mint.refresh_token())
                bench.backend.issuer.know(login)
                bench.home.store_managed_login(login)
                model.begin(login)
            else:
                model.begin(bench.home.store_api_key(bench.mint))
            await bench.restart()
            bench.parent.use_bearer(bearer(model.who), "SECRET-1")
        return Told(model.clause)


@dataclass(frozen=True)
class ReadRefreshed(Step):
    """`account/read` with `refreshToken: true`, which refreshes a managed login alone."""

    async def take(self, bench: Bench, model: Model) -> Told:
        who, before = model.who, len(bench.backend.issuer.refreshes)
        response = await bench.parent.read_account(refresh_token=True)
        clause = "REFRESH-9"
        if isinstance(who, ManagedLogin):
            clause = "MANAGED-5"
            expect_refreshed(clause, bench, model, before)
        same = response.account == model.account
        expect(clause, same, f"the account {model.account}", response)
        return Told(clause, may_update=isinstance(who, ManagedLogin))


@dataclass(frozen=True)
class TakeTurnWithIssuer(Step):
    """A turn of a managed login that is refused, whose issuer refuses, too, or says little.

    Attributes:
        how: one of FOR_NOW or FOR_GOOD, or `in part`: without another refresh token.
    """

    how: str

    async def take(self, bench: Bench, model: Model) -> Told:
        who, parent, issuer = model.who, bench.parent, bench.backend.issuer
        if not isinstance(who, ManagedLogin):
            return Told("MANAGED-4")
        refuse(bench, model)
        asked, before = len(parent.refreshes), len(issuer.refreshes)
        newer = ManagedLogin(bench.mint.mint(who.tokens.account_id), who.refresh_token)
        members = {name: newer.body[name] for name in ("id_token", "access_token")}
        said = {"in part": lambda _: json_reply(200, members)} | FOR_NOW | FOR_GOOD
        issuer.answer_refreshes(said[self.how])
        outcome = await parent.run_turn()
        issuer.answer_refreshes(None)
        expect_no_refresh("REFRESH-7", parent, asked)
        attempts = len(issuer.refreshes) - before
        if self.how == "in part":
            expect("MANAGED-4", outcome.completed, "a refresh, and the turn", outcome)
            issuer.know(newer)
            model.log_in(newer)
        elif self.how in FOR_NOW:
            expect("MANAGED-4", outcome.failed and attempts > 0, "a refresh that fails", outcome)
        else:
            said_so = outcome.failed and outcome.says_to_sign_in
            expect("MANAGED-6", said_so, "an error that says to sign in again", outcome)
            expect("MANAGED-6", attempts == 1, "one attempt", f"{attempts} attempts")
            return await LogOut().take(bench, model)
        assert isinstance(model.who, ManagedLogin)
        expect_stored("MANAGED-4", bench, model.who)
        return Told("MANAGED-4", may_update=True)


@dataclass(frozen=True)
class LogOutAtIssuer(Step):
    """A logout while the issuer is asked for newer tokens of a managed login."""

    async def take(self, bench: Bench, model: Model) -> Told:
        parent, issuer = bench.parent, bench.backend.issuer
        if not isinstance(model.who, ManagedLogin):
            return Told("LOGOUT-2")
        refuse(bench, model)
        issuer.hold()
        held, turn = issuer.held, await parent.start_turn()
        await parent.until(lambda: issuer.held > held or None, "a refresh at the issuer")
        pending = await parent.begin("account/logout")
        await parent.answer_to(pending, parent.clock.prompt)  # it may wait for the issuer
        issuer.release()
        response = await parent.answer_to(pending)
        expect("LOGOUT-1", response.result == {}, "the result {}", response)
        await turn.outcome()
        await parent.settle()
        parent.use_bearer(None, "LOGOUT-3")
        model.log_in(None)
        return Told("LOGOUT-1", ((UPDATED, {"authMode": None}),), may_update=True)


@dataclass(frozen=True)
class TakeManagedTurnsAtOnce(Step):
    """Turns of a managed login that meet a 401 together, and use its refresh token once."""

    count: int = 2

    async def take(self, bench: Bench, model: Model) -> Told:
        if not isinstance(model.who, ManagedLogin):
            return Told("MANAGED-4")
        refuse(bench, model)
        before = len(bench.backend.issuer.refreshes)
        threads = [await bench.parent.start_thread() for _ in range(self.count)]
        await expect_completed_together("MANAGED-4", bench, threads)
        expect_refreshed("MANAGED-4", bench, model, before, most=self.count)
        return Told("MANAGED-4", may_update=True)


async def expect_completed_together(clause: str, bench: Bench, threads: list[str]) -> None:
    """Start a turn on each thread, and expect all to complete whose requests meet a 401 at once."""
    parent, backend, count = bench.parent, bench.backend, len(threads)
    backend.hold(count)
    turns = [await parent.start_turn(thread) for thread in threads]
    await parent.until(lambda: backend.held == count or None, "requests of all turns")
    backend.release()
    backend.held = 0
    for turn in turns:
        outcome = await turn.outcome()
        expect(clause, outcome.completed, "every turn to complete", outcome)


def expect_refreshed(
    clause: str, bench: Bench, model: Model, before: int, *, most: int = 1
) -> None:
    """Expect that the managed login was refreshed, with no refresh token used twice.

    The newest login is in use from now on.
    """
    issuer, who = bench.backend.issuer, model.who
    assert isinstance(who, ManagedLogin)
    asked = [members_of(request).get("refresh_token") for request in issuer.refreshes[before:]]
    once = asked[:1] == [who.refresh_token] and len(set(asked)) == len(asked) <= most
    expect(clause, once, f"at most {most} refreshes, first with {who.refresh_token}", f"{asked}")
    model.log_in(issuer.newest)
    expect_stored(clause, bench, issuer.newest)
