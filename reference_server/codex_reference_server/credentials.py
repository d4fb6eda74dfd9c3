"""Whom requests to the backend are made for, and how that is read from tokens."""

import string
from binascii import a2b_base64
from typing import Any, Literal

import msgspec

from codex_reference_server.messages import Refusal
from codex_reference_server.revision import Revision

API_KEY: Literal["apikey"] = "apikey"
MANAGED: Literal["chatgpt"] = "chatgpt"
EXTERNAL: Literal["chatgptAuthTokens"] = "chatgptAuthTokens"

AuthMode = Literal["apikey", "chatgpt", "chatgptAuthTokens"]

_AUTH_CLAIM = "https://api.openai.com/auth"
_PROFILE_CLAIM = "https://api.openai.com/profile"
_TO_BASE64 = str.maketrans("-_", "+/")
_BASE64URL = frozenset(string.ascii_letters + string.digits + "-_")


class Credentials(msgspec.Struct, frozen=True):
    """One login: token and account belong together and are only ever replaced together.

    Attributes:
        bearer: the access token or API key.
        account_id: of the workspace; None for an API key, or where no claim names it.
        plan: as claimed or as the client said; need not be a `PlanType` of the revision.
    """

    mode: AuthMode
    bearer: str
    account_id: str | None = None
    email: str | None = None
    plan: str | None = None
    user_id: str | None = None
    refresh_token: str | None = None

    def __repr__(self) -> str:
        return f"Credentials({self.mode}, {self.account_id})"


class Claims(msgspec.Struct, frozen=True):
    """What a token says about its account, as far as it says anything."""

    email: str | None
    account_id: str | None
    plan: str | None
    user_id: str | None


class NotAJwt(Refusal):
    """A token whose claims are to be read is no JWT."""

    def __init__(self, member: str) -> None:
        super().__init__(f"{member} is no JWT: expected three parts in base64url, joined by dots")


def read_claims(token: str, member: str) -> Claims:
    """The claims in a JWT, taken at their word: the backend verifies it, not this server.

    A payload that is no object has no claims. `member` is what the token is called where it came
    from.

    Raises:
        NotAJwt: header and payload do not decode, or there is nothing where the signature belongs.
    """
    parts = token.split(".", 3)[:3]
    if len(parts) < 3 or not all(part and _BASE64URL.issuperset(part) for part in parts):
        raise NotAJwt(member)
    try:
        _header, payload = (_decode(part) for part in parts[:2])
    except (ValueError, RecursionError):
        raise NotAJwt(member) from None
    auth, profile = _member(payload, _AUTH_CLAIM), _member(payload, _PROFILE_CLAIM)
    return Claims(
        email=_text(payload, "email") or _text(profile, "email"),
        account_id=_text(auth, "chatgpt_account_id"),
        plan=_text(auth, "chatgpt_plan_type"),
        user_id=_text(auth, "chatgpt_user_id") or _text(auth, "user_id"),
    )


def external_credentials(tokens: Any, revision: Revision) -> Credentials:
    """The login that external tokens stand for, in the shape of the revision.

    The tokens are the params of a login or the result of a refresh, which have the same members.

    Raises:
        NotAJwt: no claims can be read.
    """
    if revision.claims_from_id_token:
        claims = read_claims(tokens.id_token, "idToken")
        account_id, plan = claims.account_id, claims.plan
    else:
        claims = read_claims(tokens.access_token, "accessToken")
        account_id, plan = tokens.chatgpt_account_id, tokens.chatgpt_plan_type or claims.plan
    return Credentials(
        mode=EXTERNAL,
        bearer=tokens.access_token,
        account_id=account_id,
        email=claims.email,
        plan=plan,
        user_id=claims.user_id,
    )


def _decode(part: str) -> Any:
    return msgspec.json.decode(_from_base64url(part))


def _from_base64url(part: str) -> bytes:
    padding = "=" * (-len(part) % 4)
    return a2b_base64(part.translate(_TO_BASE64) + padding)


def _member(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _text(value: Any, key: str) -> str | None:
    text = _member(value, key)
    return text if isinstance(text, str) else None
