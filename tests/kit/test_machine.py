"""Of what only one may do on a machine, another waits for the end."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from codex_conformance.machine import only_one_on_the_machine

TAKES = (
    "import sys\n"
    "from codex_conformance.machine import only_one_on_the_machine\n"
    "print('comes', flush=True)\n"
    "with only_one_on_the_machine('test'):\n"
    "    print('is in', flush=True)\n"
)


def test_second_process_waits_for_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    command = [sys.executable, "-c", TAKES]
    with only_one_on_the_machine("test"):
        second = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert second.stdout is not None
        assert second.stdout.readline() == "comes\n"
        with pytest.raises(subprocess.TimeoutExpired):
            second.wait(0.5)
    assert second.communicate(timeout=30)[0] == "is in\n"
    assert [path.name for path in tmp_path.iterdir()] == ["codex-conformance-test.lock"]


def test_one_thing_does_not_wait_for_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with only_one_on_the_machine("this"), only_one_on_the_machine("that"):
        assert len([*tmp_path.iterdir()]) == 2
