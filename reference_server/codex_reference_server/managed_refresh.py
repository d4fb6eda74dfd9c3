"""The refresh of a managed login: with its own refresh token the server asks only the issuer."""

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import anyio
import msgspec

from codex_reference_server import store
from codex_reference_server.config import Config
from codex_reference_server.credentials import Credentials, NotAJwt
from codex_reference_server.refresh import Refresher, RefreshFailure

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

    from codex_reference_server.http_client import Http
    from codex_reference_server.issuer import Issued

SIGN_IN = "please log out and sign in again"
USED_UP = {
    "refresh_token_expired": "the refresh token has expired",
    "refresh_token_reused": "the refresh token was used before",
    "refresh_token_invalidated": "the refresh token was revoked",
}
"""What the issuer means when it says that a refresh token will never be of use again."""


class _Attempt(msgspec.Struct):
    """One refresh, and everybody who waits for its outcome."""

    settled: anyio.Event
    failure: str | None = None


class ManagedRefresher(Refresher):
    """Trades refresh tokens in for newer tokens, and stores them.

    One attempt at a time: whoever meets a 401 while one is under way waits for the same outcome.
    It goes on when nobody waits any more, since the refresh token may be used up already.

    Args:
        take: gets the newer login.
        tasks: where attempts run.
    """

    def __init__(
        self,
        config: Config,
        take: Callable[[Credentials], None],
        tasks: "TaskGroup",
        http: "Http | None",
    ) -> None:
        self._home = config.home
        self._issuer = config.issuer
        self._take = take
        self._tasks = tasks
        self._http = http
        self._attempt: _Attempt | None = None
        self._dead: dict[str, str] = {}  # refresh tokens that the issuer refused -> why

    def reread(self, rejected: Credentials) -> None:
        """Take what another process has stored for the same account."""
        stored = store.stored_login(self._home)
        if stored is not None and _same_account(stored, rejected):
            self._take(stored)

    async def refresh(self, rejected: Credentials) -> bool:
        """Return once the attempt is settled, by its outcome or by a login or logout."""
        attempt = self._attempt
        if attempt is None:
            attempt = self._attempt = _Attempt(anyio.Event())
            self._tasks.start_soon(self._run, attempt, rejected)
        await attempt.settled.wait()
        if attempt.failure is not None:
            raise RefreshFailure(attempt.failure)
        return True

    def give_back(self, refresh_token: str) -> None:
        """Have the issuer revoke a refresh token; nobody waits for that, and it may fail."""
        self._tasks.start_soon(self._revoke, refresh_token)

    async def _revoke(self, refresh_token: str) -> None:
        from codex_reference_server.issuer import IssuerRefusal, IssuerTrouble, speaking_to

        with suppress(IssuerRefusal, IssuerTrouble):
            async with speaking_to(self._issuer, self._http) as issuer:
                await issuer.revoke(refresh_token)

    def login_changed(self) -> None:
        """Settle the attempt; what becomes of it changes nothing any more."""
        if self._attempt is not None:
            self._settle(self._attempt)

    async def _run(self, attempt: _Attempt, rejected: Credentials) -> None:
        try:
            tokens = self._tokens_of(rejected)
            newer = _merged(tokens, await self._ask_issuer(tokens.refresh_token), rejected)
            if attempt is self._attempt:
                self._keep(tokens, newer)
                self._take(store.managed_credentials(newer))
        except RefreshFailure as failure:
            self._settle(attempt, failure.reason)
        else:
            self._settle(attempt)

    def _tokens_of(self, rejected: Credentials) -> store.Tokens:
        """The tokens as they are stored now, by whomever."""
        login, tokens = store.stored_login(self._home), store.stored_tokens(self._home)
        if login is None or tokens is None or not _same_account(login, rejected):
            raise RefreshFailure(f"auth.json no longer has this login; {SIGN_IN}")
        if not tokens.refresh_token:
            raise RefreshFailure(f"there is no refresh token; {SIGN_IN}")
        return tokens

    async def _ask_issuer(self, refresh_token: str) -> "Issued":
        from codex_reference_server.issuer import IssuerRefusal, IssuerTrouble, speaking_to

        if refresh_token in self._dead:
            raise RefreshFailure(self._dead[refresh_token])
        try:
            async with speaking_to(self._issuer, self._http) as issuer:
                return await issuer.refresh(refresh_token)
        except IssuerTrouble as trouble:
            raise RefreshFailure(str(trouble)) from None
        except IssuerRefusal as refusal:
            reason = f"{USED_UP.get(refusal.code, str(refusal))}; {SIGN_IN}"
            self._dead[refresh_token] = reason
            raise RefreshFailure(reason) from None

    def _keep(self, before: store.Tokens, newer: store.Tokens) -> None:
        if store.stored_tokens(self._home) != before:
            raise RefreshFailure(f"another process has changed auth.json meanwhile; {SIGN_IN}")
        try:
            store.store_refreshed(self._home, newer)
        except OSError as error:
            raise RefreshFailure(f"auth.json cannot be written: {error.strerror}") from None

    def _settle(self, attempt: _Attempt, failure: str | None = None) -> None:
        if attempt is self._attempt:
            self._attempt = None
            attempt.failure = failure
            attempt.settled.set()


def _same_account(one: Credentials, other: Credentials) -> bool:
    return (one.mode, one.account_id) == (other.mode, other.account_id)


def _merged(before: store.Tokens, issued: "Issued", rejected: Credentials) -> store.Tokens:
    """The tokens from before, as far as there are no newer ones."""
    newer = store.Tokens(
        id_token=issued.id_token or before.id_token,
        access_token=issued.access_token or before.access_token,
        refresh_token=issued.refresh_token or before.refresh_token,
        account_id=before.account_id,
    )
    try:
        claimed = store.managed_credentials(msgspec.structs.replace(newer, account_id=None))
    except NotAJwt:
        raise RefreshFailure("the id token of the issuer's answer is no JWT") from None
    if claimed.account_id not in (None, rejected.account_id):
        raise RefreshFailure(f"the issuer's answer is for another account; {SIGN_IN}")
    return newer
