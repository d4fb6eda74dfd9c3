"""A managed login in the browser, as far as it goes without a browser: started, and pending.

The server that takes the callback on `REDIRECT_URI`, and the exchange of its code for tokens,
belong here and are not written yet.
"""

from base64 import urlsafe_b64encode
from hashlib import sha256
from secrets import token_urlsafe
from urllib.parse import urlencode
from uuid import UUID, uuid4

import msgspec

ISSUER = "https://auth.openai.com"
CLIENT_ID = "app_EMoamEEZ73f0CkXaXp7hrann"
REDIRECT_URI = "http://localhost:1455/auth/callback"
SCOPE = "openid profile email offline_access"


class BrowserLogin(msgspec.Struct, frozen=True):
    """A login that waits for the browser.

    Attributes:
        auth_url: where the user's browser is to go.
        state: what the callback has to bring along.
        verifier: what proves to the issuer that it was we who sent the browser there (RFC 7636).
    """

    login_id: str
    auth_url: str
    state: str
    verifier: str

    def __repr__(self) -> str:
        return f"BrowserLogin({self.login_id})"


def start_browser_login(originator: str, workspaces: tuple[str, ...]) -> BrowserLogin:
    """A new login.

    Args:
        originator: name of the client.
        workspaces: the only ones that the user may choose; empty allows any.
    """
    state, verifier = token_urlsafe(32), token_urlsafe(64)
    query = {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": REDIRECT_URI,
        "scope": SCOPE,
        "code_challenge": _challenge(verifier),
        "code_challenge_method": "S256",
        "id_token_add_organizations": "true",
        "codex_cli_simplified_flow": "true",
        "state": state,
        "originator": originator,
    }
    if workspaces:
        query["allowed_workspace_id"] = ",".join(workspaces)
    return BrowserLogin(
        str(uuid4()), f"{ISSUER}/oauth/authorize?{urlencode(query)}", state, verifier
    )


def is_login_id(text: str) -> bool:
    """Whether a text has the form of a `loginId`, which is a UUID."""
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _challenge(verifier: str) -> str:
    return urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
