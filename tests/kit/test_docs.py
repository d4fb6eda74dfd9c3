"""The pages tell the truth: commands run and print what is shown, links lead somewhere.

A block of ```console is run line by line, all of a page in one folder; what is typed stands behind
`$ `. `…` stands for anything. A block below a line `<!-- not run: why -->` is not run; one below
`<!-- file: name -->` is a program that the page's commands find in that folder. Beside it they find
`tests/`, as whoever stands in a clone does.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted(ROOT.joinpath("docs").glob("*.md"))]
LINKED = [*PAGES, *sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("*/README.md"))]
BLOCK = re.compile(r"^(<!-- not run: .+ -->\n)?```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROGRAM = re.compile(r"^<!-- file: (\S+) -->\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FENCED = re.compile(r"^```.*?^```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def sessions(page: Path) -> Iterator[tuple[str, str]]:
    """What is typed, and what is shown for it."""
    for left_out, block in BLOCK.findall(page.read_text("utf-8")):
        assert block.startswith("$ "), f"{page}: a block of console begins with a command"
        if not left_out:
            for one in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                typed, *rest = one.splitlines(keepends=True)
                yield typed, "".join(rest)


def run(command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    scripts = Path(sys.executable).parent
    environ = os.environ | {"PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        ["sh", "-c", command],
        cwd=cwd,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=55,
    )


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("page", [page for page in PAGES if list(sessions(page))], ids=str)
def test_commands_of_a_page_print_what_it_shows(page: Path, tmp_path: Path) -> None:
    for name, text in PROGRAM.findall(page.read_text("utf-8")):
        tmp_path.joinpath(name).write_text(text)
        tmp_path.joinpath(name).chmod(0o755)
    tmp_path.joinpath("tests").symlink_to(ROOT / "tests")
    for typed, shown in sessions(page):
        done = run(typed, tmp_path)
        assert done.returncode == 0, f"{typed}{done.stdout}{done.stderr}"
        pattern = ".*".join(re.escape(part) for part in shown.split("…"))
        assert re.fullmatch(pattern, done.stdout, re.DOTALL), f"{typed}{done.stdout}{done.stderr}"


@pytest.mark.parametrize("page", LINKED, ids=str)
def test_links_of_a_page_lead_to_a_file_and_a_heading(page: Path) -> None:
    lost = []
    for target in LINK.findall(FENCED.sub("", page.read_text("utf-8"))):
        name, _, anchor = target.partition("#")
        file = page.parent / name if name else page
        if not target.startswith(("https://", "http://")) and (
            not file.exists() or (anchor and anchor not in anchors(file))
        ):
            lost.append(target)
    assert lost == []


def anchors(page: Path) -> set[str]:
    """The headings as links name them."""
    headings = HEADING.findall(FENCED.sub("", page.read_text("utf-8")))
    return {
        re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings
    }


def test_readme_is_short_and_begins_with_two_commands_that_exist(tmp_path: Path) -> None:
    readme = PAGES[0].read_text("utf-8")
    assert len(readme.splitlines()) <= 80
    assert re.findall(r"^make ([\w-]+)", readme, re.MULTILINE) == ["check", "test"]
    assert run("make --dry-run check test", ROOT).returncode == 0


def test_options_of_check_are_told(tmp_path: Path) -> None:
    told = re.findall(
        r"`(-[\w-]+)", ROOT.joinpath("docs/judge-an-app-server.md").read_text("utf-8")
    )
    offered = re.findall(
        r"(-k|-v|--[\w-]+)", run("codex-conformance check --help", tmp_path).stdout
    )
    assert set(offered) - set(told) <= {"--help", "--verbose"}


@pytest.mark.parametrize("name", ["command", "revision", "strict", "baseline", "reports"])
def test_inputs_of_the_action_are_told(name: str) -> None:
    assert f"`{name}`" in ROOT.joinpath("docs/ci.md").read_text("utf-8")
