"""The proxy that refuses keeps what was asked of it."""

import anyio
from codex_conformance.sink import refusing_proxy

REFUSED = b"HTTP/1.1 403 Forbidden\r\n"
POST = b"POST http://elsewhere.example/x HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello"
CONNECT = b"CONNECT a.example:443 HTTP/1.1\r\n\r\n"


async def asked(port: int, *pieces: bytes, end: bool = False) -> bytes:
    """What the proxy says to a request that comes in pieces; `end`: and no more follows."""
    said = b""
    async with await anyio.connect_tcp("127.0.0.1", port) as stream:
        for piece in pieces:
            await stream.send(piece)
        if end:
            await stream.send_eof()
        with anyio.fail_after(10):
            try:
                while True:
                    said += await stream.receive()
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                return said


def test_request_is_refused_and_kept_whole() -> None:
    async def asks() -> None:
        async with refusing_proxy() as sink:
            assert (await asked(sink.port, POST[:20], POST[20:-3], POST[-3:])).startswith(REFUSED)
            assert (await asked(sink.port, b"CONNECT a.example:443 HTTP/1.1\r\n\r\n")).startswith(
                REFUSED
            )
        assert sink.heads == [POST, b"CONNECT a.example:443 HTTP/1.1\r\n\r\n"]
        assert sink.hosts() == ["http://elsewhere.example/x", "a.example:443"]

    anyio.run(asks)


def test_request_that_breaks_off_is_kept_as_far_as_it_came() -> None:
    async def asks() -> None:
        async with refusing_proxy() as sink:
            assert (await asked(sink.port, POST[:-3], end=True)).startswith(REFUSED)
        assert sink.heads == [POST[:-3]]

    anyio.run(asks)


def test_requests_beyond_those_that_are_kept_cost_no_memory() -> None:
    async def asks() -> None:
        async with refusing_proxy() as sink:
            sink.heads += [b""] * 500
            await asked(sink.port, POST)
        assert len(sink.heads) == 500

    anyio.run(asks)
