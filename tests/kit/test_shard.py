"""Parts of the cases: the same on every machine, disjoint, balanced, and together all of them."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from codex_conformance.check import Wish, cases_of
from codex_conformance.lint import declared_cases

COMMAND = Wish(direct=None, argv=("codex",))


def parts(wish: Wish, count: int) -> list[list[str]]:
    """The cases of each part, in the order in which they run."""
    numbers = range(1, count + 1)
    return [list(cases_of(replace(wish, shard=(number, count)))) for number in numbers]


@pytest.mark.parametrize("wish", [COMMAND, replace(COMMAND, select="REFRESH or login")])
@pytest.mark.parametrize("count", [1, 2, 7])
def test_parts_are_disjoint_balanced_and_together_every_selected_case(
    wish: Wish, count: int
) -> None:
    dealt = parts(wish, count)
    assert sorted(case for part in dealt for case in part) == sorted(cases_of(wish))
    sizes = [len(part) for part in dealt]
    assert max(sizes) - min(sizes) <= 1


def test_parts_share_the_cases_that_wait() -> None:
    waiting = tuple(case.id for case in declared_cases() if case.waits)
    loads = [sum(one.startswith(waiting) for one in part) for part in parts(COMMAND, 4)]
    assert sum(loads) >= sum(one in waiting for one in cases_of(COMMAND)) > 0
    assert max(loads) - min(loads) <= 1


def test_part_keeps_the_order_of_the_whole() -> None:
    whole = list(cases_of(COMMAND))
    for part in parts(COMMAND, 3):
        assert part == [case for case in whole if case in set(part)]


@pytest.mark.parametrize("value", ["0/3", "4/3", "1", "1/0", "-1/3", "a/b", "1/2/3", "", "1/ 2"])
def test_part_that_is_none_is_refused(value: str) -> None:
    kit = [sys.executable, "-m", "codex_conformance", "check", f"--shard={value}"]
    done = subprocess.run(kit, capture_output=True, text=True, check=False, timeout=50)
    assert done.returncode == 2
    assert f"{value!r}: expected I/N with I from 1 to N, such as 2/5" in done.stderr


def test_part_without_a_case_is_no_verdict() -> None:
    kit = [sys.executable, "-m", "codex_conformance", "check", "--shard=3/3", "-k", "RATE-3"]
    done = subprocess.run(kit, capture_output=True, text=True, check=False, timeout=50)
    assert done.returncode == 2
    assert "no case is selected for shard 3/3" in done.stderr


def results_of(folder: Path, name: str, *arguments: str) -> Any:
    """The results file that a command writes, without the times that it took."""
    kit = [sys.executable, "-m", "codex_conformance", *arguments]
    done = subprocess.run(kit, cwd=folder, capture_output=True, text=True, check=False, timeout=50)
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads(folder.joinpath(name).read_text())
    del results["spent"]
    for case in results["cases"]:
        del case["duration_s"], case["target_cpu_s"], case["transcript"]
    return results


def test_merged_parts_are_what_one_run_finds(tmp_path: Path) -> None:
    judge = ("check", "-k", "APIKEY or READ or RATE")
    whole = results_of(tmp_path, "whole.json", *judge, "--json=whole.json")
    for number in (1, 2):
        part = f"part-{number}.json"
        results_of(tmp_path, part, *judge, f"--json={part}", f"--shard={number}/2")
    merge = ("report", "merge", "-o", "merged.json", "part-2.json", "part-1.json")
    assert results_of(tmp_path, "merged.json", *merge) == whole
    names = {path.name for path in tmp_path.joinpath("whole.json.d").iterdir()}
    assert {path.name for path in tmp_path.joinpath("merged.json.d").iterdir()} == names
