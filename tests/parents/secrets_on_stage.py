"""Parents in this process, each named by its one fault: what it does with secrets."""

import base64
import os
from pathlib import Path

from on_stage import Ended, Message, Parent


class PrintsTheToken(Parent):
    async def log_in(self) -> None:
        self.process.print(self.newest["access_token"])
        await super().log_in()


class LogsTheTokenInBase64(Parent):
    async def log_in(self) -> None:
        words = f"login:{self.newest['access_token']}"
        self.process.print(base64.b64encode(words.encode()).decode(), aside=True)
        await super().log_in()


class TheTokenInItsArguments(Parent):
    def connect(self, *, is_shared: bool = False) -> None:
        self.process.arguments = f"parent --token {self.newest['access_token']}".encode()
        super().connect(is_shared=is_shared)


class TheTokenInTheArgumentsOfCodex(Parent):
    def connect(self, *, is_shared: bool = False) -> None:
        self.codex_arguments = ("app-server", "-c", f"t={self.newest['access_token']}")
        super().connect(is_shared=is_shared)


class KeepsTheTokenInAFile(Parent):
    """Writes its token to a file of a folder that it makes."""

    name = "auth.json"
    at: float | None = None

    def folder(self) -> Path:
        return self.app.home.codex_home

    async def log_in(self) -> None:
        path = self.folder() / "kept" / self.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.newest["access_token"])
        if self.at is not None:
            os.utime(path, (self.at, self.at))
        await super().log_in()


class KeepsTheTokenInAnotherHome(KeepsTheTokenInAFile):
    def folder(self) -> Path:
        return self.app.home.codex_home.parent / "another"

    def connect(self, *, is_shared: bool = False) -> None:
        self.codex_home = str(self.folder())
        super().connect(is_shared=is_shared)


class KeptATokenInAnotherHomeLongAgo(KeepsTheTokenInAnotherHome):
    at = 0.0


class PrintsATokenThatItKeeps(Parent):
    async def log_in(self) -> None:
        await super().log_in()
        self.process.print((await self.fetch(None))["access_token"])


class PrintsTheTokenWhenItCannot(Parent):
    def send_answer(self, message: Message) -> None:
        if "error" in message:
            self.process.print(self.newest["access_token"])
        super().send_answer(message)


class PassesOnWhatTheIssuerSays(Parent):
    def reason(self, status: int, said: Message) -> str:
        return str(said.get("error_description", status))


class QuotesTheIssuer(PassesOnWhatTheIssuerSays):
    """As before, and quietly."""

    async def refresh(self, message: Message, asked: float) -> None:
        stderr = bytes(self.process.stderr)
        await super().refresh(message, asked)
        self.process.stderr[:] = stderr


class PrintsTheRefusedLogin(Parent):
    def result(self, method: str, answer: Message) -> Message:
        if "result" not in answer:
            raise Ended(f"refused: {self.newest['access_token']}")
        return super().result(method, answer)


class PrintsTheTokenAtTheEnd(Parent):
    def close(self) -> None:
        super().close()
        self.process.print(str(self.newest.get("access_token")))
