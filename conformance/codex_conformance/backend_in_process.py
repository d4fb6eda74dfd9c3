"""The mock backend in process: respx gives every request of httpx to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from respx.mocks import HTTPXMocker

from codex_conformance.answering import answer_request
from codex_conformance.mock_backend import MockBackend

ORIGIN = "http://backend.test"


async def _as_sent(request: httpx.Request) -> bytes:
    """A whole request, no header masked."""
    lines = [f"{request.method} {request.url}".encode()]
    lines += [name + b": " + value for name, value in request.headers.raw]
    return b"\r\n".join([*lines, b"", await request.aread()])


class _Face:
    """What respx takes for a router; the backend does the routing, and respx's own is slow."""

    def __init__(self, backend: MockBackend) -> None:
        self._backend = backend

    async def async_handler(self, request: httpx.Request) -> httpx.Response:
        if not str(request.url).startswith(ORIGIN):
            self._backend.foreign_requests.append((request.url.host, await _as_sent(request)))
            raise httpx.ConnectError(f"nothing but {ORIGIN} can be reached")
        return await answer_request(self._backend, request)

    def handler(self, request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError(f"{request.url}: in process nothing may block, use AsyncClient")


@asynccontextmanager
async def mounted_in_process(backend: MockBackend) -> AsyncIterator[str]:
    """Answer every httpx request of this process; yield the backend's origin.

    A request to any other origin is recorded as foreign and refused.
    """
    face = _Face(backend)
    HTTPXMocker.register(face)  # type: ignore[arg-type]  # the two methods are all it calls
    HTTPXMocker.start()
    try:
        yield ORIGIN
    finally:
        HTTPXMocker.unregister(face)  # type: ignore[arg-type]
        HTTPXMocker.stop()
