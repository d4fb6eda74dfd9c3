"""What the reference server does not do and other servers may: commands, and WebSocket first."""

import subprocess
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
from codex_reference_server import backend
from codex_reference_server.backend import Backend, Event, Item
from mutant import around

TOOL = {"type": "function", "name": "exec_command", "parameters": {"type": "object"}}
UPGRADE = {"Connection": "Upgrade", "Upgrade": "websocket"}


class _Call(Item):
    """An item that may be a call of a tool."""

    call_id: str = ""
    name: str = ""
    arguments: str = ""


class _Event(Event):
    item: _Call | None = None


Environment = Callable[[Backend], dict[str, str]]
Allow = Callable[[], Awaitable[bool]]


async def _always() -> bool:
    return True


def runs_commands(
    patch: pytest.MonkeyPatch, environment: Environment, allow: Allow = _always
) -> None:
    """Offer the model a tool that runs commands; the turn goes on with what they print.

    Args:
        environment: of a command.
        allow: whether a command may be run.
    """

    @around(patch, Backend, "__init__")
    def init(real: Any, self: Any, *args: Any) -> None:
        real(self, *args)
        self._decoder = msgspec.json.Decoder(_Event)

    @around(patch, Backend, "respond")
    async def respond(real: Any, self: Any, body: Any, take: Any, heed: Any) -> None:
        calls: list[_Call] = []

        async def watch(event: Any) -> None:
            if event.type == "response.output_item.done" and event.item.type == "function_call":
                calls.append(event.item)
            await take(event)

        body["tools"] = [TOOL]
        await real(self, body, watch, heed)
        while calls:
            call, output = calls.pop(), "declined"
            if await allow():
                output = _run(call, environment(self))
            answer = {"type": "function_call_output", "call_id": call.call_id, "output": output}
            body["input"].append(answer)
            await real(self, body, watch, heed)


def _run(call: _Call, environment: dict[str, str]) -> str:
    if call.name != TOOL["name"]:
        return "no such tool"
    command = ["/bin/sh", "-c", msgspec.json.decode(call.arguments)["cmd"]]
    return subprocess.run(command, env=environment, capture_output=True, text=True).stdout


def tries_websocket_first(patch: pytest.MonkeyPatch, heeded: tuple[int, ...]) -> None:
    """Where the provider is said to speak WebSocket, ask for that first; then, or else, post.

    Args:
        heeded: statuses that, in answer to the upgrade, stand for the answer to the post.
    """

    @around(patch, Backend, "_send")
    async def send(real: Any, self: Any, body: Any, login: Any) -> Any:
        if "supports_websockets = true" in self._config.file.read_text():
            headers = [*backend._headers(login, b"*/*"), *UPGRADE.items()]
            answer = await self._client.get(f"{self._config.base_url}/responses", headers=headers)
            if answer.status_code in heeded:
                return answer
        return await real(self, body, login)
