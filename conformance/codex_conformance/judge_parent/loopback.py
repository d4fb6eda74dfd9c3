"""One HTTP server on loopback for all scenarios of a run: the token issuers, by path."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import count

from codex_conformance.backend_on_loopback import Served, served_on_loopback
from codex_conformance.replies import Reply, json_reply


class Loopback:
    """Sends each request to the scenario whose it is.

    Attributes:
        origin: `http://127.0.0.1:PORT`.
    """

    def __init__(self) -> None:
        self.origin = ""
        self._issuers: dict[str, Served] = {}
        self._numbers = count(1)

    async def __call__(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Reply:
        """Answer one request."""
        issuer = self._issuers.get(path)
        if issuer is None:
            return json_reply(404, {"error": "nothing is served here, or the scenario is over"})
        return await issuer(method, path, headers, body)

    def release(self) -> None:
        """Nothing is held here."""

    @contextmanager
    def serving(self, issuer: Served) -> Iterator[str]:
        """Serve the issuer of a scenario as long as it lasts; its URL."""
        path = f"/{next(self._numbers)}/token"
        self._issuers[path] = issuer
        try:
            yield self.origin + path
        finally:
            del self._issuers[path]


@asynccontextmanager
async def open_loopback() -> AsyncIterator[Loopback]:
    """The server, as long as the run lasts."""
    loopback = Loopback()
    async with served_on_loopback(loopback) as loopback.origin:
        yield loopback
