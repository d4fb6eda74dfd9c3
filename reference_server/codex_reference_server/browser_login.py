"""A managed login in the browser, which the issuer sends back with a code to trade for tokens."""

from base64 import urlsafe_b64encode
from hashlib import sha256
from secrets import compare_digest, token_urlsafe
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import anyio

from codex_reference_server.config import IssuerConfig
from codex_reference_server.landing import Page, Visit, no_page, page, refusal
from codex_reference_server.pending import Ending, LoginFailure, new_login_id
from codex_reference_server.store import Tokens
from codex_reference_server.trade import trade_code

if TYPE_CHECKING:
    from codex_reference_server.wiring import Wiring

AUTHORIZE = "/oauth/authorize"
CALLBACK = "/auth/callback"
SCOPE = "openid profile email offline_access"
TIME_LIMIT = 600.0
"""Seconds that the user has."""

DENIED = "access_denied"


class BrowserLogin:
    """A login that waits for the browser.

    Args:
        originator: name of the client.
        workspaces: the only ones that the user may choose; empty allows any.
        wiring: from which a place is taken for the browser to come back to; given back at the end.

    Attributes:
        auth_url: where the user's browser is to go.

    Raises:
        OSError: there is no such place.
    """

    def __init__(
        self,
        issuer: IssuerConfig,
        originator: str,
        workspaces: tuple[str, ...],
        wiring: "Wiring",
    ) -> None:
        self.login_id = new_login_id()
        self._issuer = issuer
        self._wiring = wiring
        self._landing = wiring.take_landing()
        self._origin = f"http://localhost:{self._landing.port}"
        self._redirect_uri = f"{self._origin}{CALLBACK}"
        self._state = token_urlsafe(32)
        self._verifier = token_urlsafe(64)
        self._is_taken = False
        self._over = anyio.Event()
        self.auth_url = self._auth_url(originator, workspaces)

    async def follow(self, ending: Ending) -> None:
        """Receive the browser until it has brought what ends the login."""

        async def visited(visit: Visit) -> Page:
            return await self.receive(visit, ending)

        try:
            with anyio.fail_after(TIME_LIMIT):
                await self._landing.serve(visited, self._over)
        except TimeoutError:
            limit = f"{TIME_LIMIT / 60:g} minutes"
            raise LoginFailure(f"the login was not completed within {limit}") from None
        finally:
            self.close()

    def close(self) -> None:
        """Give the address back."""
        self._landing.close()

    async def receive(self, visit: Visit, ending: Ending) -> Page:
        """The page for a visitor. One who does not know the state changes nothing."""
        if visit.path != CALLBACK:
            return self._issuers_page(visit) or no_page()
        state = visit.query("state")
        if state is None or not compare_digest(state.encode(), self._state.encode()):
            return refusal(400, "This is not the login that is waited for.")
        error, code = visit.query("error"), visit.query("code")
        if self._is_taken or (error is None and not code):
            return refusal(400, "This login does not go on like that.")
        self._is_taken = True
        try:
            ending.succeed(await self._trade(error, code or ""))
        except LoginFailure as failure:
            ending.fail(str(failure))
            return page(200, "You are not signed in", f"The login has failed: {failure}.")
        finally:
            self._over.set()
        return page(200, "You are signed in", "You can close this page.")

    def _issuers_page(self, visit: Visit) -> Page | None:
        pages = self._wiring.issuers_pages
        return None if pages is None else pages(visit)

    async def _trade(self, error: str | None, code: str) -> Tokens:
        if error is not None:
            raise LoginFailure("consent was denied" if error == DENIED else "the issuer said no")
        http = self._wiring.http
        return await trade_code(self._issuer, http, code, self._redirect_uri, self._verifier)

    def _auth_url(self, originator: str, workspaces: tuple[str, ...]) -> str:
        query = {
            "response_type": "code",
            "client_id": self._issuer.client_id,
            "redirect_uri": self._redirect_uri,
            "scope": SCOPE,
            "code_challenge": _challenge(self._verifier),
            "code_challenge_method": "S256",
            "id_token_add_organizations": "true",
            "codex_cli_simplified_flow": "true",
            "state": self._state,
            "originator": originator,
        }
        if workspaces:
            query["allowed_workspace_id"] = ",".join(workspaces)
        origin = self._issuer.origin if self._wiring.issuers_pages is None else self._origin
        return f"{origin}{AUTHORIZE}?{urlencode(query)}"


def _challenge(verifier: str) -> str:
    """By the method S256 of RFC 7636."""
    return urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
