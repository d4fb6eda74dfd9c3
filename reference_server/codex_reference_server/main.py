"""The server as a whole: from arguments and configuration to conversations with clients."""

import gc
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    ExitStack,
    asynccontextmanager,
    nullcontext,
)
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import msgspec

from codex_reference_server.account import Account
from codex_reference_server.arguments import (
    PROGRAM,
    USAGE,
    Arguments,
    UsageError,
    parse_arguments,
)
from codex_reference_server.auth import Auth
from codex_reference_server.config import Config, ConfigError, load_config
from codex_reference_server.connection import Clients, Connection
from codex_reference_server.dispatch import Dispatcher
from codex_reference_server.further import FurtherAccount
from codex_reference_server.messages import TurnFailure
from codex_reference_server.revision import Revision
from codex_reference_server.start_up import StartUp
from codex_reference_server.threads import Threads
from codex_reference_server.transports import Serve, standard_transport
from codex_reference_server.turns import Turns
from codex_reference_server.wiring import Watch, Wiring

if TYPE_CHECKING:
    from anyio.abc import TaskGroup, TaskStatus

    from codex_reference_server.memory import ClientStream, Hall

BAD_USAGE = 2
INTERRUPTED = 130
PARTING_LIMIT = 0.9
"""Seconds that the issuer has for its answer when all else has ended.

With a client that is slow to read, a server that has come to its end is gone within 2 seconds.
"""

STATUS_AFTER = {signal.SIGTERM: 0, signal.SIGINT: INTERRUPTED}


class Server:
    """A running server, for any number of clients.

    Args:
        tasks: where answers are waited for that come later.

    Attributes:
        auth: who is logged in.
    """

    def __init__(
        self,
        clients: Clients,
        dispatcher: Dispatcher,
        auth: Auth,
        tasks: "TaskGroup",
        watch: Watch | None,
    ) -> None:
        self.auth = auth
        self._clients = clients
        self._dispatcher = dispatcher
        self._tasks = tasks
        self._watch = watch

    def connect(self) -> Connection:
        """The connection of one more client; its transport closes it."""
        return Connection(self._clients, self._dispatcher, self._tasks, self._watch)

    async def refresh_now(self) -> str | None:
        """Refresh as after a 401, without a turn; None, or why there are no new credentials."""
        try:
            renewed = await self.auth.renew(self.auth.credentials)
        except TurnFailure as failure:
            return failure.message
        return None if renewed is not None else "there is nobody to ask for other credentials"


Beside = Callable[[Server], AbstractAsyncContextManager[None]]
"""What runs as long as a server does."""


class Arrangement(msgspec.Struct, frozen=True):
    """What is run when another program than this one decides it.

    Attributes:
        beside: runs as long as the server does.
    """

    config: Config
    revision: Revision
    wiring: Wiring = Wiring()
    beside: Beside | None = None


Arrange = Callable[[Config, Revision], Arrangement]
"""Decide what is run, given what arguments and configuration say."""


@asynccontextmanager
async def running_server(
    config: Config, revision: Revision, wiring: Wiring | None = None
) -> AsyncIterator[Server]:
    """A server without a transport.

    At the end all turns end; what the issuer was asked for has a moment yet, since a refresh token
    that it has rotated is lost unless the new one is stored.
    """
    wiring = wiring or Wiring()
    clients = Clients()
    async with anyio.create_task_group() as asking, anyio.create_task_group() as tasks:
        auth = Auth(config, revision, clients.ask, asking, wiring.http)
        account = Account(config, revision, auth, clients.notify, tasks, wiring)
        threads = Threads(config, revision)
        turns = Turns(
            config, revision, auth, threads, clients.narrate, clients.room, tasks, wiring.http
        )
        further = FurtherAccount(config, revision, auth, turns.open_backend)
        rooms = (account, further, threads, turns)
        handlers = {name: each for room in rooms for name, each in room.handlers.items()}
        offers = {**StartUp(config, auth).offers, **threads.offers, **turns.offers}
        dispatcher = Dispatcher(config, revision, handlers, offers)
        yield Server(clients, dispatcher, auth, tasks, wiring.watch)
        asking.cancel_scope.deadline = anyio.current_time() + PARTING_LIMIT
        tasks.cancel_scope.cancel()
    await turns.aclose()


