"""The command line: what codex's app-server takes, as far as this server heeds it."""

from collections.abc import Sequence

import msgspec

from codex_reference_server.addresses import STDIO, Address, AddressError, parse_address
from codex_reference_server.revision import NEWEST, REVISIONS, Revision

PROGRAM = "codex_reference_server"
USAGE = f"""\
usage: python -m {PROGRAM} [--revision R] [-c KEY=VALUE]... [app-server] [--stdio]

The reference app-server: keeps the account protocol of codex app-server in one revision.

  --revision R           {", ".join(REVISIONS)}; by default the newest, {NEWEST}
  -c, --config KEY=VALUE override CODEX_HOME/config.toml; VALUE is TOML, or a string as it is
  --listen ADDRESS       stdio://, one client on standard input and output, by default;
                         ws://IP:PORT, many over WebSocket, port 0 is any that is free;
                         unix://PATH, many over WebSocket on a socket file;
                         unix://, the same in CODEX_HOME/app-server-control
  --stdio                the same as --listen stdio://
  --ws-auth capability-token
                         ask clients of ws:// for the header Authorization: Bearer TOKEN
  --ws-token-file FILE   which holds that token, or
  --ws-token-sha256 HEX  the SHA-256 of it
  --enable, --disable F  the same as -c features.F=true, features.F=false
  -m, -s, -a VALUE       the same as -c model=, sandbox_mode=, approval_policy=
  app-server             accepted, since codex is started that way; so are, without effect,
                         --session-source, --analytics-default-enabled and the like
  -h, --help             show this and exit
"""

_COMMANDS = ("app-server",)
_FLAGS = {"--stdio": ("--listen", STDIO)}
_FEATURES = {"--enable": "true", "--disable": "false"}
_WITHOUT_EFFECT = ("--analytics-default-enabled", "--strict-config", "--search", "--oss")
_VALUE_WITHOUT_EFFECT = (
    *("--session-source", "--code-mode-host", "--startup-client-info"),
    *("--profile", "-p", "--cd", "-C", "--add-dir"),
)
_SETTINGS = {
    "--model": "model",
    "-m": "model",
    "--sandbox": "sandbox_mode",
    "-s": "sandbox_mode",
    "--ask-for-approval": "approval_policy",
    "-a": "approval_policy",
}
_WITH_VALUE = {
    "--revision": "--revision",
    "-c": "--config",
    "--config": "--config",
    "--listen": "--listen",
    "--ws-auth": "--ws-auth",
    "--ws-token-file": "--ws-token-file",
    "--ws-token-sha256": "--ws-token-sha256",
}


class UsageError(Exception):
    """The arguments make no sense; the message says which, and what was expected."""


class GateArguments(msgspec.Struct, frozen=True):
    """Who may connect over TCP; None where nothing is said."""

    mode: str | None = None
    token_file: str | None = None
    token_sha256: str | None = None


class Arguments(msgspec.Struct, frozen=True):
    """What the command line says.

    Attributes:
        overrides: the texts `KEY=VALUE`, in their order.
        address: None is standard input and output.
    """

    revision: Revision
    overrides: tuple[str, ...]
    address: Address | None
    gate: GateArguments


def parse_arguments(argv: Sequence[str]) -> Arguments:
    """Read the command line, without the name of the program.

    Options stand before and after `app-server`; of one that is given twice the last counts.

    Raises:
        UsageError: an argument is unknown, lacks its value, or has a bad one.
    """
    values = _values(argv)
    last = {option: each[-1] for option, each in values.items() if each}
    revision = last.get("--revision", NEWEST)
    if revision not in REVISIONS:
        known = ", ".join(REVISIONS)
        raise UsageError(f"--revision is {revision!r}, expected one of {known}")
    try:
        address = parse_address(last.get("--listen", STDIO))
    except AddressError as error:
        raise UsageError(str(error)) from None
    gate = GateArguments(
        last.get("--ws-auth"), last.get("--ws-token-file"), last.get("--ws-token-sha256")
    )
    return Arguments(REVISIONS[revision], tuple(values["--config"]), address, gate)


def _values(argv: Sequence[str]) -> dict[str, list[str]]:
    """The values of every option, in their order."""
    values: dict[str, list[str]] = {option: [] for option in _WITH_VALUE.values()}
    rest = iter(argv)
    for argument in rest:
        if argument in _COMMANDS or argument in _WITHOUT_EFFECT:
            continue
        if argument in _FLAGS:
            option, meaning = _FLAGS[argument]
            values[option].append(meaning)
            continue
        name, equals, text = _parts(argument)
        if not _is_option(name):
            raise UsageError(f"unknown argument {name!r}; --help lists those there are")
        value = text if equals else next(rest, None)
        if value is None:
            raise UsageError(f"{name} needs a value; --help says which")
        if name in _FEATURES:
            values["--config"].append(f"features.{value}={_FEATURES[name]}")
        elif name in _SETTINGS:
            values["--config"].append(f"{_SETTINGS[name]}={value}")
        elif name in _WITH_VALUE:
            values[_WITH_VALUE[name]].append(value)
    return values


def _is_option(name: str) -> bool:
    return any(
        name in known for known in (_WITH_VALUE, _FEATURES, _SETTINGS, _VALUE_WITHOUT_EFFECT)
    )


def _parts(argument: str) -> tuple[str, str, str]:
    """An option, what parts it from its value, and the value, which may adjoin a short option."""
    if argument[:1] == "-" and argument[1:2] not in ("", "-") and len(argument) > len("-c"):
        return argument[:2], "=", argument[2:].removeprefix("=")
    return argument.partition("=")
