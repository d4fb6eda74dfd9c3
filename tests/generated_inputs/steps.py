"""The steps of a session that log in and out, restart and read."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from codex_conformance.bench import Bench
from codex_conformance.case import expect
from codex_conformance.cases.apikey import OTHERS
from codex_conformance.cases.rate import shown
from codex_conformance.expectations import untold
from codex_conformance.limits import ACCOUNT_LIMITS
from codex_conformance.tokens import ALPHA, GAMMA, NO_JWT, ExternalTokens
from model import UPDATED, Model, Step, Told, bearer, expect_refused

START = "account/login/start"
Fault = Callable[[ExternalTokens, str], dict[str, Any]]


def _with(place: int, *value: Any) -> Fault:
    """Params with another value in place of the first or second required member, or with none."""

    def fault(tokens: ExternalTokens, revision: str) -> dict[str, Any]:
        members = tokens.members(revision)
        name = list(members)[place]
        return {key: each for key, each in members.items() if key != name} | dict.fromkeys(
            [name] if value else [], *value
        )

    return fault


def _no_jwt(change: Callable[[str], str]) -> Fault:
    return lambda tokens, revision: tokens.claims_replaced(
        revision, change(tokens.access_token)
    ).members(revision)


FAULTS: dict[str, Fault] = {name: _no_jwt(change) for name, change in NO_JWT.items()} | {
    "first member missing": _with(0),
    "first member null": _with(0, None),
    "second member missing": _with(1),
    "second member a number": _with(1, 5),
    "key missing": lambda _tokens, _revision: {"type": "apiKey"},
    "key a number": lambda _tokens, _revision: {"type": "apiKey", "apiKey": 5},
}


@dataclass(frozen=True)
class LogIn(Step):
    """A good login with external tokens, but for what is configured.

    Attributes:
        plan: the claim.
        stated: `chatgptPlanType`, where there is one.
        announced: `chatgptAccountId`, where it differs from the claim.
        opaque: whether the access token is no JWT, where no claims are read from it.
    """

    account: str = ALPHA
    plan: str | None = "pro"
    stated: str | None = None
    announced: str | None = None
    opaque: bool = False

    async def take(self, bench: Bench, model: Model) -> Told:
        given = self._tokens(bench, model)
        response = await bench.parent.try_login(given)
        await bench.parent.settle()
        if not model.setup.experimental and model.revision != "0.93":
            expect_refused("INIT-4", response, naming=["experimentalApi"])
            return Told("INIT-4")
        if model.setup.forced_login_method == "api":
            expect_refused("LOGIN-10", response)
            return Told("LOGIN-10")
        if not model.allows(given.account_id):
            expect_refused("WORKSPACE-1", response, naming=model.workspaces)
            return Told("WORKSPACE-1")
        if self.announced and response.refused:  # nobody says that it has to be taken
            return Told("LOGIN-8")
        taken = response.result == {"type": "chatgptAuthTokens"}
        expect("LOGIN-1", taken, "the login to be accepted", response)
        model.log_in(given)
        return model.announced("LOGIN-4", response)

    def _tokens(self, bench: Bench, model: Model) -> ExternalTokens:
        given = bench.mint.mint(self.account, plan=self.plan)
        if model.revision == "0.93":
            another = bench.mint.mint(GAMMA, plan="free").access_token
            return given.with_access_token(bench.mint.opaque() if self.opaque else another)
        if self.stated is not None:
            given = given.stating(self.stated)
        if self.announced is not None and not model.workspaces:
            given = given.announced_as(self.announced)
        return given


@dataclass(frozen=True)
class LogInBadly(Step):
    """A login whose params have a fault: one by name, or any members."""

    fault: Any

    async def take(self, bench: Bench, model: Model) -> Told:
        given = bench.mint.mint()
        wrong = self.fault
        if isinstance(wrong, str):
            wrong = FAULTS[wrong](given, model.revision)
        response = await bench.parent.call(START, {"type": "chatgptAuthTokens"} | wrong)
        clause = "WIRE-6" if wrong.get("type") == "apiKey" else "LOGIN-8"
        expect_refused(clause, response)
        return Told(clause)


@dataclass(frozen=True)
class LogInWithKey(Step):
    """A login with an API key; refused while external tokens are active."""

    async def take(self, bench: Bench, model: Model) -> Told:
        key = bench.mint.api_key()
        response = await bench.parent.call(START, {"type": "apiKey", "apiKey": key})
        await bench.parent.settle()
        blocked = isinstance(model.who, ExternalTokens)
        if blocked or model.setup.forced_login_method == "chatgpt":
            clause = "MODE-2" if blocked else "APIKEY-3"
            expect_refused(clause, response)
            return Told(clause)
        expect("APIKEY-1", response.result == {"type": "apiKey"}, "the key accepted", response)
        bench.parent.use_bearer(key, "LOGIN-7")
        for path in bench.home.files_with(key):
            private = not path.stat().st_mode & OTHERS
            expect("APIKEY-4", private, f"{path.name} readable by its owner only", "others")
        model.forgotten = model.pending or model.forgotten
        model.log_in(key)
        return model.announced("APIKEY-1", response)


OTHER_LOGINS = ("apiKey", "chatgpt", "chatgptDeviceCode")


@dataclass(frozen=True)
class LogInOverTokens(Step):
    """A login of another kind while external tokens are active."""

    kind: str
    needs_tokens: ClassVar = True

    async def take(self, bench: Bench, model: Model) -> Told:
        if isinstance(model.who, ExternalTokens):
            more = {"apiKey": bench.mint.api_key()} if self.kind == "apiKey" else {}
            response = await bench.parent.call(START, {"type": self.kind} | more)
            expect_refused("MODE-1" if self.kind == "chatgpt" else "MODE-2", response)
        return Told("MODE-1")


@dataclass(frozen=True)
class LogOut(Step):
    """A logout, whoever is logged in."""

    async def take(self, bench: Bench, model: Model) -> Told:
        somebody = model.who is not None
        response = await bench.parent.try_logout()
        await bench.parent.settle()
        clause = "LOGOUT-1" if somebody else "LOGOUT-6"
        expect(clause, response.result == {}, "the result {}", response)
        if isinstance(model.stored, str):
            kept = [path.name for path in bench.home.files_with(model.stored)]
            expect("APIKEY-4", not kept, "no file that holds the key", f"{kept}")
        model.forgotten = model.pending or model.forgotten
        model.log_in(None)
        told = ((UPDATED, {"authMode": None}),) if somebody else ()
        return Told(clause, told, response, may_update=not somebody)


@dataclass(frozen=True)
class Restart(Step):
    """The server is ended and started again in the same home."""

    async def take(self, bench: Bench, model: Model) -> Told:
        was = model.who
        model.seen = bench.parent.mark()
        await bench.restart()
        model.begin(model.stored)
        read = await bench.parent.read_account()
        if isinstance(was, ExternalTokens):
            expect("SECRET-1", not read.names(was), "not the account of external tokens", read)
            if read.nobody:  # whether they took the stored login with them, no clause says
                model.log_in(None)
        bench.parent.use_bearer(bearer(model.who) or None, "SECRET-1")
        return Told("SECRET-1")


@dataclass(frozen=True)
class ReadLimits(Step):
    """The limits, which a valid ChatGPT login has; of another nobody says what comes."""

    async def take(self, bench: Bench, model: Model) -> Told:
        if not model.stale:
            response = await bench.parent.call("account/rateLimits/read")
            if model.mode in (None, "apikey"):
                expect_refused("RATE-1", response)
            else:
                same = untold(shown(ACCOUNT_LIMITS), response.member("rateLimits")) is None
                expect("RATE-1", same, "the limits of the backend", response)
        return Told("RATE-1")
