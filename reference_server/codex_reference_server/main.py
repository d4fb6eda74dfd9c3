"""The server as a whole: from arguments and configuration to conversations with clients."""

import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from codex_reference_server.account import Account
from codex_reference_server.arguments import PROGRAM, USAGE, UsageError, parse_arguments
from codex_reference_server.auth import Auth
from codex_reference_server.config import Config, ConfigError, load_config
from codex_reference_server.connection import Clients, Connection
from codex_reference_server.dispatch import Dispatcher
from codex_reference_server.further import FurtherAccount
from codex_reference_server.revision import Revision
from codex_reference_server.start_up import StartUp
from codex_reference_server.threads import Threads
from codex_reference_server.transports import (
    ByteStream,
    converse,
    memory_streams,
    standard_streams,
)
from codex_reference_server.turns import Turns

if TYPE_CHECKING:
    from anyio.abc import ObjectStream, TaskGroup

BAD_USAGE = 2
INTERRUPTED = 130


class Server:
    """A running server, for any number of clients.

    Args:
        tasks: where answers are waited for that come later.
    """

    def __init__(self, clients: Clients, dispatcher: Dispatcher, tasks: "TaskGroup") -> None:
        self._clients = clients
        self._dispatcher = dispatcher
        self._tasks = tasks

    def connect(self) -> Connection:
        """The connection of one more client; its transport closes it."""
        return Connection(self._clients, self._dispatcher, self._tasks)


@asynccontextmanager
async def running_server(config: Config, revision: Revision) -> AsyncIterator[Server]:
    """A server without a transport. At the end all turns end."""
    clients = Clients()
    auth = Auth(config, revision, clients.ask)
    account = Account(config, revision, auth, clients.notify)
    async with anyio.create_task_group() as tasks:
        threads = Threads(config, revision)
        turns = Turns(config, revision, auth, threads, clients.notify, clients.room, tasks)
        further = FurtherAccount(config, revision, auth, turns.open_backend)
        rooms = (account, further, threads, turns)
        handlers = {name: each for room in rooms for name, each in room.handlers.items()}
        offers = {**StartUp(config, auth).offers, **threads.offers, **turns.offers}
        dispatcher = Dispatcher(config, revision, handlers, offers)
        yield Server(clients, dispatcher, tasks)
        tasks.cancel_scope.cancel()
    await turns.aclose()


async def serve(config: Config, revision: Revision, stream: ByteStream) -> None:
    """Serve one client until it ends its side."""
    async with running_server(config, revision) as server:
        await converse(stream, server.connect())


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
