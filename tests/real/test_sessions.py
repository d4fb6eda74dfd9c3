"""Released codex binaries agree with the model of the account in sessions that nobody wrote.

What a release is known to break is left out of its sessions, kind by kind.
"""

import os
import subprocess
import sys
from pathlib import Path

import loopback
import pytest
import releases

FUZZ = Path(__file__).parents[1] / "generated_inputs" / "fuzz.py"
SESSIONS = "10"
SEED = os.environ.get("SEED", "1")

EVERY = {
    "bytes": "WIRE-9: a line that is not UTF-8 ends the server",
    "log in undecodably": "LOGIN-8: of a JWT only the payload is decoded",
    "refresh undecodably": "REFRESH-13: of a JWT only the payload is decoded",
    "log in under a turn": "REFRESH-11: the client is asked for a token that it has replaced",
    "refresh with a malformed error": "ERROR-4: an error without code or message is no answer",
    "begin a browser login": "WORKSPACE-1: a login refused for its workspace ends one in a browser",
}
NEWER = {
    "refresh in vain": "REFRESH-9: the first account/read after a refresh asks the client on a 401",
    "log in under another account id": "LOGIN-11: such a login may be refused, and is at a refresh",
}
LEFT_OUT = {
    "0.98.0": EVERY
    | {
        "refresh with tokens in an error": "ERROR-3: the error of the turn repeats them",
        "managed turns at once": "MANAGED-4: each turn uses the refresh token",
        "log in during a refresh": "LOGIN-12: the refresh's answer replaces the newer login",
        "log out during a refresh": "LOGOUT-4: the refresh's answer logs in again",
    },
    "0.163.0": EVERY
    | NEWER
    | {
        "log out during a refresh": "LOGOUT-4: the refresh's answer logs in again",
        "refresh from elsewhere": "WORKSPACE-4: the refused tokens are kept for the next turn",
        "managed turns at once": "MANAGED-4: now and then one of them is told to sign in again",
    },
    "0.169.0": EVERY
    | NEWER
    | {"log out during a refresh": "LOGOUT-5: the logout waits for the refresh"},
}


@pytest.mark.real
@pytest.mark.timeout(240)
def test_released_codexes_agree_with_the_model_in_generated_sessions() -> None:
    playing = {release.version: _played(release) for release in releases.RELEASES}
    said = {version: process.communicate()[0] for version, process in playing.items()}
    wrong = {version: said[version] for version, each in playing.items() if each.returncode}
    assert not wrong, "\n".join(f"codex {version}: {text}" for version, text in wrong.items())
    assert all(f"seed {SEED}" in text for text in said.values())


def _played(release: releases.Release) -> "subprocess.Popen[str]":
    without = ",".join(LEFT_OUT[release.version])
    command = [sys.executable, str(FUZZ), SESSIONS, SEED, release.revision, without]
    return subprocess.Popen(
        [*loopback.alone(), *command, str(releases.fetch(release)), "app-server"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