@asynccontextmanager
async def arranged(arrangement: Arrangement) -> AsyncIterator[Server]:
    """A server, and what runs beside it."""
    config, revision, wiring = arrangement.config, arrangement.revision, arrangement.wiring
    beside = arrangement.beside or nullcontext
    async with running_server(config, revision, wiring) as server, beside(server):
        yield server


@asynccontextmanager
async def in_memory(
    home: Path,
    environ: Mapping[str, str],
    argv: Sequence[str],
    arrange: Arrange = Arrangement,
) -> AsyncIterator["ClientStream"]:
    """A server in this process, with `home` as its `CODEX_HOME`; yields the first client's end.

    It ends with its last client. It reads no clock but the event loop's and uses no thread and no
    socket other than httpx's.

    Raises:
        UsageError: as `parse_arguments`.
        ConfigError: as `load_config`.
    """
    from codex_reference_server.landing import LandingsInMemory
    from codex_reference_server.memory import Hall

    arguments = parse_arguments(argv)
    config = load_config(home, environ, arguments.overrides, arguments.revision)
    landings = LandingsInMemory()
    arrangement = arrange(config, arguments.revision)
    wiring = msgspec.structs.replace(arrangement.wiring, take_landing=landings.take)
    arrangement = msgspec.structs.replace(arrangement, wiring=wiring)

    async def host(*, task_status: "TaskStatus[Hall]") -> None:
        hall = None
        try:
            async with (
                arranged(arrangement) as server,
                anyio.create_task_group() as conversations,
            ):
                hall = Hall(server.connect, landings, conversations)
                first.append(hall.connect())
                task_status.started(hall)
        finally:
            if hall is not None:
                await hall.hang_up()

    first: list[ClientStream] = []
    async with anyio.create_task_group() as tasks:
        hall: Hall = await tasks.start(host)
        try:
            yield first[0]
        finally:
            await hall.aclose()


def main(argv: Sequence[str], arrange: Arrange = Arrangement) -> int:
    """Serve where the arguments, which come without the name of the program, say.

    The exit status is 0 when the one client on standard input has ended its side or after SIGTERM,
    2 when arguments, configuration or address are bad, 130 after ^C.
    """
    if not {"-h", "--help"}.isdisjoint(argv):
        sys.stdout.write(USAGE)
        return 0
    with ExitStack() as stack:
        try:
            arguments = parse_arguments(argv)
            config = load_config(None, os.environ, arguments.overrides, arguments.revision)
            arrangement = arrange(config, arguments.revision)
            serve = stack.enter_context(_transport(arguments, config))
        except (UsageError, ConfigError) as error:
            return _refuse(str(error))
        try:
            return anyio.run(_serve_until_signalled, arrangement, serve)
        except KeyboardInterrupt:
            return INTERRUPTED


def _transport(arguments: Arguments, config: Config) -> AbstractContextManager[Serve]:
    """What carries messages between the server and its clients, ready for them."""
    if arguments.address is not None:
        from codex_reference_server.listening import opened

        return opened(arguments.address, arguments.gate, config.home)
    if sys.stdin is None or sys.stdout is None:
        raise UsageError("standard input or output is closed, expected a client at the other end")
    return standard_transport()


async def _serve_until_signalled(arrangement: Arrangement, serve: Serve) -> int:
    """Serve until there is nobody to serve, or somebody says that it is enough; the exit status."""
    gc.enable()  # whoever starts a process for it may have put that off
    status = 0

    async def heed(signals: AsyncIterator[signal.Signals]) -> None:
        nonlocal status
        async for number in signals:
            status = STATUS_AFTER[number]
            serving.cancel_scope.cancel()

    with anyio.open_signal_receiver(*STATUS_AFTER) as signals:
        async with arranged(arrangement) as server, anyio.create_task_group() as serving:
            serving.start_soon(heed, signals)
            await serve(server.connect)
            serving.cancel_scope.cancel()
    return status


def _refuse(reason: str) -> int:
    sys.stderr.write(f"{PROGRAM}: error: {reason}\n")
    return BAD_USAGE
