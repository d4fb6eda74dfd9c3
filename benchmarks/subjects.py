"""What is measured: commands that are an app-server on standard input and output."""

import importlib.util
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import codex_account_protocol
from codex_conformance.stand_in.shim import write_shim

ROOT = Path(__file__).parents[1]
PATIENCE = 30
"""Seconds that a binary has to say its version."""


class UnfitSubjectError(Exception):
    """Something cannot be measured; the message says what, and why."""


@dataclass(frozen=True)
class Subject:
    """One app-server.

    Attributes:
        command: starts it; `--listen ADDRESS` may be added.
        revision: the shape of login that it takes.
        version: of the codex that it is; None for the reference server.
        is_another_start: only its start differs from that of the reference server.
    """

    name: str
    command: tuple[str, ...]
    revision: str
    version: str | None = None
    is_another_start: bool = False


def reference() -> Subject:
    """The reference server as a module."""
    command = (sys.executable, "-m", "codex_reference_server", "app-server")
    return Subject("reference", command, codex_account_protocol.REVISIONS[-1])


def serve() -> Subject:
    """The reference server as users start it, with the backend that its configuration names."""
    script = Path(sys.executable).with_name("codex-conformance")
    if not script.is_file():
        raise UnfitSubjectError(f"{script} is not there: install the project first")
    return _started_as("serve", str(script), "serve")


@contextmanager
def shim() -> Iterator[Subject]:
    """The reference server as parents start it: the executable `codex` that `serve --shim` writes.

    As long as that is there.
    """
    with tempfile.TemporaryDirectory(prefix="codex-shim-") as folder:
        yield _started_as("shim", str(write_shim(Path(folder))), "app-server")


def _started_as(name: str, *command: str) -> Subject:
    return Subject(name, command, codex_account_protocol.REVISIONS[-1], is_another_start=True)


def codex(wanted: str) -> Subject:
    """A real codex: the path of a binary, or a version that `make test-real` fetches."""
    binary = Path(wanted)
    if re.fullmatch(r"\d+\.\d+\.\d+", wanted):
        binary = _fetched(wanted)
    if not binary.is_file():
        raise UnfitSubjectError(f"--codex is {wanted!r}, expected a file or a version")
    try:
        said = subprocess.run(  # noqa: S603 - the user names the binary
            [binary, "--version"], capture_output=True, text=True, timeout=PATIENCE, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnfitSubjectError(f"{binary} cannot be run: {error}") from None
    found = re.search(r"\d+\.\d+\.\d+", said)
    if found is None:
        raise UnfitSubjectError(f"{binary} --version says {said.strip()!r}, expected a version")
    version = found[0]
    command = (str(binary.absolute()), "app-server")
    return Subject(f"codex {version}", command, _revision_of(version), version)


def _revision_of(version: str) -> str:
    parts = tuple(map(int, version.split(".")))
    return "0.93" if parts < (0, 99) else "0.99"


def _fetched(version: str) -> Path:
    releases = _releases()
    for release in (*releases.RELEASES, *releases.UNJUDGED):
        if release.version == version:
            path: Path = releases.fetch(release)
            return path
    known = ", ".join(one.version for one in releases.RELEASES)
    raise UnfitSubjectError(f"--codex is {version!r}, expected a path or one of {known}")


def _releases() -> ModuleType:
    """The list of releases that the tests have, which are no package."""
    spec = importlib.util.spec_from_file_location("releases", ROOT / "tests/real/releases.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
