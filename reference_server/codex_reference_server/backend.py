"""The backend, over HTTP: one request per turn, its answer an event stream; and the limits.

This module is imported with the first use, since httpx takes longer to import than all the rest.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio
import httpx
import httpx_sse
import msgspec

from codex_reference_server.auth import Auth
from codex_reference_server.config import Config
from codex_reference_server.credentials import Credentials
from codex_reference_server.http_client import Http, new_client
from codex_reference_server.limits import Usage, usage_in_headers
from codex_reference_server.messages import INTERNAL_ERROR, Refusal, RefusedByBackend, TurnFailure

COMPLETED = "response.completed"
LAST_EVENTS = (COMPLETED, "response.failed", "response.incomplete")

OK = 200
UNAUTHORIZED = 401


class Part(msgspec.Struct):
    """A piece of a message."""

    text: str = ""


class Item(msgspec.Struct):
    """Something the model has made; `message` is the type that this server shows."""

    type: str
    id: str | None = None
    content: list[Part] | None = None


class Event(msgspec.Struct):
    """One event of the stream, as far as this server heeds it."""

    type: str
    delta: str = ""
    item: Item | None = None


Take = Callable[[Event], Awaitable[None]]
"""Tell of an event, and wait until there is room for more; raises nothing, is not cancelled."""


Heed = Callable[[Usage], None]
"""Tell of the limits that came with a response."""


class UnexpectedStatus(TurnFailure):
    """The provider answered, but not with a stream."""

    def __init__(self, status: int) -> None:
        super().__init__(
            f"unexpected status {status} from the model provider",
            {"httpConnectionFailed": {"httpStatusCode": status}},
        )


class Unreachable(TurnFailure):
    """The provider did not answer."""

    def __init__(self) -> None:
        super().__init__(
            "the connection to the model provider failed",
            {"httpConnectionFailed": {"httpStatusCode": None}},
        )


class StreamBroken(TurnFailure):
    """The stream ended before its `response.completed`, or was none."""

    def __init__(self) -> None:
        super().__init__(
            "the stream of the model provider ended before it was complete",
            {"responseStreamDisconnected": {"httpStatusCode": None}},
        )


class Backend:
    """The model provider and the account endpoints, spoken to as whoever is logged in."""

    def __init__(self, config: Config, auth: Auth, http: Http | None = None) -> None:
        self._config = config
        self._auth = auth
        self._client = new_client(http, config.base_url, config.chatgpt_base_url)
        self._decoder = msgspec.json.Decoder(Event)

    async def respond(self, body: dict[str, Any], take: Take, heed: Heed) -> None:
        """Post `body` to `{base_url}/responses`; hand over the events until `response.completed`.

        Limits in the head of the response are handed over first, whatever its status.

        Raises:
            TurnFailure: there was no answer, no good one, or it ended too early.
        """
        async with self._response(body) as response:
            usage = usage_in_headers(response.headers)
            if usage is not None:
                heed(usage)
            if response.status_code != OK:
                raise UnexpectedStatus(response.status_code)
            await self._relay(response, take)

    async def fetch(
        self, credentials: Credentials, path: str, body: dict[str, Any] | None = None
    ) -> bytes:
        """What `{chatgpt_base_url}/{path}` says to a ChatGPT login, asked once; a body is posted.

        Raises:
            Refusal: there was no answer, or no good one; a 401 is not followed by a refresh.
        """
        if self._config.chatgpt_base_url is None:
            raise Refusal("no account backend: set chatgpt_base_url", INTERNAL_ERROR)
        try:
            response = await self._client.request(
                "GET" if body is None else "POST",
                f"{self._config.chatgpt_base_url}/{path}",
                json=body,
                headers=_headers(credentials, b"application/json"),
            )
        except (httpx.HTTPError, httpx.InvalidURL):
            raise Refusal("the connection to the backend failed", INTERNAL_ERROR) from None
        if not response.is_success:
            raise RefusedByBackend(response.status_code)
        return response.content

    @asynccontextmanager
    async def _response(self, body: dict[str, Any]) -> AsyncIterator[httpx.Response]:
        """The answer to the request; a 401 is answered by a retry with newer credentials.

        Where the store has some, they are tried first; else, or if they get a 401 as well, there
        is one refresh.
        """
        credentials = self._auth.credentials if self._config.requires_openai_auth else None
        response = await self._send(body, credentials)
        try:
            for look_for_newer in (self._auth.reread, self._auth.renew):
                if response.status_code != UNAUTHORIZED:
                    break
                await response.aclose()
                newer = await look_for_newer(credentials)
                if newer is not None:
                    credentials, response = newer, await self._send(body, newer)
            yield response
        finally:
            await response.aclose()

    async def _send(self, body: dict[str, Any], credentials: Credentials | None) -> httpx.Response:
        if self._config.base_url is None:
            raise TurnFailure(
                f"no backend: set base_url in [model_providers.{self._config.provider}]"
            )
        try:
            request = self._client.build_request(
                "POST",
                f"{self._config.base_url}/responses",
                json=body,
                headers=_headers(credentials, b"text/event-stream"),
            )
            return await self._client.send(request, stream=True)
        except (httpx.HTTPError, httpx.InvalidURL):
            raise Unreachable from None

    async def _relay(self, response: httpx.Response, take: Take) -> None:
        """Hand over the events up to the last.

        The loop is left by cancellation alone, which unwinds the generators of httpx from the
        inside; an exception or `break` in its body would leave them to the garbage collector.
        """
        last = None
        with suppress(httpx.HTTPError, httpx_sse.SSEError), anyio.CancelScope() as reading:
            async for message in httpx_sse.EventSource(response).aiter_sse():
                event = self._decode(message.data)
                if event is None or last is not None:
                    continue
                with anyio.CancelScope(shield=True):
                    await take(event)
                if event.type in LAST_EVENTS:
                    last = event.type
                    reading.cancel()
        if last is None:
            raise StreamBroken
        if last != COMPLETED:
            raise TurnFailure("the model provider could not complete the response")

    def _decode(self, data: str) -> Event | None:
        try:
            return self._decoder.decode(data)
        except (msgspec.DecodeError, RecursionError):
            return None

    async def aclose(self) -> None:
        """Let go of what connections there are."""
        await self._client.aclose()


def _headers(credentials: Credentials | None, accepted: bytes) -> list[tuple[bytes, bytes]]:
    headers = [(b"Accept", accepted)]
    if credentials is not None:
        headers.append((b"Authorization", b"Bearer " + credentials.bearer.encode()))
        if credentials.account_id:
            headers.append((b"ChatGPT-Account-ID", credentials.account_id.encode()))
    return headers
