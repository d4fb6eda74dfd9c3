"""The steps of a session that are turns: with a good token, refused, at once, disturbed."""

from dataclasses import dataclass
from typing import Any, ClassVar

from codex_conformance.bench import Bench
from codex_conformance.case import expect, require
from codex_conformance.expectations import (
    expect_no_refresh,
    expect_turn_as,
    expect_turn_without_token,
    held_turn,
)
from codex_conformance.issuer import ManagedLogin
from codex_conformance.replies import dropped, status
from codex_conformance.tokens import ExternalTokens
from managed import expect_completed_together, expect_refreshed
from model import Model, Step, Told, expect_sent, refuse
from refresh import PLAIN, Refresh
from steps import LogOut

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
            expect_sent("REFRESH-5", bench, before, who)
        else:
            return await self._refused(bench, model, before)
        return Told("LOGIN-4")

    async def _refused(self, bench: Bench, model: Model, before: int) -> Told:
        who, asked = model.who, len(bench.parent.refreshes)
        at_issuer = len(bench.backend.issuer.refreshes)
        outcome = await bench.parent.run_turn()
        expect_no_refresh("REFRESH-7", bench.parent, asked)
        if isinstance(who, str):
            expect("APIKEY-2", outcome.failed, "a turn that fails with its key", outcome)
            expect_sent("APIKEY-2", bench, before, who)
            return Told("APIKEY-2")
        expect("MANAGED-4", outcome.completed, "a refresh, and the turn", outcome)
        expect_refreshed("MANAGED-4", bench, model, at_issuer)
        store_read_again = len(bench.backend.turn_requests) - before == 3
        expect_sent("MANAGED-4", bench, before, who, *[who] * store_read_again, model.who)
        return Told("MANAGED-4", may_update=True)


@dataclass(frozen=True)
class TakeTurnsAtOnce(Step):
    """Turns that meet a 401 together; each refresh request is answered with the same tokens."""

    count: int = 2
    needs_tokens: ClassVar = True

    async def take(self, bench: Bench, model: Model) -> Told:
        who, parent = model.who, bench.parent
        if not isinstance(who, ExternalTokens):
            return await TakeTurn().take(bench, model)
        refuse(bench, model)
        threads = [await parent.start_thread() for _ in range(self.count)]
        given = bench.mint.mint(who.account_id)
        parent.answer_every_refresh(lambda _request: given)
        await expect_completed_together("REFRESH-10", bench, threads)
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
class LogOutUnderTurn(Step):
    """A logout while a request waits for its 401."""

    needs_tokens: ClassVar = True

    async def take(self, bench: Bench, model: Model) -> Told:
        parent, backend = bench.parent, bench.backend
        if not isinstance(model.who, ExternalTokens):
            return await TakeTurn().take(bench, model)
        refuse(bench, model)
        turn = await held_turn(parent, backend)
        backend.held = 0
        told = await LogOut().take(bench, model)
        backend.release()
        outcome = await turn.outcome()
        require(None, outcome.ended, "the turn to end", outcome)
        expect_no_refresh("LOGOUT-3", parent, model.asked)
        return told


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
