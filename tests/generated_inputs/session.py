"""A session of any steps, and a model of what a server that keeps every clause does in it.

A step is a plain value that prints as what it does, so that a failure reads as a script.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from codex_account_protocol import methods
from codex_conformance.bench import Bench, Judged, judge_case
from codex_conformance.case import CaseSpec, Setup, expect, require
from codex_conformance.conversation import ABSENT
from codex_conformance.expectations import (
    expect_no_refresh,
    expect_turn_as,
    expect_turn_without_token,
)
from codex_conformance.results import CaseResult
from codex_conformance.tokens import ALPHA, BETA, ExternalTokens
from from_schema import JSON, broken, valid
from hypothesis import strategies as st

ELSEWHERE = {"initialize", "account/login/start", "account/logout", "turn/start", "thread/start"}

WELL = ["new tokens", "error", "too late"]


@dataclass
class Model:
    """Who is logged in, as far as a parent can know.

    Attributes:
        who: external tokens, an API key, or nobody.
        stale: whether the backend refuses `who` by now.
    """

    who: ExternalTokens | str | None = None
    stale: bool = False


@dataclass(frozen=True)
class LogIn:
    """A good login with external tokens."""

    account: str

    async def take(self, bench: Bench, model: Model) -> None:
        model.who, model.stale = bench.mint.mint(self.account), False
        await bench.parent.login(model.who)


@dataclass(frozen=True)
class LogInBadly:
    """A login whose params have a fault."""

    params: Any

    async def take(self, bench: Bench, model: Model) -> None:
        params = {"type": "chatgptAuthTokens"} | self.params
        response = await bench.parent.call("account/login/start", params)
        expect("WIRE-6", response.refused, "an error for the login", response)


@dataclass(frozen=True)
class LogInWithKey:
    """A login with an API key; refused while external tokens are active."""

    async def take(self, bench: Bench, model: Model) -> None:
        key = bench.mint.api_key()
        if isinstance(model.who, ExternalTokens):
            params = {"type": "apiKey", "apiKey": key}
            response = await bench.parent.call("account/login/start", params)
            expect("MODE-2", response.refused, "an error for the API key", response)
        else:
            await bench.parent.login_api_key(key)
            model.who, model.stale = key, False


@dataclass(frozen=True)
class LogOut:
    """A logout, whoever is logged in."""

    async def take(self, bench: Bench, model: Model) -> None:
        await bench.parent.logout()
        model.who = None


@dataclass(frozen=True)
class Expire:
    """From now on the backend refuses the token in use."""

    async def take(self, bench: Bench, model: Model) -> None:
        if model.who is not None:
            bench.backend.expire(model.who)
            model.stale = True


@dataclass(frozen=True)
class TakeTurn:
    """A turn; its refresh request gets new tokens, an error, an answer too late, or junk."""

    answer: Any

    async def take(self, bench: Bench, model: Model) -> None:
        parent, who = bench.parent, model.who
        if who is None:
            await expect_turn_without_token("LOGOUT-3", parent, bench.backend)
        elif not model.stale:
            await expect_turn_as("LOGIN-6", parent, bench.backend, who)
        elif isinstance(who, str):
            asked = len(parent.refreshes)
            outcome = await parent.run_turn()
            expect("REFRESH-7", outcome.failed, "a turn that fails with its key", outcome)
            expect_no_refresh("REFRESH-7", parent, asked)
        else:
            await self._refreshed(bench, model, who)

    async def _refreshed(self, bench: Bench, model: Model, who: ExternalTokens) -> None:
        parent = bench.parent
        turn, request = await parent.refused_turn()
        previous = request.params.get("previousAccountId")
        expect("REFRESH-2", previous == who.account_id, f"the account {who.account_id}", request)
        if self.answer == "new tokens":
            model.who, model.stale = bench.mint.mint(who.account_id), False
            await request.answer(model.who)
        elif self.answer == "error" or (self.answer == "too late" and not parent.clock.virtual):
            await request.fail()
        elif self.answer == "too late":
            await request.wait_until(parent.clock.just_after_limit())
            await request.answer_unheeded(bench.mint.mint(who.account_id))
        else:
            await request.respond({"result": self.answer})
        outcome = await turn.outcome()
        if self.answer == "new tokens":
            expect("REFRESH-3", outcome.completed, "the turn completed", outcome)
        else:
            expect("REFRESH-13", outcome.failed, "the turn failed", outcome)
            await parent.settle()


@dataclass(frozen=True)
class Ask:
    """A request of any method, with params that are valid, or hardly."""

    method: str
    params: Any = field(default=ABSENT)

    async def take(self, bench: Bench, model: Model) -> None:
        response = await bench.parent.call(self.method, self.params)
        expect("WIRE-4", response.answered, f"a response to {self.method}", response)


@dataclass(frozen=True)
class Write:
    """Bytes that end in a line of their own, whatever else they are."""

    data: bytes

    async def take(self, bench: Bench, model: Model) -> None:
        await bench.parent.send_bytes(self.data + b"\n")


Step = LogIn | LogInBadly | LogInWithKey | LogOut | Expire | TakeTurn | Ask | Write


def steps(revision: str) -> st.SearchStrategy[list[Step]]:
    """Sessions of a revision."""
    return st.lists(_step(revision), min_size=1, max_size=12)


def _step(revision: str) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.builds(LogIn, st.sampled_from([ALPHA, BETA])),
        st.builds(LogInBadly, st.dictionaries(st.text("ab", min_size=1), JSON, max_size=2)),
        st.just(LogInWithKey()),
        st.just(LogOut()),
        st.just(Expire()),
        st.builds(TakeTurn, st.sampled_from(WELL) | bad_answers(revision)),
        asked(revision),
        st.builds(Write, st.binary(max_size=40).filter(_is_no_object)),
        st.builds(Write, nearly_messages()),
    )


def nearly_messages() -> st.SearchStrategy[bytes]:
    """Objects with some members of a message, of any type; none that is a whole request."""
    members = dict.fromkeys(("id", "method", "params", "result", "error", "jsonrpc"), JSON)
    drawn = st.fixed_dictionaries({}, optional=members)
    return drawn.filter(lambda each: not {"id", "method"} <= each.keys()).map(
        lambda each: json.dumps(each).encode()
    )


def bad_answers(revision: str) -> st.SearchStrategy[Any]:
    """Results of a refresh request that have a fault, a JSON text for a token among them."""
    return broken(revision, "ChatgptAuthTokensRefreshResponse").filter(
        lambda value: not isinstance(value, str)
    )


def asked(revision: str) -> st.SearchStrategy[Ask]:
    """Requests that change no login, with params of all kinds."""
    drawn = []
    for row in methods(revision):
        if (row.kind, row.direction) == ("request", "clientToServer") and (
            row.method not in ELSEWHERE
        ):
            of_type = [of(revision, row.params) for of in (valid, broken) if row.params]
            params = st.one_of(*of_type, JSON, st.just(ABSENT))
            drawn.append(st.builds(Ask, st.just(row.method), params))
    return st.one_of(drawn)


def _is_no_object(data: bytes) -> bool:
    """Whether no line of it can be a message that a server has to answer."""
    return b"{" not in data


def play(judged: Judged, session: Sequence[Step]) -> CaseResult:
    """Play a session; the invariants are looked at after it, the model after every step."""

    async def body(bench: Bench) -> None:
        model = Model()
        for step in session:
            await step.take(bench, model)
            await look(bench, model)

    spec = CaseSpec("generated/session", ("READ-1",), (), Setup(), 0)
    return judge_case(judged, spec, body)


async def look(bench: Bench, model: Model) -> None:
    """Compare what the server says of the account with the model."""
    read = await bench.parent.read_account()
    require("READ-1", read.ok, "account/read to be answered", read)
    if isinstance(model.who, ExternalTokens):
        expect("LOGIN-5", read.names(model.who), f"the account of {model.who.email}", read)
    elif model.who is None:
        expect("LOGOUT-2", read.nobody, "nobody", read)
    else:
        account = read.account or {}
        expect("APIKEY-1", account.get("type") == "apiKey", "the account of an API key", read)
