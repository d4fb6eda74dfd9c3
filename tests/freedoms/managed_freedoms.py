"""What managed logins leave open: in the browser, on another device, and their refresh."""

from itertools import count
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec
import pytest
from codex_reference_server import (
    browser_login,
    config,
    device_login,
    landing,
    managed_refresh,
    store,
)
from codex_reference_server.account import Account
from codex_reference_server.auth import Auth
from codex_reference_server.browser_login import BrowserLogin
from codex_reference_server.dispatch import Route
from codex_reference_server.issuer import DeviceCode, Issuer
from codex_reference_server.landing import LandingsInMemory
from codex_reference_server.managed_refresh import ManagedRefresher
from codex_reference_server.messages import Answer
from codex_reference_server.refresh import RefreshFailure
from codex_reference_server.revision import REVISIONS, Revision
from freedom import freedom
from mutant import around, instances

AT_THE_MOCK_ISSUER = (
    "managed/callback",
    "managed/callback-over-api-key",
    "managed/callback-then-restart",
    "managed/callback-twice",
    "managed/cancel-after-success",
    "managed/exchange-failed/500",
    "managed/exchange-failed/dropped",
    "managed/exchange-failed/no-tokens",
    "managed/exchange-failed/refused",
    "managed/supersede-then-succeed",
    "managed/wrong-state-then-right",
    "mode/external-over-login-by-browser",
    "mode/login-by-browser-after-logout",
)
"""Cases of an early revision that complete a login in the browser."""

# The login in the browser.


@freedom(
    "MANAGED-1",
    "MANAGED-2",
    case="managed/callback",
    says="for the browser at 127.0.0.1:38123/oauth/return",
)
def browser_comes_back_elsewhere(patch: pytest.MonkeyPatch) -> None:
    """The authUrl has other members, in another order, and leads back to another place."""
    patch.setattr(browser_login, "CALLBACK", "/oauth/return")
    patch.setattr(landing, "PREFERRED_PORTS", (38123,))

    @around(patch, BrowserLogin, "_auth_url")
    def auth_url(real: Any, self: Any, *args: Any) -> str:
        self._redirect_uri = self._redirect_uri.replace("localhost", "127.0.0.1")
        page, _, query = real(self, *args).partition("?")
        ours = ("id_token_add_organizations", "codex_cli_simplified_flow", "originator")
        asked = [
            (name, each)
            for name, value in reversed(parse_qsl(query))
            for each in (value.split(",") if name == "allowed_workspace_id" else [value])
            if name not in ours
        ]
        return f"{page}?{urlencode([('prompt', 'login'), *asked])}"


@freedom("MANAGED-2", case="managed/callback", says="HTTP status 302 for the browser")
def browser_is_sent_on(patch: pytest.MonkeyPatch) -> None:
    """The browser of a login that is done is sent to a page of the issuer's."""

    @around(patch, LandingsInMemory, "visit")
    async def visit(real: Any, self: Any, url: str) -> Any:
        status, headers, body = await real(self, url)
        if b"You are signed in" in body:
            return 302, {"Location": "https://issuer.example/done"}, b""
        return status, headers, body


@freedom("MANAGED-2", case="managed/denied", says="HTTP status 403 for the browser")
def browser_is_shown_errors(patch: pytest.MonkeyPatch) -> None:
    """A wrong callback is not found; a login that has failed is shown as an HTTP error."""

    @around(patch, BrowserLogin, "receive")
    async def receive(real: Any, self: Any, visit: Any, ending: Any) -> Any:
        shown = await real(self, visit, ending)
        statuses = {200: 403, 400: 404} if "You are signed in" not in shown.body else {}
        return landing.Page(statuses.get(shown.status, shown.status), shown.body)


