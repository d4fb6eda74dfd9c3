"""Parents in this process, each named by its one fault: how it behaves beside its answers."""

from typing import Any

import anyio
from answers_on_stage import Deaf
from codex_conformance.exchange import REFRESH
from codex_conformance.judge_parent.conversation import LOGIN
from on_stage import Ended, Message, Parent, RefreshError

TRACEBACK = "Traceback (most recent call last):\nValueError"

# At any time.


class IdsItKnowsAreAnswers(Deaf):
    def drops(self, message: Message) -> bool:
        return (type(message["id"]), message["id"]) in self.pending


class IdsItKnowsAreAnswersAsText(Deaf):
    def drops(self, message: Message) -> bool:
        return message["id"] in {str(number) for _, number in self.pending}


class NumbersByText(Parent):
    """Keeps every clause, and numbers its requests by strings."""

    id_type = str


class AnswersWhenNothingWaits(Parent):
    async def refresh(self, message: Message, asked: float) -> None:
        for answered, _ in list(self.pending.values()):
            await answered.wait()
        await super().refresh(message, asked)


class NoHandlerUntilItIsLoggedIn(Deaf):
    ready = False

    def drops(self, message: Message) -> bool:
        return not self.ready

    async def log_in(self) -> None:
        await super().log_in()
        self.ready = True


class LosesRequestsAmongNotifications(Parent):
    seen = 0

    def heed(self, message: Message) -> None:
        self.seen += "id" not in message
        if message.get("method") != REFRESH or self.seen < 100:
            super().heed(message)


class TakesWhatItReadsForWholeLines(Parent):
    def lines(self, data: bytes) -> tuple[list[bytes], bytes]:
        lines, rest = super().lines(data)
        return [line for line in lines if line.startswith(b"{")], b"" if rest else rest


class TakesOneLineOfARead(Parent):
    def lines(self, data: bytes) -> tuple[list[bytes], bytes]:
        lines, rest = super().lines(data)
        return lines[:1], rest


class LetsStderrFill(Parent):
    def heed(self, message: Message) -> None:
        if message.get("method") != REFRESH or not self.peer.complaints:
            super().heed(message)


class LosesWhatNobodyReads(Parent):
    def send_answer(self, message: Message) -> None:
        if self.app.owner._reading.is_set():
            super().send_answer(message)


class NeverRecoversFromAFailure(Parent):
    failed = False

    async def fetch(self, account: str | None) -> Message:
        if self.failed:
            await anyio.sleep_forever()
        try:
            return await super().fetch(account)
        except RefreshError:
            self.failed = True
            raise


class WaitsLongForTheIssuer(Parent):
    patience = 15.0


# A login that is refused.


class IgnoresRefusals(Parent):
    """Takes a refused login for none."""

    def result(self, method: str, answer: Message) -> Message:
        return {} if method == LOGIN else super().result(method, answer)


class GoesOnAsIfItWereLoggedIn(IgnoresRefusals):
    pass


class TurnsToAnEndAfterARefusal(IgnoresRefusals):
    """Keeps every clause: closes the connection, and says nothing."""

    async def turn(self) -> None:
        self.peer.said.close()
        await anyio.sleep_forever()


class KeepsRefusalsToItself(IgnoresRefusals):
    async def turn(self) -> None:
        await self.reader_done.wait()


class LogsInWithoutEnd(Parent):
    async def log_in(self) -> None:
        while not self.closed:
            try:
                return await super().log_in()
            except Ended as words:
                self.process.print(str(words))
                await anyio.sleep(0.2)
        return None


class CrashesWhenItIsRefused(Parent):
    def result(self, method: str, answer: Message) -> Message:
        if "result" not in answer:
            raise Ended(TRACEBACK)
        return super().result(method, answer)


class IsKilledWhenItIsRefused(Parent):
    def result(self, method: str, answer: Message) -> Message:
        if "result" not in answer:
            raise Ended("", -11)
        return super().result(method, answer)


class PrintsATracebackAndEndsWell(Parent):
    def result(self, method: str, answer: Message) -> Message:
        if "result" not in answer:
            raise Ended(TRACEBACK, 0)
        return super().result(method, answer)


class EndsWithoutAWord(Parent):
    leaves_its_pipes_open = True

    def result(self, method: str, answer: Message) -> Message:
        if "result" not in answer:
            raise Ended("")
        return super().result(method, answer)


