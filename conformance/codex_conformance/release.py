"""What a release of codex says about itself: its own schema, read as `spec/` is read."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from codex_account_protocol import Method
from jsonschema import Draft7Validator
from jsonschema.exceptions import SchemaError

from codex_conformance.errors import ConformanceError
from codex_conformance.shapes import Shape, shape_of, spelled, values_of
from codex_conformance.specification import named_in, reached

BUNDLE = "codex_app_server_protocol.schemas.json"
ENVELOPE = "JSONRPCMessage"

_COMPARED = ("account/", "accountSession/")
_HANDSHAKE = ("initialize", "initialized")
_OLDER = "v1"
_NEWER = "v2"
# The unions of a bundle: kind and direction of the methods that each lists.
_UNIONS: Mapping[str, tuple[Any, Any]] = {
    "ClientRequest": ("request", "clientToServer"),
    "ClientNotification": ("notification", "clientToServer"),
    "ServerRequest": ("request", "serverToClient"),
    "ServerNotification": ("notification", "serverToClient"),
}


class BundleError(ConformanceError):
    """What a release wrote cannot be read as its schema."""

    def __init__(self, where: str, expected: str, got: str) -> None:
        super().__init__(
            f"{where}: expected {expected}, got {got}",
            f"a codex writes {BUNDLE} on `codex app-server generate-json-schema --out DIR`",
        )


@dataclass(frozen=True)
class Release:
    """A release, as far as it is compared: methods about accounts, handshake, envelope.

    Attributes:
        methods: by name. `result` is always None: no release says which result is whose.
        types: every type by name, experimental ones among them.
        stable: the types without `--experimental`; None where there is no such option.
    """

    methods: Mapping[str, Method]
    types: Mapping[str, Any]
    stable: Mapping[str, Any] | None

    def shape(self, name: str) -> Shape:
        """What a type is."""
        return _shape(name, self.types)

    def stable_shape(self, name: str) -> Shape | None:
        """What a type is without `--experimental`, None if it is not there then."""
        types = self.types if self.stable is None else self.stable
        return _shape(name, types) if name in types else None

    def reached(self, names: Iterable[str]) -> set[str]:
        """The types that these lead to, themselves among them.

        Raises:
            BundleError: one refers to a type that is not there.
        """
        found = reached((name for name in names if name in self.types), self.types)
        for name in sorted(found):
            for other in named_in(self.types[name]) if name in self.types else ():
                if other not in self.types:
                    raise BundleError(BUNDLE, f"{other}, to which {name} refers", "none")
        return found


def is_compared(method: str) -> bool:
    """Whether a method is about accounts, or the handshake."""
    return method.startswith(_COMPARED) or method in _HANDSHAKE


def read_release(stable: Path, experimental: Path | None) -> Release:
    """What a release wrote into a folder, and into another with `--experimental`.

    Raises:
        BundleError: it is not the schema of a codex.
    """
    types = _read(stable)
    methods = {each.method: each for each in _methods(types)}
    if experimental is None:
        return Release(methods, types, None)
    whole = _read(experimental)
    marked = {
        each.method: methods.get(each.method)
        or msgspec.structs.replace(each, stability="experimental")
        for each in _methods(whole)
    }
    return Release(marked, whole, types)


def _read(folder: Path) -> dict[str, Any]:
    """Every type of a bundle, by name."""
    path = folder / BUNDLE
    if not path.is_file():
        others = ", ".join(sorted(each.name for each in folder.iterdir())[:5])
        raise BundleError(str(folder), BUNDLE, others or "an empty folder")
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise BundleError(BUNDLE, "JSON", f"this: {error}") from None
    older = document.get("definitions") if isinstance(document, dict) else None
    newer = older.get(_NEWER, {}) if isinstance(older, dict) else None
    if not older or not isinstance(older, dict) or not isinstance(newer, dict):
        raise BundleError(BUNDLE, "an object with definitions", "none")
    # The same name may stand for an older thing outside `v2`, which no account message means.
    types = {**older, **newer}
    for name in (_OLDER, _NEWER):
        types.pop(name, None)
    for name in (*_UNIONS, ENVELOPE, "JSONRPCNotification"):
        if name not in types:
            raise BundleError(BUNDLE, f"a definition of {name}", "none")
    # Said once for all notifications of the server, and in no definition of its own.
    common = _checked("ServerNotification", types).get("properties", {})
    notification = _checked("JSONRPCNotification", types)
    members = {**notification.get("properties", {}), **common}
    types["JSONRPCNotification"] = {**notification, "properties": members}
    return types


def _checked(name: str, types: Mapping[str, Any]) -> Mapping[str, Any]:
    """A type that is sure to be a JSON Schema."""
    schema = types[name]
    try:
        Draft7Validator.check_schema(schema)
    except SchemaError as error:
        got = f"this: {error.message[:200]}"
        raise BundleError(f"{BUNDLE}, {name}", "a JSON Schema", got) from None
    return schema if isinstance(schema, Mapping) else {}


def _shape(name: str, types: Mapping[str, Any]) -> Shape:
    return shape_of(_checked(name, types))


def _methods(types: Mapping[str, Any]) -> Iterator[Method]:
    for union, (kind, direction) in _UNIONS.items():
        for row in _checked(union, types).get("oneOf", []):
            members = row.get("properties", {}) if isinstance(row, Mapping) else {}
            names = [json.loads(each) for each in values_of(members.get("method")) or ()]
            if len(names) != 1 or not isinstance(names[0], str):
                raise BundleError(f"{BUNDLE}, {union}", "variants of one method each", spelled(row))
            if is_compared(names[0]):
                yield Method(
                    method=names[0],
                    kind=kind,
                    direction=direction,
                    params=_params(members.get("params", {"type": "null"})),
                    params_required="params" in row.get("required", []),
                    result=None,
                    stability="stable",
                )


def _params(schema: Any) -> str | None:
    """The type of the params; None if a method takes none, or nothing but null."""
    says = spelled(schema).removesuffix(" or null")
    return None if says == "null" else says
