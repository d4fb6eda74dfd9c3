"""The README tells the truth: its commands run, and print what it says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = ROOT.joinpath("README.md").read_text("utf-8")
CONSOLES = re.findall(r"^```console\n\$ (.*?)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
TARGETS = re.findall(r"^make ([\w-]+)", README, re.MULTILINE)


def run(command: str) -> subprocess.CompletedProcess[str]:
    scripts = Path(sys.executable).parent
    environ = os.environ | {"PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        ["sh", "-c", command],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=55,
    )


@pytest.mark.parametrize(("command", "shown"), CONSOLES, ids=[one[0][:40] for one in CONSOLES])
def test_command_prints_what_the_readme_shows(command: str, shown: str) -> None:
    done = run(command)
    assert done.returncode == 0, done
    pattern = ".*".join(re.escape(part) for part in shown.split("…"))
    assert re.fullmatch(pattern, done.stdout, re.DOTALL), done.stdout


def test_readme_has_examples() -> None:
    assert len(CONSOLES) >= 3


def test_two_commands_come_first_and_exist() -> None:
    assert TARGETS == ["check", "test"]
    assert run("make --dry-run check test").returncode == 0


def test_options_of_check_are_told() -> None:
    told = set(re.findall(r"`(-[\w-]+)", README))
    offered = set(re.findall(r"(-k|--[\w-]+)", run("codex-conformance check --help").stdout))
    assert offered - told <= {"--help", "--verbose"}
