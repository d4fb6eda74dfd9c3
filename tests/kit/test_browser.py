"""The browser of the user goes where it is sent on the same host, and no further."""

from collections.abc import Mapping

import anyio
import pytest
from codex_conformance.browser import Shown, browse, visit_over_http
from codex_conformance.loopback import served

HERE = "http://localhost:1455"
PAGES: dict[str, tuple[int, dict[str, str], bytes]] = {
    f"{HERE}/first": (302, {"Location": "/second"}, b""),
    f"{HERE}/second": (200, {}, b"welcome"),
    f"{HERE}/away": (302, {"location": "https://elsewhere.example/"}, b"away"),
    f"{HERE}/round": (302, {"location": "/round"}, b"round"),
    f"{HERE}/there": (302, {"location": "/back"}, b"there"),
    f"{HERE}/back": (302, {"location": "/there"}, b"back"),
    f"{HERE}/nowhere": (303, {}, b"nowhere"),
    f"{HERE}/wrong": (400, {}, b"wrong state"),
}


async def visit(url: str) -> tuple[int, Mapping[str, str], bytes]:
    if url not in PAGES:
        raise ConnectionError(url)
    return PAGES[url]


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("first", Shown(200, "welcome")),
        ("away", Shown(302, "away")),
        ("round", Shown(302, "round")),
        ("there", Shown(302, "there")),
        ("nowhere", Shown(303, "nowhere")),
        ("wrong", Shown(400, "wrong state")),
        ("unknown", Shown(None)),
    ],
)
def test_browser_is_shown_the_page_at_the_end(path: str, shown: Shown) -> None:
    assert anyio.run(browse, visit, f"{HERE}/{path}") == shown


def test_page_is_got_over_the_network() -> None:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    async def page(request: Request) -> PlainTextResponse:
        return PlainTextResponse(f"state {request.query_params['state']}", 400)

    async def visits() -> None:
        async with served(Starlette(routes=[Route("/callback", page)])) as port:
            shown = await browse(visit_over_http, f"http://127.0.0.1:{port}/callback?state=x")
        assert shown == Shown(400, "state x")
        gone = await browse(visit_over_http, f"http://127.0.0.1:{port}/callback?state=x")
        assert (gone, str(gone), gone.is_error) == (Shown(None), "no answer", False)

    anyio.run(visits)
