"""Faults of API keys, of the modes, of the logout and of forced workspaces."""

from typing import Any

import pytest
from codex_reference_server import backend, config, store
from codex_reference_server.account import Account
from codex_reference_server.auth import Auth, WrongWorkspace
from codex_reference_server.backend import Backend
from codex_reference_server.credentials import external_credentials
from codex_reference_server.messages import Answer, Refusal
from codex_reference_server.refresh import Refresher, RefreshFailure
from mutant import answered_after_the_refresh, around, mutant


def _answer_of(patch: pytest.MonkeyPatch, handler: str, change: Any) -> None:
    """Change the answer of a handler of `Account`: `change(account, answer)`."""

    @around(patch, Account, handler)
    def handle(real: Any, self: Any, params: Any, session: Any) -> Any:
        return change(self, real(self, params, session))


# APIKEY


@mutant("APIKEY-1")
def key_not_told(patch: pytest.MonkeyPatch) -> None:
    """No notification follows a login with an API key."""
    _answer_of(patch, "_log_in_with_api_key", lambda self, answer: Answer(answer.result))


@mutant("APIKEY-1", "APIKEY-4", "MODE-3")
def key_shown_as_nobody(patch: pytest.MonkeyPatch) -> None:
    """account/read shows no account for an API key."""

    @around(patch, Account, "_show")
    def show(real: Any, self: Any, login: Any) -> Any:
        return None if login is None or login.mode == "apikey" else real(self, login)


@mutant("APIKEY-2", "APIKEY-4", "LOGIN-10", "MODE-3", "WORKSPACE-1")
def key_not_sent(patch: pytest.MonkeyPatch) -> None:
    """Requests to the backend do not bear the API key."""

    @around(patch, backend, "_headers")
    def headers(real: Any, login: Any, *args: Any) -> Any:
        return real(None if login is None or login.mode == "apikey" else login, *args)


@mutant("APIKEY-3")
def forced_chatgpt_ignored(patch: pytest.MonkeyPatch) -> None:
    """An API key is taken where only ChatGPT is allowed."""

    @around(patch, Account, "_require_login_method")
    def require(real: Any, self: Any, method: str) -> None:
        if method != "api":
            real(self, method)


@mutant("APIKEY-4")
def key_readable_by_everybody(patch: pytest.MonkeyPatch) -> None:
    """The file that the API key is stored in can be read by others."""
    patch.setattr(store, "OWNER_ONLY", 0o644)


@mutant("APIKEY-4")
def key_not_stored(patch: pytest.MonkeyPatch) -> None:
    """An API key is gone after a restart."""
    patch.setattr(store, "store_api_key", lambda home, key: None)


@mutant("APIKEY-4")
def key_stays_after_logout(patch: pytest.MonkeyPatch) -> None:
    """A logout leaves the stored API key where it is."""

    @around(patch, store, "forget_login")
    def forget(real: Any, home: Any) -> None:
        stored = store.stored_login(home)
        if stored is None or stored.mode != "apikey":
            real(home)


# MODE


def _not_blocked(patch: pytest.MonkeyPatch, kind: str) -> None:
    @around(patch, Account, "start_login")
    def start(real: Any, self: Any, params: Any, session: Any) -> Any:
        if params.__struct_config__.tag == kind:
            return self._logins[kind](params, session)
        return real(self, params, session)


@mutant("MODE-1")
def browser_login_beside_external_tokens(patch: pytest.MonkeyPatch) -> None:
    """A browser login begins while external tokens are active."""
    _not_blocked(patch, "chatgpt")


@mutant("MODE-2")
def key_over_external_tokens(patch: pytest.MonkeyPatch) -> None:
    """An API key replaces external tokens."""
    _not_blocked(patch, "apiKey")


@mutant("MODE-1", "MODE-2")
def blocked_login_logs_out(patch: pytest.MonkeyPatch) -> None:
    """A login that is refused while external tokens are active takes them away."""

    @around(patch, Account, "start_login")
    def start(real: Any, self: Any, params: Any, session: Any) -> Any:
        try:
            return real(self, params, session)
        except Refusal:
            if self._auth.is_external and params.__struct_config__.tag != "chatgptAuthTokens":
                self._auth.credentials = None
            raise


@mutant("MODE-3")
def blocked_for_ever(patch: pytest.MonkeyPatch) -> None:
    """Once external tokens were active no other login works, not even after a logout."""

    @around(patch, Account, "start_login")
    def start(real: Any, self: Any, params: Any, session: Any) -> Any:
        if vars(self).get("was_external") and params.__struct_config__.tag != "chatgptAuthTokens":
            raise Refusal("external tokens were active")
        answer = real(self, params, session)
        self.was_external = self._auth.is_external
        return answer


