"""A made-up revision, added to a copy of the project the way CONTRIBUTING.md says."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from codex_conformance.check import Wish, cases_of
from codex_conformance.reference import NAME

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
OLD, NEW = "0.169", "9.99"
PARTS = ("spec", "generated", "reference_server", "conformance", "docs")
MEMBER = {"type": ["string", "null"], "description": "A member that no release has."}


class Project:
    """A copy of the project to change; whatever runs in it takes the packages from there."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for part in PARTS:
            shutil.copytree(ROOT / part, root / part)
        shutil.copy(ROOT / "Makefile", root)
        packages = ("generated", "reference_server", "conformance")
        places = os.pathsep.join(str(root / package) for package in packages)
        self._environ = os.environ | {"PYTHONPATH": places}

    def run(self, *command: str) -> str:
        """Run a command as a contributor does; what it wrote."""
        if command[0] == "make":
            command = (*command, "READY=", f"BIN={BIN}")
        elif command[0] == "codex-conformance":
            command = (sys.executable, "-m", "codex_conformance", *command[1:])
        done = subprocess.run(
            command,
            cwd=self.root,
            env=self._environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=50,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def change(self, file: str, old: str, new: str) -> int:
        """Replace a text wherever it stands; how often that was."""
        path = self.root / file
        text = path.read_text("utf-8")
        path.write_text(text.replace(old, new), encoding="utf-8")
        return text.count(old)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def commands() -> list[list[str]]:
    """The commands of the section, as they stand there, for the made-up revision."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    section = text.partition("## Add a revision\n")[2].partition("\n## ")[0]
    found = re.findall(r"`((?:cp|make|codex-conformance) [^`]*)`", section)
    return [command.replace("<old>", OLD).replace("<new>", NEW).split() for command in found]


def add_member(project: Project) -> None:
    """Give `account/read` one optional member more, with its vectors."""
    folder = project.root / "spec" / NEW
    path = folder / "GetAccountResponse.json"
    schema = json.loads(path.read_bytes())
    schema["properties"]["nickname"] = MEMBER
    path.write_text(json.dumps(schema))
    path = folder / "vectors" / "GetAccountResponse.json"
    vectors = json.loads(path.read_bytes())
    good, bad = ({"requiresOpenaiAuth": True, "nickname": value} for value in ("n", 3))
    vectors["valid"].append({"name": "a nickname", "value": good})
    vectors["invalid"].append({"name": "nickname a number", "why": "no text", "value": bad})
    path.write_text(json.dumps(vectors))


def add_row(project: Project) -> None:
    """Tell the reference server that the revision is as the one before."""
    file = "reference_server/codex_reference_server/revision.py"
    text = (project.root / file).read_text("utf-8")
    row = text[text.index(f'    "{OLD}": Revision(') : text.index("}\nNEWEST")]
    assert project.change(file, row, row + row.replace(OLD, NEW)) == 1


@pytest.mark.slow
def test_a_revision_is_added_as_the_contributing_page_says(project: Project) -> None:
    copy, diff, generate, check_spec, check = commands()
    project.run(*copy)
    add_member(project)
    assert diff == ["codex-conformance", "spec", "diff", "--revision", NEW, "--", "codex"]
    assert project.change("spec/clauses.toml", f'"{OLD}"]', f'"{OLD}", "{NEW}"]')
    add_row(project)
    project.run(*generate)
    assert project.run(*check_spec) == "nothing is wrong\n"
    judged = project.run(*check)

    count = len(cases_of(Wish(direct=NAME, argv=(), revision=OLD)))
    assert f"by revision {NEW}: {count} cases" in judged
    assert "reference server, in process: conforms" in judged
    models = project.root / "generated" / "codex_account_protocol" / "v9_99.py"
    assert "nickname: str | None | UnsetType = UNSET" in models.read_text("utf-8")
