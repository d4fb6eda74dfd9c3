"""What a stand-in is told: by a file, by the environment, by arguments; the last word counts."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec

from codex_conformance.errors import UsageError

FILE = "codex-conformance.toml"
PREFIX = "CODEX_CONFORMANCE_"
EMBEDDED = "embedded"
_HOSTS = {"127.0.0.1": "127.0.0.1", "localhost": "127.0.0.1", "[::1]": "::1"}
_LAST_PORT = 65535
_HEAD = """\
# How the codex in this folder behaves. Whatever starts it may say otherwise in its environment:
# CODEX_CONFORMANCE_EXPIRE_AFTER=60 for expire-after = 60, and so on.
"""
_MEANINGS = {
    "revision": "of the protocol: 0.93, 0.99 or 0.169, by default the newest",
    "version": "that it says it is, by default that of the revision's release",
    "backend": '"embedded", or the URL of one; by default the one in CODEX_HOME, else "embedded"',
    "expire-after": "seconds after which the embedded backend rejects an access token",
    "control": 'where the control interface listens, such as "127.0.0.1:0"; by default nowhere',
    "control-file": "to which the address of the control interface is written",
    "traffic": "file to which everything said is written, as JSON Lines, without tokens",
}


class Settings(msgspec.Struct, frozen=True, rename="kebab", forbid_unknown_fields=True):
    """How a stand-in behaves; None is the default. Paths in a file are relative to its folder."""

    revision: str | None = None
    version: str | None = None
    backend: str | None = None
    expire_after: Annotated[float, msgspec.Meta(gt=0)] | None = None
    control: str | None = None
    control_file: str | None = None
    traffic: str | None = None


NAMES = tuple(field.encode_name for field in msgspec.structs.fields(Settings))
"""Of every setting, as a file has it."""


def read_settings(folder: Path, environ: Mapping[str, str]) -> Settings:
    """The settings in the file of a folder, if it has one; the environment's win.

    Raises:
        UsageError: the file cannot be read, or a setting is unknown or of the wrong kind.
    """
    return settings_of(
        (_table(folder / FILE), str(folder / FILE)), (in_environment(environ), "the environment")
    )


def settings_of(*sources: tuple[Mapping[str, Any], str]) -> Settings:
    """The settings that several sources state, each with where that is; later ones win.

    Raises:
        UsageError: a setting is unknown or of the wrong kind.
    """
    stated: dict[str, Any] = {}
    for table, place in sources:
        _convert(table, place)
        stated |= table
    return _convert(stated, "the settings")


def _convert(table: Mapping[str, Any], place: str) -> Settings:
    try:
        return msgspec.convert(table, Settings, strict=False)
    except msgspec.ValidationError as error:
        hint = f"there are: {', '.join(NAMES)}"
        raise UsageError(f"{place}: {error}", hint) from None


def _table(file: Path) -> dict[str, Any]:
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from None

    if all(not line or line.startswith("#") for line in text.splitlines()):
        return {}  # as it is written at first; the reader of TOML costs more than all this

    import tomllib

    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{file} is not TOML: {error}") from None
    for name in ("control-file", "traffic"):
        if isinstance(table.get(name), str):
            table[name] = str(file.parent / table[name])
    return table


def in_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """The settings that `CODEX_CONFORMANCE_…` state."""
    spelled = {name: PREFIX + name.upper().replace("-", "_") for name in NAMES}
    return {name: environ[key] for name, key in spelled.items() if environ.get(key)}


def file_text(settings: Settings) -> str:
    """The file that says these settings, and which others there are."""
    stated = msgspec.to_builtins(settings)
    return _HEAD + "".join(_lines(stated))


def _lines(stated: Mapping[str, Any]) -> Iterable[str]:
    import json

    for name, meaning in _MEANINGS.items():
        value = stated.get(name)
        yield f"\n# {meaning}\n"
        yield f"# {name} =\n" if value is None else f"{name} = {json.dumps(value)}\n"


def loopback_address(text: str) -> tuple[str, int]:
    """Host and port of an address such as `127.0.0.1:0`.

    Raises:
        UsageError: it is none, or not on loopback.
    """
    host, _, port = text.rpartition(":")
    host = _HOSTS.get(host, "")
    if not host or not port.isdecimal() or int(port) > _LAST_PORT:
        raise UsageError(
            f"control is {text!r}, expected an address on loopback such as '127.0.0.1:0'"
        )
    return host, int(port)
