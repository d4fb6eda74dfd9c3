"""A model of the account, and what a server that keeps every clause says of it after each step."""

import json
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from codex_conformance.bench import Bench
from codex_conformance.case import Setup, expect, require
from codex_conformance.cases.managed_login import BrowserLogin
from codex_conformance.exchange import Response
from codex_conformance.issuer import ManagedLogin
from codex_conformance.mock_parent import MockParent
from codex_conformance.tokens import ExternalTokens
from codex_conformance.wire import Entry

COMPLETED, UPDATED = "account/login/completed", "account/updated"
Login = ExternalTokens | ManagedLogin | str | None
"""External tokens, a managed login, an API key, or nobody."""


@dataclass(frozen=True)
class Told:
    """The notifications about the account that a step brings, in their order.

    Attributes:
        clause: what another order, or other members, break.
        messages: method and members of each; it may have further members.
        behind: the response that they come after.
        may_update: whether `account/updated` may come beside them.
    """

    clause: str
    messages: tuple[tuple[str, dict[str, Any]], ...] = ()
    behind: Response | None = None
    may_update: bool = False


@dataclass
class Model:
    """Who is logged in, as far as a parent can know.

    Attributes:
        who: the login that is in use.
        stored: the login that outlives the server.
        refused: the bearers that the backend takes no more.
        asked: the refresh requests that were to come so far.
        asked_before: those of them that came before the server was started again.
        pending: the browser login that waits for its user.
        begun: all browser logins that have not succeeded.
        forgotten: a browser login of which no clause says whether it still waits.
        seen: up to where the transcript has been looked at.
        at_start: what a server may tell of a stored login at its start, whenever that comes.
    """

    setup: Setup
    revision: str
    who: Login = None
    stored: Login = None
    refused: set[str] = field(default_factory=set)
    asked: int = 0
    asked_before: int = 0
    pending: BrowserLogin | None = None
    begun: list[BrowserLogin] = field(default_factory=list)
    forgotten: BrowserLogin | None = None
    seen: int = 0
    at_start: tuple[str, dict[str, Any]] | None = None

    def begin(self, stored: Login) -> None:
        """The server starts, and finds this login stored."""
        self.who = self.stored = stored
        self.asked_before = self.asked
        self.pending = self.forgotten = None
        self.begun.clear()
        self.at_start = None if stored is None else (UPDATED, self.updated)

    @property
    def stale(self) -> bool:
        """Whether the backend refuses the login."""
        return bearer(self.who) in self.refused

    @property
    def mode(self) -> str | None:
        """The `authMode` of the login."""
        if isinstance(self.who, ExternalTokens):
            return "chatgptAuthTokens"
        return {str: "apikey", ManagedLogin: "chatgpt"}.get(type(self.who))

    @property
    def account(self) -> dict[str, Any] | None:
        """What `account/read` says."""
        if isinstance(self.who, str):
            return {"type": "apiKey"}
        tokens = self.who.tokens if isinstance(self.who, ManagedLogin) else self.who
        return None if tokens is None else tokens.account

    @property
    def clause(self) -> str:
        """What another account breaks."""
        of = {"chatgptAuthTokens": "LOGIN-5", "apikey": "APIKEY-1", "chatgpt": "MANAGED-4"}
        return of.get(self.mode or "", "LOGOUT-2")

    @property
    def workspaces(self) -> list[str]:
        """Those that are forced; none: any is allowed."""
        forced = self.setup.forced_workspace or []
        return [each.strip() for each in ([forced] if isinstance(forced, str) else forced)]

    def allows(self, account: str) -> bool:
        """Whether tokens of this workspace may be taken."""
        return not self.workspaces or account in self.workspaces

    def log_in(self, who: Login) -> None:
        """From now on `who` is logged in, and no browser login waits any more."""
        self.who = who
        self.pending = None
        if not isinstance(who, ExternalTokens):
            self.stored = who

    def announced(self, clause: str, response: Response) -> Told:
        """What a login with tokens or a key brings."""
        done = {"loginId": None, "success": True, "error": None}
        return Told(clause, ((COMPLETED, done), (UPDATED, self.updated)), response)

    @property
    def updated(self) -> dict[str, Any]:
        """The members of an `account/updated` that tells of the login."""
        plan = (self.account or {}).get("planType")
        return {"authMode": self.mode} | ({"planType": plan} if self.revision == "0.169" else {})


