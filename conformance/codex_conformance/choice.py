"""What the words of `check --target` choose."""

import re
import sys
from pathlib import Path

from codex_conformance import reference
from codex_conformance.errors import UsageError


def chosen(target: str | None, command: tuple[str, ...]) -> tuple[str | None, str | None]:
    """The factory that is judged, if one is; how a server listens, if it does.

    Raises:
        UsageError: the words are none of those that there are, or do not go with a command.
    """
    if target is None:
        return (None if command else reference.NAME), None
    kind, colon, rest = target.partition(":")
    if kind == "direct" and colon:
        sys.path.insert(0, str(Path.cwd()))  # as `python -m` finds modules of the working directory
        return rest, None
    if target in ("ws", "unix") and command:
        return None, target
    if (rest and kind == "unix") or re.fullmatch(r"ws://[^/]+:\d+", target):
        if command:
            raise UsageError(
                f"--target {target}: a server that runs already, but there is a COMMAND too",
                f"--target {kind} -- COMMAND starts one",
            )
        return None, target
    raise UsageError(
        f"--target {target}: expected ws or unix with a COMMAND, ws://IP:PORT, unix:PATH, or "
        "direct:PACKAGE.MODULE:FACTORY",
        "a command goes after --",
    )