@freedom("MANAGED-2", case="managed/callback", says="no answer for the browser")
def browser_is_left_alone(patch: pytest.MonkeyPatch) -> None:
    """The server hangs up on the browser that has brought the right callback."""

    @around(patch, LandingsInMemory, "visit")
    async def visit(real: Any, self: Any, url: str) -> Any:
        status, headers, body = await real(self, url)
        if b"You are signed in" in body:
            raise ConnectionResetError
        return status, headers, body


@freedom(
    "MANAGED-2",
    case="managed/denied",
    says="HTTP status 403",
    revision="0.99",
)
def failed_login_is_kept_quiet(patch: pytest.MonkeyPatch) -> None:
    """A login that the issuer does not grant is not told as failed, and stays pending."""

    class Quiet:
        def __init__(self, ending: Any) -> None:
            self.succeed = ending.succeed

        def fail(self, reason: str) -> None:
            pass

    @around(patch, BrowserLogin, "receive")
    async def receive(real: Any, self: Any, visit: Any, ending: Any) -> Any:
        shown = await real(self, visit, Quiet(ending))
        is_failure = "The login has failed" in shown.body
        return landing.Page(403, shown.body) if is_failure else shown


@freedom("MANAGED-2", "MANAGED-4", case="managed/callback", says="(Basic ")
def issuer_is_asked_otherwise(patch: pytest.MonkeyPatch) -> None:
    """Codes are traded in as JSON and refresh tokens as a form, by a client that names itself."""

    @around(patch, Issuer, "_post")
    async def post(real: Any, self: Any, url: str, **body: Any) -> Any:
        given = body.get("json") or body["data"]
        if "grant_type" not in given:
            return await real(self, url, **body)
        self._client.headers["Authorization"] = "Basic Y2xpZW50Og=="
        form = "data" if given["grant_type"] == "refresh_token" else "json"
        return await real(self, url, **{form: given | {"scope": "openid"}})


@freedom(
    "MANAGED-1",
    "MANAGED-3",
    case="managed/browser-login",
    says='"authUrl":"https://auth.openai.com/',
    revision="0.93",
    inapplicable=AT_THE_MOCK_ISSUER,
)
def issuer_is_always_the_same(patch: pytest.MonkeyPatch) -> None:
    """The issuer of managed logins cannot be configured, but for where tokens are refreshed."""

    @around(patch, config, "_issuer")
    def issuer(real: Any, environ: Any) -> Any:
        return msgspec.structs.replace(real(environ), origin=config.OPENAI)


def _id() -> Any:
    numbers = count(1)
    return lambda: f"0199F0C3-7A5B-7000-8000-{next(numbers):012X}"


@freedom("MANAGED-1", "MANAGED-3", "MANAGED-7", case="managed/cancel", says='"loginId":"0199F0C3-')
def login_ids_in_capitals(patch: pytest.MonkeyPatch) -> None:
    """A loginId is a UUID of version 7, in capitals."""
    new_id = _id()
    patch.setattr(browser_login, "new_login_id", new_id)
    patch.setattr(device_login, "new_login_id", new_id)


# The login on another device.


@freedom("MANAGED-7", case="managed/device-expires", says="https://issuer.example/enter?code=ABCD-")
def device_login_at_leisure(patch: pytest.MonkeyPatch) -> None:
    """The user code is typed at another host, is good for 45 minutes, and is seldom asked about."""
    patch.setattr(device_login, "TIME_LIMIT", 2700.0)
    patch.setattr(DeviceCode, "pause", property(lambda code: 1.5 * float(code.interval)))

    @around(patch, device_login, "start_device_login")
    async def start(real: Any, *args: Any) -> Any:
        login = await real(*args)
        login.verification_url = f"https://issuer.example/enter?code={login.user_code}"
        return login


