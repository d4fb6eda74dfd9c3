"""Judging many parents beside each other: nearly all of it is waiting."""

import os
import sys
from collections.abc import Collection
from pathlib import Path

import anyio
from codex_conformance.judge_parent.judge import (
    STARTS_PER_CORE,
    Capacity,
    Told,
    Wish,
    judge_with,
    scenarios_of,
)
from codex_conformance.judge_parent.loopback import open_loopback
from codex_conformance.judge_parent.scenarios import all_scenarios
from codex_conformance.judge_parent.stage import Judged
from codex_conformance.results import RunResult

HERE = Path(__file__).parent
ALIVE = 160  # parents that run at the same time
PYTHON = (sys.executable, "-ESs")  # without what slows its start
PLAIN = ("pass", "not-applicable")


def wish(*command: str, revision: str = "0.169", clauses: Collection[str] = ()) -> Wish:
    """A wish to judge a command by the scenarios of some clauses, by default of all."""
    specs = [spec for spec, _ in all_scenarios()]
    only = [spec.id for spec in specs if not clauses or not set(clauses).isdisjoint(spec.clauses)]
    return Wish(Judged(command, revision), only=tuple(only))


def broken(run: RunResult) -> frozenset[str]:
    """The clauses that a run found broken."""
    return frozenset(name for name, row in run.clauses().items() if row.verdict == "fail")


def told(run: RunResult) -> str:
    """What a run found that is not plain, a line each."""
    rows = [case for case in run.cases if case.verdict not in PLAIN]
    return "\n".join(f"{case.id}: {case.verdict}: {case.message}" for case in rows)


def judge_all(wishes: dict[str, Wish]) -> dict[str, RunResult]:
    """Judge each; name -> run."""

    async def judge_each() -> dict[str, RunResult]:
        found: dict[str, RunResult] = {}
        starts = STARTS_PER_CORE * (os.cpu_count() or 1)
        capacity = Capacity(anyio.CapacityLimiter(ALIVE), anyio.CapacityLimiter(starts))
        async with open_loopback() as loopback, anyio.create_task_group() as group:

            async def judge(name: str, one: Wish) -> None:
                found[name] = await judge_with(loopback, one, scenarios_of(one), Told(), capacity)

            for name, one in wishes.items():
                group.start_soon(judge, name, one)
        return found

    return anyio.run(judge_each)
