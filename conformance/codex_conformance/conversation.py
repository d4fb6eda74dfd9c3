"""One connection to a target: lines out and in, requests and what comes back for them."""

import json
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import anyio

from codex_conformance.clock import Clock
from codex_conformance.exchange import Exit, Pending, Response
from codex_conformance.pulse import Pulse
from codex_conformance.targets import Channel
from codex_conformance.wire import (
    LINES_LIMIT,
    RUBBISH_LIMIT,
    STREAM_LIMIT,
    Entry,
    LineReader,
    Transcript,
    decode,
)

ABSENT: Any = object()  # params that are not sent at all
_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)
_FIRST_ID = 1000  # far from the ids of servers, which count from 0 or 1; cases about that choose


class Conversation:
    """Speaks and listens, and knows nothing of the protocol's methods.

    Attributes:
        transcript: everything that was said.
        abandoned: whether the case hung up with requests unanswered.
        dress: what a message goes through before it is written.
        cut: the writes that a line, with its end, becomes.
        guard: told of each message before it is sent; raises where it must not be.
    """

    def __init__(self, clock: Clock, pulse: Pulse, transcript: Transcript) -> None:
        self.clock = clock
        self.transcript = transcript
        self.abandoned = False
        self.input_closed = False
        self.output_ended = False
        self.flooded = False
        self.dress: Callable[[dict[str, Any]], dict[str, Any]] = lambda message: message
        self.cut: Callable[[bytes], Sequence[bytes]] = lambda line: (line,)
        self.guard: Callable[[dict[str, Any]], None] = lambda _: None
        self._unfinished = b""
        self._unsent: deque[dict[str, Any]] = deque()
        self._writing = anyio.Lock(fast_acquire=True)
        self._pulse = pulse
        self._channel: Channel | None = None
        self._next_id = _FIRST_ID * (1 + transcript.connection)
        self._responses: dict[tuple[type, Any], Entry] = {}

    # The connection.

    def attach(self, channel: Channel) -> None:
        """Talk to `channel` from now on; nothing of an earlier connection is pending any more."""
        self._channel = channel
        self._responses.clear()
        self._unfinished = b""
        self._unsent.clear()
        self.input_closed = self.output_ended = self.flooded = False

    async def listen(self) -> None:
        """Read what the target says until its output ends or is no protocol any more."""
        reader, size, lines, rubbish = LineReader(), 0, 0, 0

        def flooded() -> bool:
            return size > STREAM_LIMIT or lines > LINES_LIMIT or rubbish > RUBBISH_LIMIT

        with suppress(anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
            while not flooded():
                chunk = await self.channel.receive()
                size += len(chunk)
                for line in reader.feed(chunk):
                    lines += 1
                    rubbish += await self._received(line)
                    if flooded():
                        break
        if rest := reader.rest():
            self.transcript.add(
                "from-target", _text(rest), None, "the output ended within this line"
            )
        if flooded():
            self.flooded = True
            self.transcript.add("note", self.state())
        self.output_ended = True
        self._pulse.beat()

    async def _received(self, line: bytes) -> bool:
        """Take in one line; whether it was rubbish."""
        if not line:
            return False
        message, problem = decode(line)
        entry = self.transcript.add("from-target", _text(line), message, problem)
        if message is not None:
            await self._sort(entry, message)
        self._pulse.beat()
        return message is None

    async def _sort(self, entry: Entry, message: dict[str, Any]) -> None:
        if not entry.is_response:
            await self.heed(entry, message)
        elif isinstance(message["id"], str | int):
            self._responses.setdefault((type(message["id"]), message["id"]), entry)

    async def heed(self, entry: Entry, message: dict[str, Any]) -> None:
        """Take in a request or notification of the target."""

    @property
    def channel(self) -> Channel:
        """The running target."""
        assert self._channel is not None, "no target has been started"
        return self._channel

    async def hang_up(self) -> None:
        """End the target's input; what is unanswered may stay so."""
        self.abandoned = self.input_closed = True
        self.transcript.add("note", "the parent closes the target's input")
        await self.channel.close_input()

    async def exit(self, within: float) -> Exit:
        """Wait until the target has ended by itself; in process, until its output has."""
        began, status, ended = anyio.current_time(), None, False
        with anyio.move_on_after(within):
            status = await self.channel.exited()
            ended = status is not None or await self.ended(within)
        return Exit(ended, status, anyio.current_time() - began)

    async def ended(self, within: float) -> bool:
        """Wait until the target's output has ended; whether it did."""
        await self.until(lambda: None, "the end of the target's output", within)
        return self.output_ended

    # Speaking.

    async def send_bytes(self, *pieces: bytes) -> None:
        """Write bytes as they are, a write per piece; the transcript shows the lines they end."""
        async with self._writing:
            await self._write(pieces)
        await self._send_the_unsent()

    async def send(self, message: dict[str, Any]) -> None:
        """Write one message; while a case has written but a part of a line, wait for its rest."""
        self._unsent.append(message)
        await self._send_the_unsent()

    async def _send_the_unsent(self) -> None:
        async with self._writing:
            while self._unsent and not self._unfinished:
                message = self.dress(self._unsent.popleft())
                await self._write(self.cut(encode(message)))

    async def _write(self, pieces: Sequence[bytes]) -> None:
        *lines, self._unfinished = b"".join((self._unfinished, *pieces)).split(b"\n")
        for line in lines:
            if line:
                message = decode(line)[0]
                self.guard(message or {})
                self.transcript.add("to-target", _text(line), message)
        for piece in pieces:
            try:
                await self.channel.send(piece)
            except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                self.transcript.add("note", "the target does not read its input any more")
                return

    def request(self, method: str, params: Any = ABSENT, request_id: Any = None) -> dict[str, Any]:
        """A request with the next id, or with the given one, not sent yet."""
        if request_id is None:
            request_id = self._next_id
            self._next_id += 1
        self._responses.pop((type(request_id), request_id), None)  # of an earlier request
        message = {"id": request_id, "method": method}
        return message if params is ABSENT else message | {"params": params}

    async def call(self, method: str, params: Any = ABSENT, request_id: Any = None) -> Response:
        """Send a request and wait for what comes back."""
        return await self.answer_to(await self.begin(method, params, request_id))

    async def begin(self, method: str, params: Any = ABSENT, request_id: Any = None) -> Pending:
        """Send a request without waiting."""
        message = self.request(method, params, request_id)
        pending = Pending(message["id"], method, anyio.current_time())
        await self.send(message)
        return pending

    def expecting(self, request_id: Any, method: str) -> Pending:
        """A request that the case wrote by itself, as something to wait for."""
        return Pending(request_id, method, anyio.current_time())

    async def answer_to(self, pending: Pending, within: float | None = None) -> Response:
        """Wait for the response to a request; an unanswered one reads as such."""
        key = (type(pending.id), pending.id)
        entry = await self.until(
            lambda: self._responses.get(key), f"the response to {pending.method}", within
        )
        elapsed = anyio.current_time() - pending.at
        message = (entry.message if entry else None) or {}
        return Response(pending.method, message, elapsed, entry, self.clock, self.state())

    async def notify(self, method: str, params: Any = ABSENT) -> None:
        """Send a notification."""
        await self.send({"method": method} | ({} if params is ABSENT else {"params": params}))

    async def until(self, look: Callable[[], Any], what: str, within: float | None = None) -> Any:
        """What `look()` finds before the target's output ends or patience does, else None."""
        patience = self.clock.patience if within is None else within

        def found_or_over() -> Any:
            found = look()
            return (found,) if found is not None or self.output_ended else None

        seen = await self._pulse.until(found_or_over, what, patience)
        return seen[0] if seen else None

    async def wait(self, seconds: float) -> None:
        """Let the run's clock pass; only what a limit is about may need it."""
        with anyio.move_on_after(seconds):
            await anyio.sleep_forever()

    async def settle(self) -> None:
        """Return when all that follows from what was said so far has arrived.

        In process nothing can happen any more then. Against a command `account/read` is the
        fence: it is answered behind whatever changed the account.
        """
        if self.clock.virtual:
            await anyio.wait_all_tasks_blocked()
        elif not self.output_ended and not self.input_closed:
            await self.call("account/read", {})

    def state(self) -> str:
        """Why nothing may come any more, for a report."""
        if self.flooded:
            return "the target floods its output: nobody listens any more"
        return "the target's output has ended" if self.output_ended else "the target is running"

    # Looking back.

    def mark(self) -> int:
        """The present, to look back to."""
        return len(self.transcript.entries)

    def notifications(self, method: str, since: int = 0) -> list[Entry]:
        """The notifications of one method that came since `since`."""
        received = self.transcript.received(since)
        return [entry for entry in received if entry.is_notification and entry.method == method]


def encode(message: dict[str, Any]) -> bytes:
    """A message as a line."""
    return _ENCODER.encode(message).encode() + b"\n"


def _text(line: bytes) -> str:
    return line.decode("utf-8", "backslashreplace")
