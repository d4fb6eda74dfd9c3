"""Requests to a backend of its own, as `serve --traffic` watches them."""

from typing import Any

import anyio
import httpx
import pytest
from codex_conformance.answering import WatchedTransport
from codex_conformance.loopback import served


def test_watcher_is_told_of_request_and_status() -> None:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    seen: list[Any] = []

    async def page(request: Request) -> PlainTextResponse:
        return PlainTextResponse((await request.body()).decode()[::-1], 418)

    async def asks() -> None:
        app = Starlette(routes=[Route("/v1/x", page, methods=["POST"])])
        transport = WatchedTransport(lambda request, reply: seen.append((request, reply)))
        async with httpx.AsyncClient(transport=transport) as client:
            async with served(app) as port:
                url = f"http://127.0.0.1:{port}/v1/x"
                head = {"authorization": "Bearer secret", "chatgpt-account-id": "acct"}
                said = await client.post(url, content=b"abc", headers=head)
            assert (said.status_code, said.text) == (418, "cba")
            with pytest.raises(httpx.ConnectError):
                await client.post(url)

    anyio.run(asks)
    ((request, reply),) = seen
    assert (request.method, request.path, request.body) == ("POST", "/v1/x", b"abc")
    assert (request.token, request.account_id, reply.status) == ("secret", "acct", 418)
