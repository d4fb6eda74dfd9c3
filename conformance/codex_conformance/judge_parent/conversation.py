"""One connection of the parent: a reference server behind it, the scenario in the middle."""

import json
from collections import deque
from collections.abc import Callable
from typing import Any

import anyio
import anyio.abc
import anyio.lowlevel

from codex_conformance.exchange import REFRESH
from codex_conformance.judge_parent.answers import Asked, Id, now
from codex_conformance.judge_parent.peer import Peer
from codex_conformance.judge_parent.script import Message, Script
from codex_conformance.pulse import Pulse
from codex_conformance.wire import STREAM_LIMIT, Entry, LineReader, Transcript, decode

LOGIN = "account/login/start"
RENUMBERED = 3_000  # what the server's own ids begin with: 0 is for the scenarios that are about it
LEAVING = 5.0  # seconds that a codex which ends may take until it is gone
MOST_LINES = 10_000  # that a parent may say; one that says more says it without end
PAUSE = 0.01  # seconds between the pieces of a line, so that they are read one by one
_GONE = (anyio.BrokenResourceError, anyio.ClosedResourceError)


class Conversation:
    """What is said on one connection.

    Args:
        number: 1 for the first connection of the parent.
        on_login: told of each login that passes, with its params.

    Attributes:
        received: what the parent said, in order.
        asked: the refresh requests that it was sent, in order.
        stray: its answers to nothing that was asked.
        logins: its login requests.
        ended: what ended the conversation, "the parent" or "the server"; empty while it goes on.
        flooded: whether the parent said more than anybody listens to.
    """

    def __init__(
        self,
        number: int,
        peer: Peer,
        script: Script,
        pulse: Pulse,
        transcript: Transcript,
        on_login: Callable[[Any], None],
    ) -> None:
        self.number = number
        self.peer = peer
        self.received: list[Entry] = []
        self.asked: list[Asked] = []
        self.stray: list[Entry] = []
        self.logins: list[Entry] = []
        self.accepted: Entry | None = None
        self.refusals: list[Entry] = []
        self.ended = ""
        self.flooded = False
        self._heard = 0
        self._script = script
        self._pulse = pulse
        self._transcript = transcript
        self._on_login = on_login
        self._own: dict[tuple[type, Any], tuple[Id, str]] = {}
        self._outbox: deque[tuple[str, bytes]] = deque()
        self._filled = anyio.Event()
        self._reading = anyio.Event()
        self._reading.set()
        self._left = False
        self._unheard = anyio.Event()
        self._over = anyio.Event()

    # What a scenario does.

    def ask(
        self,
        request_id: Id,
        params: dict[str, Any],
        clause: str,
        *,
        ahead: bytes = b"",
        piece: int | None = None,
    ) -> Asked:
        """Send a refresh request; `ahead` in the same write, or in pieces of so many bytes."""
        message = {"id": request_id, "method": REFRESH, "params": params}
        return self._ask(message, clause, ahead=ahead, piece=piece)

    def say(self, message: Message) -> Entry:
        """Send a message."""
        return self.write(_line(message))

    def write(self, data: bytes, *, ahead: bytes = b"", piece: int | None = None) -> Entry:
        """Send a line; `ahead` in the same write, or in pieces of so many bytes."""
        if ahead:
            self._record("from-target", ahead.rstrip(b"\n"))
        entry = self._record("from-target", data.rstrip(b"\n"))
        size = piece or len(ahead + data)
        for start in range(0, len(ahead + data), size):
            self._put("say", (ahead + data)[start : start + size])
            if piece:
                self._put("pause", b"")
        return entry

    def complain(self, data: bytes) -> None:
        """Write to stderr, in order with what is said."""
        self._transcript.add("note", f"codex writes {len(data)} bytes to stderr")
        self._put("complain", data)

    def end(self, status: int = 0) -> None:
        """End as a server does, after everything that was said."""
        self._transcript.add("note", f"{self._who()}codex ends with exit status {status}")
        self.ended = self.ended or "the server"
        self._put("leave", str(status).encode())
        self._pulse.beat()

    def stop_reading(self) -> None:
        """Leave what the parent says in the pipe."""
        self._reading = anyio.Event()

    def read_on(self) -> None:
        """Read again."""
        self._reading.set()

    @property
    def greeted(self) -> bool:
        """Whether the handshake is done."""
        return any(entry.method == "initialized" for entry in self.received)

    @property
    def gone(self) -> bool:
        """Whether it is over, and a codex that was started has closed its ends of the pipes."""
        return self._over.is_set()

    @property
    def in_flight(self) -> list[tuple[Id, str]]:
        """The parent's own requests that are unanswered: id and method, in order."""
        return list(self._own.values())

    # How it runs.

    async def run(self, server: anyio.abc.ObjectStream[bytes]) -> None:
        """Carry what is said, until either side ends."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._deliver)
            tasks.start_soon(self._hear_server, server)
            tasks.start_soon(self._hear_parent, server)
            await self._over.wait()
            self._pulse.beat()
            tasks.cancel_scope.cancel()

    async def _deliver(self) -> None:
        try:
            while True:
                while not self._outbox:
                    self._filled = anyio.Event()
                    await self._filled.wait()
                verb, data = self._outbox.popleft()
                if verb == "leave":
                    await self._leave(int(data))
                    break
                if verb == "pause":
                    await anyio.sleep(PAUSE)
                else:
                    await (self.peer.say if verb == "say" else self.peer.complain)(data)
        except _GONE:
            self._ended_by("the parent")
        self._over.set()

    async def _leave(self, status: int) -> None:
        """End, and wait until nothing can be read any more: the other end is closed then."""
        self.ended = self.ended or "the server"
        self._left = True
        self._reading.set()
        await self.peer.leave(status)
        with anyio.move_on_after(LEAVING):
            await self._unheard.wait()

    async def _hear_parent(self, server: anyio.abc.ObjectStream[bytes]) -> None:
        reader = LineReader()
        try:
            while True:
                await self._reading.wait()
                await (
                    anyio.lowlevel.checkpoint()
                )  # reading what is there already lets nobody else run
                for line in reader.feed(await self.peer.receive()):
                    if self._left or not line.strip():
                        continue  # nobody is there any more who could read it
                    if forwarded := self._from_parent(line):
                        await server.send(forwarded + b"\n")
        except anyio.EndOfStream:
            self._unheard.set()
            self._ended_by("the parent")
            await server.send_eof()
        except _GONE:
            self._ended_by("the parent")
            self._over.set()

    async def _hear_server(self, server: anyio.abc.ObjectStream[bytes]) -> None:
        reader = LineReader()
        try:
            while True:
                for line in reader.feed(await server.receive()):
                    self._from_server(json.loads(line))
        except (anyio.EndOfStream, *_GONE):
            self._put("leave", b"0")

    def _ended_by(self, who: str) -> None:
        if not self.ended:
            self.ended = who
            self._transcript.add("note", f"{self._who()}{who} ends the connection")
        self._pulse.beat()

    # What the parent says.

    def _from_parent(self, line: bytes) -> bytes | None:
        """Record a line; what the server gets of it."""
        self._heard += len(line)
        if len(self.received) >= MOST_LINES or self._heard > STREAM_LIMIT:
            self.flooded = True
            if not self.ended:
                said = f"{len(self.received):,} lines, {self._heard / 2**20:.1f} MiB"
                self._transcript.add("note", f"the parent has said too much: {said}")
                self.end(1)
            return None
        entry = self._record("to-target", line)
        self.received.append(entry)
        forwarded = self._heed(entry, line)
        self._pulse.beat()
        return forwarded

    def _heed(self, entry: Entry, line: bytes) -> bytes | None:
        message = entry.message
        if message is None:
            return None
        if entry.is_response:
            asked = self._answered(entry)
            if asked is None:
                return None
            return json.dumps(message | {"id": asked.server_id}).encode()
        if not entry.is_request:
            return line
        method = entry.method or ""
        if method == "initialize":
            line = _with_capability(message)
        self._own[type(message["id"]), message["id"]] = (message["id"], method)
        if method == LOGIN:
            self.logins.append(entry)
            self._on_login(message.get("params"))
        if method in self._script.ends_at:
            self.end(1)
            return None
        if method in self._script.refusals:
            self._respond({"id": message["id"], "error": self._script.refusals[method]})
            return None
        return line

    def _answered(self, entry: Entry) -> Asked | None:
        """Note what an answer answers; what of it the server has asked for, and waits for."""
        answer_id = (entry.message or {}).get("id")
        exact = [one for one in self.asked if type(one.id) is type(answer_id)]
        for one in reversed(exact):
            if one.id == answer_id:
                one.answers.append((now(), entry))
                return None if one.server_id is None or len(one.answers) > 1 else one
        for one in reversed(self.asked):
            if str(one.id) == str(answer_id):
                one.misnumbered.append(entry)
                return None
        self.stray.append(entry)
        return None

    # What the server says.

    def _from_server(self, message: Message) -> None:
        if "method" not in message:
            self._respond(message)
        elif message["method"] == REFRESH:
            renumbered = message | {"id": RENUMBERED + message["id"]}
            self._ask(renumbered, "PARENT-3", server_id=message["id"])
        else:
            self.say(self._script.changed(message, message["method"]))

    def _ask(
        self,
        message: Message,
        clause: str,
        *,
        server_id: int | None = None,
        ahead: bytes = b"",
        piece: int | None = None,
    ) -> Asked:
        message = self._script.changed(message, REFRESH)
        entry = self.write(_line(message), ahead=ahead, piece=piece)
        params = dict(message["params"])
        asked = Asked(message["id"], params, entry.index, now(), clause, server_id)
        self.asked.append(asked)
        self._pulse.beat()
        return asked

    def _respond(self, message: Message) -> None:
        """Answer a request of the parent, unless the scenario leaves it unanswered."""
        key = (type(message["id"]), message["id"])
        method = self._own[key][1] if key in self._own else ""
        if method in self._script.held or "*" in self._script.held:
            return
        self._own.pop(key, None)
        entry = self.say(self._script.changed(message, method))
        if method == LOGIN:
            if "error" in message:
                self.refusals.append(entry)
            elif self.accepted is None:
                self.accepted = entry
        self._pulse.beat()

    # Furniture.

    def _who(self) -> str:
        return "" if self.number == 1 else f"(connection {self.number}) "

    def _record(self, direction: Any, line: bytes) -> Entry:
        message, problem = decode(line)
        text = self._who() + line.decode("utf-8", "replace")
        return self._transcript.add(direction, text, message, problem)

    def _put(self, verb: str, data: bytes) -> None:
        self._outbox.append((verb, data))
        self._filled.set()


def _line(message: Message) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def _with_capability(message: Message) -> bytes:
    """The `initialize` of a client that may log in with tokens.

    A parent that does not declare the capability breaks a clause, and is still judged by the rest.
    """
    params = message.get("params")
    if not isinstance(params, dict) or not isinstance(params.get("capabilities") or {}, dict):
        return json.dumps(message).encode()
    capabilities = (params.get("capabilities") or {}) | {"experimentalApi": True}
    return json.dumps(message | {"params": params | {"capabilities": capabilities}}).encode()
