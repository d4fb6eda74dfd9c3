"""Judges a parent application: an opening conversation, then every scenario, many at a time."""

import os
import shlex
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

import anyio

from codex_conformance.case import Broken, Case, CaseSpec, NotApplicable
from codex_conformance.errors import UsageError, leaves
from codex_conformance.invariants import Finding
from codex_conformance.judge_parent.app import App
from codex_conformance.judge_parent.loopback import Loopback, open_loopback
from codex_conformance.judge_parent.opening import hold_opening
from codex_conformance.judge_parent.report import result_of
from codex_conformance.judge_parent.rules import findings
from codex_conformance.judge_parent.scenarios import all_scenarios
from codex_conformance.judge_parent.stage import Judged, Ordinary
from codex_conformance.ledger import load_ledger
from codex_conformance.processes import nobody_left
from codex_conformance.results import CaseResult, Plan, Reporter, RunResult, Subject
from codex_conformance.selection import Selection

if TYPE_CHECKING:
    from codex_conformance.check import Watcher

DEADLINE = 120.0  # seconds that a scenario may take, whatever happens
STARTS_PER_CORE = 4  # parents that may be starting at the same time
_LIST = "codex-conformance parent --list"
ALIVE = 64  # parents that may run at the same time


@dataclass(frozen=True)
class Wish:
    """What the command line asks for.

    Attributes:
        judged: the parent and the law.
        select: an expression over scenario ids and clauses, as of `check -k`.
        only: ids of scenarios; empty = all.
        without: clause -> reason, declared not applicable.
        jobs: scenarios at a time, None for as many as are good.
    """

    judged: Judged
    select: str = ""
    only: tuple[str, ...] = ()
    without: tuple[tuple[str, str], ...] = ()
    jobs: int | None = None


def scenarios_in(revision: str) -> list[tuple[CaseSpec, Case]]:
    """The scenarios of a revision, in the order of the files."""
    clauses = load_ledger().clauses
    return [
        (spec, body)
        for spec, body in all_scenarios()
        if any(revision in clauses[clause].revisions for clause in spec.clauses)
    ]


def scenarios_of(wish: Wish) -> list[tuple[CaseSpec, Case]]:
    """The scenarios that a wish selects; those that wait longest come first.

    Raises:
        UsageError: it selects none, names one that there is not, or its expression is none.
    """
    if unknown := set(wish.only) - {spec.id for spec, _ in all_scenarios()}:
        raise UsageError(f"--case {min(unknown)}: no scenario has this id", _LIST)
    chosen = Selection(wish.select)
    found = [
        (spec, body)
        for spec, body in scenarios_in(wish.judged.revision)
        if (not wish.only or spec.id in wish.only) and chosen.takes(spec.id, spec.clauses)
    ]
    if not found:
        raise UsageError("no scenario is selected", _LIST)
    return sorted(found, key=lambda one: -one[0].waits)


def judge_parent(
    wish: Wish, reporters: Sequence[Reporter], watcher: "Watcher | None" = None
) -> RunResult:
    """Judge a parent application, telling the reporters as it goes.

    Whoever interrupts it is told what was found until then.

    Raises:
        ConformanceError: the run cannot begin.
        KeyboardInterrupt: it was interrupted before the first scenario.
    """
    scenarios = scenarios_of(wish)
    told = Told(reporters, watcher)
    try:
        return anyio.run(_judge, wish, scenarios, told)
    except KeyboardInterrupt:
        if told.run is None:
            raise
        return told.run


async def _judge(wish: Wish, scenarios: list[tuple[CaseSpec, Case]], told: "Told") -> RunResult:
    async with nobody_left(), open_loopback() as loopback:
        return await judge_with(loopback, wish, scenarios, told, Capacity.of(wish))


@dataclass
class Told:
    """Who is told what happens in a run, and what they were told at its end."""

    reporters: Sequence[Reporter] = ()
    watcher: "Watcher | None" = None
    run: RunResult | None = None

    def started(self, plan: Plan) -> None:
        """The scenarios begin."""
        for reporter in self.reporters:
            reporter.started(plan)

    def began(self, scenario: str) -> None:
        """A scenario began; others may be under way."""
        if self.watcher:
            self.watcher.began_case(scenario)

    def finished_case(self, result: CaseResult) -> None:
        """A scenario ended."""
        for reporter in self.reporters:
            reporter.finished_case(result)

    def finished(self, run: RunResult) -> RunResult:
        """Every scenario ended, or somebody interrupted them."""
        self.run = run
        for reporter in self.reporters:
            reporter.finished(run)
        return run


