"""The further `account/*` requests: limits from the backend, and what nothing here is known of."""

from collections.abc import Callable
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
    Refusal,
    Session,
)
from codex_reference_server.revision import Revision

if TYPE_CHECKING:
    from codex_reference_server.backend import Backend


class FurtherAccount:
    """Answers what goes beyond who is logged in.

    Args:
        open_backend: gives the one backend of the server.
    """

    def __init__(
        self,
        config: Config,
        revision: Revision,
        auth: Auth,
        open_backend: Callable[[], "Backend"],
    ) -> None:
        self._config = config
        self._revision = revision
        self._auth = auth
        self._open_backend = open_backend

    @property
    def handlers(self) -> Handlers:
        """The requests that are answered here, as far as the revision has them."""
        every: dict[str, Handler] = {
            "account/rateLimits/read": self.read_limits,
            "account/usage/read": self.refuse_unknown_endpoint,
            "account/rateLimitResetCredit/consume": self.refuse_unknown_endpoint,
            "account/sendAddCreditsNudgeEmail": self.refuse_unknown_endpoint,
            "account/workspaceMessages/read": self.read_messages,
            "account/securitySetup/read": self.read_security_setup,
            "account/gatewayOAuth/read": self.read_gateway,
            "account/gatewayOAuth/login": self.log_in_to_gateway,
            "account/gatewayOAuth/cancel": self.cancel_gateway_login,
        }
        return {name: each for name, each in every.items() if name in self._revision.methods}

    def read_limits(self, params: Any, session: Session) -> Later:  # noqa: ARG002
        """`account/rateLimits/read`: what the backend says to whoever is logged in now."""
        credentials = self._require_chatgpt()
        backend = self._open_backend()

        async def answer() -> Answer:
            from codex_reference_server.limits import CODEX, snapshot

            shown = snapshot(self._revision, await backend.usage(credentials))
            return Answer(
                self._revision.make(
                    "GetAccountRateLimitsResponse",
                    rate_limits=shown,
                    rate_limits_by_limit_id={CODEX: shown},
                    rate_limit_reset_credits=None,
                    account_id=credentials.account_id,
                    ordinary_usage_allowed=None,
                )
            )

        return Later(answer)

    def refuse_unknown_endpoint(self, params: Any, session: Session) -> Answer:  # noqa: ARG002
        """What only an endpoint of the backend could answer that this server knows nothing of."""
        self._require_chatgpt()
        raise Refusal("this server knows no endpoint of the backend for it", INTERNAL_ERROR)

    def read_messages(self, params: Any, session: Session) -> Answer:  # noqa: ARG002
        """`account/workspaceMessages/read`: there is no source of messages."""
        self._require_chatgpt()
        return Answer(
            self._revision.make("GetWorkspaceMessagesResponse", feature_enabled=False, messages=[])
        )

    def read_security_setup(self, params: Any, session: Session) -> Answer:  # noqa: ARG002
        """`account/securitySetup/read`: there is nothing to remind anybody of."""
        return Answer(self._revision.make("GetAccountSecuritySetupResponse", notice=None))

    def read_gateway(self, params: Any, session: Session) -> Answer:  # noqa: ARG002
        """`account/gatewayOAuth/read`: the provider has no gateway that wants a login."""
        provider = self._provider(params)
        return Answer(
            self._revision.make(
                "GatewayOAuthReadResponse",
                required=False,
                provider_id=provider,
                provider_name=provider,
                status=None,
                error=None,
                supports_device_auth=False,
            )
        )

    def log_in_to_gateway(self, params: Any, session: Session) -> Answer:  # noqa: ARG002
        """`account/gatewayOAuth/login`: there is nothing to log in to."""
        self._provider(params)
        raise Refusal("the model provider has no gateway that wants a login")

    def cancel_gateway_login(self, params: Any, session: Session) -> Answer:  # noqa: ARG002
        """`account/gatewayOAuth/cancel`: none is ever under way."""
        return Answer(self._revision.make("GatewayOAuthCancelResponse"))

    def _require_chatgpt(self) -> Credentials:
        credentials = self._auth.credentials
        if credentials is None or credentials.mode == API_KEY:
            raise Refusal("this needs a login with ChatGPT: begin with account/login/start")
        return credentials

    def _provider(self, params: Any) -> str:
        named = (params.model_provider or None) if params is not None else None
        if named not in (None, self._config.provider):
            raise Refusal("modelProvider is none that is configured here")
        return self._config.provider
