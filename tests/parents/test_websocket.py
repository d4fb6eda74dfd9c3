"""The stand-in's end of a WebSocket: how it closes, and what it does when the client has."""

from collections.abc import Awaitable, Callable

import anyio
import pytest
from codex_conformance.judge_parent.websocket import WebSocketPeer, listen_for_websockets
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

CRASHED = 101


def visited(visitor: Callable[[WebSocketPeer], Awaitable[None]], *, hang_up: bool = False) -> int:
    """The code with which the connection of a client ends that `visitor` talks to."""

    async def converse() -> int:
        over = anyio.Event()

        async def visit(peer: WebSocketPeer) -> None:
            try:
                await visitor(peer)
            finally:
                over.set()

        async with anyio.create_task_group() as tasks:
            url = await tasks.start(listen_for_websockets, visit)
            async with connect(url) as client:
                if hang_up:
                    await client.close()
                with pytest.raises(ConnectionClosed):
                    await client.recv()
                code = client.close_code
            await over.wait()
            tasks.cancel_scope.cancel()
        assert code is not None
        return code

    return anyio.run(converse)


@pytest.mark.parametrize(("status", "code"), [(0, 1000), (CRASHED, 1006)])
def test_crash_closes_without_a_word_and_an_end_with_one(status: int, code: int) -> None:
    assert visited(lambda peer: peer.leave(status)) == code


def test_client_that_has_hung_up_says_and_hears_nothing_more() -> None:
    found: list[type[Exception]] = []

    async def talk(peer: WebSocketPeer) -> None:
        with pytest.raises(anyio.EndOfStream) as heard:
            await peer.receive()
        with pytest.raises(anyio.BrokenResourceError) as said:
            await peer.say(b"{}\n")
        found.extend((heard.type, said.type))

    assert visited(talk, hang_up=True) == 1000
    assert found == [anyio.EndOfStream, anyio.BrokenResourceError]
