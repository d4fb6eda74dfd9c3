"""Every mutant turns exactly the clauses red that it declares: no case is idle, none over-eager."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from mutant import Mutant

HERE = Path(__file__).parent


def mutants() -> list[tuple[str, Mutant]]:
    """Every mutant with the name that `--target direct:` finds it by."""
    found = []
    for path in sorted(HERE.glob("*_mutants.py")):
        module = importlib.import_module(path.stem)
        found += [
            (f"{path.stem}:{name}", value)
            for name, value in vars(module).items()
            if isinstance(value, Mutant)
        ]
    return found


@pytest.mark.parametrize(("target", "mutant"), [pytest.param(*one, id=one[0]) for one in mutants()])
def test_mutant_breaks_the_clauses_that_it_declares(
    target: str, mutant: Mutant, tmp_path: Path
) -> None:
    results = tmp_path / "r.json"
    command = [sys.executable, "-m", "codex_conformance", "check", f"--json={results}"]
    done = subprocess.run(
        [*command, f"--target=direct:{target}", f"--revision={mutant.revision}"],
        cwd=HERE,
        env=os.environ | {"PYTHONPATH": str(HERE)},
        capture_output=True,
        text=True,
        check=False,
        timeout=55,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    clauses = json.loads(results.read_text())["clauses"]
    broken = {name for name, row in clauses.items() if row["verdict"] == "fail"}
    assert broken == mutant.broken, done.stdout
