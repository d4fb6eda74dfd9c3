"""What a person sees at a terminal, and what is left when they have seen enough."""

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
from terminal import KIT, Terminal

FEW = ("check", "--case=read/nobody/auth-required", "--case=rate/updated")
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
COLOURS = re.compile(r"\x1b\[[0-9;]*3[0-9][0-9;]*m")
GONE = "\x1b[2K"  # a line is taken away


def plain(shown: str) -> list[str]:
    """The lines that were ever on the terminal, without what moves the cursor."""
    return ESCAPES.sub("", shown).replace("\r", "\n").split("\n")


@pytest.mark.parametrize("columns", [80, 40])
def test_progress_fits_the_terminal_and_is_gone_at_the_end(columns: int) -> None:
    with Terminal(*FEW, columns=columns) as terminal:
        assert terminal.end() == 0
    shown = terminal.shown
    progress = [line for line in plain(shown) if re.match(r"\d+ of \d+", line)]
    assert progress
    assert max(map(len, progress)) <= columns
    verdict = shown[shown.rindex(GONE) :]
    assert not re.search(r"\d+ of \d+", verdict)
    assert "conforms" in verdict


def test_areas_are_a_table_where_it_fits_and_a_list_where_not() -> None:
    shown = []
    for columns in (80, 15):
        with Terminal(*FEW, columns=columns) as terminal:
            assert terminal.end() == 0
            shown.append(plain(terminal.shown))
    assert any(line.startswith("clauses       pass") for line in shown[0])
    assert "READ: 1 pass" in shown[1]


def test_terminal_without_a_cursor_gets_plain_lines() -> None:
    with Terminal(*FEW, environ={"TERM": "dumb"}) as terminal:
        assert terminal.end() == 0
    assert "\x1b" not in terminal.shown
    assert not re.search(r"\d+ of \d+", terminal.shown)


def test_colours_are_shown_unless_nobody_wants_them() -> None:
    with Terminal(*FEW) as terminal:
        terminal.end()
    with Terminal(*FEW, environ={"NO_COLOR": "1"}) as grey:
        grey.end()
    assert COLOURS.search(terminal.shown)
    assert not COLOURS.search(grey.shown)


def test_run_without_a_terminal_is_quiet_and_plain() -> None:
    forced = os.environ | {"FORCE_COLOR": "1", "TERM": "xterm"}
    done = subprocess.run(
        [*KIT, *FEW], capture_output=True, text=True, check=False, timeout=50, env=forced
    )
    assert done.stderr == ""
    assert "\x1b" not in done.stdout


def test_results_go_to_stdout_while_progress_goes_to_the_terminal(tmp_path: Path) -> None:
    with tmp_path.joinpath("out").open("wb") as out, Terminal(*FEW, stdout=out) as terminal:
        assert terminal.end() == 0
    told = tmp_path.joinpath("out").read_text()
    assert told.startswith("Judging reference server")
    assert told.endswith("conforms\n")
    assert "conforms" not in terminal.shown


def test_run_whose_reader_leaves_goes_on_and_writes_its_files(tmp_path: Path) -> None:
    command = [*KIT, *FEW, f"--json={tmp_path}/r.json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(50) == 0
    assert json.loads(tmp_path.joinpath("r.json").read_text())["summary"]["pass"] > 0


def test_listing_whose_reader_leaves_ends_without_a_word() -> None:
    with subprocess.Popen(
        [*KIT, "spec", "page"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(50) == 1


STUBBORN = """#!/bin/sh
trap "" INT TERM HUP
echo $$ >> {folder}/pids
{kit} serve --revision 0.99
exec sleep 1000
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("jobs", "number", "in_background"),
    [
        (1, signal.SIGINT, False),
        (1, signal.SIGTERM, False),
        (2, signal.SIGINT, False),
        (2, signal.SIGTERM, True),
    ],
)
def test_interrupted_run_leaves_nothing_behind_and_tells_what_it_found(
    tmp_path: Path, jobs: int, number: signal.Signals, in_background: bool
) -> None:
    target = tmp_path / "stubborn"
    target.write_text(STUBBORN.format(folder=tmp_path, kit=" ".join(KIT)))
    target.chmod(0o755)
    cases = ("--case=timeout/late-answer", "--case=refresh/several-unanswered")
    run = ("check", "--revision=0.99", *cases, f"--jobs={jobs}", f"--json={tmp_path}/r.json")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    environ = {"TMPDIR": str(scratch)}
    with Terminal(
        *run, "--", str(target), environ=environ, in_background=in_background
    ) as terminal:
        terminal.until("waiting (")
        terminal.interrupt(number)
        assert terminal.end() == 130
    assert "no verdict: the run was interrupted" in terminal.shown
    assert "Traceback" not in terminal.shown
    pids = [int(line) for line in tmp_path.joinpath("pids").read_text().split()]
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []
    assert list(scratch.iterdir()) == []
    results = json.loads(tmp_path.joinpath("r.json").read_text())
    assert results["interrupted"] is True
