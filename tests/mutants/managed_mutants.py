"""Faults of managed logins."""

import json
from typing import Any
from urllib.parse import parse_qsl, urlencode

import anyio
import pytest
from codex_reference_server import (
    account,
    browser_login,
    device_login,
    issuer,
    managed_refresh,
    store,
)
from codex_reference_server.account import Account
from codex_reference_server.auth import Auth
from codex_reference_server.browser_login import BrowserLogin
from codex_reference_server.issuer import DeviceCode, Issuer
from codex_reference_server.landing import Visit
from codex_reference_server.managed_refresh import ManagedRefresher
from codex_reference_server.messages import Answer, Refusal
from codex_reference_server.pending import Pending
from codex_reference_server.refresh import RefreshFailure
from mutant import around, mutant

MISSING = "missing"

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


@mutant("LOGOUT-2")
def issuer_heard_after_a_logout(patch: pytest.MonkeyPatch) -> None:
    """What the issuer answers is stored and used, whatever has become of the login meanwhile."""
    patch.setattr(ManagedRefresher, "login_changed", lambda self: None)

    @around(patch, ManagedRefresher, "_keep")
    def keep(real: Any, self: Any, before: Any, newer: Any) -> None:
        store.store_managed_login(self._home, newer)


@mutant("LOGOUT-2")
def issuer_heard_after_a_logout_at_the_next_start(patch: pytest.MonkeyPatch) -> None:
    """After a logout what the issuer answers is not used, but stored."""

    @around(patch, ManagedRefresher, "_ask_issuer")
    async def ask(real: Any, self: Any, refresh_token: str) -> Any:
        issued = await real(self, refresh_token)
        if self._attempt is None:
            given = (issued.id_token, issued.access_token, issued.refresh_token)
            store.store_managed_login(self._home, store.Tokens(*given, account_id=None))
        return issued


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


# SECRET


@mutant("SECRET-2")
def words_of_the_issuer_repeated(patch: pytest.MonkeyPatch) -> None:
    """The error of a turn has what the issuer said in it."""
    said: list[str] = []

    @around(patch, issuer, "_code_in")
    def code_in(real: Any, content: bytes) -> str:
        said.append(content.decode())
        return str(real(content))

    @around(patch, RefreshFailure, "__init__")
    def init(real: Any, self: Any, reason: str) -> None:
        real(self, reason + "".join(said))


# MANAGED-1


def _asked_for(patch: pytest.MonkeyPatch, name: str, value: str | None) -> None:
    """Replace a member of the query of every authUrl, or leave it out."""

    @around(patch, BrowserLogin, "_auth_url")
    def auth_url(real: Any, self: Any, *args: Any) -> str:
        head, _, query = str(real(self, *args)).partition("?")
        members = dict(parse_qsl(query))
        members.pop(name, None)
        return f"{head}?{urlencode(members if value is None else members | {name: value})}"


@mutant("MANAGED-1", "MANAGED-2", "MANAGED-3", "MODE-3")
def challenge_left_out(patch: pytest.MonkeyPatch) -> None:
    """The authUrl has no PKCE."""
    _asked_for(patch, "code_challenge", None)


@mutant("MANAGED-1")
def forced_workspace_left_out(patch: pytest.MonkeyPatch) -> None:
    """The authUrl does not say which workspace is allowed."""
    _asked_for(patch, "allowed_workspace_id", None)


@mutant("MANAGED-1")
def first_forced_workspace_alone(patch: pytest.MonkeyPatch) -> None:
    """Of several forced workspaces the authUrl names the first."""
    _asked_for(patch, "allowed_workspace_id", "acct-alpha")


@mutant("MANAGED-1")
def plain_challenge_announced(patch: pytest.MonkeyPatch) -> None:
    """The authUrl says that the challenge is the verifier itself."""
    _asked_for(patch, "code_challenge_method", "plain")


@mutant("MANAGED-1", "MANAGED-3")
def same_secrets_for_every_login(patch: pytest.MonkeyPatch) -> None:
    """State and verifier are the same for every login."""
    patch.setattr(browser_login, "token_urlsafe", lambda size: "s" * size)


# MANAGED-2


@mutant("MANAGED-2", "MANAGED-3")
def state_not_looked_at(patch: pytest.MonkeyPatch) -> None:
    """A callback with a wrong state is taken for the right one."""
    patch.setattr(browser_login, "compare_digest", lambda one, other: True)


@mutant("MANAGED-2")
def missing_state_taken(patch: pytest.MonkeyPatch) -> None:
    """A callback without a state is taken for the right one."""

    @around(patch, Visit, "query")
    def query(real: Any, self: Any, name: str) -> Any:
        return real(self, name) or (MISSING if name == "state" else None)

    patch.setattr(browser_login, "compare_digest", lambda one, other: one in (other, b"missing"))


@mutant("MANAGED-2", "MANAGED-3")
def wrong_state_ends_the_login(patch: pytest.MonkeyPatch) -> None:
    """A callback with a wrong state fails the login."""

    @around(patch, BrowserLogin, "receive")
    async def receive(real: Any, self: Any, visit: Any, ending: Any) -> Any:
        shown = await real(self, visit, ending)
        if shown.status == 400 and not self._is_taken:
            ending.fail("the state is wrong")
        return shown


@mutant("MANAGED-2")
def wrong_state_shown_as_a_page(patch: pytest.MonkeyPatch) -> None:
    """A callback with a wrong state gets a page that is no HTTP error."""

    @around(patch, browser_login, "refusal")
    def refusal(real: Any, status: int, text: str) -> Any:
        return real(200, text)


