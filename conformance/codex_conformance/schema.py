"""The law applied to messages: jsonschema over the files of a revision."""

import json
from collections.abc import Iterator
from functools import cache
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
        grown: accept any text where the revision's enum is marked as one that grows.
    """

    def __init__(self, revision: str, *, grown: bool = False) -> None:
        folder = spec_root() / revision
        self.methods: dict[str, dict[str, Any]] = {
            method["method"]: method
            for method in json.loads(folder.joinpath("methods.json").read_text())["methods"]
        }
        self._registry: Registry[Any] = Registry().with_resources(
            (name, DRAFT202012.create_resource(_open(schema) if grown else schema))
            for name, schema in _schemas(folder)
        )
        self._validators: dict[str, Draft202012Validator] = {}

    def fault(self, type_name: str, value: Any) -> str | None:
        """What is wrong with `value` as a `type_name`, in a sentence, or None."""
        validator = self._validators.get(type_name)
        if validator is None:
            schema = {"$ref": f"{type_name}.json"}
            validator = Draft202012Validator(schema, registry=self._registry)
            self._validators[type_name] = validator
        if validator.is_valid(value):
            return None
        error = best_match(validator.iter_errors(value))
        return None if error is None else f"{type_name}: {_sentence(error)}"


def _schemas(folder: Path) -> Iterator[tuple[str, Any]]:
    for path in folder.glob("*.json"):
        if path.name != "methods.json":
            yield path.name, json.loads(path.read_text())


def _open(schema: Any) -> Any:
    """The schema with every growing enum opened to any text."""
    if isinstance(schema, list):
        return [_open(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("x-grows"):
        return {"type": "string"}
    return {name: _open(part) for name, part in schema.items()}


def _sentence(error: ValidationError) -> str:
    where = error.json_path.removeprefix("$").removeprefix(".") or "the message"
    return f"{where}: {error.message}"


@cache
def law(revision: str, *, grown: bool = False) -> Law:
    """The law of a revision, read once."""
    return Law(revision, grown=grown)


def judge(revision: str, type_name: str, value: Any) -> tuple[str | None, str | None]:
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
