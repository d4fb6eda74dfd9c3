"""The steps of a session that are a refresh: a turn whose external tokens are refused."""

from dataclasses import dataclass
from typing import Any, ClassVar

import anyio
from codex_conformance.bench import Bench
from codex_conformance.case import expect, require
from codex_conformance.cases.refresh import ODD_BODIES
from codex_conformance.exchange import Outcome, RefreshRequest, Turn
from codex_conformance.tokens import BETA, GAMMA, NO_JWT, ExternalTokens, Needles
from model import UPDATED, Model, Step, Told, expect_sent, refuse

ANSWERS = ["new tokens", "another plan", "at the last instant", "error", "too late"]
GOOD = ANSWERS[:3]
IN_VAIN = "refused tokens"
ELSEWHERE = "another workspace"
ANOTHER = "another account"
UNANSWERED = "nothing"
TELLTALE = "an error with tokens in it"
OTHER_SHAPE = "the shape of another revision"
MEANWHILE = ["nothing", "read", "request under its id", "stray answer", "second answer"]
DISTURBING = ["log in", "log out", "interrupt"]
PLAIN = Told("REFRESH-19", may_update=True)
PLAIN_401 = "JSON"


@dataclass(frozen=True)
class Malformed:
    """An error object that is none."""

    error: Any


@dataclass(frozen=True)
class Refresh(Step):
    """A turn whose external tokens the backend refuses.

    Attributes:
        answer: what the refresh request gets: one of ANSWERS, UNANSWERED, tokens IN_VAIN, of
            ELSEWHERE or of ANOTHER, TELLTALE, OTHER_SHAPE, a kind of text that is no JWT, an error
            that is `Malformed`, or a result that does not validate.
        meanwhile: what happens while it is pending.
        refusal: how the backend words its 401: PLAIN_401, or one of ODD_BODIES.
    """

    answer: Any = "new tokens"
    meanwhile: str = "nothing"
    refusal: str = PLAIN_401
    needs_tokens: ClassVar = True

    async def take(self, bench: Bench, model: Model) -> Told:
        if not isinstance(model.who, ExternalTokens):
            return Told("LOGIN-10")
        refuse(bench, model)
        if self.refusal != PLAIN_401:
            bench.backend.answer_next_turn(lambda _request: ODD_BODIES[self.refusal])
        return await _Refresh(bench, model, model.who, self).run()


