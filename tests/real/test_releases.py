"""Released codex binaries conform but for what their baselines say."""

import json
import subprocess
import sys
import time
from pathlib import Path

import loopback
import pytest
import releases
from codex_conformance.results_file import results_schema
from jsonschema import Draft202012Validator

BASELINES = Path(__file__).parents[2] / "conformance" / "baselines"


@pytest.mark.real
@pytest.mark.timeout(300)
@pytest.mark.parametrize("release", releases.RELEASES, ids=lambda release: release.version)
def test_released_codex_breaks_what_its_baseline_says_and_nothing_else(
    release: releases.Release, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    binary = releases.fetch(release)
    results = tmp_path / "results.json"
    kit = [sys.executable, "-m", "codex_conformance", "check", f"--json={results}"]
    baseline = BASELINES / f"codex-{release.version}.toml"
    command = [*kit, f"--baseline={baseline}", "--strict", *releases.part()]
    command += ["--", str(binary), "app-server"]

    began = time.perf_counter()
    done = subprocess.run(
        [*loopback.alone(), *command],
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    wall = time.perf_counter() - began

    with capsys.disabled():
        print(f"\n{done.stdout}{done.stderr}")
    assert done.returncode == 0, "see the verdicts above"
    verdicts = json.loads(results.read_text())
    Draft202012Validator(results_schema()).validate(verdicts)
    assert verdicts["revision"] == release.revision
    cpu = verdicts["spent"]["target_cpu_s"]
    allowed = 1.5 * max(12, cpu / 2)
    with capsys.disabled():  # a figure, no verdict: it moves with the machine
        print(f"codex {release.version}: {wall:.1f} s of wall time, {cpu:.1f} s of codex's CPU")
        print(
            f"wall time aimed at: {allowed:.1f} s, 1.5 times the larger of 12 s and half that CPU"
        )
