"""Files that the command line asks to be written."""

import os
from pathlib import Path

from codex_conformance.errors import UsageError


def writable(path: Path) -> Path:
    """The path, once it is sure that a file can be written there; its folder is made.

    Raises:
        UsageError: none can.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new = not path.exists()
        path.open("a").close()
        if new:
            path.unlink()
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from None
    return path


def cleared(path: Path) -> Path:
    """The path, once it is sure that a file can be written there, and that none lies there.

    What an earlier run wrote would be taken for what this one found, if this one finds nothing.
    The file that GitHub gives a job for its summary belongs to other steps too, and stays.

    Raises:
        UsageError: none can be written.
    """
    writable(path)
    if path.is_file() and str(path) != os.environ.get("GITHUB_STEP_SUMMARY"):
        path.unlink()
    return path