class Step:
    """What happens in a session.

    A step is a plain value that prints as what it does, so that a failure reads as a script.

    Attributes:
        needs_tokens: whether external tokens are to be active; they are given first, if need be.
    """

    needs_tokens: ClassVar = False

    async def take(self, bench: Bench, model: Model) -> Told:
        """Do it to the server and to the model; what notifications it brings."""
        raise NotImplementedError

    def __str__(self) -> str:
        return brief(self)


def brief(value: Any) -> str:
    """A dataclass with the members that are not as usual."""
    told = [
        f"{member.name}={getattr(value, member.name)!r}"
        for member in fields(value)
        if getattr(value, member.name) != member.default
    ]
    return f"{type(value).__name__}({', '.join(told)})"


def refuse(bench: Bench, model: Model) -> None:
    """From now on the backend refuses the login."""
    if model.who is not None:
        bench.backend.expire(bearer(model.who))
        model.refused.add(bearer(model.who))


def bearer(who: Login) -> str:
    """What requests to the backend carry; empty for nobody."""
    if isinstance(who, ManagedLogin):
        return who.tokens.access_token
    return who.access_token if isinstance(who, ExternalTokens) else who or ""


def expect_refused(clause: str, response: Response, *, naming: list[str] | None = None) -> None:
    """Expect an error, which names one of `naming`."""
    expect(clause, response.refused, "an error", response)
    error = json.dumps(response.message.get("error"))
    named = not naming or any(each in error for each in naming)
    expect(clause, named, f"an error that names {naming}", response)


async def look(bench: Bench, model: Model, told: Told) -> None:
    """Compare what the server says of the account with the model, and with what a step brings."""
    parent = bench.parent
    read = await parent.read_account()
    require("READ-1", read.ok, "account/read to be answered", read)
    expect(model.clause, read.account == model.account, f"the account {model.account}", read)
    auth = read.member("requiresOpenaiAuth") is model.setup.requires_openai_auth
    expect("READ-1", auth, "requiresOpenaiAuth as the provider has it", read)
    status = await parent.call("getAuthStatus", {"includeToken": False, "refreshToken": False})
    if status.ok:
        same = status.member("authMethod") == model.mode
        expect(model.clause, same, f"the authMethod {model.mode}", status)
    _expect_told(parent, model, told)
    for entry in parent.transcript.received(model.seen):
        silent = entry.is_request or entry.method not in model.setup.opt_out
        expect("INIT-5", silent, "no notification that the client has opted out of", entry)
    asked = parent.refreshes[model.asked :]
    clause = "REFRESH-9" if isinstance(model.who, ExternalTokens) else "REFRESH-7"
    expect(clause, not asked, "no refresh request", asked[0] if asked else None)
    model.seen = parent.mark()


def _expect_told(parent: MockParent, model: Model, told: Told) -> None:
    came, begun = [], {login.id for login in model.begun}
    for entry in parent.account_notifications(model.seen):
        if entry.params.get("loginId") in begun:
            ended = entry.params.get("success") is False
            expect("LOGIN-9", ended, "the end of a browser login that was given up", entry)
        else:
            came.append(entry)
    wanted = told.messages
    if model.at_start and len(came) > len(wanted) and _says(came[0], model.at_start):
        del came[0]
        model.at_start = None
    if told.may_update:
        mine = [entry for entry in came if _says(entry, (UPDATED, model.updated))]
        came = [entry for entry in came if entry not in mine]
        came += mine[: len([each for each in wanted if each[0] == UPDATED])]
    same = len(came) == len(wanted) and all(map(_says, came, wanted))
    expect(told.clause, same, f"{list(wanted)}", [*map(str, came)] or "nothing")
    if told.behind is not None and came:
        index = told.behind.index
        first = index is not None and index < came[0].index
        expect(told.clause, first, "the response ahead of its notifications", came[0])


def _says(entry: Entry, wanted: tuple[str, dict[str, Any]]) -> bool:
    method, members = wanted
    said = {name: entry.params.get(name) for name in members}
    return entry.method == method and said == members


def expect_sent(clause: str, bench: Bench, before: int, *logins: Any) -> None:
    """Expect that the requests of a turn bore these logins, one each."""
    sent = [request.token for request in bench.backend.turn_requests[before:]]
    wanted = [bearer(login) for login in logins]
    expect(clause, sent == wanted, f"requests with the tokens {wanted}", f"{sent}")
    said = [request.json()["input"] for request in bench.backend.turn_requests[before:]]
    expect("REFRESH-3", said == said[:1] * len(said), "a retry with the same input", f"{said}")
    for login in logins:
        if isinstance(login, ExternalTokens):
            for request in bench.backend.turn_requests_with(login):
                same = request.account_id == login.account_id
                expect("REFRESH-20", same, f"the account id {login.account_id}", request)
