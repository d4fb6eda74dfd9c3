"""What is measured, and how: one sample of one subject each."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from benchmarks.client import INITIALIZE, Client, patient, request, running
from benchmarks.subjects import Subject, UnfitSubjectError
from benchmarks.surroundings import Surroundings

PROMPT = [{"type": "text", "text": "Say hello."}]
READS_IN_TURN = 200
READS_AT_ONCE = 2000
IN_FLIGHT = 64
OVERLOADED = '"code":-32001'


class LoggedIn:
    """A subject that is running, and somebody logged in to it."""

    def __init__(self, subject: Subject, around: Surroundings, client: Client) -> None:
        self.client = client
        self._revision = subject.revision
        self._around = around
        self._tokens = around.tokens()
        client.initialize()
        client.log_in(self._tokens, self._revision)
        self._thread: str | None = None

    def reads_in_turn(self) -> float:
        """`account/read` a second, each sent when the one before is answered."""
        client = self.client
        lines = [
            request(number, "account/read", {}) for number in range(10**6, 10**6 + READS_IN_TURN)
        ]
        with patient(client):
            client.ask("account/read", {})
            began = perf_counter()
            for line in lines:
                client.send(line)
                _, ended = client.answers()
        return READS_IN_TURN / (ended - began)

    def reads_at_once(self) -> float:
        """`account/read` a second, with `IN_FLIGHT` of them unanswered at any moment.

        More at once would be refused by a codex, which then says that it is overloaded.
        """
        client = self.client
        lines = [
            request(number, "account/read", {}) for number in range(10**6, 10**6 + READS_AT_ONCE)
        ]
        with patient(client):
            client.ask("account/read", {})
            sent, answered = IN_FLIGHT, 0
            began = perf_counter()
            client.send(b"".join(lines[:sent]))
            while answered < READS_AT_ONCE:
                count, ended = client.answers()
                answered += count
                client.send(b"".join(lines[sent : sent + count]))
                sent += count
        return READS_AT_ONCE / (ended - began)

    def refresh(self) -> float:
        """Seconds from the answer to a refresh request to the end of its turn."""
        client = self.client
        with patient(client):
            if self._thread is None:
                self._thread = client.ask("thread/start", {"model": "mock-model"})["thread"]["id"]
            self._around.expire(self._tokens)
            self._tokens = self._around.tokens()
            client.ask("turn/start", {"threadId": self._thread, "input": PROMPT})
            line, _ = client.line_with(b'"account/chatgptAuthTokens/refresh"')
            answer = {
                "id": json.loads(line)["id"],
                "result": self._tokens.members(self._revision),
            }
            text = json.dumps(answer).encode() + b"\n"
            began = perf_counter()
            client.send(text)
            line, ended = client.line_with(b'"turn/completed"')
        assert json.loads(line)["params"]["turn"]["status"] == "completed", line
        return ended - began


@contextmanager
def logged_in(subject: Subject, around: Surroundings) -> Iterator[LoggedIn]:
    """Start a subject and log in."""
    with running(subject, around) as client:
        with patient(client):
            session = LoggedIn(subject, around, client)
        yield session


def start(subject: Subject, around: Surroundings) -> tuple[float, float]:
    """Seconds from a start in a fresh home to `initialize` answered, and to a first login."""
    tokens = around.tokens()
    with running(subject, around) as client, patient(client):
        return client.initialize(), client.log_in(tokens, subject.revision)


def memory(subject: Subject, around: Surroundings, *refreshes: int) -> list[int]:
    """Resident bytes once somebody is logged in, and after so many refreshes each."""
    with logged_in(subject, around) as session:
        with patient(session.client):
            session.reads_in_turn()
        sizes, done = [session.client.resident()], 0
        for wanted in refreshes:
            for _ in range(wanted - done):
                session.refresh()
            done = wanted
            sizes.append(session.client.resident())
    return sizes


def sessions(subject: Subject, around: Surroundings, count: int, reads: int) -> float:
    """Seconds that `count` sessions at once over WebSocket take, each with so many reads."""
    import anyio
    from websockets.asyncio.client import connect
    from websockets.exceptions import WebSocketException

    with running(subject, around, "ws://127.0.0.1:0") as client, patient(client):
        address = client.address()

        async def session() -> None:
            async with connect(address, proxy=None, compression=None) as socket:

                async def ask(line: str) -> None:
                    """Ask until it is answered: a server may say that it has too much to do."""
                    await socket.send(line)
                    while not (said := str(await socket.recv())).startswith('{"id":'):
                        if OVERLOADED in said:
                            await socket.send(line)

                await ask(request(1, "initialize", INITIALIZE).decode())
                for number in range(2, reads + 2):
                    await ask(request(number, "account/read", {}).decode())

        async def every() -> float:
            began = perf_counter()
            async with anyio.create_task_group() as tasks:
                for _ in range(count):
                    tasks.start_soon(session)
            return perf_counter() - began

        try:
            return anyio.run(every)
        except* (OSError, WebSocketException):
            raise UnfitSubjectError(f"{subject.name} gave up on {count} sessions at once") from None
