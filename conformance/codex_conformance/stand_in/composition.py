"""The reference server composed with a backend, as the settings want it."""

from typing import TYPE_CHECKING

import msgspec

from codex_conformance.errors import UsageError
from codex_conformance.reference import Arrangement, Config, Revision, Wiring
from codex_conformance.stand_in.settings import EMBEDDED, Settings

if TYPE_CHECKING:
    import httpx

    from codex_conformance.stand_in.embedded import EmbeddedBackend

ORIGIN = "http://backend.embedded"


class StandIn:
    """A reference server in place of codex; `arrange` is what runs one."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._backend: EmbeddedBackend | None = None
        if settings.backend not in (None, EMBEDDED):
            _require_url(settings.backend)

    @property
    def backend(self) -> "EmbeddedBackend":
        """The embedded backend, whether a server uses it or not."""
        if self._backend is None:
            from codex_conformance.stand_in.embedded import EmbeddedBackend

            self._backend = EmbeddedBackend(self._settings.expire_after)
        return self._backend

    def arrange(self, config: Config, revision: Revision) -> Arrangement:
        """What is run, given what arguments and configuration say."""
        if self._settings.version is not None:
            revision = msgspec.structs.replace(revision, release=self._settings.version)
        chosen = self._settings.backend
        if chosen is None and config.base_url is not None:
            return Arrangement(config, revision)
        if chosen not in (None, EMBEDDED):
            return Arrangement(_speaking_to(str(chosen), config), revision)
        embedded = msgspec.structs.replace(_speaking_to(ORIGIN, config), requires_openai_auth=True)
        return Arrangement(embedded, revision, Wiring(http=self._transport))

    def _transport(self) -> "httpx.AsyncBaseTransport":
        from codex_conformance.answering import AnsweringTransport

        return AnsweringTransport(self.backend)


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
