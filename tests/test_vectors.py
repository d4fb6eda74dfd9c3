"""Every type has messages that it takes and near misses that it refuses; schema and model agree."""

import copy
import json
from collections.abc import Iterator
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec
import pytest
from codex_account_protocol import REVISIONS, decode, models, spec_root
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012
from together import together

Mutant = tuple[str, Any]

KEYS = {"valid": {"name", "value"}, "invalid": {"name", "why", "value"}}
TYPES = [
    (revision, path.stem)
    for revision in REVISIONS
    for path in sorted((spec_root() / revision).glob("*.json"))
    if path.name != "methods.json"
]

# A request without its id is a notification, so the union loses nothing with either.
SUBSUMED = ("JSONRPCMessage",)

each_type = together(
    {
        revision: {
            f"{revision}/{name}": (revision, name) for each, name in TYPES if each == revision
        }
        for revision in REVISIONS
    }
)


@cache
def load(path: Path) -> Any:
    return json.loads(path.read_bytes())


def schema_of(revision: str, name: str) -> dict[str, Any]:
    return load(spec_root() / revision / f"{name}.json")


def vectors_of(revision: str, name: str) -> dict[str, list[dict[str, Any]]]:
    return load(spec_root() / revision / "vectors" / f"{name}.json")


@cache
def registry(revision: str) -> Registry[Any]:
    files = (spec_root() / revision).glob("*.json")
    return Registry().with_resources(
        (path.name, DRAFT202012.create_resource(load(path)))
        for path in files
        if path.name != "methods.json"
    )


def validator(revision: str, schema: Any) -> Draft202012Validator:
    return Draft202012Validator(schema, registry=registry(revision))


def model_takes(revision: str, name: str, value: Any) -> bool:
    try:
        decode(json.dumps(value), getattr(models(revision), name))
    except msgspec.ValidationError:
        return False
    return True


# --- the files


@pytest.mark.parametrize("revision", REVISIONS)
def test_vectors_are_those_of_the_types(revision):
    files = {path.stem for path in (spec_root() / revision / "vectors").iterdir()}
    assert files == {name for each, name in TYPES if each == revision}


@each_type
def test_a_type_has_vectors_of_both_kinds_each_with_a_name_of_its_own(revision, name):
    vectors = vectors_of(revision, name)
    assert list(vectors) == list(KEYS)
    for kind, keys in KEYS.items():
        assert vectors[kind], f"{name} has no {kind} vector"
        assert [vector for vector in vectors[kind] if set(vector) != keys] == []
        names = [vector["name"] for vector in vectors[kind]]
        assert len(set(names)) == len(names)


@each_type
def test_a_vector_stands_on_one_line(revision, name):
    vectors = vectors_of(revision, name)
    kinds = [
        f'  "{kind}": [\n'
        + ",\n".join(f"    {json.dumps(vector, ensure_ascii=False)}" for vector in vectors[kind])
        + "\n  ]"
        for kind in KEYS
    ]
    path = spec_root() / revision / "vectors" / f"{name}.json"
    assert path.read_text("utf-8") == "{\n" + ",\n".join(kinds) + "\n}\n"


# --- schema and model


@each_type
def test_schema_takes_what_is_valid_and_refuses_what_is_not(revision, name):
    schema = validator(revision, schema_of(revision, name))
    vectors = vectors_of(revision, name)
    refused = [one["name"] for one in vectors["valid"] if not schema.is_valid(one["value"])]
    accepted = [one["name"] for one in vectors["invalid"] if schema.is_valid(one["value"])]
    assert (refused, accepted) == ([], [])


@each_type
def test_model_takes_what_is_valid_and_refuses_what_is_not(revision, name):
    vectors = vectors_of(revision, name)
    refused = [v["name"] for v in vectors["valid"] if not model_takes(revision, name, v["value"])]
    accepted = [v["name"] for v in vectors["invalid"] if model_takes(revision, name, v["value"])]
    assert (refused, accepted) == ([], [])


@each_type
def test_model_says_again_what_it_was_told(revision, name):
    for vector in vectors_of(revision, name)["valid"]:
        model = getattr(models(revision), name)
        again = msgspec.to_builtins(decode(json.dumps(vector["value"]), model))
        assert again == known_part(vector["value"]), vector["name"]


def known_part(value: Any) -> Any:
    """The value without the members that vectors add to show that they are ignored."""
    if not isinstance(value, dict):
        return value
    strange = ("unheardOf", "jsonrpc", *(("query",) if value.get("type") == "webSearch" else ()))
    return {name: member for name, member in value.items() if name not in strange}


