"""Where browsers land after a login: an address on loopback, and the pages that it shows.

What a landing is made of, sockets or memory, is given to the server; what it lets in is decided
here, since any program and any web page on the machine may come by.
"""

from collections.abc import Awaitable, Callable
from html import escape
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

import anyio
import msgspec

PREFERRED_PORTS = (1455, 1457)
"""Those that the issuer of codex sends browsers to; if both are taken, any."""

QUERY_LIMIT = 20
"""Members of a query."""

HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'",
    "Referrer-Policy": "no-referrer",  # the address has a code in it
    "X-Content-Type-Options": "nosniff",
}


class Page(msgspec.Struct, frozen=True):
    """What a visitor is shown; `body` is HTML."""

    status: int
    body: str


class Visit(msgspec.Struct, frozen=True):
    """One request that came by, as far as anybody looks at it."""

    method: str
    target: str
    host: str | None
    origin: str | None = None

    @property
    def path(self) -> str:
        """The path, without the query."""
        return self.target.partition("?")[0]

    def query(self, name: str) -> str | None:
        """A member of the query; None if it is not there, there twice, or there are too many."""
        try:
            members = parse_qs(self.target.partition("?")[2], max_num_fields=QUERY_LIMIT)
        except ValueError:
            return None
        values = members.get(name, ())
        return values[0] if len(values) == 1 else None

    def __repr__(self) -> str:
        return f"Visit({self.method} {self.path})"


Visited = Callable[[Visit], Awaitable[Page]]
"""Receive a visitor."""


class Landing(Protocol):
    """An address on loopback that is taken."""

    port: int

    async def serve(self, visited: Visited, over: anyio.Event) -> None:
        """Receive visitors until it is over."""

    def close(self) -> None:
        """Give the address back."""


TakeLanding = Callable[[], Landing]
"""Take an address, a preferred one if it is free. Raises `OSError`."""


IssuersPages = Callable[[Visit], Page | None]
"""The issuer's page for a visitor; None if it has none there."""


def page(status: int, title: str, text: str, more: str = "") -> Page:
    """A page of plain words, and HTML below them."""
    title, text = escape(title), escape(text)
    head = f'<head><meta charset="utf-8"><title>{title}</title></head>'
    body = f"<body><h1>{title}</h1><p>{text}</p>{more}</body>"
    return Page(status, f'<!doctype html><html lang="en">{head}{body}</html>')


def refusal(status: int, text: str) -> Page:
    """A page for a visitor who has no business here."""
    return page(status, "Nothing to see", text)


def no_page() -> Page:
    """For a visitor who asks for anything that there is not."""
    return refusal(404, "There is no such page.")


async def receive(visit: Visit, port: int, visited: Visited) -> Page:
    """The page for a visitor; only browsers that were sent here get past this."""
    places = tuple(f"{name}:{port}" for name in ("localhost", "127.0.0.1"))
    if visit.host not in places:
        return refusal(400, "This is not the host that was asked for.")
    if visit.origin not in (None, *(f"http://{place}" for place in places)):
        return refusal(403, "Other pages may not ask for anything here.")
    if visit.method != "GET":
        return refusal(405, "Only GET is answered.")
    return await visited(visit)


class LandingsInMemory:
    """Landings without a socket, and the browser that visits them."""

    def __init__(self) -> None:
        self._taken: dict[int, _LandingInMemory] = {}

    def take(self) -> Landing:
        """Take the first port that is free."""
        port = PREFERRED_PORTS[0]
        while port in self._taken:
            port += 1
        landing = self._taken[port] = _LandingInMemory(port, self._taken)
        return landing

    async def visit(self, url: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of what a browser gets there.

        Raises:
            ConnectionRefusedError: nobody is there.
        """
        parts = urlsplit(url)
        landing = self._taken.get(parts.port or 80)
        if landing is None:
            raise ConnectionRefusedError(f"nobody listens on port {parts.port}")
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        shown = await landing.receive(Visit("GET", target, parts.netloc))
        return shown.status, dict(HEADERS), shown.body.encode()


class _LandingInMemory:
    def __init__(self, port: int, taken: "dict[int, _LandingInMemory]") -> None:
        self.port = port
        self._taken = taken
        self._visited: Visited | None = None
        self._open = anyio.Event()

    async def receive(self, visit: Visit) -> Page:
        """The page for a visitor, once somebody receives visitors here."""
        await self._open.wait()
        if self._visited is None:
            raise ConnectionResetError("nobody listens any more")
        return await receive(visit, self.port, self._visited)

    async def serve(self, visited: Visited, over: anyio.Event) -> None:
        self._visited = visited
        self._open.set()
        await over.wait()

    def close(self) -> None:
        self._visited = None
        self._open.set()
        if self._taken.get(self.port) is self:
            del self._taken[self.port]