@mutant("MODE-4")
def external_tokens_refused_over_a_login(patch: pytest.MonkeyPatch) -> None:
    """External tokens are refused while another kind of login is active."""

    @around(patch, Account, "_log_in_external")
    def log_in(real: Any, self: Any, params: Any, session: Any) -> Any:
        if self._auth.credentials is not None and not self._auth.is_external:
            raise Refusal("somebody is logged in")
        return real(self, params, session)


@mutant("LOGIN-7", "LOGOUT-3", "MODE-4")
def login_from_before_is_still_used(patch: pytest.MonkeyPatch) -> None:
    """Requests bear the API key or managed login that external tokens were given on top of."""

    @around(patch, Auth, "log_in_external")
    def log_in(real: Any, self: Any, tokens: Any) -> None:
        before = self.credentials
        real(self, tokens)
        if before is not None and before.mode != "chatgptAuthTokens":
            self.older = before

    @around(patch, Backend, "_send")
    def send(real: Any, self: Any, body: Any, login: Any) -> Any:
        return real(self, body, vars(self._auth).get("older", login))


# LOGOUT


@mutant("LOGOUT-1", "WIRE-10")
def logout_answered_with_null(patch: pytest.MonkeyPatch) -> None:
    """The result of a logout is null."""
    _answer_of(patch, "log_out", lambda self, answer: Answer(None, answer.then))


@mutant("LOGOUT-1")
def logout_not_told(patch: pytest.MonkeyPatch) -> None:
    """No account/updated follows a logout."""
    _answer_of(patch, "log_out", lambda self, answer: Answer(answer.result))


@mutant("LOGOUT-1")
def logout_told_before_the_response(patch: pytest.MonkeyPatch) -> None:
    """account/updated comes ahead of the response to a logout."""

    def change(self: Any, answer: Answer) -> Answer:
        self._notify(answer.then[0])
        return Answer(answer.result)

    _answer_of(patch, "log_out", change)


@mutant("LOGOUT-2")
def account_shown_after_logout(patch: pytest.MonkeyPatch) -> None:
    """account/read still shows the account after a logout."""

    @around(patch, Account, "_show")
    def show(real: Any, self: Any, login: Any) -> Any:
        self.shown = login or vars(self).get("shown")
        return real(self, self.shown)


@mutant("LOGOUT-3", "LOGOUT-4")
def tokens_sent_after_logout(patch: pytest.MonkeyPatch) -> None:
    """Requests after a logout bear the tokens from before it."""

    @around(patch, Backend, "_send")
    def send(real: Any, self: Any, body: Any, login: Any) -> Any:
        self.used = login or vars(self).get("used")
        return real(self, body, self.used)


@mutant("LOGOUT-3")
def asks_after_logout(patch: pytest.MonkeyPatch) -> None:
    """A 401 that comes after a logout sends a refresh request."""

    @around(patch, Auth, "renew")
    async def renew(real: Any, self: Any, rejected: Any) -> Any:
        if rejected is not None and self.credentials is None:
            await self._refreshers[rejected.mode].refresh(rejected)
        return await real(self, rejected)


@mutant("LOGOUT-4")
def logout_leaves_the_refresh_open(patch: pytest.MonkeyPatch) -> None:
    """A logout does not settle an open refresh request; the answer logs in again."""

    @around(patch, Auth, "_change")
    def change(real: Any, self: Any, login: Any) -> None:
        if login is None:
            self.credentials = None
        else:
            real(self, login)


@mutant("LOGIN-12", "LOGOUT-5")
def logout_waits_for_the_refresh(patch: pytest.MonkeyPatch) -> None:
    """A logout that meets an open refresh request is answered when that has ended."""
    answered_after_the_refresh(patch, "account/logout")


@mutant("LOGOUT-6")
def logout_needs_a_login(patch: pytest.MonkeyPatch) -> None:
    """A logout is refused when nobody is logged in."""

    @around(patch, Account, "log_out")
    def log_out(real: Any, self: Any, params: Any, session: Any) -> Any:
        if self._auth.credentials is None:
            raise Refusal("nobody is logged in")
        return real(self, params, session)


# WORKSPACE


@mutant("WORKSPACE-1", "WORKSPACE-6")
def login_of_any_workspace(patch: pytest.MonkeyPatch) -> None:
    """The workspace of a login is not looked at."""

    @around(patch, Auth, "log_in_external")
    def log_in(real: Any, self: Any, tokens: Any) -> None:
        self._change(external_credentials(tokens, self._revision))


