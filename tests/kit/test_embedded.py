"""The embedded backend: it answers every turn while the token is good."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from codex_conformance.reference import in_memory
from codex_conformance.stand_in.composition import StandIn
from codex_conformance.stand_in.settings import Settings
from codex_conformance.tokens import ExternalTokens, Mint
from trio.testing import MockClock

Play = Callable[..., None]


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


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Play a scenario against a fresh stand-in, by a virtual clock."""

    def play(scenario: Callable[[Parent, StandIn, Mint], Awaitable[None]], **settings: Any) -> None:
        async def run() -> None:
            stand_in = StandIn(Settings(**settings))
            async with parent_of(stand_in, tmp_path) as parent:
                with anyio.fail_after(3600):
                    await scenario(parent, stand_in, Mint("embedded"))

        anyio.run(run, backend="trio", backend_options={"clock": MockClock(autojump_threshold=0)})

    return play


def test_assistant_answers_every_turn_with_what_it_was_told(play: Play) -> None:
    async def scenario(parent: Parent, _stand_in: StandIn, mint: Mint) -> None:
        await parent.log_in(mint.mint())
        assert (await parent.turn("Say", "hello."))["status"] == "completed"
        assert (await parent.turn())["status"] == "completed"
        more = "I am a scripted assistant: I answer every turn and do nothing else."
        assert parent.said_by("agentMessage") == [
            f'You said "Say hello.". {more}',
            f"You said nothing. {more}",
        ]
        deltas = [
            m["params"]["delta"] for m in parent.heard if m.get("method", "").endswith("delta")
        ]
        assert "".join(deltas) == "".join(parent.said_by("agentMessage"))
        assert len(deltas) > 20

    play(scenario)


def test_nobody_logged_in_fails_the_turn_with_the_401(play: Play) -> None:
    async def scenario(parent: Parent, _stand_in: StandIn, _mint: Mint) -> None:
        await parent.ask("initialize", clientInfo={"name": "p", "version": "1"})
        turn = await parent.turn("Say hello.")
        assert turn["status"] == "failed"
        assert "401" in turn["error"]["message"]
        assert parent.refreshes == []

    play(scenario)


def test_token_expires_that_long_after_its_first_use(play: Play) -> None:
    async def scenario(parent: Parent, _stand_in: StandIn, mint: Mint) -> None:
        await parent.log_in(mint.mint())
        await anyio.sleep(100)
        assert (await parent.turn("first use"))["status"] == "completed"
        await anyio.sleep(59)
        assert (await parent.turn("still good"))["status"] == "completed"
        await anyio.sleep(1)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(parent.turn, "expired")
            request = await parent.refresh()
            await parent.say({"id": request["id"], "result": mint.mint().members("0.169")})
        assert len(parent.refreshes) == 1
        assert len(parent.said_by("agentMessage")) == 3

    play(scenario, expire_after=60)


def test_limits_are_told_to_whoever_is_logged_in(play: Play) -> None:
    async def scenario(parent: Parent, _stand_in: StandIn, mint: Mint) -> None:
        await parent.log_in(mint.mint())
        answer = await parent.ask("account/rateLimits/read")
        assert answer["result"]["rateLimits"]["limitId"] == "codex"

    play(scenario)


def test_configured_backend_wins_over_the_embedded_one_unless_it_is_asked_for(
    tmp_path: Path,
) -> None:
    tmp_path.joinpath("config.toml").write_text(
        'model_provider = "p"\n[model_providers.p]\nbase_url = "http://127.0.0.1:1/v1"\n'
    )

    async def message(settings: Settings) -> str:
        async with parent_of(StandIn(settings), tmp_path) as parent:
            await parent.log_in(Mint("embedded").mint())
            turn = await parent.turn("Say hello.")
            return str(turn["error"] and turn["error"]["message"])

    failed = "the connection to the model provider failed"
    assert anyio.run(message, Settings()) == failed
    assert anyio.run(message, Settings(backend="embedded")) == "None"
    assert anyio.run(message, Settings(backend="http://127.0.0.1:1")) == failed
