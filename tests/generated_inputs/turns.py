"""The steps of a session that are turns: with a good token, refused, refreshed, disturbed."""

from dataclasses import dataclass
from typing import Any, ClassVar

from codex_conformance.bench import Bench
from codex_conformance.case import expect, require
from codex_conformance.exchange import RefreshRequest, Turn
from codex_conformance.expectations import (
    expect_no_refresh,
    expect_turn_as,
    expect_turn_without_token,
    held_turn,
)
from codex_conformance.issuer import ManagedLogin
from codex_conformance.replies import dropped, status
from codex_conformance.tokens import NO_JWT, ExternalTokens
from model import UPDATED, Model, Step, Told, bearer, refuse

ANSWERS = ["new tokens", "another plan", "error", "too late"]
IN_VAIN = "refused tokens"
ELSEWHERE = "another workspace"
MEANWHILE = ["nothing", "read", "stray answer", "second answer"]
DISTURBING = ["log in", "log out", "interrupt"]
PLAIN = Told("REFRESH-19", may_update=True)
TROUBLE = {str(code): status(code) for code in (400, 403, 404, 429, 500)} | {"dropped": dropped}


@dataclass(frozen=True)
class TakeTurn(Step):
    """A turn, by whoever is logged in; `refused`: the backend takes the login no more."""

    refused: bool = False

    async def take(self, bench: Bench, model: Model) -> Told:
        parent, backend, who = bench.parent, bench.backend, model.who
        if self.refused:
            refuse(bench, model)
        if isinstance(who, ExternalTokens) and model.stale:
            return await Refresh().take(bench, model)
        before, mark = len(backend.turn_requests), len(parent.refreshes)
        if who is None:
            await expect_turn_without_token("LOGOUT-3", parent, backend)
            expect_no_refresh("LOGOUT-3", parent, mark)
        elif not model.stale:
            await expect_turn_as("LOGIN-6", parent, backend, _tokens_of(who))
            _expect_sent("REFRESH-5", bench, before, who)
        else:
            return await self._refused(bench, model, before)
        return Told("LOGIN-4")

    async def _refused(self, bench: Bench, model: Model, before: int) -> Told:
        who, asked = model.who, len(bench.parent.refreshes)
        outcome = await bench.parent.run_turn()
        expect_no_refresh("REFRESH-7", bench.parent, asked)
        if isinstance(who, str):
            expect("APIKEY-2", outcome.failed, "a turn that fails with its key", outcome)
            _expect_sent("APIKEY-2", bench, before, who)
            return Told("APIKEY-2")
        expect("MANAGED-4", outcome.completed, "a refresh, and the turn", outcome)
        model.log_in(bench.backend.issuer.newest)
        _expect_sent("MANAGED-4", bench, before, who, model.who)
        return Told("MANAGED-4", may_update=True)


@dataclass(frozen=True)
class Refresh(Step):
    """A turn whose external tokens the backend refuses.

    Attributes:
        answer: what the refresh request gets: one of ANSWERS, tokens IN_VAIN or of ELSEWHERE, a
            kind of text that is no JWT, or a result that does not validate.
        meanwhile: what happens while it is pending.
    """

    answer: Any = "new tokens"
    meanwhile: str = "nothing"
    needs_tokens: ClassVar = True

    async def take(self, bench: Bench, model: Model) -> Told:
        if not isinstance(model.who, ExternalTokens):
            return Told("LOGIN-10")
        refuse(bench, model)
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
        if self.step.meanwhile == "second answer":
            await request.answer_unheeded(unheeded)
        outcome = await turn.outcome()
        await parent.settle()
        if given is None:
            clause = "WORKSPACE-3" if self.step.answer == ELSEWHERE else "REFRESH-13"
            expect(clause, outcome.failed, "the turn failed", outcome)
            _expect_sent(clause, self.bench, before, self.who)
        else:
            told = outcome.failed and outcome.mentions("401")
            good = told if model.stale else outcome.completed
            clause = "REFRESH-4" if model.stale else "REFRESH-3"
            expect(clause, good, "the turn to end as the backend says", outcome)
            _expect_sent(clause, self.bench, before, self.who, given)
        return PLAIN

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
        elif self.step.meanwhile == "stray answer":
            stray = {"result": unheeded.members(self.model.revision)}
            await request.respond(stray, id=f"{request.id}")
            await request.respond(stray, id=987_654)
            await self.bench.parent.read_account()
            early = await turn.outcome(0)
            waits = not early.ended or isinstance(request.id, str)
            expect("REFRESH-14", waits, "the turn to go on waiting", early)

    async def _answer(self, request: RefreshRequest) -> ExternalTokens | None:
        """Answer the request; the tokens that count from now on."""
        answer, mint, parent = self.step.answer, self.bench.mint, self.bench.parent
        if answer in (*ANSWERS[:2], IN_VAIN):
            given = mint.mint(self.who.account_id)
            if answer == "another plan":
                given = mint.mint(self.who.account_id, plan="plus")
                given = given if self.model.revision == "0.93" else given.stating("team")
            if answer == IN_VAIN:
                self.bench.backend.expire(given)
                self.model.refused.add(given.access_token)
            self.model.log_in(given)
            await request.answer(given)
            return given
        if answer == ELSEWHERE and self.model.workspaces:
            await request.answer_unheeded(mint.mint("acct-elsewhere"))
        elif answer == "too late" and parent.clock.virtual:
            await request.wait_until(parent.clock.just_after_limit())
            await request.answer_unheeded(mint.mint(self.who.account_id))
        elif answer in (*ANSWERS, ELSEWHERE):
            await request.fail()
        else:
            await request.respond({"result": self._spoilt(answer)})
        return None

    def _spoilt(self, answer: Any) -> Any:
        if not isinstance(answer, str):
            return answer
        tokens = self.bench.mint.mint(self.who.account_id)
        text = self.bench.mint.keep(NO_JWT[answer](tokens.access_token))
        return tokens.claims_replaced(self.model.revision, text).members(self.model.revision)

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


