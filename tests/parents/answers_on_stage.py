"""Parents in this process, each named by its one fault: handshake and answers."""

from typing import ClassVar

import anyio
from codex_conformance.exchange import REFRESH
from on_stage import Ended, Message, Parent, RefreshError

# The handshake, and the shape of what it says.


class NoInitialized(Parent):
    def send(self, message: Message) -> None:
        if message.get("method") != "initialized":
            super().send(message)


class ReadsAheadOfInitialize(Parent):
    async def greet(self) -> None:
        self.send({"id": "early", "method": "account/read", "params": {}})
        await super().greet()


class SaysMore(Parent):
    """Says something more once it is logged in."""

    more: ClassVar[Message] = {"method": "app/hello"}

    async def log_in(self) -> None:
        await super().log_in()
        self.send(self.more)


class ParamsOfTheWrongType(SaysMore):
    more: ClassVar[Message] = {"id": 70, "method": "account/read", "params": {"refreshToken": "no"}}


class NoParamsWhereTheyAreNeeded(SaysMore):
    more: ClassVar[Message] = {"id": 70, "method": "account/login/cancel"}


class NoParamsWhereNoneAreNeeded(SaysMore):
    more: ClassVar[Message] = {"id": 70, "method": "account/rateLimits/read"}


class ParamsWhereThereAreNone(SaysMore):
    more: ClassVar[Message] = {"id": 70, "method": "account/workspaceMessages/read", "params": {}}


class NumbersByFractions(SaysMore):
    more: ClassVar[Message] = {"id": 0.5, "method": "account/read", "params": {}}


class SaysWhatAServerSays(SaysMore):
    more: ClassVar[Message] = {"method": "account/updated", "params": {"authMode": 7}}


class LogsToCodex(Parent):
    async def log_in(self) -> None:
        self.write(b"logging in")
        await super().log_in()


class NoCapability(Parent):
    def send(self, message: Message) -> None:
        if message.get("method") == "initialize":
            message["params"]["capabilities"] = {}
        super().send(message)


class WatchesWithoutCapability(Parent):
    def send(self, message: Message) -> None:
        if message.get("method") == "initialize" and not self.newest:
            message["params"]["capabilities"] = {}
        super().send(message)


# The answers: how many, under which id, of which shape.


class NeverAnswers(Parent):
    def send_answer(self, message: Message) -> None:
        pass


class AnswersTwice(Parent):
    def send_answer(self, message: Message) -> None:
        self.send(message)
        self.send(message)


class AnswersTwiceWithTheTokenOfTheLogin(AnswersTwice):
    async def fresh(self, previous: str | None, asked: float) -> Message:
        return self.newest


class AnswersInTheEnd(Parent):
    """Keeps every clause, and answers just before codex stops waiting."""

    pause = 9.9

    async def refresh(self, message: Message, asked: float) -> None:
        await anyio.sleep(self.pause)
        await super().refresh(message, asked)


class AnswersAfterElevenSeconds(AnswersInTheEnd):
    pause = 11.0


class ChangesAnswers(Parent):
    """Changes its answers with tokens before it sends them."""

    def changed(self, message: Message) -> Message:
        return message

    def send_answer(self, message: Message) -> None:
        self.send(self.changed(message) if "result" in message else message)


class ChangesRefusals(ChangesAnswers):
    """Changes its answers without tokens before it sends them."""

    def send_answer(self, message: Message) -> None:
        self.send(message if "result" in message else self.changed(message))


class AnswersAnIdThatNobodyHas(Parent):
    def send_answer(self, message: Message) -> None:
        super().send_answer(message)
        super().send_answer(message | {"id": "nobody's"})


class AnswersUnderAFraction(ChangesAnswers):
    def changed(self, message: Message) -> Message:
        return message | {"id": float(message["id"])}


class NumbersRefusalsByText(ChangesRefusals):
    def changed(self, message: Message) -> Message:
        return message | {"id": str(message["id"])}


class AnswersZeroAsText(ChangesAnswers):
    def changed(self, message: Message) -> Message:
        return message | {"id": message["id"] or "0"}


class ResultAndErrorInOne(ChangesAnswers):
    def changed(self, message: Message) -> Message:
        return message | {"error": {"code": -1, "message": "none"}}


class NeitherResultNorError(ChangesAnswers):
    def changed(self, message: Message) -> Message:
        return {"id": message["id"]}


class NamesNoAccount(ChangesAnswers):
    def changed(self, message: Message) -> Message:
        return {"id": message["id"], "result": {"accessToken": message["result"]["accessToken"]}}


class EmptyResultWhenItCannot(ChangesRefusals):
    def changed(self, message: Message) -> Message:
        return {"id": message["id"], "result": {}}


class ErrorWithoutAMessage(ChangesRefusals):
    def changed(self, message: Message) -> Message:
        return {"id": message["id"], "error": {"code": -32000}}


class SilentWhenItCannot(ChangesRefusals):
    def send_answer(self, message: Message) -> None:
        if "result" in message:
            self.send(message)


class RefusesAlways(Parent):
    async def fresh(self, previous: str | None, asked: float) -> Message:
        raise RefreshError("never")


# The answers: at what cost, and when.


class ARotationForEach(Parent):
    echo = 0.0


class RotatesAfterwards(Parent):
    async def refresh(self, message: Message, asked: float) -> None:
        await super().refresh(message, asked)
        await self.fetch(None)


class ARotationForEachAtOnce(Parent):
    async def fresh(self, previous: str | None, asked: float) -> Message:
        self.lock = anyio.Lock()
        return await super().fresh(previous, asked)


class OneAtATimeAndNoOther(Parent):
    async def refresh(self, message: Message, asked: float) -> None:
        if not self.lock.locked():
            await super().refresh(message, asked)


class NeverGivesUp(Parent):
    def count(self) -> None:
        pass


class HangsUpWhenItIsEnough(Parent):
    def count(self) -> None:
        try:
            super().count()
        except RefreshError:
            self.peer.said.close()

    async def live(self) -> None:
        try:
            await super().live()
        except Ended:
            await anyio.sleep_forever()


class Deaf(Parent):
    """Drops some requests."""

    def drops(self, message: Message) -> bool:
        return False

    def heed(self, message: Message) -> None:
        if message.get("method") != REFRESH or not self.drops(message):
            super().heed(message)


class ZeroIsNoId(Deaf):
    def drops(self, message: Message) -> bool:
        return not message["id"]


class IdsAreNumbers(Deaf):
    def drops(self, message: Message) -> bool:
        return isinstance(message["id"], str)


class IdsHave32Bits(Deaf):
    def drops(self, message: Message) -> bool:
        return isinstance(message["id"], int) and bool(message["id"] >> 31)


class RefusesTextIds(ChangesAnswers):
    words = "no number"

    def changed(self, message: Message) -> Message:
        if isinstance(message["id"], int):
            return message
        return {"id": message["id"], "error": {"code": -32600, "message": self.words}}


class RefusesTextIdsAtLength(RefusesTextIds):
    words = f"\x9b31m{'no number ' * 200}"
