"""Runs a composite action as GitHub's runner does, as far as `action.yml` needs it."""

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")


@dataclass
class Job:
    """What a workflow does with the action: its inputs, its folders, and what came of it.

    Attributes:
        folder: of the job; the workspace and what the runner keeps lie in it.
        environ: what the runner gives every step, beside the usual.
        used: of each action that a step uses, its name and what it is given.
    """

    action: Path
    folder: Path
    inputs: Mapping[str, str]
    environ: Mapping[str, str]
    used: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    log: str = ""
    failed: bool = False

    def __post_init__(self) -> None:
        self.definition: dict[str, Any] = yaml.safe_load(self.action.read_text("utf-8"))
        unknown = set(self.inputs) - set(self.definition["inputs"])
        assert unknown == set(), f"unexpected inputs {unknown}"
        self.workspace = self.folder / "workspace"
        self.temporary = self.folder / "temp"
        for each in (self.workspace, self.temporary):
            each.mkdir(parents=True, exist_ok=True)
        self.summary = self.folder / "summary.md"
        self.summary.touch()

    def run(self) -> None:
        """Run every step; those after a failed one only where they say `always()`."""
        for number, step in enumerate(self.definition["runs"]["steps"]):
            condition = _EXPRESSION.sub(r"\1", str(step.get("if", "success()")))
            if not all(self._holds(term.strip()) for term in condition.split("&&")):
                continue
            if self.failed and "always()" not in condition:
                continue
            if "uses" in step:
                given = {key: self.evaluated(str(text)) for key, text in step["with"].items()}
                self.used.append((step["uses"], given))
            else:
                self._run(step, number)

    def output(self, name: str) -> str:
        """An output of the action."""
        return self.evaluated(self.definition["outputs"][name]["value"])

    def evaluated(self, text: str) -> str:
        """A text with the values of its expressions."""
        return _EXPRESSION.sub(lambda match: self._value(match[1]), text)

    def _value(self, expression: str) -> str:
        context, _, rest = expression.partition(".")
        if context == "inputs":
            default = self.definition["inputs"][rest].get("default", "")
            return str(self.inputs.get(rest, default))
        step, kind, name = rest.split(".")
        assert (context, kind) == ("steps", "outputs"), expression
        return self.outputs.get(step, {}).get(name, "")

    def _holds(self, term: str) -> bool:
        if term in ("always()", "success()"):
            return True
        left, operator, right = term.split()
        assert operator == "!=", term
        return self._value(left) != right.strip("'")

    def _run(self, step: dict[str, Any], number: int) -> None:
        assert step["shell"] == "bash"
        script = self.folder / f"step-{number}.sh"
        script.write_text(step["run"])
        output = self.folder / f"output-{number}"
        output.touch()
        environ = {
            **os.environ,
            "GITHUB_ACTION_PATH": str(self.action.parent),
            "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "RUNNER_TEMP": str(self.temporary),
            **self.environ,
            **{name: self.evaluated(str(text)) for name, text in step.get("env", {}).items()},
        }
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)],
            cwd=self.workspace,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=55,
        )
        self.log += done.stdout
        self.failed = self.failed or done.returncode != 0
        pairs = (line.partition("=") for line in output.read_text().splitlines())
        self.outputs[step.get("id", str(number))] = {name: value for name, _, value in pairs}
