"""Replies as httpx has them: a transport that asks a function in place of the network."""

from collections.abc import AsyncIterator, Awaitable, Callable

import httpx

from codex_conformance.replies import DropConnection, Reply, Request, request_of

Answer = Callable[[str, str, dict[str, str], bytes], Awaitable[Reply]]
"""Answer a request, given method, path, headers by lower-case name, and body."""


Exchanged = Callable[[Request, Reply], None]
"""Note a request and its answer."""


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
    """The response to a request."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    body = await request.aread()
    reply = await answer(request.method, request.url.path, headers, body)
    return httpx.Response(reply.status, headers=reply.headers, stream=_Body(reply))


class AnsweringTransport(httpx.AsyncBaseTransport):
    """Carries requests to a function in this process."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The function's answer."""
        return await answer_request(self._answer, request)


class WatchedTransport(httpx.AsyncBaseTransport):
    """The network, with somebody who is told of every exchange."""

    def __init__(self, exchanged: Exchanged) -> None:
        self._exchanged = exchanged
        self._network = httpx.AsyncHTTPTransport(
            trust_env=False, limits=httpx.Limits(max_keepalive_connections=0)
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """What the network answers."""
        asked = request_of(
            request.method, request.url.path, dict(request.headers), await request.aread()
        )
        response = await self._network.handle_async_request(request)
        self._exchanged(asked, Reply(response.status_code))
        return response

    async def aclose(self) -> None:
        """Let go of what connections there are."""
        await self._network.aclose()
