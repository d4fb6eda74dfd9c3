"""Logins that outlive the server: `CODEX_HOME/auth.json`, in the form that codex gives it.

External tokens are never stored.
"""

import os
from pathlib import Path

import msgspec

from codex_reference_server.credentials import (
    API_KEY,
    MANAGED,
    Credentials,
    NotAJwt,
    read_claims,
)

OWNER_ONLY = 0o600


class _Tokens(msgspec.Struct):
    id_token: str
    access_token: str
    refresh_token: str = ""
    account_id: str | None = None


class _AuthFile(msgspec.Struct):
    auth_mode: str | None = None
    api_key: str | None = msgspec.field(name="OPENAI_API_KEY", default=None)
    tokens: _Tokens | None = None


def auth_file(home: Path) -> Path:
    """Where the login is kept."""
    return home / "auth.json"


def stored_login(home: Path) -> Credentials | None:
    """The login that was stored before; None if there is none that can be read."""
    try:
        stored = msgspec.json.decode(auth_file(home).read_bytes(), type=_AuthFile)
    except (OSError, msgspec.DecodeError, RecursionError):
        return None
    mode = stored.auth_mode or (API_KEY if stored.api_key else MANAGED)
    if mode == API_KEY and stored.api_key:
        return Credentials(API_KEY, stored.api_key)
    if mode == MANAGED and stored.tokens:
        return _managed(stored.tokens)
    return None


def store_api_key(home: Path, key: str) -> None:
    """Store an API key where only its owner can read it; all of it or nothing.

    Raises:
        OSError: it cannot be written.
    """
    content = msgspec.json.encode(_AuthFile(auth_mode=API_KEY, api_key=key))
    target = auth_file(home)
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWNER_ONLY)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, OWNER_ONLY)  # the draft may be left over from somebody else
            file.write(content)
        draft.replace(target)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def forget_login(home: Path) -> None:
    """Remove the stored login, if there is one.

    Raises:
        OSError: it cannot be removed.
    """
    auth_file(home).unlink(missing_ok=True)


def _managed(tokens: _Tokens) -> Credentials | None:
    try:
        claims = read_claims(tokens.id_token, "id_token")
    except NotAJwt:
        return None
    return Credentials(
        mode=MANAGED,
        bearer=tokens.access_token,
        account_id=tokens.account_id or claims.account_id,
        email=claims.email,
        plan=claims.plan,
        user_id=claims.user_id,
        refresh_token=tokens.refresh_token,
    )
