"""The server as a whole: from arguments and configuration to conversations with clients."""

import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import msgspec

from codex_reference_server.account import Account
from codex_reference_server.auth import Auth
from codex_reference_server.config import Config, ConfigError, load_config
from codex_reference_server.connection import Clients, Connection
from codex_reference_server.dispatch import Dispatcher
from codex_reference_server.further import FurtherAccount
from codex_reference_server.revision import NEWEST, REVISIONS, Revision
from codex_reference_server.transports import (
    ByteStream,
    converse,
    memory_streams,
    standard_streams,
)
from codex_reference_server.turns import Turns

if TYPE_CHECKING:
    from anyio.abc import ObjectStream

PROGRAM = "codex_reference_server"
USAGE = f"""\
usage: python -m {PROGRAM} [--revision R] [-c KEY=VALUE]... [app-server] [--listen stdio://]

The reference app-server: keeps the account protocol of codex app-server in one revision.

  --revision R           {", ".join(REVISIONS)}; by default the newest, {NEWEST}
  -c, --config KEY=VALUE override CODEX_HOME/config.toml; VALUE is TOML, or a string as it is
  --listen stdio://      one client on standard input and output; the only way for now
  app-server             accepted, since codex is started that way
  -h, --help             show this and exit
"""
BAD_USAGE = 2
INTERRUPTED = 130
STDIO = "stdio://"

_OPTIONS = {
    "--revision": "--revision",
    "-c": "--config",
    "--config": "--config",
    "--listen": "--listen",
}


class UsageError(Exception):
    """The arguments make no sense; the message says which, and what was expected."""


class Arguments(msgspec.Struct, frozen=True):
    """What the command line says.

    Attributes:
        overrides: the texts `KEY=VALUE`, in their order.
    """

    revision: Revision
    overrides: tuple[str, ...]


def parse_arguments(argv: Sequence[str]) -> Arguments:
    """Read the command line, without the name of the program.

    Raises:
        UsageError: an argument is unknown, lacks its value, or has a bad one.
    """
    values: dict[str, list[str]] = {option: [] for option in _OPTIONS.values()}
    rest = iter(argv)
    for argument in rest:
        name, equals, text = argument.partition("=")
        if argument == "app-server":
            continue
        if name not in _OPTIONS:
            raise UsageError(f"unknown argument {name!r}; --help lists those there are")
        value = text if equals else next(rest, None)
        if value is None:
            raise UsageError(f"{name} needs a value; --help says which")
        values[_OPTIONS[name]].append(value)
    for address in values["--listen"]:
        if address != STDIO:
            raise UsageError(
                f"--listen is {address!r}, expected {STDIO}: nothing else is offered yet"
            )
    revision = (values["--revision"] or [NEWEST])[-1]
    if revision not in REVISIONS:
        known = ", ".join(REVISIONS)
        raise UsageError(f"--revision is {revision!r}, expected one of {known}")
    return Arguments(REVISIONS[revision], tuple(values["--config"]))


@asynccontextmanager
async def running_server(
    config: Config, revision: Revision
) -> AsyncIterator[Callable[[], Connection]]:
    """A server; yields what makes a connection for one more client. At the end all turns end."""
    clients = Clients()
    auth = Auth(config, revision, clients.ask)
    account = Account(config, revision, auth, clients.notify)
    async with anyio.create_task_group() as tasks:
        turns = Turns(config, revision, auth, clients.notify, clients.room, tasks)
        further = FurtherAccount(config, revision, auth, turns.open_backend)
        handlers = {**account.handlers, **further.handlers, **turns.handlers}
        dispatcher = Dispatcher(config, revision, handlers)
        yield lambda: Connection(clients, dispatcher, tasks)
        tasks.cancel_scope.cancel()
    await turns.aclose()


async def serve(config: Config, revision: Revision, stream: ByteStream) -> None:
    """Serve one client until it ends its side."""
    async with running_server(config, revision) as connect:
        await converse(stream, connect())


@asynccontextmanager
async def in_memory(
    home: Path, environ: Mapping[str, str], argv: Sequence[str]
) -> AsyncIterator["ObjectStream[bytes]"]:
    """A server in this process, with `home` as its `CODEX_HOME`; yields the client's end.

    It reads no clock but the event loop's and uses no thread and no socket other than httpx's.

    Raises:
        UsageError: as `parse_arguments`.
        ConfigError: as `load_config`.
    """
    arguments = parse_arguments(argv)
    config = load_config(home, environ, arguments.overrides, arguments.revision)
    client_end, server_end = memory_streams()

    async def serve_and_hang_up() -> None:
        async with server_end:
            await serve(config, arguments.revision, server_end)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(serve_and_hang_up)
        async with client_end:
            yield client_end


def main(argv: Sequence[str]) -> int:
    """Serve standard input and output; the arguments come without the name of the program.

    The exit status is 0 when the client has ended its side, 2 when arguments or configuration are
    bad, 130 after ^C.
    """
    if not {"-h", "--help"}.isdisjoint(argv):
        sys.stdout.write(USAGE)
        return 0
    try:
        arguments = parse_arguments(argv)
        config = load_config(None, os.environ, arguments.overrides, arguments.revision)
    except (UsageError, ConfigError) as error:
        return _refuse(str(error))
    if sys.stdin is None or sys.stdout is None:
        return _refuse("standard input or output is closed, expected a client at the other end")
    try:
        with standard_streams() as stream:
            anyio.run(serve, config, arguments.revision, stream)
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _refuse(reason: str) -> int:
    sys.stderr.write(f"{PROGRAM}: error: {reason}\n")
    return BAD_USAGE
