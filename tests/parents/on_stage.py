"""A parent application in this process, judged by a virtual clock: ten seconds cost nothing.

The scenarios, the server behind them and the token issuer are the real ones; what is not there is
a process, and bytes on their way to it.
"""

import json
import math
from contextlib import suppress
from typing import Any

import anyio
import anyio.abc
from codex_conformance.exchange import REFRESH
from codex_conformance.judge_parent import opening
from codex_conformance.judge_parent.app import App
from codex_conformance.judge_parent.application import Application
from codex_conformance.judge_parent.conversation import LOGIN

Message = dict[str, Any]
ISSUER_PATIENCE = 5.0  # seconds; codex waits 10 s for the answer
ECHO = 2.0  # seconds in which a further request is about the token before the last one
MOST_REFRESHES = 10  # within a minute


class Ended(Exception):  # noqa: N818 - what a parent does, not a mishap
    """The parent ends, with these last words and this exit status."""

    def __init__(self, words: str, status: int = 1) -> None:
        super().__init__(words)
        self.status = status


class RefreshError(Exception):
    """There are no new tokens."""


class Memory:
    """A connection in memory: one half is the judge's, the other the parent's."""

    has_stderr = True

    def __init__(self, argv: tuple[str, ...], codex_home: str, *, is_shared: bool) -> None:
        self.argv = argv
        self.codex_home = codex_home
        self.is_shared = is_shared
        self.complaints = 0  # bytes
        self._to_parent, self.heard = anyio.create_memory_object_stream[bytes](math.inf)
        self.said, self._from_parent = anyio.create_memory_object_stream[bytes](math.inf)

    async def receive(self) -> bytes:
        """What the parent writes next."""
        return await self._from_parent.receive()

    async def say(self, data: bytes) -> None:
        """Send to the parent."""
        await self._to_parent.send(data)

    async def complain(self, data: bytes) -> None:
        """Write to stderr, at which the parent does not look."""
        self.complaints += len(data)

    async def leave(self, status: int) -> None:
        """End; nobody can write any more."""
        del status
        self._to_parent.close()
        self.said.close()

    def close(self) -> None:
        """Nobody is there any more."""
        for end in (self._to_parent, self.heard, self.said, self._from_parent):
            end.close()


class Process(Application):
    """What is known of a parent that is no process."""

    def __init__(self, app: App) -> None:
        super().__init__(None, None, app.pulse, app.transcript)  # type: ignore[arg-type]
        self.peers: list[Memory] = []

    def __enter__(self) -> None:
        """It has nothing open yet."""

    def __exit__(self, *error: object) -> None:
        for peer in self.peers:
            peer.close()

    def look(self) -> None:
        """Its arguments are what it says they are."""

    def print(self, text: str, *, aside: bool = False) -> None:
        """Print a line, aside to stderr."""
        (self.stderr if aside else self.stdout).extend(f"{text}\n".encode())
        self._pulse.beat()