@dataclass(frozen=True)
class Capacity:
    """How many parents may run, and how many of them may be starting."""

    alive: anyio.CapacityLimiter
    starting: anyio.CapacityLimiter

    @classmethod
    def of(cls, wish: Wish) -> "Capacity":
        """What a wish and the machine allow; one at a time where the stand-in has one place."""
        jobs = 1 if wish.judged.shim is not None else wish.jobs or ALIVE
        starts = STARTS_PER_CORE * (os.cpu_count() or 1)
        return cls(anyio.CapacityLimiter(jobs), anyio.CapacityLimiter(starts))


async def judge_with(
    loopback: Loopback,
    wish: Wish,
    scenarios: list[tuple[CaseSpec, Case]],
    told: Told,
    capacity: Capacity,
) -> RunResult:
    """Judge a parent beside others, with a loopback and a capacity that they share."""
    judged = wish.judged
    async with capacity.alive:
        introduction = await hold_opening(judged, loopback)
    subject = Subject(shlex.join(judged.command), introduction.client, judged.revision)
    if judged.transcripts is not None:
        judged.transcripts.mkdir(parents=True, exist_ok=True)
    ids = tuple(spec.id for spec, _ in scenarios)
    told.started(Plan(subject, len(ids), int(capacity.alive.total_tokens), ids))
    results: list[CaseResult] = []
    began = time.perf_counter()

    async def play(spec: CaseSpec, body: Case) -> None:
        async with capacity.alive:
            told.began(spec.id)
            result = await _play(wish, spec, body, introduction.ordinary, loopback, capacity)
        results.append(result)
        told.finished_case(result)

    def finished(*, interrupted: bool) -> RunResult:
        run = RunResult(
            subject,
            load_ledger(),
            tuple(results),
            stale=(),
            wall_s=time.perf_counter() - began,
            kit_version=version("codex-conformance"),
            interrupted=interrupted,
        )
        return told.finished(run)

    try:
        async with anyio.create_task_group() as group:
            for spec, body in scenarios:
                group.start_soon(play, spec, body)
    except anyio.get_cancelled_exc_class():
        finished(interrupted=True)
        raise
    return finished(interrupted=False)


async def _play(
    wish: Wish,
    spec: CaseSpec,
    body: Case,
    ordinary: Ordinary,
    loopback: Loopback,
    capacity: Capacity,
) -> CaseResult:
    """Play one scenario to its verdict; whatever happens becomes one."""
    excused = dict(wish.without)
    if any(clause in excused for clause in spec.clauses):
        reason = next(excused[clause] for clause in spec.clauses if clause in excused)
        text = f"declared with --without: {reason}"
        return CaseResult(spec.id, spec.clauses, "not-applicable", message=text)
    app = App(wish.judged, spec, ordinary)
    began = time.perf_counter()
    try:
        broken, found = await _conduct(app, body, loopback, capacity)
    except Exception as error:  # noqa: BLE001 - whatever the kit does wrong is reported, not lost
        first = min(leaves(error), key=lambda leaf: isinstance(leaf, NotApplicable))
        outcome: Exception | str = first if isinstance(first, NotApplicable) else _trace(error)
        return result_of(app, outcome, [], time.perf_counter() - began)
    return result_of(app, broken, found, time.perf_counter() - began)


def _trace(error: Exception) -> str:
    return "".join(traceback.format_exception(error))


async def _conduct(
    app: App, body: Case, loopback: Loopback, capacity: Capacity
) -> tuple[Broken | None, list[Finding]]:
    """Run the body of a scenario, then look at what holds in every one."""
    broken: Broken | None = None
    await capacity.starting.acquire_on_behalf_of(app)
    async with app.with_parent(loopback):
        with anyio.move_on_after(DEADLINE) as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(_let_others_start, app, capacity)
                try:
                    await body(app)
                except Broken as verdict:
                    broken = verdict
                group.cancel_scope.cancel()
        if scope.cancelled_caught:
            expected = f"the scenario to come to an end within {DEADLINE:g} s"
            broken = Broken(None, expected, app.state(), prerequisite=True)
        found = list(findings(app))
        app.curtain = len(app.transcript.entries)
    return broken, found


async def _let_others_start(app: App, capacity: Capacity) -> None:
    """Keep a place among those that are starting until the parent has logged in, or 5 s."""
    try:
        await app.until(lambda: app.logins or None, "a login", 5.0)
    finally:
        capacity.starting.release_on_behalf_of(app)
