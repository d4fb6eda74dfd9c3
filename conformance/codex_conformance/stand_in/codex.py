"""What the executable `codex` does with the arguments that parents give it."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from codex_conformance.errors import UsageError
from codex_conformance.stand_in.launch import run
from codex_conformance.stand_in.settings import Settings

HELP = """\
usage: codex [OPTIONS] app-server [OPTIONS]
       codex app-server generate-json-schema --out DIR [--experimental]
       codex login status
       codex --version

This codex is the reference app-server of codex-conformance. It runs no commands and asks no model.
"""
_WITH_VALUE = {
    *("-c", "--config", "--enable", "--disable", "-m", "--model", "-p", "--profile"),
    *("-s", "--sandbox", "-a", "--ask-for-approval", "-C", "--cd", "--add-dir", "--revision"),
    *("--listen", "--session-source", "--code-mode-host", "--startup-client-info"),
    *("--ws-auth", "--ws-token-file", "--ws-token-sha256", "-o", "--out"),
    *("--ws-shared-secret-file", "--ws-issuer", "--ws-audience", "--ws-max-clock-skew-seconds"),
}
_APP_SERVER = "app-server"
_KEY_SHOWN = (8, 5)
"""Characters at the beginning and the end of an API key that are no secret."""


def run_as_codex(argv: Sequence[str], settings: Settings) -> int:
    """Do what codex does with these arguments; the exit status.

    Raises:
        UsageError: a stand-in does not do that.
    """
    words = commands(argv)
    if words == [_APP_SERVER] and {"-h", "--help"}.isdisjoint(argv):
        return run(settings, argv)
    if not words and not {"-V", "--version"}.isdisjoint(argv):
        sys.stdout.write(f"codex-cli {_version(settings)}\n")
        return 0
    if words == ["help"] or not {"-h", "--help"}.isdisjoint(argv):
        sys.stdout.write(HELP)
        return 0
    if words == [_APP_SERVER, "generate-json-schema"]:
        return _generate_schema(argv, settings)
    if words == ["login", "status"]:
        return _tell_login()
    if not words:
        raise UsageError("there is no terminal interface here: expected app-server; see --help")
    raise UsageError(f"a stand-in for codex does not do {' '.join(words)!r}; --help says what")


def commands(argv: Sequence[str]) -> list[str]:
    """The words that are neither options nor their values."""
    words = []
    rest = iter(argv)
    for argument in rest:
        if argument in _WITH_VALUE:
            next(rest, None)
        elif not argument.startswith("-"):
            words.append(argument)
    return words


def _revision(settings: Settings) -> str:
    from codex_account_protocol import REVISIONS

    revision = settings.revision or REVISIONS[-1]
    if revision not in REVISIONS:
        known = ", ".join(REVISIONS)
        raise UsageError(f"revision is {revision!r}, expected one of {known}")
    return revision


def _version(settings: Settings) -> str:
    from codex_conformance.reference import release_of

    return settings.version or release_of(_revision(settings))


def _generate_schema(argv: Sequence[str], settings: Settings) -> int:
    from codex_conformance.stand_in.bundle import write_bundle

    folder = _value_of(argv, "--out", "-o")
    if folder is None:
        raise UsageError("generate-json-schema needs --out DIR")
    try:
        write_bundle(Path(folder), _revision(settings), experimental="--experimental" in argv)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written to: {error.strerror}") from None
    return 0


def _value_of(argv: Sequence[str], *names: str) -> str | None:
    """The value of an option, the last one if there are several."""
    found = None
    for position, argument in enumerate(argv):
        name, equals, text = argument.partition("=")
        if name in names:
            found = text if equals else next(iter(argv[position + 1 :]), None)
    return found


def _tell_login() -> int:
    """What codex says on stderr; status 1 if nobody is logged in."""
    auth = _stored_login()
    key = auth.get("OPENAI_API_KEY")
    if isinstance(key, str) and key:
        first, last = _KEY_SHOWN
        shown = f"{key[:first]}***{key[-last:]}" if len(key) > first + last else "***"
        sys.stderr.write(f"Logged in using an API key - {shown}\n")
    elif auth.get("tokens"):
        sys.stderr.write("Logged in using ChatGPT\n")
    else:
        sys.stderr.write("Not logged in\n")
        return 1
    return 0


def _stored_login() -> dict[str, Any]:
    import json

    home = os.environ.get("CODEX_HOME") or Path(os.environ.get("HOME") or "~", ".codex")
    try:
        auth = json.loads(Path(home, "auth.json").expanduser().read_bytes())
    except (OSError, ValueError):
        return {}
    return auth if isinstance(auth, dict) else {}