@mutant("WORKSPACE-1", "WORKSPACE-6")
def login_of_wrong_workspace_taken_though_refused(patch: pytest.MonkeyPatch) -> None:
    """The tokens of another workspace are refused, but used."""

    @around(patch, Auth, "log_in_external")
    def log_in(real: Any, self: Any, tokens: Any) -> None:
        self._change(external_credentials(tokens, self._revision))
        real(self, tokens)


@mutant("WORKSPACE-1")
def forced_workspace_not_named(patch: pytest.MonkeyPatch) -> None:
    """The error for another workspace does not name the one that is expected."""

    @around(patch, WrongWorkspace, "__init__")
    def init(real: Any, self: Any, allowed: Any) -> None:
        real(self, ("another",))


@mutant("WORKSPACE-1")
def wrong_workspace_ends_a_browser_login(patch: pytest.MonkeyPatch) -> None:
    """A login that is refused for its workspace ends a browser login that waits."""

    @around(patch, Account, "_log_in_external")
    def log_in(real: Any, self: Any, *args: Any) -> Any:
        try:
            return real(self, *args)
        except WrongWorkspace:
            self._pending.abandon("the login was superseded by external tokens")
            raise


@mutant("WORKSPACE-2")
def forced_workspace_lets_nobody_in(patch: pytest.MonkeyPatch) -> None:
    """Where a workspace is forced every login is refused for good after a wrong one."""

    @around(patch, Auth, "log_in_external")
    def log_in(real: Any, self: Any, tokens: Any) -> None:
        if vars(self).get("was_wrong"):
            raise WrongWorkspace(self._config.forced_workspaces)
        self.was_wrong = True
        real(self, tokens)
        self.was_wrong = False


@mutant("WORKSPACE-3", "WORKSPACE-4", "WORKSPACE-5", "WORKSPACE-6")
def refresh_of_any_workspace(patch: pytest.MonkeyPatch) -> None:
    """The workspace of a refresh is not looked at."""

    @around(patch, Auth, "_take_external")
    def take(real: Any, self: Any, tokens: Any) -> None:
        self.credentials = external_credentials(tokens, self._revision)


@mutant("WORKSPACE-3", "WORKSPACE-6")
def wrong_workspace_used_once(patch: pytest.MonkeyPatch) -> None:
    """The rejected request is retried with the token of another workspace, then it is dropped."""

    @around(patch, Auth, "_take_external")
    def take(real: Any, self: Any, tokens: Any) -> None:
        self.offered = external_credentials(tokens, self._revision)
        real(self, tokens)

    @around(patch, Auth, "renew")
    async def renew(real: Any, self: Any, rejected: Any) -> Any:
        try:
            return await real(self, rejected)
        except RefreshFailure:
            if vars(self).get("offered") is None:
                raise
            return self.offered


@mutant("WORKSPACE-4")
def asks_no_more_after_wrong_workspace(patch: pytest.MonkeyPatch) -> None:
    """After a refresh with another workspace the client is not asked again."""

    @around(patch, Auth, "_take_external")
    def take(real: Any, self: Any, tokens: Any) -> None:
        try:
            real(self, tokens)
        except WrongWorkspace:
            self._refreshers["chatgptAuthTokens"] = Refresher()
            raise


@mutant("WORKSPACE-5")
def wrong_workspace_at_refresh_shown(patch: pytest.MonkeyPatch) -> None:
    """account/read shows the account of the other workspace that a refresh was answered with."""

    @around(patch, Auth, "_take_external")
    def take(real: Any, self: Any, tokens: Any) -> None:
        try:
            real(self, tokens)
        except WrongWorkspace:
            self.offered = external_credentials(tokens, self._revision)
            raise

    @around(patch, Account, "_show")
    def show(real: Any, self: Any, login: Any) -> Any:
        return real(self, vars(self._auth).get("offered", login))


@mutant("WORKSPACE-6", "MANAGED-1")
def first_of_the_workspaces_only(patch: pytest.MonkeyPatch) -> None:
    """Of a list of forced workspaces only the first is let in."""

    @around(patch, config, "_forced_workspaces")
    def forced(real: Any, settings: Any, revision: Any) -> Any:
        return real(settings, revision)[:1]


@mutant("WORKSPACE-6")
def blanks_around_a_workspace_count(patch: pytest.MonkeyPatch) -> None:
    """A workspace with blanks around it lets nobody in."""

    @around(patch, config, "_forced_workspaces")
    def forced(real: Any, settings: Any, revision: Any) -> Any:
        value = settings.table.get("forced_chatgpt_workspace_id", [])
        return (value,) if isinstance(value, str) else tuple(value)
