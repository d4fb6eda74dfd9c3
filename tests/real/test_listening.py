"""Released codex binaries that listen break what they break over their standard streams."""

import json
import subprocess
import sys
from pathlib import Path

import loopback
import pytest
import releases

LISTENING = [release for release in releases.RELEASES if release.version != "0.98.0"]


@pytest.mark.real
@pytest.mark.timeout(300)
@pytest.mark.parametrize("release", LISTENING, ids=lambda release: release.version)
def test_codex_that_listens_breaks_what_its_baseline_says_and_nothing_else(
    release: releases.Release, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    binary = releases.fetch(release)
    results = tmp_path / "results.json"
    kit = [sys.executable, "-m", "codex_conformance", "check", "--target=ws", "--strict"]
    cases = "connections" if releases.part() else "not byte_stream"
    judged = [f"--baseline=codex-{release.version}", "-k", cases, f"--json={results}"]
    done = subprocess.run(
        [*loopback.alone(), *kit, *judged, "--", str(binary), "app-server"],
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    with capsys.disabled():
        print(f"\n{done.stdout}{done.stderr}")
    assert done.returncode == 0, "see the verdicts above"
    clauses = json.loads(results.read_text())["clauses"]
    assert clauses["REFRESH-17"]["verdict"] == "pass"