# What it does not know.


class DiesOf(Parent):
    """Crashes at some messages."""

    def kills(self, message: Message) -> bool:
        return False

    def heed(self, message: Message) -> None:
        if self.kills(message):
            raise Ended(TRACEBACK)
        super().heed(message)


class DiesOfUnknownNotifications(DiesOf):
    def kills(self, message: Message) -> bool:
        return str(message.get("method")).endswith("/heartbeat")


class DiesOfUnknownModes(DiesOf):
    def kills(self, message: Message) -> bool:
        return (message.get("params") or {}).get("authMode") == "passkey"


class DiesOfALogout(DiesOf):
    def kills(self, message: Message) -> bool:
        return (message.get("params") or {}).get("authMode", "") is None


class RefusesUnknownMembers(Deaf):
    def drops(self, message: Message) -> bool:
        return "somethingNew" in message["params"]


class ForgetsRequestsAtALogout(Parent):
    gone = False

    def heed(self, message: Message) -> None:
        self.gone |= (message.get("params") or {}).get("authMode", "") is None
        super().heed(message)

    def send_answer(self, message: Message) -> None:
        if not self.gone:
            super().send_answer(message)


# The end of codex.


class WaitsForADeadCodex(Parent):
    def close(self) -> None:
        pass


class DoesNotNoticeTheEnd(Parent):
    async def turn(self) -> None:
        await super().turn()
        await anyio.sleep_forever()


class CrashesAtTheEnd(Parent):
    async def read(self) -> None:
        await super().read()
        raise Ended(TRACEBACK)


class StartsAgain(Parent):
    """Keeps every clause, and starts codex again when it has ended."""

    starts = 3
    pause = 0.0

    async def live(self) -> None:
        self.newest = await self.fetch(None)
        for _ in range(self.starts):
            self.connect()
            await self.greet()
            await self.log_in()
            await self.reader_done.wait()
            await anyio.sleep(self.pause)
        raise Ended("codex ends again and again")


class LogsInAgainAndAgain(StartsAgain):
    async def log_in(self) -> None:
        await super().log_in()
        for _ in range(20 if self.times else 0):
            await super().log_in()


# Connections.


class RefusesWhereItWatches(Parent):
    def heed(self, message: Message) -> None:
        if message.get("method") == REFRESH and not self.newest:
            error: Any = {"code": -32601, "message": "not mine"}
            return self.send({"id": message["id"], "error": error})
        return super().heed(message)


class WatchesACodexOfItsOwn(Parent):
    async def watch(self) -> None:
        other = type(self)(self.app, self.house, self.process)
        other.tasks = self.tasks
        other.connect()
        await other.greet()


class WatchesWithoutAWord(Parent):
    async def watch(self) -> None:
        other = type(self)(self.app, self.house, self.process)
        other.tasks = self.tasks
        other.connect(is_shared=True)


class WatchesFirst(Parent):
    """Keeps every clause, and watches before it logs in."""

    async def live(self) -> None:
        if self.app.spec.id.startswith("connections/"):
            await self.watch()
        await super().live()


class LogsInOnBoth(Parent):
    async def watch(self) -> None:
        other = type(self)(self.app, self.house, self.process)
        other.tasks, other.newest = self.tasks, self.newest
        other.connect(is_shared=True)
        await other.greet()
        await other.log_in()


class TalksToAServerThatRuns(Parent):
    """Keeps every clause, and never starts codex itself."""

    def connect(self, *, is_shared: bool = False) -> None:
        super().connect(is_shared=True)
        self.peer.has_stderr = False


# What nothing can be judged by.


class StartsCodexOnce(Parent):
    """Starts codex in the opening conversation, and never again."""

    async def live(self) -> None:
        if self.is_introduced:
            await anyio.sleep_forever()
        await super().live()


class GreetsOnce(Parent):
    """Says nothing to codex after the opening conversation."""

    async def greet(self) -> None:
        if self.is_introduced:
            await anyio.sleep_forever()
        await super().greet()


class LogsInOnce(Parent):
    """Logs in in the opening conversation, and never again."""

    async def log_in(self) -> None:
        if self.is_introduced:
            await anyio.sleep_forever()
        await super().log_in()