@dataclass(frozen=True)
class _Refresh:
    """A turn that is refused, on its way."""

    bench: Bench
    model: Model
    who: ExternalTokens
    step: Refresh

    async def run(self) -> Told:
        parent, model = self.bench.parent, self.model
        before = len(self.bench.backend.turn_requests)
        turn, request = await parent.refused_turn()
        model.asked += 1
        asked = {name: request.params.get(name) for name in ("reason", "previousAccountId")}
        wanted = {"reason": "unauthorized", "previousAccountId": self.who.account_id}
        expect("REFRESH-2", asked == wanted, f"{wanted}", request)
        ids = [repr(each.id) for each in parent.refreshes[model.asked_before :]]
        expect("REFRESH-15", ids.count(ids[-1]) == 1, "an id that no request had before", request)
        if self.step.meanwhile in DISTURBING:
            return await self._disturbed(turn, request)
        unheeded = self.bench.mint.mint(self.who.account_id)
        await self._meanwhile(turn, request, unheeded)
        given = await self._answer(request)
        answered = anyio.current_time()
        if self.step.meanwhile == "second answer":
            await request.answer_unheeded(unheeded)
        outcome = await turn.outcome()
        await parent.settle()
        if self.step.answer == ANOTHER:
            await self._expect_one_of_two(given, outcome, before)
        elif given is None:
            clause = self._clause
            expect(clause, outcome.failed, "the turn failed", outcome)
            prompt = outcome.at - answered <= parent.clock.prompt
            expect(clause, prompt or not clause.startswith("ERROR"), "its end at once", outcome)
            expect_sent(clause, self.bench, before, self.who)
        else:
            told = outcome.failed and outcome.mentions("401")
            good = told if model.stale else outcome.completed
            clause = "REFRESH-4" if model.stale else "REFRESH-3"
            expect(clause, good, "the turn to end as the backend says", outcome)
            expect_sent(clause, self.bench, before, self.who, given)
        return PLAIN

    @property
    def _clause(self) -> str:
        """What a turn breaks that goes on, or goes well, after an answer that is no good one."""
        answer = self.step.answer
        if isinstance(answer, Malformed):
            return "ERROR-4"
        of = {ELSEWHERE: "WORKSPACE-3", "error": "ERROR-1", TELLTALE: "ERROR-1"}
        of |= dict.fromkeys(["too late", UNANSWERED], "TIMEOUT-1")
        return of.get(answer, "REFRESH-13") if isinstance(answer, str) else "REFRESH-13"

    async def _expect_one_of_two(self, given: Any, outcome: Outcome, before: int) -> None:
        """Either the turn completes as the other account, or it fails, as whomever it leaves."""
        expect("REFRESH-16", outcome.completed or outcome.failed, "the turn to end", outcome)
        retry = (given,) if outcome.completed else ()
        expect_sent("REFRESH-16", self.bench, before, self.who, *retry)
        read = await self.bench.parent.read_account()
        if given is not None and (outcome.completed or read.names(given)):
            self.bench.parent.use_bearer(given.access_token, "REFRESH-5")
            self.model.log_in(given)

    async def _meanwhile(
        self, turn: Turn, request: RefreshRequest, unheeded: ExternalTokens
    ) -> None:
        if self.step.meanwhile == "read":
            began = await self.bench.parent.call("thread/start", {"model": "mock-model"})
            expect("REFRESH-12", began.prompt, "thread/start to be answered at once", began)
            read = await self.bench.parent.read_account()
            expect("REFRESH-12", read.prompt, "account/read to be answered at once", read)
            same = read.account == self.model.account
            expect("REFRESH-12", same, f"the account {self.model.account}", read)
        elif self.step.meanwhile == "request under its id":
            read = await self.bench.parent.call("account/read", {}, request.id)
            expect("WIRE-3", read.ok, "account/read under the same id to be answered", read)
        elif self.step.meanwhile == "stray answer":
            stray = {"result": unheeded.members(self.model.revision)}
            for earlier in self.bench.parent.refreshes[self.model.asked_before : -1]:
                await earlier.respond(stray)
            await request.respond(stray, id=f"{request.id}")
            await request.respond(stray, id=987_654)
            read = await self.bench.parent.read_account()
            same = read.account == self.model.account
            expect("REFRESH-14", same, f"the account {self.model.account}", read)
            early = await turn.outcome(0)
            waits = not early.ended or isinstance(request.id, str)
            expect("REFRESH-14", waits, "the turn to go on waiting", early)

    async def _answer(self, request: RefreshRequest) -> ExternalTokens | None:
        """Answer the request; the tokens of the answer, where they may count from now on."""
        answer = self.step.answer
        if isinstance(answer, Malformed):
            await request.respond({"error": answer.error})
        elif not isinstance(answer, str):
            await request.respond({"result": answer})
        elif answer in NO_JWT or answer == OTHER_SHAPE:
            await request.respond({"result": self._spoilt(answer)})
        elif answer in (*GOOD, IN_VAIN):
            return await self._answer_well(request, answer)
        elif answer == ANOTHER and not self.model.workspaces:
            given = self.bench.mint.mint(BETA if self.who.account_id == GAMMA else GAMMA)
            await request.answer_unheeded(given)
            return given
        else:
            await self._answer_badly(request, answer)
        return None

    async def _answer_well(self, request: RefreshRequest, answer: str) -> ExternalTokens:
        clock, given = self.bench.parent.clock, self.bench.mint.mint(self.who.account_id)
        if answer == "at the last instant" and clock.virtual:
            await request.wait_until(clock.just_before_limit())
        if answer == "another plan":
            given = self.bench.mint.mint(self.who.account_id, plan="plus")
            given = given if self.model.revision == "0.93" else given.stating("team")
        if answer == IN_VAIN:
            self.bench.backend.expire(given)
            self.model.refused.add(given.access_token)
        self.model.log_in(given)
        await request.answer(given)
        return given

    async def _answer_badly(self, request: RefreshRequest, answer: str) -> None:
        mint, clock = self.bench.mint, self.bench.parent.clock
        if answer == ELSEWHERE and self.model.workspaces:
            await request.answer_unheeded(mint.mint("acct-elsewhere"))
        elif answer == "too late" and clock.virtual:
            await request.wait_until(clock.just_after_limit())
            await request.answer_unheeded(mint.mint(self.who.account_id))
        elif answer == TELLTALE:
            await self._tell(request)
        elif answer != UNANSWERED or not clock.virtual:
            await request.fail()

    async def _tell(self, request: RefreshRequest) -> None:
        """Answer with an error that has tokens in it, which nobody repeats."""
        parent, told = self.bench.parent, self.bench.mint.mint()
        secrets = {told.access_token: "the token", told.id_token: "the id token"}
        parent.forgiven.update(secrets)
        mark = parent.mark()
        await request.fail(f"no {told.access_token}", data={"tokens": told.members("0.93")})
        await parent.settle()
        for entry in parent.transcript.received(mark):
            found = Needles(secrets).find(entry.text.encode())
            expect("ERROR-3", found is None, "no message with that token", entry)
        found = Needles(secrets).find(parent.channel.diagnostics())
        expect("ERROR-3", found is None, "nothing of it on stderr", f"{found} on stderr")

    def _spoilt(self, answer: str) -> Any:
        """A result with a text for a token, or in the shape of another revision."""
        revision, tokens = self.model.revision, self.bench.mint.mint(self.who.account_id)
        if answer == OTHER_SHAPE:
            return tokens.members("0.99" if revision == "0.93" else "0.93")
        text = self.bench.mint.keep(NO_JWT[answer](tokens.access_token))
        return tokens.claims_replaced(revision, text).members(revision)

    async def _disturbed(self, turn: Turn, request: RefreshRequest) -> Told:
        parent, model, mint = self.bench.parent, self.model, self.bench.mint
        told = PLAIN
        if self.step.meanwhile == "log out":
            pending = await parent.begin("account/logout")
            response = await parent.answer_to(pending, parent.clock.prompt)
            expect("LOGOUT-5", response.ok, "the logout to be answered at once", response)
            parent.use_bearer(None, "LOGOUT-3")
            model.log_in(None)
            told = Told("LOGOUT-4", ((UPDATED, {"authMode": None}),), response)
        elif self.step.meanwhile == "log in":
            newer = mint.mint(self.who.account_id)
            response = await parent.try_login(newer)
            expect("LOGIN-12", response.ok and response.prompt, "a login at once", response)
            model.log_in(newer)
            told = model.announced("LOGIN-4", response)
        else:
            asked = await turn.begin_interrupt()
            outcome = await turn.outcome(parent.clock.prompt)
            ended = outcome.status == "interrupted"
            expect("REFRESH-21", ended, "the turn to end at once as interrupted", outcome)
            await parent.answer_to(asked)
        await request.answer_unheeded(mint.mint(self.who.account_id))
        outcome = await turn.outcome()
        require(None, outcome.ended, "the turn to end", outcome)
        await parent.settle()
        return told
