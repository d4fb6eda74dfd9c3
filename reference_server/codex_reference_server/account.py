"""The `account/*` requests of a client."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from codex_reference_server.auth import Auth
from codex_reference_server.config import Config
from codex_reference_server.credentials import API_KEY, Credentials
from codex_reference_server.messages import (
    INTERNAL_ERROR,
    Answer,
    Handlers,
    Later,
    Notification,
    Notify,
    Refusal,
    Session,
)
from codex_reference_server.revision import Revision

if TYPE_CHECKING:
    from codex_reference_server.browser_login import BrowserLogin


class Account:
    """Logs in and out, and says who is logged in.

    Args:
        notify: for what is told before a response; what follows one goes into the answer.
    """

    def __init__(self, config: Config, revision: Revision, auth: Auth, notify: Notify) -> None:
        self._config = config
        self._revision = revision
        self._auth = auth
        self._notify = notify
        self._pending: BrowserLogin | None = None
        self._logins: dict[str, Callable[[Any, Session], Answer]] = {
            "apiKey": self._log_in_with_api_key,
            "chatgpt": self._log_in_by_browser,
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

    def start_login(self, params: Any, session: Session) -> Answer:
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
        from codex_reference_server.browser_login import is_login_id

        if not is_login_id(params.login_id):
            raise Refusal("loginId is no UUID: expected one that account/login/start gave")
        login = self._pending
        if login is None or login.login_id != params.login_id:
            return Answer(self._revision.make("CancelLoginAccountResponse", status="notFound"))
        self._pending = None
        return Answer(
            self._revision.make("CancelLoginAccountResponse", status="canceled"),
            (self._failed(login, "the login was canceled"),),
        )

    def log_out(self, params: Any, session: Session) -> Answer:  # noqa: ARG002
        """`account/logout`: the response, then updated. Nobody need be logged in."""
        self._abandon_pending("ended by a logout")
        try:
            self._auth.log_out()
        except OSError as error:
            raise _file_trouble("removed", error) from None
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
        self._abandon_pending("superseded by external tokens")
        return self._logged_in(self._revision.models.ChatgptAuthTokensLoginAccountResponse())

    def _log_in_with_api_key(self, params: Any, session: Session) -> Answer:  # noqa: ARG002
        self._require_login_method("api")
        try:
            self._auth.log_in_with_api_key(params.api_key)
        except OSError as error:
            raise _file_trouble("written", error) from None
        self._abandon_pending("superseded by an API key")
        return self._logged_in(self._revision.models.ApiKeyLoginAccountResponse())

    def _log_in_by_browser(self, params: Any, session: Session) -> Answer:  # noqa: ARG002
        from codex_reference_server.browser_login import start_browser_login

        self._require_login_method("chatgpt")
        self._abandon_pending("superseded by another login")
        login = start_browser_login(session.client_name, self._auth.workspaces)
        self._pending = login
        return Answer(
            self._revision.models.ChatgptLoginAccountResponse(
                login_id=login.login_id, auth_url=login.auth_url
            )
        )

    def _require_login_method(self, method: str) -> None:
        forced = self._config.forced_login_method
        if forced not in (None, method):
            raise Refusal(f"forced_login_method allows only logins with {forced!r}")

    def _abandon_pending(self, reason: str) -> None:
        """A browser login that is pending has failed."""
        login, self._pending = self._pending, None
        if login is not None:
            self._notify(self._failed(login, f"the login was {reason}"))

    def _logged_in(self, response: Any) -> Answer:
        """The response, then completed, then updated."""
        return Answer(response, (self._completed(None, None), self._updated()))

    def _failed(self, login: "BrowserLogin", error: str) -> Notification:
        return self._completed(login.login_id, error)

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


def _file_trouble(what: str, error: OSError) -> Refusal:
    return Refusal(f"auth.json cannot be {what}: {error.strerror}", INTERNAL_ERROR)
