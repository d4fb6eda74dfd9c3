"""Servers in this process that say what a test wants, whatever they are asked."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
from anyio.streams.stapled import StapledObjectStream
from codex_conformance.targets import DirectTarget

GREETING: dict[str, Any] = {"result": {"userAgent": "odd/1"}}


def odd_server(**answers: dict[str, Any]) -> DirectTarget:
    """A server that has these answers, by method with `_` for `/`, and is silent on all else."""

    @asynccontextmanager
    async def factory(
        _home: Path, _environ: Mapping[str, str], _argv: object
    ) -> AsyncIterator[StapledObjectStream[bytes]]:
        to_server, from_client = anyio.create_memory_object_stream[bytes](16)
        to_client, from_server = anyio.create_memory_object_stream[bytes](16)

        async def serve() -> None:
            async for chunk in from_client:
                for message in map(json.loads, chunk.splitlines()):
                    answer = answers.get(message["method"].replace("/", "_"))
                    if answer is not None and "id" in message:
                        line = json.dumps({"id": message["id"]} | answer)
                        await to_client.send(line.encode() + b"\n")

        with to_server, from_client, to_client, from_server:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(serve)
                yield StapledObjectStream(to_server, from_server)
                tasks.cancel_scope.cancel()

    return DirectTarget(factory, ())
