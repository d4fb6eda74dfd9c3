"""From a method to its handler, by the law of the revision."""

import os
import re
import sys
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import msgspec

from codex_reference_server.config import Config
from codex_reference_server.messages import (
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    NULL,
    Answer,
    Handler,
    Handlers,
    Later,
    Refusal,
    Session,
)
from codex_reference_server.offers import Offer
from codex_reference_server.revision import Revision

KIT = "codex-conformance"
EMPTY = msgspec.Raw(b"{}")

# What msgspec says about a shape names types and members, but quotes values that are not allowed.
_QUOTED_VALUE = r"(?s) '.*'"
_TELLS_NO_VALUE = (
    r"(Expected `[^`]*`(, got `[^`]*`)?|Object missing required field `\w+`|Invalid( enum)? value)"
    r"( - at `[$.\w\[\]]*`)?"
)


class Route:
    """A method that is answered here: its params by the law, and its handler."""

    def __init__(self, name: str, params: Any, params_required: bool, handler: Handler) -> None:
        self._name = name
        self._params = params
        self._params_required = params_required
        self._handler = handler

    def __call__(self, raw: msgspec.Raw, session: Session) -> Answer | Later:
        """Answer it.

        Raises:
            Refusal: the params are not as the revision wants them, or the handler refuses.
        """
        return self._handler(self._decode(raw), session)

    @cached_property
    def _decoder(self) -> "msgspec.json.Decoder[Any]":
        return msgspec.json.Decoder(self._params)

    def _decode(self, raw: msgspec.Raw) -> Any:
        if self._params is None or (raw == NULL and not self._params_required):
            return None
        try:
            return self._decoder.decode(raw)
        except (msgspec.DecodeError, RecursionError) as error:
            reason = _without_values(str(error))
        raise Refusal(f"invalid params of {self._name}: {reason}", INVALID_PARAMS)


class OfferRoute(Route):
    """A method beyond the specification: params that are null or absent are empty ones."""

    def __init__(self, name: str, offer: Offer, handler: Handler) -> None:
        super().__init__(name, offer.params, True, handler)

    def _decode(self, raw: msgspec.Raw) -> Any:
        return super()._decode(EMPTY if raw == NULL else raw)


def _without_values(reason: str) -> str:
    reason = re.sub(_QUOTED_VALUE, "", reason)
    return reason if re.fullmatch(_TELLS_NO_VALUE, reason) else "they do not have the right shape"


class Dispatcher:
    """Answers requests: `initialize` first and once, then every other."""

    def __init__(
        self,
        config: Config,
        revision: Revision,
        handlers: Handlers,
        offers: Mapping[str, Offer],
    ) -> None:
        self._config = config
        self._revision = revision
        self._initialize = self._route("initialize", self._introduce)
        self._routes = {name: self._route(name, each) for name, each in handlers.items()}
        for name, offer in offers.items():
            if revision.is_since(offer.since):
                self._routes[name] = OfferRoute(name, offer, self._gated(name, offer))

    def dispatch(self, session: Session, name: str, params: msgspec.Raw) -> Answer | Later:
        """The answer to one request.

        Raises:
            Refusal: it has none.
        """
        if name == "initialize":
            if session.initialized:
                raise Refusal("Already initialized")
            return self._initialize(params, session)
        if not session.initialized:
            raise Refusal("Not initialized")
        route = self._routes.get(name)
        if route is None:
            raise Refusal("unknown method: this server does not know it", METHOD_NOT_FOUND)
        return route(params, session)

    def _route(self, name: str, handler: Handler) -> Route:
        law = self._revision.methods[name]
        params = getattr(self._revision.models, law.params) if law.params else None
        return Route(name, params, law.params_required, handler)

    def _gated(self, name: str, offer: Offer) -> Handler:
        if not (offer.experimental and self._revision.gates_external_login):
            return offer.handler

        def handler(params: Any, session: Session) -> Answer | Later:
            if not session.experimental_api:
                raise Refusal(f"{name} requires the capability experimentalApi")
            return offer.handler(params, session)

        return handler

    def _introduce(self, params: Any, session: Session) -> Answer:
        client = params.client_info
        capabilities = params.capabilities or None
        session.initialized = True
        session.client_name = client.name
        session.experimental_api = bool(getattr(capabilities, "experimental_api", False))
        silenced = getattr(capabilities, "opt_out_notification_methods", None)
        session.silenced = frozenset(silenced or ())
        return Answer(
            self._revision.make(
                "InitializeResponse",
                user_agent=self._user_agent(client.name, client.version),
                platform_family="unix",
                platform_os="macos" if sys.platform == "darwin" else sys.platform,
                codex_home=str(self._config.home),
            )
        )

    def _user_agent(self, name: str, version: str) -> str:
        system = os.uname()
        platform = f"{system.sysname} {system.release}; {system.machine}"
        return f"{name}/{self._revision.release} ({platform}) {KIT} ({name}; {version})"
