"""Starts a stand-in: from the executable that parents find, and from `codex-conformance serve`.

Imports come late: what a start costs is what a parent waits for.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from codex_conformance.errors import ConformanceError, UsageError, leaves
from codex_conformance.stand_in.settings import (
    Settings,
    in_environment,
    read_settings,
    settings_of,
)

SERVE_USAGE = """\
usage: codex-conformance serve [OPTIONS] [app-server] [OPTIONS OF app-server]
       codex-conformance serve --shim DIR [OPTIONS]

The reference app-server, in place of codex. It talks to the backend that CODEX_HOME/config.toml
configures, else to one of its own that needs no network and no account.

  --listen ADDRESS        stdio:// (the default), ws://IP:PORT or unix://PATH
  --revision R            of the protocol, by default the newest
  --backend embedded|URL  another backend than the configured one
  --expire-after SECONDS  the embedded backend rejects an access token that long after its first use
  --version-name X.Y.Z    the version that it says it is
  --control IP:PORT       listen for commands on loopback; the address is told on stderr
  --control-file F        and written to F
  --traffic F             write everything that is said to F, as JSON Lines, without tokens
  --shim DIR              write an executable named codex, and its settings, into DIR
  -c KEY=VALUE            override CODEX_HOME/config.toml; app-server's other options are taken too
"""
_OWN_OPTIONS = {
    "--revision": "revision",
    "--backend": "backend",
    "--expire-after": "expire-after",
    "--version-name": "version",
    "--control": "control",
    "--control-file": "control-file",
    "--traffic": "traffic",
    "--shim": "shim",
}


def main(executable: str) -> int:
    """What the executable `codex` does; the exit status."""
    from codex_conformance.stand_in.codex import run_as_codex

    try:
        folder = Path(os.path.realpath(executable)).parent
        return run_as_codex(sys.argv[1:], read_settings(folder, os.environ))
    except ConformanceError as error:
        return refuse("codex", error)


def serve(argv: Sequence[str]) -> int:
    """What `codex-conformance serve` does; the exit status."""
    if not {"-h", "--help"}.isdisjoint(argv):
        sys.stdout.write(SERVE_USAGE)
        return 0
    try:
        stated, rest = _own_options(argv)
        shim = stated.pop("shim", None)
        if shim is not None:
            return _write_shim(Path(shim), stated, rest)
        outside = in_environment(os.environ)
        return run(settings_of((outside, "the environment"), (stated, "the arguments")), rest)
    except ConformanceError as error:
        return refuse("codex-conformance serve", error)


def run(settings: Settings, argv: Sequence[str]) -> int:
    """Run the server with these settings; what `argv` says of the revision wins."""
    from codex_conformance import reference
    from codex_conformance.stand_in.composition import StandIn

    chosen = ["--revision", settings.revision] if settings.revision is not None else []
    try:
        return reference.serve([*chosen, *argv], StandIn(settings).arrange)
    except ExceptionGroup as group:
        for error in leaves(group):
            if isinstance(error, ConformanceError):
                raise error from None
        raise


def refuse(program: str, error: ConformanceError) -> int:
    """One sentence on stderr, and what to do next; exit status 2."""
    sys.stderr.write(f"{program}: error: {error.message}\n")
    if error.hint:
        sys.stderr.write(f"  {error.hint}\n")
    return 2


def _own_options(argv: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """The values of our options, and the other arguments."""
    stated: dict[str, str] = {}
    others = []
    rest = iter(argv)
    for argument in rest:
        name, equals, text = argument.partition("=")
        if name not in _OWN_OPTIONS:
            others.append(argument)
            continue
        value = text if equals else next(rest, None)
        if value is None:
            raise UsageError(f"{name} needs a value; --help says which")
        stated[_OWN_OPTIONS[name]] = value
    return stated, others


def _write_shim(folder: Path, stated: dict[str, str], rest: Sequence[str]) -> int:
    from codex_conformance.stand_in.shim import write_shim

    if rest:
        raise UsageError(f"--shim with {rest[0]!r}: whoever starts the executable says that")
    for name in ("control-file", "traffic"):
        if name in stated:
            stated[name] = str(Path(stated[name]).absolute())
    settings = settings_of((stated, "the arguments")) if stated else None
    sys.stdout.write(f"{write_shim(folder, settings)}\n")
    return 0
