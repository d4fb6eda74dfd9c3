"""Public clients of codex app-server by other authors, and how to get one.

`python tests/real/clients.py` fetches all of them into `.cache/clients/`.
"""

import shutil
import subprocess
import sys
from pathlib import Path

CACHE = Path(__file__).parents[2] / ".cache" / "clients"
SDK = "openai-codex==0.163.0"
SDK_NEEDS = ("pydantic==2.14.3", "packaging==26.3")
ACP = "@agentclientprotocol/codex-acp@2.6.0"


def python_sdk() -> Path:
    """A Python that has the official SDK, without the codex that it would bring."""
    folder = CACHE / SDK
    python = folder / "bin" / "python"
    if not (folder / ".ready").exists():
        _run(sys.executable, "-m", "venv", "--clear", str(folder))
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run(*pip, *SDK_NEEDS)
        _run(*pip, "--no-deps", SDK)
        (folder / ".ready").touch()
    return python


def codex_acp() -> Path:
    """The program of the bridge to the Agent Client Protocol, for node."""
    folder = CACHE / ACP.replace("/", "-")
    if not (folder / ".ready").exists():
        npm = shutil.which("npm")
        assert npm is not None, f"{ACP} is installed by npm, which is not on the PATH"
        folder.mkdir(parents=True, exist_ok=True)
        quiet = ("--no-audit", "--no-fund", "--ignore-scripts", "--omit=optional")
        _run(npm, "install", "--prefix", str(folder), *quiet, ACP)
        (folder / ".ready").touch()
    return folder / "node_modules" / "@agentclientprotocol" / "codex-acp" / "dist" / "index.js"


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr.strip()}"


if __name__ == "__main__":
    print(python_sdk())
    print(codex_acp())
