"""The benchmarks: what they make of samples, and that they measure a server which answers."""

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import benchmarks.__main__ as command
from benchmarks import figures, measures, report
from benchmarks.figures import Summary, findings
from benchmarks.subjects import Subject, UnfitSubjectError, codex
from benchmarks.surroundings import Surroundings, surroundings

FAKE = Path(__file__).with_name("fake_server.py")


@pytest.fixture(scope="module")
def around() -> Iterator[Surroundings]:
    with surroundings() as found:
        yield found


@pytest.fixture
def fake() -> Subject:
    return Subject("fake", (sys.executable, str(FAKE)), "0.99")


def test_summary_is_the_median_and_the_middle_half() -> None:
    assert Summary.of([4, 1, 3, 2, 5], 10) == Summary(30, 20, 40, 5)
    assert Summary.of([7]) == Summary(7, 7, 7, 1)


def test_ratios_are_those_of_medians_beside_each_codex() -> None:
    samples = {
        figures.START: {"reference": [1.0, 2.0, 9.0], "codex 0.163.0": [4.0], "other": [1.0]},
        figures.AT_ONCE: {"reference": [60.0], "codex 0.163.0": [10.0], "codex 0.98.0": [100.0]},
    }
    names = {"reference": None, "codex 0.163.0": "0.163.0", "codex 0.98.0": "0.98.0"}
    found = [
        (one.measure, one.peer, one.value, one.aim, one.met) for one in findings(samples, names)
    ]
    assert found == [
        (figures.START.name, "codex 0.163.0", 0.5, "<= 0.8", True),
        (figures.AT_ONCE.name, "codex 0.163.0", 6.0, ">= 10", False),
        (figures.AT_ONCE.name, "codex 0.98.0", 0.6, ">= 0.5", True),
    ]


@pytest.mark.parametrize(("grown", "met"), [(2_000_000, True), (2_500_000, False)])
def test_growth_has_a_bound_of_its_own(grown: float, met: bool) -> None:
    samples = {figures.GROWTH: {"reference": [0.0, grown]}}
    [found] = findings(samples, {"reference": None, "codex 0.163.0": "0.163.0"})
    assert (found.peer, found.value, found.aim, found.met) == (None, grown / 1e6, "<= 2", met)
    shown = report.table([Subject("reference", (), "0.169")], samples, [found])
    assert shown.splitlines()[-1].split()[-3:] == ["<=", "2", "met" if met else "MISSED"]


def test_a_server_that_answers_is_measured(around: Surroundings, fake: Subject) -> None:
    answered, logged_in = measures.start(fake, around)
    assert 0 < answered < logged_in
    with measures.logged_in(fake, around) as session:
        assert session.reads_in_turn() > 0
        assert session.reads_at_once() > 0
        assert session.refresh() > 0
    idle, used = measures.memory(fake, around, 2)
    assert idle > 1_000_000
    assert used > 1_000_000


def test_a_server_that_ends_is_told_of(around: Surroundings) -> None:
    silent = Subject("silent", ("true",), "0.99")
    with pytest.raises((UnfitSubjectError, BrokenPipeError)):
        measures.start(silent, around)


def test_run_writes_every_sample_and_says_what_is_missed(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    fake: Subject,
) -> None:
    peer = Subject("codex 0.163.0", fake.command, fake.revision, "0.163.0")
    monkeypatch.setattr(command, "reference", lambda: fake)
    monkeypatch.setattr(command, "serve", lambda: replace(fake, name="serve"))
    monkeypatch.setattr(command, "codex", lambda wanted: peer)
    file = tmp_path / "figures.json"
    wish = ["--rounds", "1", "--only", "reads", "--json", str(file)]
    assert command.main([*wish, "--strict"]) == 1  # nobody is ten times as fast as itself
    written = json.loads(file.read_text())
    samples = written["measures"][figures.IN_TURN.name]["samples"]
    assert [len(samples[name]) for name in ("fake", "codex 0.163.0")] == [1, 1]
    assert "MISSED" in capsys.readouterr().out


@pytest.mark.parametrize("wanted", ["no-such-file", "9.9.9"])
def test_a_codex_that_is_not_there_is_bad_usage(
    capsys: pytest.CaptureFixture[str], wanted: str
) -> None:
    assert command.main(["--codex", wanted]) == 2
    assert f"--codex is {wanted!r}" in capsys.readouterr().err


def test_a_binary_without_a_version_is_unfit() -> None:
    with pytest.raises(UnfitSubjectError, match="expected a version"):
        codex("/bin/true")