# --- the vectors are complete: no word of a schema can change unnoticed


@each_type
def test_a_schema_that_says_less_accepts_an_invalid_vector(revision, name):
    invalid = [vector["value"] for vector in vectors_of(revision, name)["invalid"]]
    unnoticed = [
        what
        for what, mutant in weaker(schema_of(revision, name))
        if not any(map(validator(revision, mutant).is_valid, invalid))
    ]
    assert unnoticed == []


@each_type
def test_a_schema_that_says_more_refuses_a_valid_vector(revision, name):
    valid = [vector["value"] for vector in vectors_of(revision, name)["valid"]]
    unnoticed = [
        what
        for what, mutant in stronger(schema_of(revision, name))
        if all(map(validator(revision, mutant).is_valid, valid))
    ]
    assert unnoticed == []


def weaker(schema: Any) -> Iterator[Mutant]:
    """The schema with one demand less."""
    for path, node in nodes(schema):
        where = "/".join(map(str, path)) or "the type"
        listed = node.keys() & {"enum", "const"}  # says the type too
        for word in ("type", "minLength", "minimum", "enum", "const"):
            if word in node and not (word == "type" and listed):
                yield f"{where}: no {word}", edited(schema, path, lambda it, w=word: it.pop(w))
        if "$ref" in node or "items" in node:
            word = "$ref" if "$ref" in node else "items"
            yield f"{where}: no {word}", edited(schema, path, lambda it, w=word: it.pop(w))
        if isinstance(node.get("additionalProperties"), dict):
            yield (
                f"{where}: maps to anything",
                edited(schema, path, lambda it: it.pop("additionalProperties")),
            )
        for member in node.get("required", []):
            yield (
                f"{where}: {member} may be absent",
                edited(schema, path, lambda it, m=member: it["required"].remove(m)),
            )
        for member, inner in node.get("properties", {}).items():
            if inner.keys() & {"type", "$ref"} and "null" not in inner.get("type", ""):
                yield (
                    f"{where}: {member} may be null",
                    edited(
                        schema,
                        path,
                        lambda it, m=member: it["properties"].update({m: nullable(it, m)}),
                    ),
                )


def nullable(node: dict[str, Any], member: str) -> dict[str, Any]:
    return {"anyOf": [node["properties"][member], {"type": "null"}]}


def stronger(schema: Any) -> Iterator[Mutant]:
    """The schema with one demand more."""
    for path, node in nodes(schema):
        where = "/".join(map(str, path)) or "the type"
        for value in node.get("enum", []):
            yield (
                f"{where}: no {value}",
                edited(schema, path, lambda it, v=value: it["enum"].remove(v)),
            )
        if isinstance(node.get("type"), list):
            for one in node["type"]:
                yield (
                    f"{where}: not {one}",
                    edited(schema, path, lambda it, t=one: it["type"].remove(t)),
                )
        for word in ("oneOf", "anyOf") if schema["title"] not in SUBSUMED else ():
            for index in range(len(node.get(word, []))):
                yield (
                    f"{where}: no {word}/{index}",
                    edited(schema, path, lambda it, w=word, i=index: it[w].pop(i)),
                )
        if node.get("type") == "object" and "properties" in node:
            yield (
                f"{where}: no other members",
                edited(schema, path, lambda it: it.update({"additionalProperties": False})),
            )
            for member in node["properties"]:
                yield (
                    f"{where}: no {member}",
                    edited(schema, path, lambda it, m=member: it["properties"].update({m: False})),
                )
                if member not in node.get("required", []):
                    yield (
                        f"{where}: {member} is required",
                        edited(
                            schema,
                            path,
                            lambda it, m=member: it.setdefault("required", []).append(m),
                        ),
                    )


def nodes(schema: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[Any, Any]]:
    """Every schema within a schema and where it stands, `if` left out: it demands nothing."""
    yield path, schema
    inner = chain(
        (
            ((word,), schema[word])
            for word in ("items", "then", "additionalProperties")
            if isinstance(schema.get(word), dict)
        ),
        ((("properties", name), part) for name, part in schema.get("properties", {}).items()),
        (
            ((word, index), part)
            for word in ("oneOf", "anyOf", "allOf")
            for index, part in enumerate(schema.get(word, []))
        ),
    )
    for step, part in inner:
        yield from nodes(part, path + step)


def edited(schema: Any, path: tuple[str | int, ...], edit: Any) -> Any:
    mutant = copy.deepcopy(schema)
    node = mutant
    for step in path:
        node = node[step]
    edit(node)
    return mutant