class Parent:
    """Keeps every clause. A parent with a fault overrides what it does wrong.

    Without tokens it only watches.

    Args:
        app: the stage that it is on.
        house: where what belongs to the stage runs, and outlives the parent.
        process: what is known of it from outside.
    """

    codex_arguments: tuple[str, ...] = ("app-server",)
    codex_home = ""
    id_type: type[int | str] = int
    leaves_its_pipes_open = False
    echo = ECHO
    patience = ISSUER_PATIENCE

    def __init__(self, app: App, house: anyio.abc.TaskGroup, process: Process) -> None:
        self.app = app
        self.house = house
        self.tasks = house
        self.process = process
        self.newest: Message = {}
        self.answered = -math.inf
        self.times: list[float] = []
        self.is_introduced = app.spec.id != opening.SPEC.id
        self.lock = anyio.Lock()
        self.next_id = 0
        self.pending: dict[tuple[type, Any], tuple[anyio.Event, list[Message]]] = {}

    # What it does.

    async def live(self) -> None:
        """Log in, do a turn, and answer until codex ends."""
        self.newest = await self.fetch(None)
        several = self.app.spec.id.startswith("connections/")
        self.connect(is_shared=several)
        await self.greet()
        await self.log_in()
        if several:
            await self.watch()
        await self.turn()
        await self.reader_done.wait()
        raise Ended("codex has ended")

    async def watch(self) -> None:
        """A second connection, which does not own the tokens."""
        other = type(self)(self.app, self.house, self.process)
        other.tasks = self.tasks
        other.connect(is_shared=True)
        await other.greet()

    def connect(self, *, is_shared: bool = False) -> None:
        """Start codex, or go to one that runs."""
        self.peer = Memory(self.codex_arguments, self.codex_home, is_shared=is_shared)
        self.process.peers.append(self.peer)
        self.reader_done = anyio.Event()
        self.closed = False
        visit: Any = self.app._converse if is_shared else self.app._visit
        self.house.start_soon(visit, self.peer)
        self.tasks.start_soon(self.read)

    async def greet(self) -> None:
        """The handshake."""
        info = {"name": "on-stage", "version": "1.0"}
        params = {"clientInfo": info, "capabilities": {"experimentalApi": True}}
        await self.call("initialize", params)
        self.send({"method": "initialized"})

    async def log_in(self) -> None:
        """Hand over the tokens."""
        await self.call(LOGIN, {"type": "chatgptAuthTokens", **self.shaped(self.newest)})

    async def turn(self) -> None:
        """Start a turn."""
        thread = (await self.call("thread/start", {}))["thread"]["id"]
        words = [{"type": "text", "text": "hello"}]
        await self.call("turn/start", {"threadId": thread, "input": words})

    # Its tokens.

    async def fetch(self, account: str | None) -> Message:
        """New tokens of an account, or of the current one."""
        body = json.dumps({"account": account}).encode()
        with anyio.move_on_after(self.patience):
            reply = await self.app.issuer("POST", "/", {}, body)
            content = reply.body if isinstance(reply.body, bytes) else b"{}"
            tokens: Message = json.loads(content)
            if reply.status == 200 and tokens.get("access_token"):
                return tokens
            raise RefreshError(self.reason(reply.status, tokens))
        raise RefreshError("the token issuer does not answer")

    def reason(self, status: int, said: Message) -> str:
        """Why the issuer gives no tokens."""
        del said
        return f"the token issuer has none: {status}"

    async def fresh(self, previous: str | None, asked: float) -> Message:
        """Tokens that are newer than those that were rejected."""
        account = self.newest["account_id"]
        if previous not in (None, account):
            raise RefreshError("this is not the account that is logged in")
        async with self.lock:
            self.count()
            if asked - self.answered < self.echo:
                return self.newest
            tokens = await self.fetch(account)
            if tokens["account_id"] != account:
                raise RefreshError("the token issuer has tokens of another account")
            if tokens["access_token"] == self.newest["access_token"]:
                raise RefreshError("the token issuer has no newer tokens")
            self.newest, self.answered = tokens, anyio.current_time()
            return tokens

    def count(self) -> None:
        """Give up when it is asked without end."""
        now = anyio.current_time()
        self.times = [each for each in self.times if now - each < 60] + [now]
        if len(self.times) > MOST_REFRESHES:
            raise RefreshError("the tokens are rejected again and again")

    def shaped(self, tokens: Message) -> Message:
        """Tokens as the revision wants them."""
        if self.app.judged.revision == "0.93":
            return {"idToken": tokens["id_token"], "accessToken": tokens["access_token"]}
        return {
            "accessToken": tokens["access_token"],
            "chatgptAccountId": tokens["account_id"],
            "chatgptPlanType": tokens["plan_type"],
        }

    # What it says and hears.

    async def read(self) -> None:
        """Take in messages, to the end."""
        rest = b""
        async with self.peer.heard:
            async for chunk in self.peer.heard:
                lines, rest = self.lines(rest + chunk)
                for line in lines:
                    self.heed(json.loads(line))
        self.close()
        self.reader_done.set()

    def lines(self, data: bytes) -> tuple[list[bytes], bytes]:
        """The lines that are whole, and the rest."""
        *lines, rest = data.split(b"\n")
        return lines, rest

    def close(self) -> None:
        """Tell everybody who waits for an answer that none will come."""
        self.closed = True
        for event, _ in self.pending.values():
            event.set()

    def heed(self, message: Message) -> None:
        """A message with a method is codex's own, whatever its id."""
        if "method" not in message:
            waiting = self.pending.pop((type(message["id"]), message["id"]), None)
            if waiting is not None:
                event, answers = waiting
                answers.append(message)
                event.set()
        elif message["method"] == REFRESH and self.newest:
            self.tasks.start_soon(self.refresh, message, anyio.current_time())

    async def refresh(self, message: Message, asked: float) -> None:
        """Answer a refresh request, in any case."""
        try:
            tokens = await self.fresh(message["params"].get("previousAccountId"), asked)
            answer: Message = {"result": self.shaped(tokens)}
        except RefreshError as reason:
            self.process.print(f"cannot refresh: {reason}", aside=True)
            answer = {"error": {"code": -32000, "message": str(reason)}}
        self.send_answer({"id": message["id"]} | answer)

    def send_answer(self, message: Message) -> None:
        """Send the answer to a refresh request."""
        self.send(message)

    def send(self, message: Message) -> None:
        """Send a message."""
        self.write(json.dumps(message).encode())

    def write(self, line: bytes) -> None:
        """Write a line; codex may be gone."""
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            self.peer.said.send_nowait(line + b"\n")

    async def call(self, method: str, params: Message) -> Message:
        """The result of a request."""
        request_id, event, answers = self.id_type(self.next_id), anyio.Event(), list[Message]()
        self.next_id += 1
        self.pending[self.id_type, request_id] = event, answers
        self.send({"id": request_id, "method": method, "params": params})
        if not self.closed:
            await event.wait()
        if not answers:
            raise Ended(f"codex has ended, and {method} is unanswered")
        return self.result(method, answers[0])

    def result(self, method: str, answer: Message) -> Message:
        """What a request was answered with."""
        if "result" not in answer:
            raise Ended(f"{method} failed: {answer['error']['message']}")
        result: Message = answer["result"]
        return result
