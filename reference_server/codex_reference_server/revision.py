"""What differs between the revisions of the protocol, and the law that says so."""

from functools import cached_property
from types import ModuleType
from typing import Any, get_args

import msgspec
from codex_account_protocol import Method, methods, models

from codex_reference_server.messages import Notification

UNKNOWN_PLAN = "unknown"


class Revision(msgspec.Struct, frozen=True, dict=True):
    """One revision of the protocol.

    Attributes:
        release: the release of codex whose schema it is, which `userAgent` names.
        claims_from_id_token: the account is read from an `idToken` of its own; later revisions
            read it from the access token and are told the account id beside it.
        gates_external_login: `chatgptAuthTokens` needs the capability `experimentalApi`.
        several_workspaces: `forced_chatgpt_workspace_id` may be a list.
        no_email: what stands in an account whose token names no email.
    """

    name: str
    release: str
    claims_from_id_token: bool
    gates_external_login: bool
    several_workspaces: bool
    no_email: str | None

    @cached_property
    def models(self) -> ModuleType:
        """The generated models."""
        return models(self.name)

    @cached_property
    def methods(self) -> dict[str, Method]:
        """Every method of the revision by its name."""
        return {method.method: method for method in methods(self.name)}

    @cached_property
    def plans(self) -> frozenset[str]:
        """Every value of `PlanType`."""
        return frozenset(get_args(self.models.PlanType))

    def is_since(self, name: str) -> bool:
        """Whether it is the revision of this name, or a newer one."""
        known = tuple(REVISIONS)
        return known.index(self.name) >= known.index(name)

    def plan(self, name: str | None) -> str:
        """The `PlanType` of this name, `unknown` if the revision has none."""
        return name if name in self.plans else UNKNOWN_PLAN

    def make(self, type_name: str, **members: Any) -> Any:
        """A value of a type, with those of the members that the type has in this revision."""
        model = getattr(self.models, type_name)
        known = model.__struct_fields__
        return model(**{name: value for name, value in members.items() if name in known})

    def notification(self, method: str, **members: Any) -> Notification:
        """A notification with params of the type that the revision gives it."""
        type_name = self.methods[method].params
        assert type_name is not None, f"{method} has no params"
        return Notification(method, self.make(type_name, **members))


REVISIONS = {
    "0.93": Revision(
        name="0.93",
        release="0.98.0",
        claims_from_id_token=True,
        gates_external_login=False,
        several_workspaces=False,
        no_email="",
    ),
    "0.99": Revision(
        name="0.99",
        release="0.99.0",
        claims_from_id_token=False,
        gates_external_login=True,
        several_workspaces=False,
        no_email="",
    ),
    "0.169": Revision(
        name="0.169",
        release="0.169.0",
        claims_from_id_token=False,
        gates_external_login=True,
        several_workspaces=True,
        no_email=None,
    ),
}
NEWEST = tuple(REVISIONS)[-1]
