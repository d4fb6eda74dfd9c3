"""The mock backend on loopback: a thin Starlette app, served by uvicorn."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from codex_conformance.loopback import served
from codex_conformance.replies import Reply

BODY_LIMIT = 16 * 1024 * 1024  # bytes of one request; a longer one gets 413
_METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH"]


class Served(Protocol):
    """What answers the requests: the mock backend, for one."""

    async def __call__(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Reply:
        """Answer one request."""

    def release(self) -> None:
        """Let held answers go out."""


@asynccontextmanager
async def served_on_loopback(backend: Served) -> AsyncIterator[str]:
    """Serve the backend on a free port of 127.0.0.1; yield its origin. Needs asyncio."""

    async def answer(request: Request) -> Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = await _body(request)
        if body is None:
            return Response(status_code=413)
        reply = await backend(request.method, request.url.path, headers, body)
        return StreamingResponse(reply.chunks(), reply.status, reply.headers)

    app = Starlette(routes=[Route("/{path:path}", answer, methods=_METHODS)])
    async with served(app) as port:
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            backend.release()


async def _body(request: Request) -> bytes | None:
    """The body of a request, None if it is too long."""
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size > BODY_LIMIT:
            return None
        pieces.append(piece)
    return b"".join(pieces)
