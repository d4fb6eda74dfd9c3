"""The browser of a user: goes where it is sent, and follows redirects on the same host."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

Visit = Callable[[str], Awaitable[tuple[int, Mapping[str, str], bytes]]]
"""Get a URL; status, headers and body. Raises `ConnectionError` where nobody answers."""

_HOPS = 5
_PATIENCE = 10.0  # seconds that a page may take
_PAGE_LIMIT = 1024 * 1024  # bytes of a page that are looked at


@dataclass(frozen=True)
class Shown:
    """What a browser was shown; `status` is None where nobody answered."""

    status: int | None
    body: str = ""

    @property
    def is_error(self) -> bool:
        """Whether it was an HTTP error."""
        return self.status is not None and self.status >= 400

    def __str__(self) -> str:
        return "no answer" if self.status is None else f"HTTP status {self.status}"


async def browse(visit: Visit, url: str) -> Shown:
    """Go to `url`, and on to where it redirects on the same host and port."""
    place = urlsplit(url).netloc
    for _ in range(_HOPS):
        try:
            status, headers, body = await visit(url)
        except ConnectionError:
            return Shown(None)
        named = {name.lower(): value for name, value in headers.items()}
        onward = urljoin(url, named.get("location", "")) if 300 <= status < 400 else url
        if onward == url or urlsplit(onward).netloc != place:
            break
        url = onward
    return Shown(status, body[:_PAGE_LIMIT].decode("utf-8", "replace"))


async def visit_over_http(url: str) -> tuple[int, Mapping[str, str], bytes]:
    """Get a URL over the network, without a proxy."""
    import httpx

    async with httpx.AsyncClient(trust_env=False, timeout=_PATIENCE) as client:
        try:
            response = await client.get(url)
        except httpx.HTTPError as error:
            raise ConnectionError(str(error)) from None
        return response.status_code, response.headers, response.content
