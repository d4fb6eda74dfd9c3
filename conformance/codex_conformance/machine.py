"""What processes on one machine must not do at the same time."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def only_one_on_the_machine(what: str) -> Iterator[None]:
    """Wait until nobody else on this machine, of whatever user, does `what`; then do it."""
    path = Path(tempfile.gettempdir(), f"codex-conformance-{what}.lock")
    descriptor = _opened(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _opened(path: Path) -> int:
    # A file of another user in a sticky folder may be opened, but not with O_CREAT.
    try:
        return os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return os.open(path, os.O_RDONLY | os.O_CREAT, 0o644)
