"""The files of a revision as they stand in `spec/`: types, methods, vectors."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from codex_account_protocol import Method, spec_root

from codex_conformance.errors import ConformanceError


@dataclass(frozen=True)
class Revision:
    """One folder of `spec/`.

    Attributes:
        types: name -> schema.
        methods: name -> row of `methods.json`.
        vectors: name of a type -> its vectors, `valid` and `invalid`.
    """

    name: str
    types: Mapping[str, Any]
    methods: Mapping[str, Method]
    vectors: Mapping[str, Any]


@cache
def read_revision(name: str, root: Path | None = None) -> Revision:
    """A revision, read once per process.

    Args:
        name: the folder.
        root: another `spec/` than the one that was installed.

    Raises:
        ConformanceError: a file is missing or is not JSON of its form.
    """
    folder = (root or spec_root()) / name
    documents = _documents(folder)
    path = folder / "methods.json"
    try:
        rows = msgspec.convert(documents.pop(path.stem)["methods"], tuple[Method, ...])
    except (KeyError, TypeError, msgspec.ValidationError) as error:
        raise ConformanceError(f"{path}: expected a table of methods, got this: {error}") from None
    methods = {row.method: row for row in rows}
    return Revision(name, documents, methods, _documents(folder / "vectors"))


def _documents(folder: Path) -> dict[str, Any]:
    documents = {}
    for path in sorted(folder.glob("*.json")):
        try:
            documents[path.stem] = json.loads(path.read_bytes())
        except (OSError, ValueError) as error:
            raise ConformanceError(f"{path}: expected JSON, got this: {error}") from None
    return documents


def named_in(schema: Any) -> Iterator[str]:
    """The types that a schema refers to, here or in the schema of a release."""
    if isinstance(schema, dict):
        reference = schema.get("$ref")
        if isinstance(reference, str):
            yield reference.rpartition("/")[2].removesuffix(".json")
        schema = list(schema.values())
    if isinstance(schema, list):
        for part in schema:
            yield from named_in(part)


def reached(names: Iterable[str], types: Mapping[str, Any]) -> set[str]:
    """The types that these lead to, themselves among them; what `types` lacks leads nowhere."""
    found: set[str] = set()
    pending = set(names)
    while pending:
        name = pending.pop()
        found.add(name)
        pending |= set(named_in(types.get(name))) - found
    return found
