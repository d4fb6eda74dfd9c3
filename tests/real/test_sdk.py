"""The official Python SDK as a parent: what its default handler breaks, as docs/parents.md says."""

import subprocess
import sys
from pathlib import Path

import pytest
from codex_conformance.judge_parent.judge import judge_parent
from judging import HERE, broken, told, wish
from releases import CACHE

SDK = "openai-codex==0.163.0"
NEEDS = ("pydantic>=2.12", "packaging")  # without the codex that it would bring along

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def python() -> Path:
    """A Python that has the SDK."""
    folder = CACHE.parent / SDK.replace("==", "-")
    found = folder / "bin" / "python"
    if not (folder / "ready").exists():
        install = [str(found), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([*install, *NEEDS], check=True)
        subprocess.run([*install, "--no-deps", SDK], check=True)
        (folder / "ready").touch()
    return found


def test_default_handler_answers_with_an_empty_result(python: Path) -> None:
    run = judge_parent(wish(str(python), str(HERE / "sdk_parent.py")), [])
    assert run.subject.user_agent == "codex_python_sdk/0.163.0"
    assert broken(run) == {"PARENT-3", "PARENT-10"}, told(run)
    kept = {name for name, row in run.clauses().items() if row.verdict == "pass"}
    assert kept >= {"PARENT-1", "PARENT-2", "PARENT-4", "PARENT-9", "PARENT-11", "PARENT-12"}
