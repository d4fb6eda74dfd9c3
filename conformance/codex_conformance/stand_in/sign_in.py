"""The pages of the embedded issuer: plain HTML with one button, for people and for tests.

They are shown on loopback, where the login waits for its browser, and only as long as it does.
"""

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from codex_conformance.issuer import MockIssuer
from codex_conformance.reference import page
from codex_conformance.tokens import ALPHA

if TYPE_CHECKING:
    from codex_conformance.reference import Page, Visit

AUTHORIZE = "/oauth/authorize"
DEVICE = "/codex/device"
_TITLE = "Sign in"
_NO_ACCOUNT = "This is the stand-in for codex: there is no password, and no account."


def issuers_page(issuer: MockIssuer, visit: "Visit") -> "Page | None":
    """The page for a visitor; None if there is none."""
    if visit.path == AUTHORIZE:
        return _browser(issuer, visit)
    if visit.path == DEVICE:
        return _device(issuer, visit)
    return None


def is_sign_in(auth_url: str) -> bool:
    """Whether somebody signs in at this address."""
    parts = urlsplit(auth_url)
    return parts.path == AUTHORIZE and "redirect_uri=" in parts.query


def _browser(issuer: MockIssuer, visit: "Visit") -> "Page":
    """Whoever presses the button is back where the login began, with a code."""
    if not _is_here(visit.query("redirect_uri") or ""):
        return page(400, _TITLE, "This is no address that account/login/start gave.")
    account = (visit.query("allowed_workspace_id") or ALPHA).partition(",")[0]
    back, _, query = issuer.consent(visit.target, account).partition("?")
    return page(200, _TITLE, _NO_ACCOUNT, _form(back, account, dict(parse_qsl(query))))


def _is_here(url: str) -> bool:
    """Whether an address is on this machine, as that of every login is that begins here."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return (parts.scheme, parts.hostname) == ("http", "localhost")


def _device(issuer: MockIssuer, visit: "Visit") -> "Page":
    """Whoever types the code of a device, and presses the button, has agreed for it."""
    user_code = visit.query("user_code")
    if user_code is None:
        field = '<label>Code <input name="user_code" required></label>'
        return page(200, _TITLE, _NO_ACCOUNT, _form(DEVICE, ALPHA, {}, field))
    if not issuer.approve_device(user_code):
        return page(404, _TITLE, "No device waits with this code.")
    return page(200, "You are signed in", "Your device will notice. You can close this page.")


def _form(action: str, account: str, members: Mapping[str, str], field: str = "") -> str:
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in members.items()
    )
    button = f"<button>Sign in as {escape(account)}</button>"
    return f'<form action="{escape(action)}">{hidden}{field} {button}</form>'
