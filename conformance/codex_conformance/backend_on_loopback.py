"""The mock backend on loopback: a thin Starlette app, served by uvicorn."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from codex_conformance.mock_backend import MockBackend

_METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH"]


@asynccontextmanager
async def served_on_loopback(backend: MockBackend) -> AsyncIterator[str]:
    """Serve the backend on a free port of 127.0.0.1; yield its origin. Needs asyncio."""

    async def answer(request: Request) -> Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            body = await request.body()
        except ClientDisconnect:
            return Response(status_code=400)
        reply = await backend(request.method, request.url.path, headers, body)
        return StreamingResponse(reply.chunks(), reply.status, reply.headers)

    app = Starlette(routes=[Route("/{path:path}", answer, methods=_METHODS)])
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        log_level="critical",
        ws="none",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listener])
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        backend.release()
        server.force_exit = True
        await server.shutdown(sockets=[listener])
