"""Controls: targets that are no app-server at all, each named by the one thing that it does.

A case that passes on one of them proves nothing by passing.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
from anyio.abc import ObjectReceiveStream, ObjectSendStream, ObjectStream
from anyio.streams.stapled import StapledObjectStream
from codex_account_protocol import REVISIONS

Reaction = Callable[[dict[str, Any]], list[dict[str, Any]]]
"""What it sends for a message that it gets."""

Factory = Callable[[Path, Mapping[str, str], Sequence[str]], Any]

Talk = Callable[[ObjectReceiveStream[bytes], ObjectSendStream[bytes]], Awaitable[None]]
"""What it does with what comes from the parent and goes to it, until it hangs up."""


def target(talk: Talk) -> Factory:
    """A target that is nothing but its side of the conversation."""

    @asynccontextmanager
    async def factory(
        home: Path, environ: Mapping[str, str], argv: Sequence[str]
    ) -> AsyncIterator[ObjectStream[bytes]]:
        to_target, of_parent = anyio.create_memory_object_stream[bytes](1000)
        to_parent, of_target = anyio.create_memory_object_stream[bytes](1000)

        async def converse() -> None:
            async with to_parent, of_parent:
                await talk(of_parent, to_parent)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(converse)
            async with StapledObjectStream(to_target, of_target) as stream:
                yield stream
            tasks.cancel_scope.cancel()

    return factory


def control(reaction: Reaction) -> Factory:
    """A target that does nothing but react to each line."""

    async def react(came: ObjectReceiveStream[bytes], said: ObjectSendStream[bytes]) -> None:
        rest = b""
        async for chunk in came:
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                for message in reaction(_message(line)):
                    await said.send(json.dumps(message).encode() + b"\n")

    return target(react)


def _message(line: bytes) -> dict[str, Any]:
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, dict) else {}


def _to_requests(**body: Any) -> Reaction:
    return lambda message: (
        [{"id": message["id"]} | body] if "id" in message and "method" in message else []
    )


def greeting(reaction: Reaction, revision: str) -> Reaction:
    """Take part in the handshake as a server does, then react."""
    result = {"userAgent": "control/0.0.0 (no app-server)"}
    if revision == REVISIONS[-1]:
        result |= {"codexHome": "/", "platformFamily": "unix", "platformOs": "linux"}

    def react(message: dict[str, Any]) -> list[dict[str, Any]]:
        if message.get("method") == "initialize" and "id" in message:
            return [{"id": message["id"], "result": result}]
        return reaction(message)

    return react


def echo(message: dict[str, Any]) -> list[dict[str, Any]]:
    return [message] if message else []


REACTIONS: dict[str, Reaction] = {
    "refuses-everything": _to_requests(error={"code": -32603, "message": "no"}),
    "knows-nothing": _to_requests(error={"code": -32601, "message": "no"}),
    "answers-empty-object": _to_requests(result={}),
    "answers-null": _to_requests(result=None),
    "never-answers": lambda message: [],
    "echoes": echo,
}


@asynccontextmanager
async def closes_at_once(
    home: Path, environ: Mapping[str, str], argv: Sequence[str]
) -> AsyncIterator[ObjectStream[bytes]]:
    """A target whose output ends before anything is said."""
    to_target, of_parent = anyio.create_memory_object_stream[bytes](1000)
    to_parent, of_target = anyio.create_memory_object_stream[bytes](1000)
    of_parent.close()
    to_parent.close()
    async with StapledObjectStream(to_target, of_target) as stream:
        yield stream
