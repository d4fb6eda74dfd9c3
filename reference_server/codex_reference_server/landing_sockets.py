"""Landings on 127.0.0.1, for browsers; bounded in everything, since anybody may come by.

This module is imported with the first browser login.
"""

import socket
from contextlib import suppress
from http import HTTPStatus

import anyio
import h11

from codex_reference_server.landing import (
    HEADERS,
    PREFERRED_PORTS,
    Landing,
    Page,
    Visit,
    Visited,
    receive,
    refusal,
)

HEAD_LIMIT = 16 * 1024
"""Bytes of the longest head that is read."""

VISITORS = 16
"""Visitors that are received at once; more wait."""

PATIENCE = 5.0
"""Seconds that a visitor has to say what it wants, and again to take its page."""

BREATHER = 0.1
"""Seconds until the next attempt where nobody can be received."""

CHUNK = 16 * 1024


def take_landing() -> Landing:
    """Take an address on 127.0.0.1.

    Raises:
        OSError: there is none.
    """
    for port in PREFERRED_PORTS:
        with suppress(OSError):
            return SocketLanding(socket.create_server(("127.0.0.1", port)))
    return SocketLanding(socket.create_server(("127.0.0.1", 0)))


class SocketLanding:
    """A socket that listens on 127.0.0.1."""

    def __init__(self, listener: socket.socket) -> None:
        listener.setblocking(False)
        self._listener = listener
        self._room = anyio.Semaphore(VISITORS)
        self.port: int = listener.getsockname()[1]

    async def serve(self, visited: Visited, over: anyio.Event) -> None:
        """Receive visitors until it is over; who is there then has a moment to take its page."""
        async with anyio.create_task_group() as visitors:
            accepting = anyio.CancelScope()

            async def accept() -> None:
                with accepting, suppress(anyio.ClosedResourceError):
                    while True:
                        connection = await self._next()
                        visitors.start_soon(self._receive, connection, visited)

            visitors.start_soon(accept)
            await over.wait()
            accepting.cancel()
            visitors.cancel_scope.deadline = anyio.current_time() + PATIENCE

    def close(self) -> None:
        """Give the address back; whoever waits for visitors is told."""
        if self._listener.fileno() >= 0:
            anyio.notify_closing(self._listener)
            self._listener.close()

    async def _next(self) -> socket.socket:
        """The next visitor, when there is room for one.

        Raises:
            anyio.ClosedResourceError: the address was given back.
        """
        await self._room.acquire()
        while True:
            try:
                await anyio.wait_readable(self._listener)
                return self._listener.accept()[0]
            except (BlockingIOError, ConnectionError):  # it has left already
                continue
            except (OSError, ValueError):  # closed, or the process has no more descriptors
                if self._listener.fileno() < 0:
                    raise anyio.ClosedResourceError from None
                await anyio.sleep(BREATHER)

    async def _receive(self, connection: socket.socket, visited: Visited) -> None:
        try:
            with connection, suppress(OSError, TimeoutError):
                connection.setblocking(False)
                protocol = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_LIMIT)
                page = await self._page(connection, protocol, visited)
                with anyio.fail_after(PATIENCE):
                    await _send(connection, _as_response(page))
                    connection.shutdown(socket.SHUT_WR)
        finally:
            self._room.release()

    async def _page(
        self, connection: socket.socket, protocol: h11.Connection, visited: Visited
    ) -> Page:
        try:
            with anyio.fail_after(PATIENCE):
                request = await _request(connection, protocol)
        except h11.RemoteProtocolError as error:
            return refusal(error.error_status_hint, "This is no request that is understood.")
        headers = {name: value.decode("latin-1") for name, value in request.headers}
        visit = Visit(
            method=request.method.decode("latin-1"),
            target=request.target.decode("latin-1"),
            host=headers.get(b"host"),
            origin=headers.get(b"origin"),
        )
        return await receive(visit, self.port, visited)


async def _request(connection: socket.socket, protocol: h11.Connection) -> h11.Request:
    """The head of the request; what may follow it is not read."""
    while True:
        event = protocol.next_event()
        if isinstance(event, h11.Request):
            return event
        if event is not h11.NEED_DATA:
            raise ConnectionAbortedError
        protocol.receive_data(await _receive_some(connection))


def _as_response(page: Page) -> bytes:
    """The page as it is sent. Written out, as the state of a broken request allows h11 nothing."""
    body = page.body.encode()
    headers = HEADERS | {"Content-Length": str(len(body)), "Connection": "close"}
    lines = [f"HTTP/1.1 {page.status} {HTTPStatus(page.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def _receive_some(connection: socket.socket) -> bytes:
    while True:
        try:
            return connection.recv(CHUNK)
        except BlockingIOError:
            await anyio.wait_readable(connection)


async def _send(connection: socket.socket, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[connection.send(rest) :]
        except BlockingIOError:
            await anyio.wait_writable(connection)
