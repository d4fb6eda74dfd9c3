"""The reference server composed with a backend, as the settings want it, and what steers both."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from codex_conformance.errors import ConformanceError, UsageError
from codex_conformance.reference import Arrangement, Config, Revision, Server, Wiring
from codex_conformance.stand_in.settings import EMBEDDED, Settings, loopback_address

if TYPE_CHECKING:
    import httpx

    from codex_conformance.reference import Page, Visit
    from codex_conformance.stand_in.embedded import EmbeddedBackend
    from codex_conformance.stand_in.traffic import Traffic

ORIGIN = "http://backend.embedded"


class NotNowError(ConformanceError):
    """What is asked for makes no sense as things are."""


class StandIn:
    """A reference server in place of codex, and what makes things happen to it.

    `arrange` is what runs one: give it to `reference.serve` or `reference.in_memory`.

    Attributes:
        traffic: what was said; None unless the settings want it.

    Raises:
        UsageError: the settings cannot be followed.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings = settings or Settings()
        self._backend: EmbeddedBackend | None = None
        self._server: Server | None = None
        self._is_embedded = False
        self.traffic = _traffic(settings)
        if settings.backend not in (None, EMBEDDED):
            _require_url(settings.backend)
        if settings.control is not None:
            loopback_address(settings.control)

    # What a test or a person says.

    def expire_token(self) -> str:
        """The access token in use gets a 401 from now on; its fingerprint.

        Raises:
            NotNowError: nobody is logged in, or the backend is not the embedded one.
        """
        from codex_conformance.tokens import fingerprint

        token = self._token()
        self.backend.expire(token)
        return fingerprint(token)

    def revoke(self, revoked: bool = True) -> None:
        """Every access token gets a 401 from now on, and no refresh helps; False ends that."""
        self.backend.revoke(revoked)

    def sign_in(self, auth_url: str) -> str:
        """What the user does on the page of a browser login: agree; where the browser goes then."""
        from codex_conformance.stand_in.sign_in import is_sign_in

        if not is_sign_in(auth_url):
            raise NotNowError("authUrl is none that account/login/start gave")
        return self.backend.issuer.consent(auth_url)

    def approve_devices(self) -> None:
        """What the user does on the page of a device login: agree, for each that waits."""
        self.backend.issuer.approve_devices()

    def force_workspaces(self, *ids: str) -> None:
        """Tokens of other workspaces are refused from now on; none ends that."""
        self._running().auth.workspaces = ids

    def delay_answers(self, seconds: float) -> None:
        """Every answer of the backend takes that long."""
        self.backend.delay = seconds

    def fail_turns(self, status: int, times: int = 1) -> None:
        """The next so many requests of turns get this status."""
        self.backend.fail_turns(status, times)

    async def refresh_now(self) -> str | None:
        """Have the server refresh the tokens, without a turn; None, or why it did not work.

        Raises:
            NotNowError: nobody is logged in.
        """
        self._token()
        return await self._running().refresh_now()

    @property
    def state(self) -> dict[str, Any]:
        """Who is logged in, and what has been asked for; no secrets."""
        from codex_conformance.tokens import fingerprint

        login = None if self._server is None else self._server.auth.credentials
        state: dict[str, Any] = {
            "authMode": None if login is None else login.mode,
            "accountId": None if login is None else login.account_id,
            "token": None if login is None else fingerprint(login.bearer),
            "workspaces": [] if self._server is None else list(self._server.auth.workspaces),
            "backend": EMBEDDED if self._is_embedded else "configured",
        }
        if self._is_embedded:
            state |= {"revoked": self.backend.revoked, "delay": self.backend.delay}
        return state

    # How it is run.

    @property
    def backend(self) -> "EmbeddedBackend":
        """The embedded backend.

        Raises:
            NotNowError: the server speaks to another one.
        """
        if not self._is_embedded:
            raise NotNowError("the backend is not the embedded one", "see --backend")
        if self._backend is None:
            from codex_conformance.stand_in.embedded import EmbeddedBackend

            exchanged = None if self.traffic is None else self.traffic.exchanged
            self._backend = EmbeddedBackend(self._settings.expire_after, exchanged)
        return self._backend

    def arrange(self, config: Config, revision: Revision) -> Arrangement:
        """What is run, given what arguments and configuration say."""
        if self._settings.version is not None:
            revision = msgspec.structs.replace(revision, release=self._settings.version)
        watch = None if self.traffic is None else self.traffic.watch
        chosen = self._settings.backend
        self._is_embedded = chosen == EMBEDDED or (chosen is None and config.base_url is None)
        if self._is_embedded:
            config = _embedded(config)
            wiring = Wiring(self._transport, issuers_pages=self._issuers_page, watch=watch)
        else:
            config = config if chosen is None else _speaking_to(chosen, config)
            wiring = Wiring(http=None if watch is None else self._watched_network, watch=watch)
        return Arrangement(config, revision, wiring, self._beside)

    def _beside(self, server: Server) -> AbstractAsyncContextManager[None]:
        self._server = server
        if self._settings.control is None:
            return _nothing()
        from codex_conformance.stand_in.control import controlled

        address = loopback_address(self._settings.control)
        return controlled(self, address, self._settings.control_file)

    def _transport(self) -> "httpx.AsyncBaseTransport":
        from codex_conformance.answering import AnsweringTransport

        return AnsweringTransport(self.backend)

    def _issuers_page(self, visit: "Visit") -> "Page | None":
        from codex_conformance.stand_in.sign_in import issuers_page

        return issuers_page(self.backend.issuer, visit)

    def _watched_network(self) -> "httpx.AsyncBaseTransport":
        from codex_conformance.answering import WatchedTransport

        assert self.traffic is not None
        return WatchedTransport(self.traffic.exchanged)

    def _running(self) -> Server:
        if self._server is None:
            raise NotNowError("no server is running")
        return self._server

    def _token(self) -> str:
        login = self._running().auth.credentials
        if login is None:
            raise NotNowError("nobody is logged in")
        return login.bearer


@asynccontextmanager
async def _nothing() -> AsyncIterator[None]:
    yield


def _traffic(settings: Settings) -> "Traffic | None":
    if settings.traffic is None and settings.control is None:
        return None
    from codex_conformance.stand_in.traffic import Traffic

    return Traffic(None if settings.traffic is None else Path(settings.traffic))


def _embedded(config: Config) -> Config:
    issuer = msgspec.structs.replace(
        config.issuer,
        origin=ORIGIN,
        refresh_url=f"{ORIGIN}/oauth/token",
        revoke_url=f"{ORIGIN}/oauth/revoke",
    )
    return msgspec.structs.replace(
        _speaking_to(ORIGIN, config), requires_openai_auth=True, issuer=issuer
    )


def _speaking_to(origin: str, config: Config) -> Config:
    origin = origin.rstrip("/")
    return msgspec.structs.replace(
        config, base_url=f"{origin}/v1", chatgpt_base_url=f"{origin}/backend-api"
    )


def _require_url(text: str | None) -> None:
    if text is None or not text.startswith(("http://", "https://")):
        raise UsageError(
            f"backend is {text!r}, expected {EMBEDDED!r} or a URL that begins http:// or https://"
        )
