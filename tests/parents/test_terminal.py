"""What a person sees at a terminal while a parent is judged, and what an interrupted run tells."""

import json
import re
import signal
from pathlib import Path

import pytest
from judging import HERE, PYTHON
from terminal import Terminal

GOOD = ("--", *PYTHON, str(HERE / "parent.py"))
LONG = "rejected-again"  # waits 6 s, long enough to be interrupted


def test_progress_is_shown_and_gone_at_the_end() -> None:
    with Terminal("parent", "-k", "id-zero or second-stays", *GOOD) as terminal:
        shown = terminal.until("waiting (1): connections/second-stays-silent")
        assert "answers 1/1" not in shown
        assert terminal.end() == 0
    verdict = terminal.shown[terminal.shown.rindex("\x1b[2K") :]
    assert re.search(r"1 of 2, 1 pass", terminal.shown)
    assert not re.search(r"\d+ of \d+", verdict)
    assert "conforms" in verdict


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_run_tells_what_it_found(tmp_path: Path, number: signal.Signals) -> None:
    results = tmp_path / "r.json"
    run = ("parent", f"--json={results}", "-k", f"id-zero or {LONG}", *GOOD)
    with Terminal(*run) as terminal:
        terminal.until(f"waiting (1): answers/{LONG}")
        terminal.interrupt(number)
        assert terminal.end() == 130
    assert "no verdict: the run was interrupted" in terminal.shown
    assert "Traceback" not in terminal.shown
    document = json.loads(results.read_text())
    assert document["interrupted"] is True
    assert [case["id"] for case in document["cases"]] == ["answers/id-zero"]
