"""No case passes on a target that is no app-server, but for what such a target really keeps."""

import tempfile
from pathlib import Path

import control
import matrix
import pytest
from codex_account_protocol import REVISIONS
from codex_conformance.targets import DirectTarget, Factory

IN_MEMORY = Path("/dev/shm")

OLDEST, NEWEST = REVISIONS[0], REVISIONS[-1]

# What even a target that is no server keeps, because the case is about nothing more.
ENDS = "wire/end-of-input/before-initialize"  # it answers, and ends with its input
SPEAKS = {"refuses-everything", "knows-nothing", "echoes"}
ENDS_LATER = "wire/end-of-input/within-a-line"  # it is greeted, and ends with its input
OF_AN_ERROR = "wire/id/of-an-error"  # every request gets its id back
EACH_ANSWERED = {OF_AN_ERROR, "wire/id/of-a-result", "wire/one-response", "wire/one-write"}
KEPT = {
    "refuses-everything": {ENDS_LATER} | EACH_ANSWERED,
    "knows-nothing": {ENDS_LATER} | EACH_ANSWERED,
    "answers-empty-object": {ENDS_LATER, OF_AN_ERROR},
    "answers-null": {ENDS_LATER, OF_AN_ERROR},
    "never-answers": {ENDS_LATER},
    "echoes": {ENDS_LATER} | EACH_ANSWERED,
}


@pytest.fixture(autouse=True)
def homes_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    if IN_MEMORY.is_dir():
        monkeypatch.setattr(tempfile, "tempdir", str(IN_MEMORY))


def passed(factory: Factory, revision: str) -> set[str]:
    """The cases that pass on a control; none of them may be an error of the kit."""
    results = matrix.run(DirectTarget(factory, ()), revision)
    assert [f"{one.id}: {one.message}" for one in results if one.verdict == "error"] == []
    return {one.id for one in results if one.verdict == "pass"}


@pytest.mark.parametrize("name", control.REACTIONS)
def test_no_case_passes_on_a_control(name: str) -> None:
    allowed = {ENDS} if name in SPEAKS else set()
    assert passed(control.control(control.REACTIONS[name]), NEWEST) <= allowed


@pytest.mark.parametrize("name", control.REACTIONS)
def test_no_case_passes_on_a_control_that_greets(name: str) -> None:
    greeting = control.greeting(control.REACTIONS[name], NEWEST)
    assert passed(control.control(greeting), NEWEST) <= {ENDS, *KEPT[name]}


@pytest.mark.parametrize("name", ["refuses-everything", "never-answers"])
def test_no_case_of_the_oldest_revision_passes_on_a_control_that_greets(name: str) -> None:
    greeting = control.greeting(control.REACTIONS[name], OLDEST)
    assert passed(control.control(greeting), OLDEST) <= {ENDS, *KEPT[name]}


def test_no_case_passes_on_a_target_that_closes_at_once() -> None:
    assert passed(control.closes_at_once, NEWEST) == set()
