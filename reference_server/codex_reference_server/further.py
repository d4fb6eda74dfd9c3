"""The further `account/*` requests: what the backend is asked, and what nobody need be asked."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from codex_reference_server.auth import Auth
from codex_reference_server.config import Config
from codex_reference_server.credentials import API_KEY, MANAGED, Credentials
from codex_reference_server.messages import (
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


ASKED_WITH_CHATGPT = (
    "account/rateLimits/read",
    "account/usage/read",
    "account/rateLimitResetCredit/consume",
    "account/sendAddCreditsNudgeEmail",
    "account/workspaceMessages/read",
)
"""What the backend answers, to any login with ChatGPT."""


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
            **{method: self._asking(method) for method in ASKED_WITH_CHATGPT},
            "account/securitySetup/read": self.read_security_setup,
            "account/gatewayOAuth/read": self.read_gateway,
            "account/gatewayOAuth/login": self.log_in_to_gateway,
            "account/gatewayOAuth/cancel": self.cancel_gateway_login,
        }
        return {name: each for name, each in every.items() if name in self._revision.methods}

    def read_security_setup(self, params: Any, session: Session) -> Answer | Later:  # noqa: ARG002
        """`account/securitySetup/read`: the backend reminds managed logins alone."""
        login = self._auth.credentials
        if login is None or login.mode != MANAGED:
            return Answer(self._revision.make("GetAccountSecuritySetupResponse", notice=None))
        return self._ask("account/securitySetup/read", login, params)

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

    def _asking(self, method: str) -> Handler:
        """The handler of what the backend answers to a ChatGPT login, and nobody to others."""

        def handle(params: Any, session: Session) -> Later:  # noqa: ARG001
            login = self._auth.credentials
            if login is None or login.mode == API_KEY:
                raise Refusal("this needs a login with ChatGPT: begin with account/login/start")
            return self._ask(method, login, params)

        return handle

    def _ask(self, method: str, login: Credentials, params: Any) -> Later:
        """What the backend says to whoever is logged in now."""
        backend = self._open_backend()

        async def answer() -> Answer:
            from codex_reference_server.questions import QUESTIONS, Question

            question = Question(backend.fetch, self._revision, login, params)
            return Answer(await QUESTIONS[method](question))

        return Later(answer)

    def _provider(self, params: Any) -> str:
        named = (params.model_provider or None) if params is not None else None
        if named not in (None, self._config.provider):
            raise Refusal("modelProvider is none that is configured here")
        return self._config.provider
