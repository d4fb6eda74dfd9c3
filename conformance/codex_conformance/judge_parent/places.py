"""Where a parent application looks for codex, and how it is led to the stand-in."""

import os
from pathlib import Path

# The variables in which parent applications look for a codex, beside PATH.
PATHS = (
    "CODEX_BIN",
    "CODEX_PATH",
    "CODEX_CLI_PATH",
    "CODEX_BINARY",
    "CODEX_EXECUTABLE",
    "CODEX_DEV_PATH",
    "CODEX_APP_SERVER_BIN",
    "CODEXUI_CODEX_COMMAND",
    "COCALC_CODEX_BIN",
    "MEMORY_CODEX_APP_SERVER_BINARY",
    "OPENCLAW_CODEX_APP_SERVER_BIN",
)
COMMANDS = ("CODEX_APP_SERVER_CMD",)  # those that hold a whole command line
ADDRESSES = ("CODEX_APP_SERVER_URL", "CODEX_APP_SERVER_WS_URL")  # those that hold a ws:// address
RELAY = "codex_conformance.judge_parent.relay:main"


def variables(codex: Path, url: str) -> dict[str, str]:
    """The environment that leads a parent application to `codex`, or to the address `url`."""
    found = {name: str(codex) for name in PATHS}
    found |= dict.fromkeys(COMMANDS, f"{codex} app-server")
    found |= dict.fromkeys(ADDRESSES, url)
    path = os.environ.get("PATH", os.defpath)
    return found | {"PATH": f"{codex.parent}{os.pathsep}{path}"}
