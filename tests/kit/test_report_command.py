"""`codex-conformance report`: what it writes, and what it says to bad input."""

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from codex_conformance.results import RunResult
from codex_conformance.results_file import results_text
from runs import failed, result, run

KIT = [sys.executable, "-m", "codex_conformance"]


def call(cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*KIT, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=50, cwd=cwd)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the results of an older and a newer run, and with files that are none."""

    def store(name: str, each: RunResult) -> None:
        tmp_path.joinpath(name).write_text(results_text(each, None))

    store("old.json", run(result("login/a", "LOGIN-1"), result("wire/a", "WIRE-4")))
    store("new.json", run(result("login/a", "LOGIN-1"), failed("wire/a", "WIRE-4")))
    tmp_path.joinpath("truncated.json").write_text('{"format": 1, "kit"')
    tmp_path.joinpath("newer.json").write_text('{"format": 2}')
    return tmp_path


def test_every_report_is_written_from_stored_results(folder: Path) -> None:
    files = ["--html", "deep/r.html", "--summary", "s.md", "--junit", "j.xml"]
    done = call(folder, "report", *files, "old.json", "new.json")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert "wire/a" in folder.joinpath("deep/r.html").read_text()
    assert "| fail | wire/a | WIRE-4 |" in folder.joinpath("s.md").read_text()
    assert len(ET.parse(folder / "j.xml").getroot()) == 2


def test_badge_is_about_one_run(folder: Path) -> None:
    assert call(folder, "report", "--badge", "b.json", "new.json").returncode == 0
    assert json.loads(folder.joinpath("b.json").read_text())["message"] == "1 clause broken"


def test_results_are_printed_where_no_file_is_asked_for(folder: Path) -> None:
    done = call(folder, "report", "new.json")
    assert done.returncode == 0
    assert "FAIL  wire/a" in done.stdout
    assert done.stdout.endswith("codex app-server: does not conform, or nobody knows\n")


@pytest.mark.parametrize(
    ("old", "new", "status", "said"),
    [
        ("old.json", "new.json", 1, "something broke"),
        ("new.json", "old.json", 0, "nothing broke"),
    ],
)
def test_comparison_tells_by_its_status_whether_something_broke(
    folder: Path, old: str, new: str, status: int, said: str
) -> None:
    done = call(folder, "report", "compare", old, new)
    assert done.returncode == status
    assert done.stdout.splitlines()[-1] == said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["none.json"], "none.json: No such file or directory"),
        (["truncated.json"], "truncated.json: expected what `check --json` writes, got this: "),
        (["newer.json"], "newer.json: expected a results file of format 1 or older, got format 2"),
        (["--html", "r.html", "truncated.json"], "truncated.json: expected what "),
        (["--html", "/proc/none/r.html", "old.json"], "/proc/none/r.html: cannot be written"),
        (["--badge", "b.json", "old.json", "new.json"], "is about one results file, got 2"),
        (["--bogus", "old.json"], "No such option '--bogus'"),
        (["--html"], "Option '--html' requires an argument"),
        (["--html", "r.html"], "Missing argument 'RESULTS...'"),
        (["merge", "old.json"], "old.json: is a whole run, not a part of one"),
        (["merge"], "Missing argument 'RESULTS...'"),
        (["compare", "old.json"], "Missing argument 'NEW'"),
        (["compare", "old.json", "none.json"], "none.json: No such file or directory"),
    ],
    ids=" ".join,
)
def test_bad_input_gets_one_clear_error(folder: Path, arguments: list[str], said: str) -> None:
    done = call(folder, "report", *arguments)
    assert done.returncode == 2, done
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert said in done.stderr
    assert not folder.joinpath("r.html").exists()


def test_parts_of_a_run_are_joined_to_what_an_undivided_run_writes(tmp_path: Path) -> None:
    select = ["check", "-k", "LOGIN"]
    for name, shard in (("whole", []), ("1", ["--shard", "1/2"]), ("2", ["--shard", "2/2"])):
        done = call(tmp_path, *select, *shard, "--json", f"{name}/r.json")
        assert done.returncode == 0, done
    done = call(tmp_path, "report", "merge", "-o", "all/r.json", "1/r.json", "2/r.json")
    assert (done.returncode, done.stderr) == (0, "")
    whole, joined = tmp_path / "whole", tmp_path / "all"
    assert without_durations(joined / "r.json") == without_durations(whole / "r.json")
    assert names_in(joined / "r.json.d") == names_in(whole / "r.json.d")
    lacking = call(tmp_path, "report", "merge", "1/r.json")
    assert lacking.returncode == 2
    assert "1 of 2 parts are here: part 2 is lacking" in lacking.stderr


def without_durations(path: Path) -> object:
    document = json.loads(path.read_text())
    spent = {"duration_s": None, "target_cpu_s": None}
    return document | {"spent": None, "cases": [case | spent for case in document["cases"]]}


def names_in(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_run_writes_every_report_at_once(tmp_path: Path) -> None:
    files = {"html": "r.html", "badge": "b.json", "summary": "s.md", "junit": "j.xml"}
    options = [word for name, file in files.items() for word in (f"--{name}", file)]
    done = call(tmp_path, "check", "-k", "READ-1", *options)
    assert done.returncode == 0, done
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(files.values())
    assert json.loads(tmp_path.joinpath("b.json").read_text())["message"] == "conforms"
