"""Who is logged in: nobody, an API key, a managed login, or external tokens."""

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from codex_reference_server import store
from codex_reference_server.config import Config
from codex_reference_server.credentials import (
    API_KEY,
    EXTERNAL,
    MANAGED,
    AuthMode,
    Credentials,
    external_credentials,
)
from codex_reference_server.managed_refresh import ManagedRefresher
from codex_reference_server.messages import Ask, Refusal
from codex_reference_server.refresh import ExternalRefresher, Refresher, RefreshFailure
from codex_reference_server.revision import Revision

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

    from codex_reference_server.http_client import Http


class WrongWorkspace(Refusal):
    """Tokens belong to a workspace that the configuration does not allow."""

    def __init__(self, allowed: tuple[str, ...]) -> None:
        super().__init__(
            "the tokens belong to another workspace; "
            f"forced_chatgpt_workspace_id allows only {' or '.join(allowed)}"
        )


class Auth:
    """The login, and what replaces it.

    Args:
        tasks: where the issuer of managed logins is asked.

    Attributes:
        credentials: the login; None if nobody is logged in. Always read anew: it changes whenever
            the client says so.
        workspaces: those that ChatGPT tokens may belong to; empty allows any.
    """

    def __init__(
        self,
        config: Config,
        revision: Revision,
        ask: Ask,
        tasks: "TaskGroup",
        http: "Http | None" = None,
    ) -> None:
        self._config = config
        self._revision = revision
        self._managed = ManagedRefresher(config, self._take_managed, tasks, http)
        self._refreshers: dict[str, Refresher] = {
            API_KEY: Refresher(),
            MANAGED: self._managed,
            EXTERNAL: ExternalRefresher(revision, ask, self._take_external),
        }
        self.workspaces = config.forced_workspaces
        self.credentials = store.stored_login(config.home)

    @property
    def is_external(self) -> bool:
        """Whether external tokens are active."""
        return self.credentials is not None and self.credentials.mode == EXTERNAL

    @property
    def is_managed(self) -> bool:
        """Whether a managed login is active."""
        return self.credentials is not None and self.credentials.mode == MANAGED

    def log_in_external(self, tokens: Any) -> None:
        """Use external tokens from now on, in memory only; a stored login stays where it is.

        Args:
            tokens: the params of the login.

        Raises:
            Refusal: they are no JWT, or of another workspace; nothing has changed.
        """
        self._change(self._checked(tokens))

    def log_in_with_api_key(self, key: str) -> None:
        """Use an API key from now on, and after a restart.

        Raises:
            OSError: it cannot be stored; nothing has changed.
        """
        store.store_api_key(self._config.home, key)
        self._change(Credentials(API_KEY, key))

    def log_in_managed(self, tokens: store.Tokens) -> None:
        """Use a managed login from now on, and after a restart.

        Raises:
            Refusal: the tokens are no JWT, or of another workspace; nothing has changed.
            OSError: they cannot be stored; nothing has changed.
        """
        credentials = self._in_workspace(store.managed_credentials(tokens))
        store.store_managed_login(self._config.home, tokens)
        self._change(credentials)

    def log_out(self) -> None:
        """Forget every login, the stored one too, whose refresh token the issuer gets back.

        Raises:
            OSError: the stored login cannot be removed; nothing has changed.
        """
        stored = store.stored_tokens(self._config.home)
        store.forget_login(self._config.home)
        self._change(None)
        if stored is not None and stored.refresh_token:
            self._managed.give_back(stored.refresh_token)

    async def reread(self, rejected: Credentials | None) -> Credentials | None:
        """What stands in `auth.json` in place of a managed login that got a 401; None if nothing.

        Another process that shares the file may have refreshed it.
        """
        if rejected is None or rejected.mode != MANAGED:
            return None
        if rejected == self.credentials:
            self._managed.reread(rejected)
        current = self._current_in(MANAGED)
        return current if current != rejected else None

    async def renew(self, rejected: Credentials | None) -> Credentials | None:
        """What a request whose credentials got a 401 is to be sent with once more.

        None if there is nothing to send it with: the 401 stands. Credentials that have been
        replaced meanwhile need no refresh.

        Raises:
            RefreshFailure: a refresh was tried and failed.
        """
        if rejected is None:
            return None
        is_current = rejected == self.credentials
        if is_current and not await self._refreshers[rejected.mode].refresh(rejected):
            return None
        return self._current_in(rejected.mode)

    async def refresh_managed(self) -> None:
        """Refresh a managed login that nobody has rejected; if that fails, it stays as it is."""
        if (current := self._current_in(MANAGED)) is not None:
            with suppress(RefreshFailure):
                await self._managed.refresh(current)

    def _current_in(self, mode: AuthMode) -> Credentials | None:
        """The login, if it is of this mode."""
        current = self.credentials
        return current if current is not None and current.mode == mode else None

    def _change(self, credentials: Credentials | None) -> None:
        self.credentials = credentials
        for refresher in self._refreshers.values():
            refresher.login_changed()

    def _take_managed(self, credentials: Credentials) -> None:
        self.credentials = credentials

    def _take_external(self, tokens: Any) -> None:
        self.credentials = self._checked(tokens)

    def _checked(self, tokens: Any) -> Credentials:
        return self._in_workspace(external_credentials(tokens, self._revision))

    def _in_workspace(self, credentials: Credentials) -> Credentials:
        if self.workspaces and credentials.account_id not in self.workspaces:
            raise WrongWorkspace(self.workspaces)
        return credentials