@dataclass(frozen=True)
class TakeTurnsAtOnce(Step):
    """Turns that meet a 401 together; each refresh request is answered with the same tokens."""

    count: int = 2
    needs_tokens: ClassVar = True

    async def take(self, bench: Bench, model: Model) -> Told:
        who, parent, backend = model.who, bench.parent, bench.backend
        if not isinstance(who, ExternalTokens):
            return await TakeTurn().take(bench, model)
        refuse(bench, model)
        threads = [await parent.start_thread() for _ in range(self.count)]
        given = bench.mint.mint(who.account_id)
        parent.answer_every_refresh(lambda _request: given)
        backend.hold(self.count)
        turns = [await parent.start_turn(thread) for thread in threads]
        await parent.until(lambda: backend.held == self.count or None, "requests of all turns")
        backend.release()
        backend.held = 0
        for turn in turns:
            outcome = await turn.outcome()
            expect("REFRESH-10", outcome.completed, "every turn to complete", outcome)
        parent.answer_every_refresh(None)
        few = 1 <= len(parent.refreshes) - model.asked <= self.count
        expect("REFRESH-10", few, f"1 to {self.count} refresh requests", [*parent.refreshes])
        model.asked = len(parent.refreshes)
        model.log_in(given)
        return PLAIN


@dataclass(frozen=True)
class LogInUnderTurn(Step):
    """A login with newer tokens while a request with older ones waits for its 401."""

    needs_tokens: ClassVar = True

    async def take(self, bench: Bench, model: Model) -> Told:
        who, parent, backend = model.who, bench.parent, bench.backend
        if not isinstance(who, ExternalTokens) or model.stale:
            return await TakeTurn().take(bench, model)
        refuse(bench, model)
        turn = await held_turn(parent, backend)
        backend.held = 0
        newer = bench.mint.mint(who.account_id)
        response = await parent.try_login(newer)
        expect("LOGIN-7", response.ok, "the login to be accepted", response)
        model.log_in(newer)
        backend.release()
        outcome = await turn.outcome()
        expect("REFRESH-11", outcome.completed, "a retry with the newer tokens", outcome)
        expect_no_refresh("REFRESH-11", parent, model.asked)
        return model.announced("LOGIN-4", response)


@dataclass(frozen=True)
class TakeTurnInTrouble(Step):
    """A turn that the backend refuses for another reason than the login, by the name of which."""

    trouble: str

    async def take(self, bench: Bench, model: Model) -> Told:
        if model.who is not None:
            bench.backend.answer_next_turn(TROUBLE[self.trouble])
            outcome = await bench.parent.run_turn()
            expect("REFRESH-8", outcome.ended, "the turn to end", outcome)
            expect_no_refresh("REFRESH-8", bench.parent, model.asked)
        return Told("REFRESH-8")


def _tokens_of(who: Any) -> ExternalTokens | str:
    return who.tokens if isinstance(who, ManagedLogin) else who


def _expect_sent(clause: str, bench: Bench, before: int, *logins: Any) -> None:
    """Expect that the requests of a turn bore these logins, one each."""
    sent = [request.token for request in bench.backend.turn_requests[before:]]
    wanted = [bearer(login) for login in logins]
    expect(clause, sent == wanted, f"requests with the tokens {wanted}", f"{sent}")
    for login in logins:
        if isinstance(login, ExternalTokens):
            for request in bench.backend.turn_requests_with(login):
                same = request.account_id == login.account_id
                expect("REFRESH-20", same, f"the account id {login.account_id}", request)
