"""Faults of managed logins."""

from typing import Any

import anyio
import pytest
from codex_reference_server import managed_refresh, store
from codex_reference_server.account import Account
from codex_reference_server.auth import Auth
from codex_reference_server.issuer import Issuer
from codex_reference_server.managed_refresh import ManagedRefresher
from codex_reference_server.refresh import RefreshFailure
from mutant import around, mutant

# MANAGED-4


@mutant("MANAGED-4", "MANAGED-5", "MANAGED-6")
def managed_login_never_refreshed(patch: pytest.MonkeyPatch) -> None:
    """A 401 for a managed login stands."""

    @around(patch, ManagedRefresher, "refresh")
    async def refresh(real: Any, self: Any, rejected: Any) -> bool:
        return False


@mutant("MANAGED-4", "MANAGED-5")
def refreshed_tokens_not_stored(patch: pytest.MonkeyPatch) -> None:
    """Newer tokens are used, and not written to auth.json."""
    patch.setattr(store, "store_refreshed", lambda home, tokens: None)


@mutant("MANAGED-4", "MANAGED-5")
def rotated_refresh_token_forgotten(patch: pytest.MonkeyPatch) -> None:
    """The refresh token that a refresh gives is not kept."""

    @around(patch, managed_refresh, "_merged")
    def merged(real: Any, before: Any, issued: Any, rejected: Any) -> Any:
        newer = real(before, issued, rejected)
        return store.Tokens(
            newer.id_token, newer.access_token, before.refresh_token, newer.account_id
        )


@mutant("MANAGED-4")
def refresh_token_missing_from_the_answer_is_lost(patch: pytest.MonkeyPatch) -> None:
    """An answer of the issuer without a refresh token takes the one that is stored away."""

    @around(patch, managed_refresh, "_merged")
    def merged(real: Any, before: Any, issued: Any, rejected: Any) -> Any:
        newer = real(before, issued, rejected)
        kept = issued.refresh_token or ""
        return store.Tokens(newer.id_token, newer.access_token, kept, newer.account_id)


@mutant("MANAGED-4")
def every_turn_refreshes_by_itself(patch: pytest.MonkeyPatch) -> None:
    """Turns that meet a 401 together each use the refresh token."""

    @around(patch, ManagedRefresher, "refresh")
    async def refresh(real: Any, self: Any, rejected: Any) -> bool:
        self._attempt = None
        return bool(await real(self, rejected))


@mutant("MANAGED-4", "MANAGED-6")
def trouble_at_the_issuer_logs_out(patch: pytest.MonkeyPatch) -> None:
    """A refresh that fails for now takes the login away."""

    @around(patch, Auth, "renew")
    async def renew(real: Any, self: Any, rejected: Any) -> Any:
        try:
            return await real(self, rejected)
        except RefreshFailure:
            if self.is_managed:
                self.log_out()
            raise


@mutant("MANAGED-4", "MANAGED-6", "REFRESH-7")
def client_asked_to_refresh_a_managed_login(patch: pytest.MonkeyPatch) -> None:
    """A 401 for a managed login asks the client, as one for external tokens does."""

    @around(patch, Auth, "renew")
    async def renew(real: Any, self: Any, rejected: Any) -> Any:
        if rejected is not None and rejected.mode == "chatgpt":
            await self._refreshers["chatgptAuthTokens"].refresh(rejected)
        return await real(self, rejected)


# MANAGED-5


@mutant("MANAGED-5")
def wish_to_refresh_ignored(patch: pytest.MonkeyPatch) -> None:
    """`account/read` refreshes nothing."""
    patch.setattr(Account, "read", lambda self, params, session: self._shown())


@mutant("MANAGED-5")
def account_from_before_the_refresh_shown(patch: pytest.MonkeyPatch) -> None:
    """`account/read` with `refreshToken: true` names the account as it was."""

    @around(patch, Account, "_read_refreshed")
    async def read(real: Any, self: Any) -> Any:
        before = self._shown()
        await real(self)
        return before


# MANAGED-6


@mutant("MANAGED-6")
def error_does_not_say_to_sign_in(patch: pytest.MonkeyPatch) -> None:
    """The error of a turn says what is wrong, and not what to do."""
    patch.setattr(managed_refresh, "SIGN_IN", "this cannot be mended")


@mutant("MANAGED-6")
def refresh_tried_again_and_again(patch: pytest.MonkeyPatch) -> None:
    """A refused refresh token is tried five times."""

    @around(patch, Issuer, "refresh")
    async def refresh(real: Any, self: Any, refresh_token: str) -> Any:
        for _ in range(4):
            try:
                return await real(self, refresh_token)
            except Exception:  # noqa: BLE001 - this is the fault
                await anyio.lowlevel.checkpoint()
        return await real(self, refresh_token)


# LOGOUT


@mutant("LOGOUT-2")
def refresh_logs_in_again_after_a_logout(patch: pytest.MonkeyPatch) -> None:
    """What the issuer answers after a logout is taken all the same."""
    patch.setattr(ManagedRefresher, "login_changed", lambda self: None)

    @around(patch, ManagedRefresher, "_keep")
    def keep(real: Any, self: Any, before: Any, newer: Any) -> None:
        if store.auth_file(self._home).exists():
            real(self, before, newer)


# SECRET


@mutant("SECRET-2")
def words_of_the_issuer_repeated(patch: pytest.MonkeyPatch) -> None:
    """The error of a turn has what the issuer said in it."""
    from codex_reference_server import issuer

    said: list[str] = []

    @around(patch, issuer, "_code_in")
    def code_in(real: Any, content: bytes) -> str:
        said.append(content.decode())
        return str(real(content))

    @around(patch, RefreshFailure, "__init__")
    def init(real: Any, self: Any, reason: str) -> None:
        real(self, reason + "".join(said))
