"""The law applied to messages: jsonschema over the files of a revision."""

import json
import re
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from codex_account_protocol import REVISIONS, spec_root
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match
from referencing import Registry
from referencing.jsonschema import DRAFT202012


class Law:
    """The schemas and methods of one revision.

    Args:
        revision: a folder of `spec/`.
        grown: accept unknown values where an enum or union is marked as one that grows.
    """

    def __init__(self, revision: str, *, grown: bool = False) -> None:
        folder = spec_root() / revision
        self.methods: dict[str, dict[str, Any]] = {
            method["method"]: method
            for method in json.loads(folder.joinpath("methods.json").read_text())["methods"]
        }
        registry: Registry[Any] = Registry().with_resources(
            (name, DRAFT202012.create_resource(_open(schema) if grown else schema))
            for name, schema in _schemas(folder)
        )
        self._resolver = registry.resolver()
        self._validators: dict[str, Draft202012Validator] = {}

    def fault(self, type_name: str, value: Any) -> str | None:
        """What is wrong with `value` as a `type_name`, in a sentence, or None."""
        validator = self._validators.get(type_name)
        if validator is None:
            # Whole, since jsonschema follows a reference anew for every value.
            schema = _whole({"$ref": f"{type_name}.json"}, self._resolver)
            validator = self._validators[type_name] = Draft202012Validator(schema)
        if validator.is_valid(value):
            return None
        error = best_match(validator.iter_errors(value))
        return None if error is None else f"{type_name}: {_sentence(error)}"


def _schemas(folder: Path) -> Iterator[tuple[str, Any]]:
    for path in folder.glob("*.json"):
        if path.name != "methods.json":
            yield path.name, json.loads(path.read_text())


def _whole(schema: Any, resolver: Any) -> Any:
    """The schema with what it refers to in place of every reference."""
    if isinstance(schema, list):
        return [_whole(part, resolver) for part in schema]
    if not isinstance(schema, dict):
        return schema
    whole = {name: _whole(part, resolver) for name, part in schema.items() if name != "$ref"}
    if "$ref" in schema:
        target = resolver.lookup(schema["$ref"])
        whole = _whole(target.contents, target.resolver) | whole
    return whole


def _open(schema: Any) -> Any:
    """The schema with every enum and union that grows opened to values unknown today."""
    if isinstance(schema, list):
        return [_open(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    opened = {name: _open(part) for name, part in schema.items()}
    if not schema.get("x-grows"):
        return opened
    return {"type": "string"} if "enum" in schema else {"anyOf": [*opened["oneOf"], _new(schema)]}


def _new(union: dict[str, Any]) -> dict[str, Any]:
    """What a variant that a tagged union has no name for looks like."""
    known = [variant["properties"]["type"]["const"] for variant in union["oneOf"]]
    tag = {"type": "string", "not": {"enum": known}}
    return {"type": "object", "required": ["type"], "properties": {"type": tag}}


def _sentence(error: ValidationError) -> str:
    where = error.json_path.removeprefix("$").removeprefix(".") or "the message"
    said = error.message if len(error.message) <= _SAID else f"{error.message[:_SAID]}…"
    return f"{where}: {said}"


@cache
def law(revision: str, *, grown: bool = False) -> Law:
    """The law of a revision, read once."""
    return Law(revision, grown=grown)


Judgement = tuple[str | None, str | None]

# Texts that differ in ids and times only are equally valid, and targets repeat themselves.
_VOLATILE = re.compile(
    r"(?<=[\"/:,\[\- ])"
    r"(?:[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9]{10,13}(?![0-9.])"
    r"|codex-conformance-[0-9a-z_]{8})"
)
_judged: dict[tuple[str, str, str], Judgement] = {}
_SAID = 1000  # characters of what is wrong with a value
_JUDGED_LIMIT = 20_000  # judgements
_TEXT_LIMIT = 4096  # characters


def judge_line(revision: str, type_name: str, value: Any, line: str) -> Judgement:
    """As `judge`, for a value that came in `line`; remembers what it has judged before."""
    if len(line) > _TEXT_LIMIT:
        return judge(revision, type_name, value)
    judgement = _judged.get((revision, type_name, line))
    if judgement is not None:
        return judgement
    key = (revision, type_name, _steady(line))
    judgement = _judged.get(key)
    if judgement is None:
        if len(_judged) >= _JUDGED_LIMIT:
            _judged.clear()
        judgement = _judged[key] = judge(revision, type_name, value)
    return judgement


@lru_cache(maxsize=1)  # a message is judged as more than one type
def _steady(line: str) -> str:
    return _VOLATILE.sub("", line)


def judge(revision: str, type_name: str, value: Any) -> Judgement:
    """Judge what a target sent.

    Returns:
        What breaks the revision, and what a newer release merely added: an enum value that grows,
        or the shape of a later revision. Each a sentence or None, never both.
    """
    fault = law(revision).fault(type_name, value)
    if fault is None:
        return None, None
    if law(revision, grown=True).fault(type_name, value) is None:
        return None, fault
    later = REVISIONS[REVISIONS.index(revision) + 1 :]
    for newer in later:
        if law(newer, grown=True).fault(type_name, value) is None:
            return None, fault
    return fault, None
