"""The kit as its users have it: from a wheel, in folders of all kinds."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the wheel is installed into, without its dependencies."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [*PIP, "wheel", "--no-deps", "--no-build-isolation", "-w", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, timeout=50)
    wheel = next(folder.glob("*.whl"))
    site = folder / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return site


def check(site: Path, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    environ = os.environ | {"PYTHONPATH": str(site)} | more
    code = "import sys, codex_conformance.cli as c; print(c.__file__, file=sys.stderr); c.main()"
    command = [sys.executable, "-P", "-c", code, "check", "-k", "LOGIN-1 or TIMEOUT-1"]
    return subprocess.run(
        command, cwd=cwd, env=environ, capture_output=True, text=True, check=False, timeout=50
    )


def assert_conforms(done: subprocess.CompletedProcess[str], site: Path) -> None:
    assert done.returncode == 0, done
    assert done.stderr.startswith(str(site)), "the wheel is judged, not the checkout"
    assert "reference server, in process: conforms" in done.stdout


def test_wheel_judges_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    assert_conforms(check(installed, tmp_path), installed)
    assert list(tmp_path.iterdir()) == []


def test_wheel_judges_in_a_folder_that_belongs_to_another_pytest(
    installed: Path, tmp_path: Path
) -> None:
    tmp_path.joinpath("pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    tmp_path.joinpath("conftest.py").write_text("raise RuntimeError('a foreign conftest')\n")
    tmp_path.joinpath("foreign.py").write_text("raise RuntimeError('a foreign plug-in')\n")
    foreign = {"PYTEST_PLUGINS": "foreign", "PYTEST_ADDOPTS": "--another-one"}
    assert_conforms(check(installed, tmp_path, **foreign), installed)


def test_wheel_carries_the_specification_and_the_baselines(installed: Path) -> None:
    assert (installed / "codex_account_protocol" / "spec" / "clauses.toml").is_file()
    assert (installed / "codex_account_protocol" / "spec" / "0.93" / "methods.json").is_file()
    assert list((installed / "codex_conformance" / "baselines").glob("codex-*.toml"))
    assert (installed / "codex_conformance" / "schemas" / "results.schema.json").is_file()
    assert (installed / "codex_conformance" / "reports" / "html_page" / "page.css").is_file()
