"""The account protocol of codex app-server, as msgspec models: one module per revision.

A model has the name of its type in `spec/<revision>/`, and snake_case attributes for the wire's
camelCase members. A member that is absent is `msgspec.UNSET`; one that is null is `None`.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, get_args

import msgspec

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

REVISIONS: tuple[str, ...] = ()
"""Every revision that `spec/` describes, the oldest first."""


class Method(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One row of `spec/<revision>/methods.json`."""

    method: str
    kind: Literal["request", "notification"]
    direction: Literal["clientToServer", "serverToClient"]
    params: str | None
    """Name of the type of the params; None if the method takes none."""
    params_required: bool
    """Whether a message without `params` is refused."""
    result: str | None
    """Name of the type of the result; None for notifications."""
    stability: Literal["stable", "experimental"]


class _MethodsFile(msgspec.Struct):
    methods: tuple[Method, ...]


def models(revision: str) -> ModuleType:
    """The module of one revision; imported when it is first asked for.

    Raises:
        ValueError: nobody knows the revision.
    """
    return import_module(f"{__name__}.v{_known(revision).replace('.', '_')}")


def decode(data: bytes | str, wanted: Any) -> Any:
    """A message as a model of `wanted`: `msgspec.json.decode`, also for unions without a tag.

    Of such a union, `JSONRPCMessage` for one, it is the first model that fits.

    Raises:
        msgspec.ValidationError: it is no message of that type.
    """
    parts = get_args(wanted)
    structs = [
        part for part in parts if isinstance(part, type) and issubclass(part, msgspec.Struct)
    ]
    if len(structs) < 2 or all(struct.__struct_config__.tag is not None for struct in structs):
        return msgspec.json.decode(data, type=wanted)
    faults = []
    for part in parts:
        try:
            return msgspec.json.decode(data, type=part)
        except msgspec.ValidationError as error:
            faults.append(f"{part.__name__}: {error}")
    raise msgspec.ValidationError("; ".join(faults))


@cache
def methods(revision: str) -> tuple[Method, ...]:
    """The methods of one revision, in the order of its `methods.json`.

    Raises:
        ValueError: nobody knows the revision.
        FileNotFoundError: `spec/` is not where it belongs.
    """
    content = (spec_root() / _known(revision) / "methods.json").read_bytes()
    return msgspec.json.decode(content, type=_MethodsFile).methods


@cache
def spec_root() -> Path:
    """The folder that holds `<revision>/<Type>.json`: in the installed package, or in the checkout.

    Raises:
        FileNotFoundError: it is in neither place.
    """
    from pathlib import Path

    package = Path(__file__).resolve().parent
    places = (package / "spec", package.parents[1] / "spec")
    for place in places:
        if (place / REVISIONS[-1] / "methods.json").is_file():
            return place
    looked = " nor ".join(str(place) for place in places)
    raise FileNotFoundError(
        f"the specification is neither in {looked}; install codex-conformance anew"
    )


def _known(revision: str) -> str:
    if revision not in REVISIONS:
        raise ValueError(
            f"unknown revision {revision!r}; the known revisions are {', '.join(REVISIONS)}"
        )
    return revision