@freedom(
    "MANAGED-7",
    "MODE-2",
    "WIRE-10",
    case="managed/device",
    says='"type":"chatgptDeviceCode","loginId"',
    revision="0.99",
)
def device_login_before_its_time(patch: pytest.MonkeyPatch) -> None:
    """A server of an early revision offers the login on another device."""

    @around(patch, Route, "__init__")
    def init(real: Any, self: Any, name: str, params: Any, *more: Any) -> None:
        later = REVISIONS["0.169"].models.LoginAccountParams
        real(self, name, later if name == "account/login/start" else params, *more)

    @around(patch, Account, "_answer_with_device_code")
    async def answer(real: Any, self: Any, turn: int) -> Answer:
        login = await device_login.start_device_login(self._config.issuer, self._wiring)
        self._pending.begin(login)
        return Answer(
            {
                "type": "chatgptDeviceCode",
                "loginId": login.login_id,
                "verificationUrl": login.verification_url,
                "userCode": login.user_code,
            }
        )


# The refresh.


@freedom("MANAGED-4", case="managed/refreshed-elsewhere", says="200 to POST /oauth/token")
def store_is_read_at_the_start_alone(patch: pytest.MonkeyPatch) -> None:
    """A 401 is followed by a refresh, without a look at what others have stored meanwhile."""
    known: dict[str, Any] = {}

    @around(patch, store, "managed_credentials")
    def remember(real: Any, tokens: Any) -> Any:
        known[tokens.access_token] = tokens
        return real(tokens)

    @around(patch, Auth, "reread")
    async def reread(real: Any, self: Any, rejected: Any) -> None:
        return None

    @around(patch, ManagedRefresher, "_tokens_of")
    def tokens_of(real: Any, self: Any, rejected: Any) -> Any:
        return known[rejected.bearer]

    @around(patch, ManagedRefresher, "_keep")
    def keep(real: Any, self: Any, before: Any, newer: Any) -> None:
        store.store_refreshed(self._home, newer)


@freedom("MANAGED-4", "MANAGED-5", case="managed/refresh", says="(Bearer <tokens-5-access")
def refreshed_at_the_start(patch: pytest.MonkeyPatch) -> None:
    """A managed login is refreshed whenever the server starts."""

    @around(patch, Auth, "__init__")
    def init(
        real: Any, self: Any, config: Any, revision: Any, ask: Any, tasks: Any, *http: Any
    ) -> None:
        real(self, config, revision, ask, tasks, *http)
        tasks.start_soon(self.refresh_managed)


@freedom(
    "MANAGED-4",
    "MANAGED-5",
    case="managed/refresh",
    says='{"method":"account/updated","params":{"authMode":"chatgpt"',
)
def refresh_is_announced(patch: pytest.MonkeyPatch) -> None:
    """account/updated follows each refresh of a managed login."""
    accounts = instances(patch, Account)

    @around(patch, Auth, "_take_managed")
    def take(real: Any, self: Any, login: Any) -> None:
        real(self, login)
        accounts[-1]._notify(accounts[-1]._updated())


@freedom("MANAGED-6", case="managed/refresh-token/expired", says="try signing in")
def refused_refresh_is_tried_again(patch: pytest.MonkeyPatch) -> None:
    """A refused refresh token is tried twice in every turn, before the user is to sign in."""
    patch.setattr(managed_refresh, "SIGN_IN", "try signing in once more")

    @around(patch, ManagedRefresher, "_ask_issuer")
    async def ask(real: Any, self: Any, refresh_token: str) -> Any:
        self._dead.clear()
        try:
            return await real(self, refresh_token)
        except RefreshFailure:
            self._dead.clear()
            return await real(self, refresh_token)


@freedom("MANAGED-6", case="managed/refresh-token/expired", says="Please re-authenticate.")
def advice_stands_in_the_details(patch: pytest.MonkeyPatch) -> None:
    """The error of a turn says in its details what the user is to do."""
    patch.setattr(managed_refresh, "SIGN_IN", "nothing else can be done")

    @around(patch, Revision, "make")
    def make(real: Any, self: Any, type_name: str, **members: Any) -> Any:
        if type_name == "TurnError" and "nothing else can be done" in members["message"]:
            members["additional_details"] = "Please re-authenticate."
        return real(self, type_name, **members)
