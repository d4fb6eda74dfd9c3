"""Bundles made by hand: a revision of `spec/` in the words in which a codex writes its schema."""

import copy
import json
from pathlib import Path
from typing import Any

from codex_conformance.release import BUNDLE
from codex_conformance.specification import read_revision

Bundle = dict[str, Any]
_UNIONS = {
    ("request", "clientToServer"): "ClientRequest",
    ("notification", "clientToServer"): "ClientNotification",
    ("request", "serverToClient"): "ServerRequest",
    ("notification", "serverToClient"): "ServerNotification",
}
_TOP = ("JSONRPC", "Initialize", "ClientInfo", "ChatgptAuthTokens", "RequestId", "W3c")


def bundle_of(revision: str, *, experimental: bool = True) -> Bundle:
    """What a release of exactly this revision would write."""
    spec = read_revision(revision)
    definitions: Bundle = {"v2": {}, **{union: {"oneOf": []} for union in _UNIONS.values()}}
    for row in spec.methods.values():
        if experimental or row.stability == "stable":
            params: Any = {"$ref": _pointer(row.params)} if row.params else {"type": "null"}
            if row.params and not row.params_required:
                params = {"anyOf": [params, {"type": "null"}]}
            union = definitions[_UNIONS[row.kind, row.direction]]["oneOf"]
            union.append(
                {
                    "type": "object",
                    "required": ["method", *(["params"] if row.params_required else [])],
                    "properties": {
                        "method": {"type": "string", "enum": [row.method]},
                        "params": params,
                    },
                }
            )
    for name, schema in spec.types.items():
        if experimental or schema.get("x-stability") != "experimental":
            place = definitions if name.startswith(_TOP) else definitions["v2"]
            place[name] = _in_their_words(schema, experimental)
    notification = definitions["JSONRPCNotification"]["properties"]
    if "emittedAtMs" in notification:
        common = {"emittedAtMs": notification.pop("emittedAtMs")}
        definitions["ServerNotification"]["properties"] = common
    return {"title": "CodexAppServerProtocol", "definitions": definitions}


def _pointer(name: str) -> str:
    return f"#/definitions/{name}" if name.startswith(_TOP) else f"#/definitions/v2/{name}"


def _in_their_words(schema: Any, experimental: bool) -> Any:
    if isinstance(schema, list):
        return [_in_their_words(part, experimental) for part in schema]
    if not isinstance(schema, dict):
        return copy.deepcopy(schema)
    if "const" in schema:
        return {"type": "string", "enum": [schema["const"]]}
    if "$ref" in schema:
        reference = {"$ref": _pointer(schema["$ref"].removesuffix(".json"))}
        return {"allOf": [reference], "description": "theirs"} if len(schema) > 1 else reference
    kept = {name: part for name, part in schema.items() if not name.startswith(("x-", "$"))}
    if not experimental and "properties" in kept:
        members = kept["properties"].items()
        kept["properties"] = {
            name: member
            for name, member in members
            if member.get("x-stability") != "experimental"
        }
    return {name: _in_their_words(part, experimental) for name, part in kept.items()}


def write(folder: Path, bundle: Bundle) -> Path:
    """Write a bundle as a codex does; the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.joinpath(BUNDLE).write_text(json.dumps(bundle))
    return folder
