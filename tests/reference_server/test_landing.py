"""Landings on real sockets: browsers are served, everybody else costs little and not for long."""

import errno
import socket
from collections.abc import Awaitable, Callable
from typing import ClassVar

import anyio
import anyio.lowlevel
import pytest
from codex_reference_server import landing_sockets
from codex_reference_server.landing import LandingsInMemory, Page, Visit
from codex_reference_server.landing_sockets import (
    HEAD_LIMIT,
    VISITORS,
    SocketLanding,
    take_landing,
)

Play = Callable[[int], Awaitable[None]]
PATIENCE = 0.3
ANSWERED = b"HTTP/1.1 200 OK\r\n"
LARGE = 2_000_000  # times a path that no socket takes at once


@pytest.fixture(params=["asyncio", "trio"])
def play(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[Play], None]:
    """Play a scenario, given a port, against a landing that shows every path."""
    monkeypatch.setattr(landing_sockets, "PATIENCE", PATIENCE)

    async def visited(visit: Visit) -> Page:
        return Page(200, visit.path * (LARGE if visit.path == "/large" else 1))

    async def run(scenario: Play) -> None:
        landing, over = take_landing(), anyio.Event()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(landing.serve, visited, over)
            with anyio.fail_after(30):
                await scenario(landing.port)
            over.set()
        landing.close()
        with pytest.raises(OSError, match=r"refused|attempts failed"):
            await anyio.connect_tcp("127.0.0.1", landing.port)

    return lambda scenario: anyio.run(run, scenario, backend=request.param)


async def said(port: int, *pieces: bytes, end: bool = True) -> bytes:
    """What comes back for these bytes, until the other side hangs up."""
    answer = b""
    async with await anyio.connect_tcp("127.0.0.1", port) as stream:
        try:
            for piece in pieces:
                await stream.send(piece)
            if end:
                await stream.send_eof()
            async for chunk in stream:
                answer += chunk
        except anyio.BrokenResourceError:
            pass  # it has said what it had to say, and does not read the rest
    return answer


def get(port: int, path: str = "/x", host: str | None = None, more: str = "") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: {host or f'localhost:{port}'}\r\n{more}\r\n".encode()


def test_browser_gets_its_page(play: Callable[[Play], None]) -> None:
    async def scenario(port: int) -> None:
        whole = get(port, "/x?state=1")
        for pieces in ((whole,), tuple(whole[n : n + 1] for n in range(len(whole)))):
            answer = await said(port, *pieces, end=False)
            assert answer.startswith(ANSWERED)
            assert answer.endswith(b"\r\n\r\n/x")
            assert b"\r\nConnection: close\r\n" in answer

    play(scenario)


