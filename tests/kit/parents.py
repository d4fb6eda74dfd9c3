"""A parent in this process, for tests of the stand-in."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
from codex_conformance.reference import in_memory
from codex_conformance.stand_in.composition import StandIn
from codex_conformance.tokens import ExternalTokens


class Parent:
    """A client in this process, and what it hears."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._asked = 0
        self._news = anyio.Event()
        self.heard: list[dict[str, Any]] = []

    async def listen(self) -> None:
        rest = b""
        async for chunk in self._stream:
            *lines, rest = (rest + chunk).split(b"\n")
            self.heard += map(json.loads, lines)
            self._news.set()
            self._news = anyio.Event()

    async def until(self, matches: Callable[[dict[str, Any]], bool], after: int = 0) -> Any:
        while True:
            for message in self.heard[after:]:
                if matches(message):
                    return message
            await self._news.wait()

    async def say(self, message: dict[str, Any]) -> None:
        await self._stream.send(json.dumps(message).encode() + b"\n")

    async def ask(self, method: str, **params: Any) -> Any:
        self._asked += 1
        asked = self._asked
        await self.say({"id": asked, "method": method, "params": params})
        return await self.until(lambda m: m.get("id") == asked and "method" not in m)

    async def log_in(self, tokens: ExternalTokens) -> None:
        capabilities = {"experimentalApi": True}
        await self.ask(
            "initialize", clientInfo={"name": "p", "version": "1"}, capabilities=capabilities
        )
        members = tokens.members("0.169")
        answer = await self.ask("account/login/start", type="chatgptAuthTokens", **members)
        assert "result" in answer, answer

    async def answer(self, request: dict[str, Any], tokens: ExternalTokens) -> None:
        """Give a refresh request new tokens."""
        await self.say({"id": request["id"], "result": tokens.members("0.169")})

    async def turn(self, *words: str) -> Any:
        """The turn as it ended."""
        thread = (await self.ask("thread/start"))["result"]["thread"]["id"]
        said = [{"type": "text", "text": each} for each in words]
        turn = (await self.ask("turn/start", threadId=thread, input=said))["result"]["turn"]["id"]
        return await self.ended(turn)

    async def ended(self, turn: str) -> Any:
        message = await self.until(
            lambda m: m.get("method") == "turn/completed" and m["params"]["turn"]["id"] == turn
        )
        return message["params"]["turn"]

    async def refresh(self, number: int = 0) -> Any:
        """The nth request for new tokens."""
        while len(self.refreshes) <= number:
            await self._news.wait()
        return self.refreshes[number]

    @property
    def refreshes(self) -> list[Any]:
        method = "account/chatgptAuthTokens/refresh"
        return [message for message in self.heard if message.get("method") == method]

    def said_by(self, kind: str) -> list[str]:
        items = [m["params"]["item"] for m in self.heard if m.get("method") == "item/completed"]
        return [item["text"] for item in items if item["type"] == kind]


@asynccontextmanager
async def parent_of(stand_in: StandIn, home: Path) -> AsyncIterator[Parent]:
    async with in_memory(home, {}, [], stand_in.arrange) as stream:
        parent = Parent(stream)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(parent.listen)
            yield parent
            tasks.cancel_scope.cancel()
