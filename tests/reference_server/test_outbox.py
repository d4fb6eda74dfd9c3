"""Messages on their way to a client: at once where that is possible, in order in any case."""

from collections.abc import Callable

import anyio
import anyio.lowlevel
import pytest
from codex_reference_server.connection import Outbox, Relief
from codex_reference_server.transports import StandardStreams

MESSAGES = [b"one", b"two", b"three"]


class Pipe:
    """Takes so many messages at once and no more."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.sent: list[bytes] = []

    def send_now(self, lines: list[bytes]) -> list[bytes]:
        self.sent += lines[: self.room]
        return lines[self.room :]


def gathered(outbox: Outbox, messages: list[bytes]) -> None:
    outbox.hold()
    for message in messages:
        outbox.put(message)
    outbox.release()


@pytest.mark.anyio
@pytest.mark.parametrize("room", range(4))
async def test_what_is_not_sent_at_once_is_taken_in_order(room: int) -> None:
    outbox, pipe = Outbox(Relief()), Pipe(room)
    outbox.send_now = pipe.send_now

    async def take() -> None:
        taken.extend(await outbox.take())

    taken: list[bytes] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(take)
        await anyio.wait_all_tasks_blocked()
        gathered(outbox, MESSAGES)
        assert (pipe.sent, taken) == (MESSAGES[:room], [])
        await anyio.wait_all_tasks_blocked()
        assert taken == MESSAGES[room:]
        outbox.close()


@pytest.mark.anyio
async def test_nothing_overtakes_what_is_still_being_sent() -> None:
    outbox, pipe = Outbox(Relief()), Pipe(9)
    outbox.send_now = pipe.send_now
    outbox.put(b"zero")
    assert await outbox.take() == [b"zero"]
    gathered(outbox, MESSAGES)
    assert pipe.sent == []
    assert await outbox.take() == MESSAGES


@pytest.mark.anyio
async def test_message_from_elsewhere_goes_out_with_those_that_gather() -> None:
    outbox, pipe = Outbox(Relief()), Pipe(9)
    outbox.send_now = pipe.send_now

    async def take_all() -> None:
        while taken := await outbox.take():
            takes.append(taken)

    takes: list[list[bytes]] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(take_all)
        await anyio.wait_all_tasks_blocked()
        outbox.put(b"zero")
        gathered(outbox, MESSAGES)
        await anyio.wait_all_tasks_blocked()
        assert (pipe.sent, takes) == ([b"zero", *MESSAGES], [])
        outbox.put(b"four")
        await anyio.wait_all_tasks_blocked()
        assert takes == [[b"four"]]
        outbox.close()


@pytest.mark.parametrize(
    ("write", "rest"),
    [
        (lambda data: len(data), []),
        (lambda data: 2, [b"e\ntwo\nthree"]),
        (lambda data: len(data) - 1, [b""]),
        (lambda data: _raise(BlockingIOError()), MESSAGES),
        (lambda data: _raise(BrokenPipeError()), MESSAGES),
    ],
    ids=["all", "some", "all-but-the-end", "nothing", "gone"],
)
def test_standard_output_takes_what_it_can(
    monkeypatch: pytest.MonkeyPatch, write: Callable[[bytes], int], rest: list[bytes]
) -> None:
    monkeypatch.setattr("os.write", lambda _descriptor, data: write(data))
    assert StandardStreams().send_now(MESSAGES) == rest


def _raise(error: Exception) -> int:
    raise error
