"""Logins that outlive the server: `CODEX_HOME/auth.json`, in the form that codex gives it.

External tokens are never stored.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from codex_reference_server.credentials import (
    API_KEY,
    MANAGED,
    Credentials,
    NotAJwt,
    read_claims,
)

OWNER_ONLY = 0o600


class Tokens(msgspec.Struct, frozen=True):
    """The tokens of a managed login.

    Attributes:
        account_id: of the workspace; None where the id token alone names it.
    """

    id_token: str
    access_token: str
    refresh_token: str = ""
    account_id: str | None = None

    def __repr__(self) -> str:
        return f"Tokens({self.account_id})"


class _AuthFile(msgspec.Struct):
    auth_mode: str | None = None
    api_key: str | None = msgspec.field(name="OPENAI_API_KEY", default=None)
    tokens: Tokens | None = None
    last_refresh: Any = None


def auth_file(home: Path) -> Path:
    """Where the login is kept."""
    return home / "auth.json"


def stored_login(home: Path) -> Credentials | None:
    """The login that was stored before; None if there is none that can be read."""
    stored = _read(home)
    if stored.auth_mode == API_KEY and stored.api_key:
        return Credentials(API_KEY, stored.api_key)
    if stored.auth_mode == MANAGED and stored.tokens:
        with suppress(NotAJwt):
            return managed_credentials(stored.tokens)
    return None


def stored_tokens(home: Path) -> Tokens | None:
    """The tokens of the managed login that was stored before, if there is one."""
    stored = _read(home)
    return stored.tokens if stored.auth_mode == MANAGED else None


def managed_credentials(tokens: Tokens) -> Credentials:
    """The managed login that these tokens stand for.

    Raises:
        NotAJwt: no claims can be read.
    """
    claims = read_claims(tokens.id_token, "id_token")
    return Credentials(
        mode=MANAGED,
        bearer=tokens.access_token,
        account_id=tokens.account_id or claims.account_id,
        email=claims.email,
        plan=claims.plan,
        user_id=claims.user_id,
        refresh_token=tokens.refresh_token,
    )


def store_api_key(home: Path, key: str) -> None:
    """Store an API key in place of whatever login was stored.

    Raises:
        OSError: it cannot be written.
    """
    _write(home, _AuthFile(auth_mode=API_KEY, api_key=key))


def store_managed_login(home: Path, tokens: Tokens) -> None:
    """Store a managed login in place of whatever login was stored.

    Raises:
        OSError: it cannot be written.
    """
    _write(home, _AuthFile(auth_mode=MANAGED, tokens=tokens, last_refresh=_now()))


def store_refreshed(home: Path, tokens: Tokens) -> None:
    """Store newer tokens of the managed login that is stored; whatever else codex keeps stays.

    Raises:
        OSError: they cannot be written.
    """
    content = msgspec.json.decode(auth_file(home).read_bytes())
    content["tokens"] |= msgspec.to_builtins(tokens)
    _write(home, content | {"last_refresh": _now()})


def forget_login(home: Path) -> None:
    """Remove the stored login, if there is one.

    Raises:
        OSError: it cannot be removed.
    """
    auth_file(home).unlink(missing_ok=True)


def _read(home: Path) -> _AuthFile:
    """What is stored; nothing if it cannot be read. Older releases of codex name no mode."""
    try:
        stored = msgspec.json.decode(auth_file(home).read_bytes(), type=_AuthFile)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _AuthFile()
    if not stored.auth_mode:
        stored.auth_mode = API_KEY if stored.api_key else MANAGED
    return stored


def _write(home: Path, content: Any) -> None:
    """Store it where only its owner can read it; all of it or nothing."""
    target = auth_file(home)
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWNER_ONLY)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, OWNER_ONLY)  # the draft may be left over from somebody else
            file.write(msgspec.json.encode(content))
        draft.replace(target)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def _now() -> Any:
    """The moment as codex notes it down: UTC, in ISO 8601."""
    from datetime import UTC, datetime

    return datetime.now(UTC)
