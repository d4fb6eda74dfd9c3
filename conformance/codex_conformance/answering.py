"""Replies as httpx has them: a transport that asks a function in place of the network."""

from collections.abc import AsyncIterator, Awaitable, Callable

import httpx

from codex_conformance.replies import DropConnection, Reply

Answer = Callable[[str, str, dict[str, str], bytes], Awaitable[Reply]]
"""Answer a request, given method, path, headers by lower-case name, and body."""


class _Body(httpx.AsyncByteStream):
    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._reply.chunks():
                yield chunk
        except DropConnection:
            raise httpx.RemoteProtocolError("the mock backend dropped the connection") from None


async def answer_request(answer: Answer, request: httpx.Request) -> httpx.Response:
    """The response to a request.

    Raises:
        httpx.RemoteProtocolError: the connection is dropped.
    """
    headers = {name.lower(): value for name, value in request.headers.items()}
    body = await request.aread()
    try:
        reply = await answer(request.method, request.url.path, headers, body)
    except DropConnection:
        raise httpx.RemoteProtocolError("the mock backend dropped the connection") from None
    return httpx.Response(reply.status, headers=reply.headers, stream=_Body(reply))


class AnsweringTransport(httpx.AsyncBaseTransport):
    """Carries requests to a function in this process."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The function's answer."""
        return await answer_request(self._answer, request)
