"""The `account/*` requests of a client."""

from functools import partial
from typing import TYPE_CHECKING, Any

from codex_reference_server.auth import Auth
from codex_reference_server.config import Config
from codex_reference_server.credentials import API_KEY, Credentials
from codex_reference_server.messages import (
    INTERNAL_ERROR,
    Answer,
    Handler,
    Handlers,
    Later,
    Notification,
    Notify,
    Refusal,
    Session,
)
from codex_reference_server.pending import LoginFailure, Pending, is_login_id
from codex_reference_server.revision import Revision
from codex_reference_server.store import Tokens
from codex_reference_server.wiring import Wiring

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

SUPERSEDED = "the login was superseded by another login"


class Account:
    """Logs in and out, and says who is logged in.

    Args:
        notify: for what no response comes before; what follows one goes into the answer.
        tasks: where logins are pending.
    """

    def __init__(
        self,
        config: Config,
        revision: Revision,
        auth: Auth,
        notify: Notify,
        tasks: "TaskGroup",
        wiring: Wiring,
    ) -> None:
        self._wiring = wiring
        self._config = config
        self._revision = revision
        self._auth = auth
        self._notify = notify
        self._pending = Pending(self, tasks)
        self._logins: dict[str, Handler] = {
            "apiKey": self._log_in_with_api_key,
            "chatgpt": self._log_in_by_browser,
            "chatgptDeviceCode": self._log_in_on_a_device,
            "chatgptAuthTokens": self._log_in_external,
        }

    @property
    def handlers(self) -> Handlers:
        """The requests that are answered here."""
        return {
            "account/login/start": self.start_login,
            "account/login/cancel": self.cancel_login,
            "account/logout": self.log_out,
            "account/read": self.read,
        }

    def start_login(self, params: Any, session: Session) -> Answer | Later:
        """`account/login/start`: the response, then what the kind of login brings with it."""
        kind = params.__struct_config__.tag
        if kind != "chatgptAuthTokens" and self._auth.is_external:
            raise Refusal(
                "external tokens are active: update them with account/login/start of the type "
                "chatgptAuthTokens, or log out first with account/logout"
            )
        log_in = self._logins.get(kind)
        if log_in is None:
            raise Refusal(f"login of the type {kind} is not offered by this server")
        return log_in(params, session)

    def cancel_login(self, params: Any, session: Session) -> Answer:  # noqa: ARG002
        """`account/login/cancel`: the response, then completed without success."""
        if not is_login_id(params.login_id):
            raise Refusal("loginId is no UUID: expected one that account/login/start gave")
        if not self._pending.cancel(params.login_id):
            return Answer(self._revision.make("CancelLoginAccountResponse", status="notFound"))
        return Answer(
            self._revision.make("CancelLoginAccountResponse", status="canceled"),
            (self._completed(params.login_id, "the login was canceled"),),
        )

    def log_out(self, params: Any, session: Session) -> Answer:  # noqa: ARG002
        """`account/logout`: the response, then updated. Nobody need be logged in."""
        try:
            self._auth.log_out()
        except OSError as error:
            raise _file_trouble("removed", error) from None
        self._pending.abandon("the login was ended by a logout")
        return Answer(self._revision.make("LogoutAccountResponse"), (self._updated(),))

    def read(self, params: Any, session: Session) -> Answer | Later:  # noqa: ARG002
        """`account/read`: who is logged in, refreshed before if that is wished.

        Only a managed login can be; external tokens are refreshed by a 401 alone.
        """
        wishes_refresh = params is not None and params.refresh_token is True
        if wishes_refresh and self._auth.is_managed:
            return Later(self._read_refreshed)
        return self._shown()

    async def _read_refreshed(self) -> Answer:
        await self._auth.refresh_managed()
        return self._shown()

    def _shown(self) -> Answer:
        credentials = self._auth.credentials
        return Answer(
            self._revision.make(
                "GetAccountResponse",
                account=self._show(credentials),
                requires_openai_auth=self._config.requires_openai_auth,
                user_id=credentials.user_id if credentials else None,
                workspace_routing=None,
            )
        )

    def _log_in_external(self, params: Any, session: Session) -> Answer:
        if self._revision.gates_external_login and not session.experimental_api:
            raise Refusal(
                "account/login/start of the type chatgptAuthTokens requires the capability "
                "experimentalApi: set capabilities.experimentalApi in initialize"
            )
        self._require_login_method("chatgpt")
        self._auth.log_in_external(params)
        self._pending.abandon("the login was superseded by external tokens")
        return self._logged_in(self._revision.models.ChatgptAuthTokensLoginAccountResponse())

    def _log_in_with_api_key(self, params: Any, session: Session) -> Answer:  # noqa: ARG002
        self._require_login_method("api")
        try:
            self._auth.log_in_with_api_key(params.api_key)
        except OSError as error:
            raise _file_trouble("written", error) from None
        self._pending.abandon("the login was superseded by an API key")
        return self._logged_in(self._revision.models.ApiKeyLoginAccountResponse())

    def _log_in_by_browser(self, params: Any, session: Session) -> Answer:  # noqa: ARG002
        from codex_reference_server.browser_login import BrowserLogin

        self._require_login_method("chatgpt")
        self._pending.abandon(SUPERSEDED)
        issuer, workspaces = self._config.issuer, self._auth.workspaces
        try:
            login = BrowserLogin(issuer, session.client_name, workspaces, self._wiring)
        except OSError as error:
            raise _no_port(error) from None
        self._pending.begin(login)
        return Answer(
            self._revision.models.ChatgptLoginAccountResponse(
                login_id=login.login_id, auth_url=login.auth_url
            )
        )

    def _log_in_on_a_device(self, params: Any, session: Session) -> Later:  # noqa: ARG002
        self._require_login_method("chatgpt")
        self._pending.abandon(SUPERSEDED)
        return Later(partial(self._answer_with_device_code, self._pending.turns))

    async def _answer_with_device_code(self, turn: int) -> Answer:
        """The response, unless another login or a logout has come in between."""
        from codex_reference_server.device_login import start_device_login

        try:
            login = await start_device_login(self._config.issuer, self._wiring)
        except LoginFailure as failure:
            raise Refusal(f"no code for another device: {failure}", INTERNAL_ERROR) from None
        except OSError as error:
            raise _no_port(error) from None
        if self._pending.turns != turn:
            login.close()
            raise Refusal(SUPERSEDED)
        self._pending.begin(login)
        return Answer(
            self._revision.models.ChatgptDeviceCodeLoginAccountResponse(
                login_id=login.login_id,
                verification_url=login.verification_url,
                user_code=login.user_code,
            )
        )

    def succeeded(self, login_id: str, tokens: Tokens) -> None:
        """A login that was pending has brought tokens."""
        try:
            self._auth.log_in_managed(tokens)
        except OSError as error:
            raise _file_trouble("written", error) from None
        self._notify(self._completed(login_id, None))
        self._notify(self._updated())

    def failed(self, login_id: str, reason: str) -> None:
        """A login that was pending has failed."""
        self._notify(self._completed(login_id, reason))

    def _require_login_method(self, method: str) -> None:
        forced = self._config.forced_login_method
        if forced not in (None, method):
            raise Refusal(f"forced_login_method allows only logins with {forced!r}")

    def _logged_in(self, response: Any) -> Answer:
        """The response, then completed, then updated."""
        return Answer(response, (self._completed(None, None), self._updated()))

    def _completed(self, login_id: str | None, error: str | None) -> Notification:
        return self._revision.notification(
            "account/login/completed",
            login_id=login_id,
            success=error is None,
            error=error,
            onboarding_entrypoint=None,
        )

    def _updated(self) -> Notification:
        credentials = self._auth.credentials
        is_chatgpt = credentials is not None and credentials.mode != API_KEY
        return self._revision.notification(
            "account/updated",
            auth_mode=credentials.mode if credentials else None,
            plan_type=self._plan(credentials) if credentials and is_chatgpt else None,
        )

    def _show(self, credentials: Credentials | None) -> Any:
        """The login as an `Account`; ChatGPT's is the same whoever manages its tokens."""
        if credentials is None:
            return None
        if credentials.mode == API_KEY:
            return self._revision.models.ApiKeyAccount()
        return self._revision.make(
            "ChatgptAccount",
            email=credentials.email or self._revision.no_email,
            plan_type=self._plan(credentials),
            workspace_name=None,
        )

    def _plan(self, credentials: Credentials) -> str:
        return self._revision.plan(credentials.plan)


def _no_port(error: OSError) -> Refusal:
    return Refusal(f"no port for the browser: {error.strerror}", INTERNAL_ERROR)


def _file_trouble(what: str, error: OSError) -> Refusal:
    return Refusal(f"auth.json cannot be {what}: {error.strerror}", INTERNAL_ERROR)
