"""Lines to messages and back: requests and responses in both directions, notifications in one."""

from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING, Annotated, Any

import anyio
import msgspec
from msgspec import UNSET, UnsetType

from codex_reference_server.dispatch import Dispatcher
from codex_reference_server.messages import (
    NULL,
    Answer,
    Answered,
    Later,
    Notification,
    Overload,
    Refusal,
    Session,
)
from codex_reference_server.wiring import Watch

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

HIGH_WATER = 1024 * 1024
"""Bytes waiting to be read by a client above which it is given nothing more to do."""

FLOOD = 16 * 1024 * 1024
"""Bytes waiting to be read by a client above which it is hung up on."""

LATER_LIMIT = 256
"""Answers that one client may wait for at a time."""

Id = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)] | str


class Incoming(msgspec.Struct):
    """Any message from a client; which members it has tells requests, responses and so on apart."""

    id: Id | UnsetType = UNSET
    method: str | UnsetType = UNSET
    params: msgspec.Raw = NULL
    result: msgspec.Raw = NULL
    error: msgspec.Raw = NULL


class Request(msgspec.Struct):
    """A request to the clients."""

    id: int
    method: str
    params: Any


class Response(msgspec.Struct):
    """The good answer to a request."""

    id: Id
    result: Any


class ErrorDetail(msgspec.Struct):
    """Why a request was refused."""

    code: int
    message: str


class Error(msgspec.Struct):
    """The other answer to a request."""

    id: Id
    error: ErrorDetail


_decode = msgspec.json.Decoder(Incoming).decode
_encode = msgspec.json.Encoder().encode


class Relief:
    """Wakes everybody who waits for room in an outbox, whichever it is."""

    def __init__(self) -> None:
        self._event = anyio.Event()

    def give(self) -> None:
        """There is room in one that was full."""
        self._event.set()
        self._event = anyio.Event()

    async def wait(self) -> None:
        """Wait for that."""
        await self._event.wait()


class Outbox:
    """Messages on their way to a client.

    Attributes:
        overflow: called when more is on its way than `FLOOD`; nothing of it is sent then.
        send_now: sends what can be sent without waiting, and returns the rest.
    """

    def __init__(self, relief: Relief) -> None:
        self.overflow: Callable[[], None] = lambda: None
        self.send_now: Callable[[list[bytes]], list[bytes]] = lambda lines: lines
        self._relief = relief
        self._lines: list[bytes] = []
        self._size = 0
        self._is_held = False
        self._is_awaited = False
        self._is_closed = False
        self._filled = anyio.Event()

    @property
    def is_full(self) -> bool:
        """Whether more than `HIGH_WATER` is on its way to a client who still counts."""
        return self._size > HIGH_WATER and not self._is_closed

    def put(self, line: bytes) -> None:
        """Add a message; a closed outbox takes none."""
        if self._is_closed:
            return
        if self._size > FLOOD:
            self._empty()
            self.close()
            self.overflow()
            return
        self._lines.append(line)
        self._size += len(line)
        if not self._is_held:
            self._filled.set()

    def hold(self) -> None:
        """Let messages gather: nobody is woken for each."""
        self._is_held = True

    def release(self) -> None:
        """Send what has gathered at once, unless what was taken before is still being sent."""
        self._is_held = False
        if self._lines and self._is_awaited:
            self._lines = self.send_now(self._empty())
            self._size = sum(map(len, self._lines))
        if self._lines:
            self._filled.set()

    async def take(self) -> list[bytes]:
        """Wait for messages and take them all; none means that no more will come.

        Whoever takes has sent what was taken before.
        """
        self._is_awaited = True
        while not self._lines and not self._is_closed:
            self._filled = anyio.Event()
            await self._filled.wait()
        self._is_awaited = False
        return self._empty()

    async def room(self) -> None:
        """Wait until less than `HIGH_WATER` is on its way."""
        while self.is_full:
            await self._relief.wait()

    def close(self) -> None:
        """What is on its way is the last."""
        self._is_closed = True
        self._filled.set()
        self._relief.give()

    def _empty(self) -> list[bytes]:
        was_full = self.is_full
        lines, self._lines, self._size = self._lines, [], 0
        if was_full:
            self._relief.give()
        return lines


class WatchedOutbox(Outbox):
    """An outbox that somebody looks into."""

    def __init__(self, relief: Relief, watch: Watch) -> None:
        super().__init__(relief)
        self._watch = watch

    def put(self, line: bytes) -> None:
        """Add a message, and tell of it."""
        self._watch("server", line)
        super().put(line)


