"""Clients in the same process: a connection is a pair of streams in memory."""

from typing import TYPE_CHECKING

import anyio
from anyio.abc import ObjectReceiveStream, ObjectSendStream
from anyio.streams.stapled import StapledObjectStream

from codex_reference_server.connection import Connection
from codex_reference_server.landing import LandingsInMemory
from codex_reference_server.transports import Connect, converse

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

BUFFERED_CHUNKS = 16
"""Chunks that fit into a stream before its writer has to wait."""


class ClientStream(StapledObjectStream[bytes]):
    """A client's end of a connection."""

    def __init__(
        self,
        to_server: ObjectSendStream[bytes],
        from_server: ObjectReceiveStream[bytes],
        hall: "Hall",
    ) -> None:
        super().__init__(to_server, from_server)
        self._hall = hall

    def connect(self) -> "ClientStream":
        """Another client's end, of a connection of its own to the same server."""
        return self._hall.connect()

    async def visit(self, url: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of what a browser gets from the server on loopback.

        Raises:
            ConnectionRefusedError: the server is not there.
        """
        return await self._hall.landings.visit(url)


class Hall:
    """Where clients of one server come and go.

    Args:
        connect: makes the server's side of a connection.
        landings: where browsers come back to.
        tasks: where conversations are held.
    """

    def __init__(self, connect: Connect, landings: LandingsInMemory, tasks: "TaskGroup") -> None:
        self.landings = landings
        self._connect = connect
        self._tasks = tasks
        self._clients: list[ClientStream] = []
        self._talking: list[StapledObjectStream[bytes]] = []

    def connect(self) -> ClientStream:
        """One more client's end; the server talks to it until it ends its side."""
        to_server, from_client = anyio.create_memory_object_stream[bytes](BUFFERED_CHUNKS)
        to_client, from_server = anyio.create_memory_object_stream[bytes](BUFFERED_CHUNKS)
        server_end = StapledObjectStream(to_client, from_client)
        self._talking.append(server_end)
        self._tasks.start_soon(self._serve, server_end, self._connect())
        self._clients.append(ClientStream(to_server, from_server, self))
        return self._clients[-1]

    async def _serve(self, stream: StapledObjectStream[bytes], connection: Connection) -> None:
        await converse(stream, connection)
        if len(self._talking) > 1:
            self._talking.remove(stream)
            await stream.aclose()

    async def hang_up(self) -> None:
        """End the server's side of what is left: the last client's, which sees the server end."""
        with anyio.CancelScope(shield=True):
            for stream in self._talking:
                await stream.aclose()

    async def aclose(self) -> None:
        """End every client's side."""
        for client in self._clients:
            await client.aclose()
