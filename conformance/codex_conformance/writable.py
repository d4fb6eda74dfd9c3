"""Files that the command line asks to be written."""

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