class Clients:
    """Every connected client; what the server says by itself goes to each that is initialized."""

    def __init__(self) -> None:
        self.relief = Relief()
        self._connections: list[Connection] = []
        self._asked: dict[Id, Answered] = {}
        self._ids = count()

    def join(self, connection: "Connection") -> None:
        """From now on this one is told and asked, too."""
        self._connections.append(connection)

    def leave(self, connection: "Connection") -> None:
        """This one is gone."""
        self._connections.remove(connection)

    def notify(self, notification: Notification) -> None:
        """Tell each one that has not opted out of the method."""
        self._tell(notification, self._connections)

    def narrate(self, thread_id: str, notification: Notification) -> None:
        """Tell each one that follows the thread, and has not opted out of the method."""
        self._tell(notification, self._followers(thread_id))

    def ask(self, method: str, params: Any, answered: Answered) -> Callable[[], None]:
        """Send a request under an id that has not been used before; the first answer counts."""
        request_id = next(self._ids)
        self._asked[request_id] = answered
        line = _encode(Request(request_id, method, params))
        for connection in self._connections:
            connection.tell(line)

        def forget() -> None:
            self._asked.pop(request_id, None)

        return forget

    def answered(self, response: Incoming) -> None:
        """Take an answer, if it is one to a request that is still open."""
        answered = self._asked.pop(response.id, None) if response.id is not UNSET else None
        if answered is not None:
            answered(response.result if response.error == NULL else None)

    async def room(self, thread_id: str) -> None:
        """Wait for a follower of the thread to read, if none does: who does not stalls no other."""
        while self._is_unread(thread_id):
            await self.relief.wait()

    def _is_unread(self, thread_id: str) -> bool:
        followers = self._followers(thread_id)
        return bool(followers) and all(follower.outbox.is_full for follower in followers)

    def _followers(self, thread_id: str) -> "list[Connection]":
        return [each for each in self._connections if each.follows(thread_id)]

    def _tell(self, notification: Notification, connections: "list[Connection]") -> None:
        line = _encode(notification)
        for connection in connections:
            connection.tell(line, notification.method)


class Connection:
    """One client's line.

    Args:
        tasks: where answers are waited for that come later.
        watch: told of every line.

    Attributes:
        outbox: what the transport is to send.
    """

    def __init__(
        self,
        clients: Clients,
        dispatcher: Dispatcher,
        tasks: "TaskGroup",
        watch: Watch | None = None,
    ) -> None:
        relief = clients.relief
        self.outbox = Outbox(relief) if watch is None else WatchedOutbox(relief, watch)
        self._watch = watch
        self._clients = clients
        self._dispatcher = dispatcher
        self._tasks = tasks
        self._session = Session()
        self._later = 0
        clients.join(self)

    def receive(self, line: bytes) -> None:
        """Heed one line. A line that is no message, a blank one for instance, has no effect."""
        if self._watch is not None:
            self._watch("client", line)
        try:
            message = _decode(line.decode())  # through text, since only that finds all bad UTF-8
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return
        if message.method is UNSET:
            self._clients.answered(message)
        elif message.id is not UNSET:
            self._answer(message.id, message.method, message.params)

    def tell(self, line: bytes, method: str | None = None) -> None:
        """Send a message that the server says by itself; a notification names its method."""
        if self._session.initialized and method not in self._session.silenced:
            self.outbox.put(line)

    def follows(self, thread_id: str) -> bool:
        """Whether the client is to hear of the turns of a thread."""
        return thread_id in self._session.threads

    def close(self) -> None:
        """Say no more than what is in the outbox."""
        self._clients.leave(self)
        self.outbox.close()

    def _answer(self, request_id: Id, method: str, params: msgspec.Raw) -> None:
        try:
            answer = self._dispatcher.dispatch(self._session, method, params)
        except Refusal as refusal:
            self._refuse(request_id, refusal)
            return
        if not isinstance(answer, Later):
            self._respond(request_id, answer)
        elif self._later < LATER_LIMIT:
            self._later += 1
            self._tasks.start_soon(self._answer_later, request_id, answer)
        else:
            self._refuse(request_id, Overload())

    async def _answer_later(self, request_id: Id, later: Later) -> None:
        try:
            answer = await later.answer()
        except Refusal as refusal:
            self._refuse(request_id, refusal)
        else:
            self._respond(request_id, answer)
        finally:
            self._later -= 1

    def _refuse(self, request_id: Id, refusal: Refusal) -> None:
        self.outbox.put(_encode(Error(request_id, ErrorDetail(refusal.code, refusal.message))))

    def _respond(self, request_id: Id, answer: Answer) -> None:
        self.outbox.put(_encode(Response(request_id, answer.result)))
        for notification in answer.then:
            self._clients.notify(notification)
