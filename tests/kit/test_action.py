"""The GitHub action: its steps do what a runner makes of them, whatever the inputs say."""

import json
import os
import shutil
import site
import sys
from pathlib import Path

import pytest
import yaml
from runner import Job

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

ROOT = Path(__file__).parents[2]
ACTION = ROOT / "action.yml"
DEFINITION = yaml.safe_load(ACTION.read_text("utf-8"))
SERVER = f"{Path(sys.executable).parent}/codex-conformance serve --revision 0.99"
PARENT = ROOT / "tests" / "parents"
WRONG = f"#!/bin/sh\n{SERVER} | sed -u s/usedPercent/used/g\n"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the runner keeps after the step that installs, which takes what is here already."""
    job = Job(
        ACTION,
        tmp_path_factory.mktemp("install"),
        {"command": "none"},
        {
            "PYTHONPATH": site.getsitepackages()[0],
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PIP_NO_INDEX": "1",
            "PIP_NO_DEPS": "1",
            "PIP_NO_BUILD_ISOLATION": "0",
        },
    )
    job.definition["runs"]["steps"] = job.definition["runs"]["steps"][:1]
    job.run()
    assert not job.failed, job.log
    return job.temporary


def job_of(folder: Path, installed: Path, **inputs: str) -> Job:
    """The job of a workflow that uses the action, but for the first step, which has been run."""
    job = Job(ACTION, folder, inputs, {"PYTHONPATH": site.getsitepackages()[0]})
    shutil.copytree(installed, job.temporary, symlinks=True, dirs_exist_ok=True)
    kit = job.temporary / "codex-conformance" / "bin" / "codex-conformance"
    kit.write_text(kit.read_text().replace(str(installed), str(job.temporary)))
    job.definition["runs"]["steps"] = job.definition["runs"]["steps"][1:]
    job.run()
    return job


def test_server_that_conforms_is_green_and_leaves_every_report(
    tmp_path: Path, installed: Path
) -> None:
    job = job_of(tmp_path, installed, command=SERVER, select="auth-required", strict="true")
    assert not job.failed, job.log
    assert job.output("status") == "0"
    assert "conforms" in job.log
    reports = job.workspace / "codex-conformance-reports"
    names = {path.name for path in reports.iterdir()}
    assert names == {
        "results.json",
        "results.json.d",
        "junit.xml",
        "report.html",
        "badge.json",
    }
    assert json.loads(reports.joinpath("results.json").read_text())["revision"] == "0.99"
    assert "conform" in job.summary.read_text()
    given = {
        "name": "codex-conformance",
        "path": "codex-conformance-reports",
        "if-no-files-found": "ignore",
    }
    assert job.used == [("actions/upload-artifact@v7", given)]


def test_server_that_breaks_a_clause_is_red_and_leaves_every_report(
    tmp_path: Path, installed: Path
) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text(WRONG)
    wrong.chmod(0o755)
    job = job_of(
        tmp_path,
        installed,
        command=f"'{wrong}'",
        select="rate/updated",
        revision="0.99",
        reports="out",
    )
    assert job.failed, job.log
    assert job.output("status") == "1"
    assert job.workspace.joinpath("out", "report.html").is_file()
    assert "RATE-3" in job.summary.read_text()
    assert [name for name, _ in job.used] == ["actions/upload-artifact@v7"]


def test_part_of_the_cases_and_no_artifact(tmp_path: Path, installed: Path) -> None:
    job = job_of(
        tmp_path, installed, command=SERVER, select="read/nobody", shard="2/2", artifact=""
    )
    assert not job.failed, job.log
    reports = job.workspace / "codex-conformance-reports"
    shard = json.loads(reports.joinpath("results.json").read_text())["shard"]
    assert (shard["number"], shard["of"]) == (2, 2)
    assert job.used == []


def test_parent_is_judged_by_the_newest_revision_and_without_what_is_declared(
    tmp_path: Path, installed: Path
) -> None:
    job = job_of(
        tmp_path,
        installed,
        judge="parent",
        command=f"{sys.executable} -ESs {PARENT / 'parent.py'}",
        select="id-zero or several-at-once or id-text",
        without="PARENT-7=our issuer is another\n\nPARENT-8=the same",
        strict="true",
    )
    assert not job.failed, job.log
    assert "declared with --without: our issuer is another" in job.log
    reports = job.workspace / "codex-conformance-reports"
    results = json.loads(reports.joinpath("results.json").read_text())
    assert results["revision"] == "0.169"
    assert results["summary"]["pass"] == 2
    assert reports.joinpath("report.html").is_file()
    assert [name for name, _ in job.used] == ["actions/upload-artifact@v7"]


def test_parent_that_breaks_a_clause_is_red(tmp_path: Path, installed: Path) -> None:
    job = job_of(
        tmp_path,
        installed,
        judge="parent",
        command=f"{sys.executable} -ESs {PARENT / 'faulty_parent.py'} id_zero_is_no_id",
        select="id-zero",
        revision="0.99",
        jobs="1",
    )
    assert job.failed, job.log
    assert job.output("status") == "1"
    assert "PARENT-4" in job.summary.read_text()


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"command": ""}, "command: expected the command that starts the app-server, got nothing"),
        ({"command": "a 'b"}, "command: expected words, got an open quotation"),
        ({"command": "x", "strict": "yes"}, "strict: expected true or false, got yes"),
        ({"command": "x", "revision": "0.1"}, "'0.1' is not one of"),
        ({"command": "x", "baseline": "none.toml"}, "none.toml: No such file or directory"),
        ({"command": "x", "shard": "4/3"}, "expected I/N"),
        ({"judge": "client", "command": "x"}, "judge: expected app-server or parent, got client"),
        ({"judge": "parent", "command": ""}, "expected the command that starts the parent, got"),
        ({"judge": "parent", "command": "x", "shard": "1/2"}, "a parent is judged in one part"),
        ({"judge": "parent", "command": "x", "baseline": "x"}, "there is none for a parent"),
        ({"judge": "parent", "command": "x", "without": "LOGIN-1=no"}, "expected CLAUSE=REASON"),
        ({"judge": "parent", "command": "./none"}, "./none: No such file or directory"),
        ({"command": "/no/such/server"}, "/no/such/server: No such file or directory"),
    ],
    ids=lambda value: " ".join(value.values()) if isinstance(value, dict) else "",
)
def test_input_that_is_none_is_refused_in_one_sentence(
    tmp_path: Path, installed: Path, inputs: dict[str, str], said: str
) -> None:
    job = job_of(tmp_path, installed, **inputs)
    assert job.failed
    assert job.output("status") == "2"
    assert said in job.log
    assert "Traceback" not in job.log


@pytest.mark.parametrize(
    "name", ["judge", "command", "baseline", "select", "shard", "without", "reports", "strict"]
)
def test_no_input_is_run_by_the_shell(tmp_path: Path, installed: Path, name: str) -> None:
    attack = "x $(touch stolen) `touch stolen`; touch stolen\ntouch stolen #${{ inputs.command }}"
    job = job_of(tmp_path, installed, **({"command": "/no/such/server"} | {name: attack}))
    assert job.failed
    assert list(tmp_path.rglob("stolen")) == []


def test_no_script_of_the_action_contains_an_expression() -> None:
    scripts = [step["run"] for step in DEFINITION["runs"]["steps"] if "run" in step]
    assert len(scripts) == 2
    assert [script for script in scripts if "${{" in script] == []


def test_every_input_and_output_is_described_and_used() -> None:
    steps = json.dumps(DEFINITION["runs"]["steps"])
    for name, one in DEFINITION["inputs"].items():
        assert one["description"]
        assert f"inputs.{name} " in steps, name
    for one in DEFINITION["outputs"].values():
        assert one["description"]
