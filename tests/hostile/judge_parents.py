"""Judges every hostile parent, many at a time; prints what the kit makes of each, as JSON."""

import json
import resource
import sys
import time
from pathlib import Path

import anyio
from codex_conformance.judge_parent.judge import Capacity, Told, Wish, judge_with, scenarios_of
from codex_conformance.judge_parent.loopback import open_loopback
from codex_conformance.judge_parent.stage import Judged
from codex_conformance.processes import nobody_left
from hostile_parent import FLOODS, HABITS, SCENARIO

SCRIPT = str(Path(__file__).with_name("hostile_parent.py"))
BATCHES = ((HABITS, 5.0), (FLOODS, 1.0))  # with the seconds that an answer may take


async def judge_each() -> dict[str, object]:
    found: dict[str, object] = {}
    async with nobody_left(), open_loopback() as loopback:

        async def judge(habit: str, limit: float, capacity: Capacity) -> None:
            wish = Wish(
                Judged((sys.executable, SCRIPT, habit), "0.169", limit=limit), only=(SCENARIO,)
            )
            run = await judge_with(loopback, wish, scenarios_of(wish), Told(), capacity)
            (result,) = run.cases
            found[habit] = [[one.clause for one in result.broken], result.message]

        for habits, limit in BATCHES:
            capacity = Capacity(anyio.CapacityLimiter(len(habits)), anyio.CapacityLimiter(4))
            async with anyio.create_task_group() as group:
                for habit in habits:
                    group.start_soon(judge, habit, limit, capacity)
    return found


began = time.monotonic()
found = anyio.run(judge_each)
mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
json.dump({"found": found, "mib": mib, "seconds": time.monotonic() - began}, sys.stdout)