def test_page_that_does_not_fit_at_once_comes_whole(
    play: Callable[[Play], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(landing_sockets, "PATIENCE", 20.0)

    async def scenario(port: int) -> None:
        head, _, body = (await said(port, get(port, "/large"), end=False)).partition(b"\r\n\r\n")
        assert head.startswith(ANSWERED.strip())
        assert body == b"/large" * LARGE

    play(scenario)


def test_whoever_is_no_browser_that_was_sent_here_is_refused(play: Callable[[Play], None]) -> None:
    async def scenario(port: int) -> None:
        own = f"http://127.0.0.1:{port}"
        statuses = [
            int((await said(port, request)).split()[1])
            for request in (
                get(port, host="evil.test"),
                get(port, host="localhost:1"),
                get(port, more="Origin: http://evil.test\r\n"),
                get(port, more="Origin: null\r\n"),
                get(port, more=f"Origin: {own}\r\n"),
                get(port).replace(b"GET", b"POST"),
                get(port).replace(b"GET", b"CONNECT"),
                get(port).replace(b"Host", b"Nix"),
                get(port, more="Host: localhost\r\n"),
                b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
                b"GET /x HTTP/9.9\r\n\r\n",
            )
        ]
        assert statuses == [400, 400, 403, 403, 200, 405, 405, 400, 400, 400, 400]

    play(scenario)


def test_head_without_end_is_cut_off(play: Callable[[Play], None]) -> None:
    async def scenario(port: int) -> None:
        answer = await said(port, get(port)[:-2] + b"X: " + b"x" * 4 * HEAD_LIMIT, end=False)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 431 ")
        assert (await said(port, get(port))).startswith(ANSWERED)

    play(scenario)


def test_slow_visitors_are_not_waited_for(play: Callable[[Play], None]) -> None:
    async def scenario(port: int) -> None:
        began = anyio.current_time()
        async with anyio.create_task_group() as crowd:
            for _ in range(2 * VISITORS):
                crowd.start_soon(lambda: said(port, b"GET /x HT", end=False))
            await anyio.lowlevel.checkpoint()
            assert (await said(port, get(port))).startswith(ANSWERED)
        assert anyio.current_time() - began < 20 * PATIENCE

    play(scenario)


def test_visitor_that_hangs_up_is_forgotten(play: Callable[[Play], None]) -> None:
    async def scenario(port: int) -> None:
        for _ in range(2 * VISITORS):
            stream = await anyio.connect_tcp("127.0.0.1", port)
            await stream.aclose()
        assert (await said(port, get(port))).startswith(ANSWERED)

    play(scenario)


def test_another_port_is_taken_where_the_preferred_are_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def take(taken: int) -> None:
        landing = take_landing()
        assert landing.port not in (0, taken)
        landing.close()
        landing.close()

    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        monkeypatch.setattr(landing_sockets, "PREFERRED_PORTS", (port,))
        anyio.run(take, port)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("steps", range(8))
def test_address_can_be_given_back_at_any_moment(steps: int, backend: str) -> None:
    async def nobody(visit: Visit) -> Page:
        raise AssertionError(visit)

    async def run() -> None:
        landing, over = take_landing(), anyio.Event()
        with anyio.fail_after(30):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(landing.serve, nobody, over)
                for _ in range(steps):
                    await anyio.lowlevel.checkpoint()
                landing.close()
                await anyio.wait_all_tasks_blocked()
                over.set()

    anyio.run(run, backend=backend)


class MoodyListener(socket.socket):
    """A listener that cannot receive at first, for one reason after the other."""

    def accept(self) -> tuple[socket.socket, object]:
        if self.reasons:
            raise self.reasons.pop(0)
        return super().accept()

    reasons: ClassVar[list[OSError]] = []


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_visitor_is_received_when_the_reason_that_none_can_be_is_gone(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reasons = [BlockingIOError(), ConnectionAbortedError(), OSError(errno.EMFILE, "too many")]
    monkeypatch.setattr(MoodyListener, "reasons", reasons)

    async def visited(visit: Visit) -> Page:
        return Page(200, visit.path)

    async def run() -> None:
        listener = MoodyListener()
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        landing, over = SocketLanding(listener), anyio.Event()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(landing.serve, visited, over)
            assert (await said(landing.port, get(landing.port))).startswith(ANSWERED)
            over.set()
        landing.close()

    anyio.run(run, backend=backend)
    assert reasons == []


def test_landings_in_memory_have_ports_of_their_own() -> None:
    landings = LandingsInMemory()
    first, second = landings.take(), landings.take()
    assert (first.port, second.port) == (1455, 1456)
    first.close()
    assert landings.take().port == 1455


def test_browser_that_waits_in_memory_is_told_when_nobody_listens_any_more() -> None:
    async def run() -> None:
        landings = LandingsInMemory()
        landing = landings.take()

        async def visit() -> None:
            with pytest.raises(ConnectionResetError, match=r"^nobody listens any more$"):
                await landings.visit("http://localhost:1455/auth/callback")
            with pytest.raises(ConnectionRefusedError, match=r"^nobody listens on port 1455$"):
                await landings.visit("http://localhost:1455/auth/callback")

        async with anyio.create_task_group() as browsers:
            browsers.start_soon(visit)
            await anyio.wait_all_tasks_blocked()
            landing.close()

    anyio.run(run)
