"""Many clients at once, over WebSocket: a message is a text frame.

The only room that is bound to asyncio, since the WebSocket library is.
"""

import logging
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import websockets.asyncio.server
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from codex_reference_server.addresses import Address, AddressError, TcpAddress, UnixAddress
from codex_reference_server.arguments import PROGRAM, GateArguments, UsageError
from codex_reference_server.connection import Connection, Outbox
from codex_reference_server.gate import CAPABILITY, PROBES, Gate, GateError, open_gate
from codex_reference_server.transports import FLUSH_LIMIT, LINE_LIMIT, Connect, Serve

if TYPE_CHECKING:
    from websockets.http11 import Request, Response

Admit = Callable[[ServerConnection, "Request"], "Response | None"]

_silence = logging.getLogger("codex_reference_server.silence")
_silence.disabled = True  # what is wrong with a handshake or a frame is told to who sent it


@contextmanager
def opened(address: Address, arguments: GateArguments, home: Path) -> Iterator[Serve]:
    """Any number of clients at an address, until it is enough.

    Raises:
        UsageError: nobody can be listened to there, or not without a token.
    """
    try:
        gate = open_gate(arguments.mode, arguments.token_file, arguments.token_sha256)
        if isinstance(address, UnixAddress):
            address = address.in_home(home)
        listener = _listen(address, gate)
    except (AddressError, GateError) as error:
        raise UsageError(str(error)) from None
    try:
        with listener:
            yield lambda connect: _serve(address, listener, gate, connect)
    finally:
        if isinstance(address, UnixAddress):
            address.remove()


def _listen(address: Address, gate: Gate) -> socket.socket:
    if isinstance(address, TcpAddress) and not address.is_loopback and gate.digest is None:
        raise AddressError(
            f"cannot listen on {address}: other machines get there, so clients need a token; "
            f"expected --ws-auth {CAPABILITY}"
        )
    return address.listen()


async def _serve(address: Address, listener: socket.socket, gate: Gate, connect: Connect) -> None:
    """Talk to whoever connects; at the end each is told that the server goes away."""

    async def handle(client: ServerConnection) -> None:
        await _converse(client, connect())

    is_file = isinstance(address, UnixAddress)  # whose rights are its gate
    async with websockets.asyncio.server.serve(
        handle,
        sock=listener,
        process_request=None if is_file else _admission(gate),
        compression=None,
        max_size=LINE_LIMIT,
        ping_interval=None,
        close_timeout=FLUSH_LIMIT,
        server_header=None,
        logger=_silence,
    ) as server:
        _announce(address if is_file else TcpAddress(*listener.getsockname()[:2]))
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                server.close()
                await server.wait_closed()


def _announce(address: Address) -> None:
    """Say on stderr where the server listens, as codex does, since a port may have been chosen."""
    lines = [f"{PROGRAM} (WebSocket)", f"  listening on: {address}"]
    if isinstance(address, TcpAddress):
        origin = str(address).replace("ws:", "http:")
        lines += [f"  {path.strip('/')}: {origin}{path}" for path in PROBES]
    _say(*lines)


def _say(*lines: str) -> None:
    with suppress(OSError):
        sys.stderr.write("".join(f"{line}\n" for line in lines))


def _admission(gate: Gate) -> Admit:
    def admit(client: ServerConnection, request: "Request") -> "Response | None":
        headers = request.headers
        origins, authorizations = headers.get_all("Origin"), headers.get_all("Authorization")
        answer = gate.answer(request.path, origins, authorizations)
        return None if answer is None else client.respond(*answer)

    return admit


async def _converse(client: ServerConnection, connection: Connection) -> None:
    """Carry messages both ways until the client ends the connection or is gone."""
    async with anyio.create_task_group() as directions:

        def hang_up() -> None:
            _say(f"{PROGRAM}: a client that does not read was hung up on")
            client.transport.abort()

        connection.outbox.overflow = hang_up
        directions.start_soon(_send, client, connection.outbox)
        try:
            await _receive(client, connection)
        finally:
            connection.close()
        directions.cancel_scope.deadline = anyio.current_time() + FLUSH_LIMIT


async def _receive(client: ServerConnection, connection: Connection) -> None:
    """Heed the text frames, no faster than the client reads; others mean nothing."""
    with suppress(ConnectionClosed):
        while True:
            message = await client.recv()
            if isinstance(message, str):
                connection.receive(message.encode())
                await connection.outbox.room()


async def _send(client: ServerConnection, outbox: Outbox) -> None:
    with suppress(ConnectionClosed):
        while lines := await outbox.take():
            for line in lines:
                await client.send(line, text=True)