@mutant("MANAGED-2", "MANAGED-3", "MANAGED-7", "MODE-3")
def managed_login_not_told_as_updated(patch: pytest.MonkeyPatch) -> None:
    """No account/updated follows a login in the browser or on another device."""

    @around(patch, Account, "succeeded")
    def succeeded(real: Any, self: Any, login_id: str, tokens: Any) -> None:
        self._auth.log_in_managed(tokens)
        self._notify(self._completed(login_id, None))


@mutant("MANAGED-2", "MANAGED-3", "MANAGED-7", "MODE-3")
def managed_login_told_without_its_id(patch: pytest.MonkeyPatch) -> None:
    """The success of a login is told without its loginId."""

    @around(patch, Account, "succeeded")
    def succeeded(real: Any, self: Any, login_id: str, tokens: Any) -> None:
        self._auth.log_in_managed(tokens)
        self._notify(self._completed(None, None))
        self._notify(self._updated())


@mutant("MANAGED-2", "MANAGED-7")
def managed_login_not_stored(patch: pytest.MonkeyPatch) -> None:
    """The tokens of a new login are used, and not written to auth.json."""
    patch.setattr(store, "store_managed_login", lambda home, tokens: None)


@mutant("MANAGED-2")
def denied_consent_kept_quiet(patch: pytest.MonkeyPatch) -> None:
    """A callback that says that consent was denied is not told."""

    @around(patch, BrowserLogin, "receive")
    async def receive(real: Any, self: Any, visit: Any, ending: Any) -> Any:
        if visit.query("error") is not None and visit.query("state") == self._state:
            return await real(self, Visit("GET", "/nowhere", None), ending)
        return await real(self, visit, ending)


@mutant("LOGIN-9", "MANAGED-2")
def failed_login_logs_out(patch: pytest.MonkeyPatch) -> None:
    """A login that fails takes away whoever was logged in."""

    @around(patch, Account, "failed")
    def failed(real: Any, self: Any, login_id: str, reason: str) -> None:
        self._auth.credentials = None
        real(self, login_id, reason)


@mutant("MANAGED-2", "MANAGED-7")
def failed_exchange_told_as_success(patch: pytest.MonkeyPatch) -> None:
    """A login whose code was not taken is told as a success."""

    @around(patch, Account, "failed")
    def failed(real: Any, self: Any, login_id: str, reason: str) -> None:
        self._notify(self._completed(login_id, None if "issuer" in reason else reason))


# MANAGED-3


@mutant("MANAGED-2", "MANAGED-3", "MANAGED-7", "MODE-3", "WORKSPACE-1")
def pending_login_not_found(patch: pytest.MonkeyPatch) -> None:
    """A login that is pending is not found when it is cancelled."""
    patch.setattr(Pending, "cancel", lambda self, login_id: False)


@mutant("MANAGED-3", "MANAGED-7")
def cancelled_login_not_told(patch: pytest.MonkeyPatch) -> None:
    """No completed follows the cancellation of a login."""

    @around(patch, Account, "cancel_login")
    def cancel(real: Any, self: Any, params: Any, session: Any) -> Any:
        return Answer(real(self, params, session).result)


@mutant("MANAGED-3", "MANAGED-7", "MODE-3")
def cancelled_login_goes_on(patch: pytest.MonkeyPatch) -> None:
    """A login that was cancelled can still be completed."""

    @around(patch, Pending, "cancel")
    def cancel(real: Any, self: Any, login_id: str) -> bool:
        attempt = self.current
        known = attempt is not None and attempt.login.login_id == login_id
        if not known or login_id in vars(self).setdefault("cancelled", set()):
            return False
        self.cancelled.add(login_id)
        return True


@mutant("MANAGED-3")
def any_text_is_a_login_id(patch: pytest.MonkeyPatch) -> None:
    """An id that is no UUID is looked for like any other."""
    patch.setattr(account, "is_login_id", lambda text: True)


@mutant("MANAGED-3")
def superseded_login_kept_quiet(patch: pytest.MonkeyPatch) -> None:
    """A login whose place another has taken is not told as failed."""

    @around(patch, Pending, "abandon")
    def abandon(real: Any, self: Any, reason: str) -> None:
        if self.current is not None:
            self.current.stop()
            self.current = None


# MANAGED-7


@mutant("MANAGED-7")
def device_login_not_offered(patch: pytest.MonkeyPatch) -> None:
    """A login on another device is refused."""

    @around(patch, Account, "_log_in_on_a_device")
    def log_in(real: Any, self: Any, params: Any, session: Any) -> Any:
        raise Refusal("not today")


@mutant("MANAGED-7")
def issuer_besieged(patch: pytest.MonkeyPatch) -> None:
    """The issuer is asked ten times a second whether the user has agreed."""
    patch.setattr(DeviceCode, "pause", 0.1)


@mutant("MANAGED-7")
def device_never_gives_up(patch: pytest.MonkeyPatch) -> None:
    """A login on another device waits for its user for ever."""
    patch.setattr(device_login, "TIME_LIMIT", 1e9)


@mutant("MANAGED-7")
def device_asks_once(patch: pytest.MonkeyPatch) -> None:
    """A user who has not agreed at the first poll has lost."""
    patch.setattr(issuer, "UNDECIDED", ())


# APIKEY


@mutant("APIKEY-4")
def managed_login_shadows_the_key(patch: pytest.MonkeyPatch) -> None:
    """An API key is stored beside the tokens of a managed login, which win after a restart."""

    @around(patch, store, "store_api_key")
    def store_key(real: Any, home: Any, key: str) -> None:
        before = store.auth_file(home)
        content = json.loads(before.read_text()) if before.exists() else None
        real(home, key)
        if content is not None and content.get("tokens"):
            before.write_text(json.dumps(content | {"OPENAI_API_KEY": key}))
