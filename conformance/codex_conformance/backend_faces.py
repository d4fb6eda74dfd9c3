"""The two faces of the mock backend: respx in process, a Starlette app on loopback."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from codex_conformance.mock_backend import DropConnection, MockBackend, Reply

IN_PROCESS_ORIGIN = "http://backend.test"


class _Body(httpx.AsyncByteStream):
    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._reply.chunks():
                yield chunk
        except DropConnection:
            raise httpx.RemoteProtocolError("the mock backend dropped the connection") from None


@asynccontextmanager
async def mounted_in_process(backend: MockBackend) -> AsyncIterator[str]:
    """Answer every httpx request of this process; yield the backend's origin.

    A request to any other origin is recorded as foreign and refused.
    """
    import respx

    async def answer(request: httpx.Request) -> httpx.Response:
        if not str(request.url).startswith(IN_PROCESS_ORIGIN):
            head = f"{request.method} {request.url}\r\n{request.headers}".encode()
            backend.foreign_requests.append((request.url.host, head))
            raise httpx.ConnectError(f"nothing but {IN_PROCESS_ORIGIN} can be reached")
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = await request.aread()
        try:
            reply = await backend(request.method, request.url.path, headers, body)
        except DropConnection:
            raise httpx.RemoteProtocolError("the mock backend dropped the connection") from None
        return httpx.Response(reply.status, headers=reply.headers, stream=_Body(reply))

    with respx.mock(using="httpx", assert_all_called=False) as router:
        router.route().mock(side_effect=answer)
        yield IN_PROCESS_ORIGIN


@asynccontextmanager
async def served_on_loopback(backend: MockBackend) -> AsyncIterator[str]:
    """Serve the backend on a free port of 127.0.0.1; yield its origin. Needs asyncio."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import ClientDisconnect, Request
    from starlette.responses import Response, StreamingResponse
    from starlette.routing import Route

    async def answer(request: Request) -> Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            body = await request.body()
        except ClientDisconnect:
            return Response(status_code=400)
        reply = await backend(request.method, request.url.path, headers, body)
        return StreamingResponse(reply.chunks(), reply.status, reply.headers)

    methods = ["GET", "POST", "PUT", "DELETE", "PATCH"]
    app = Starlette(routes=[Route("/{path:path}", answer, methods=methods)])
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
