"""The schema bundle that `codex app-server generate-json-schema` writes, from `spec/`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from codex_conformance.release import BUNDLE
from codex_conformance.specification import Revision, reached, read_revision

Bundle = dict[str, Any]
_UNIONS = {
    ("request", "clientToServer"): "ClientRequest",
    ("notification", "clientToServer"): "ClientNotification",
    ("request", "serverToClient"): "ServerRequest",
    ("notification", "serverToClient"): "ServerNotification",
}
_TOP = ("JSONRPC", "Initialize", "ClientInfo", "ChatgptAuthTokens", "RequestId", "W3c")
_NEWER = "v2"


def write_bundle(folder: Path, revision: str, *, experimental: bool) -> None:
    """Write the bundle and a file for each type, as codex lays them out.

    Raises:
        OSError: the folder cannot be written to.
    """
    bundle = bundle_of(revision, experimental=experimental)
    _write(folder / BUNDLE, bundle)
    definitions = bundle["definitions"]
    types = {**definitions, **definitions[_NEWER]}
    for name in types.keys() - {_NEWER}:
        place = folder / _NEWER if name in definitions[_NEWER] else folder
        _write(place / f"{name}.json", _alone(name, types))


def _write(path: Path, schema: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(schema, indent=2) + "\n", encoding="utf-8")


def bundle_of(revision: str, *, experimental: bool = True) -> Bundle:
    """What a release of exactly this revision would write."""
    spec = read_revision(revision)
    definitions: Bundle = {_NEWER: {}, **{union: {"oneOf": []} for union in _UNIONS.values()}}
    _add_methods(spec, definitions, experimental)
    for name, schema in spec.types.items():
        if experimental or schema.get("x-stability") != "experimental":
            place = definitions if name.startswith(_TOP) else definitions[_NEWER]
            place[name] = _in_their_words(schema, experimental)
    notification = definitions["JSONRPCNotification"]["properties"]
    if "emittedAtMs" in notification:
        common = {"emittedAtMs": notification.pop("emittedAtMs")}
        definitions["ServerNotification"]["properties"] = common
    return {"title": "CodexAppServerProtocol", "definitions": definitions}


def _add_methods(spec: Revision, definitions: Bundle, experimental: bool) -> None:
    for row in spec.methods.values():
        if not experimental and row.stability != "stable":
            continue
        params: Any = {"$ref": _pointer(row.params)} if row.params else {"type": "null"}
        if row.params and not row.params_required:
            params = {"anyOf": [params, {"type": "null"}]}
        definitions[_UNIONS[row.kind, row.direction]]["oneOf"].append(
            {
                "type": "object",
                "required": ["method", *(["params"] if row.params_required else [])],
                "properties": {
                    "method": {"type": "string", "enum": [row.method]},
                    "params": params,
                },
            }
        )


def _pointer(name: str) -> str:
    return f"#/definitions/{name}" if name.startswith(_TOP) else f"#/definitions/{_NEWER}/{name}"


def _in_their_words(schema: Any, experimental: bool) -> Any:
    """A schema as codex spells it, which knows no `const` and no marks of ours."""
    if isinstance(schema, list):
        return [_in_their_words(part, experimental) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "const" in schema:
        return {"type": "string", "enum": [schema["const"]]}
    if "$ref" in schema:
        reference = {"$ref": _pointer(schema["$ref"].removesuffix(".json"))}
        if len(schema) == 1:
            return reference
        return {"allOf": [reference], "description": schema.get("description", "")}
    kept = {name: part for name, part in schema.items() if not name.startswith(("x-", "$"))}
    if not experimental and "properties" in kept:
        members = kept["properties"].items()
        kept["properties"] = {
            name: member for name, member in members if member.get("x-stability") != "experimental"
        }
    return {name: _in_their_words(part, experimental) for name, part in kept.items()}


def _alone(name: str, types: Mapping[str, Any]) -> Bundle:
    """A type with the definitions that it leads to."""
    schema: Bundle = json.loads(
        json.dumps({each: types[each] for each in reached([name], types)}).replace(
            f"#/definitions/{_NEWER}/", "#/definitions/"
        )
    )
    whole = schema.pop(name)
    return {"title": name, **whole, "definitions": schema} if schema else {"title": name, **whole}
