"""Judges one hostile habit: `judge.py HABIT PATIENCE [ws|unix]` prints what the kit makes of it.

PATIENCE is how long, in seconds, the kit waits for an answer that may never come. What it makes of
it is JSON.
"""

import json
import resource
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from codex_conformance import bench, reference
from codex_conformance.bench import Judged, judge_case
from codex_conformance.check import collect_cases
from codex_conformance.plugin import Order, body_of, spec_in
from codex_conformance.sockets import ListeningTarget
from codex_conformance.targets import CommandTarget

REVISION = "0.169"
CASE = "logout/nobody"

order = Order(direct=reference.NAME, argv=(), revision=REVISION, only=(CASE,))
(item,) = cast("list[pytest.Function]", collect_cases(order))
script = str(Path(__file__).with_name("hostile.py"))
habit, patience, *scheme = sys.argv[1:]
bench.REAL = replace(bench.REAL, patience=float(patience))
command = (sys.executable, script, habit, "app-server")
target = ListeningTarget(command, scheme[0]) if scheme else CommandTarget(command)
began = time.monotonic()
result = judge_case(Judged(target, REVISION), spec_in(item), body_of(item))
found = {
    "verdict": result.verdict,
    "broken": [one.clause for one in result.broken],
    "message": result.message,
    "seconds": time.monotonic() - began,
    "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
}
json.dump(found, sys.stdout)
