"""Judges one hostile habit: `judge.py HABIT [ws|unix]` prints what the kit makes of it, as JSON."""

import json
import resource
import sys
import time
from pathlib import Path
from typing import cast

import pytest
from codex_conformance import reference
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
habit, *scheme = sys.argv[1:]
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
