"""The specification is sound in itself: valid schemas, no loose ends, one form."""

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

SPEC = Path(__file__).parents[1] / "spec"
REVISIONS = sorted(
    (path.name for path in SPEC.glob("*/") if re.fullmatch(r"[\d.]+", path.name)),
    key=lambda name: [int(part) for part in name.split(".")],
)
FILES = [path for name in REVISIONS for path in sorted((SPEC / name).glob("*.json"))]
SCHEMAS = [path for path in FILES if path.name != "methods.json"]
ENVELOPE = "JSONRPCMessage.json"

each_schema = pytest.mark.parametrize(
    "path", SCHEMAS, ids=lambda path: f"{path.parent.name}/{path.stem}"
)
each_revision = pytest.mark.parametrize("revision", REVISIONS)


def load(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def methods(revision: str) -> list[dict[str, Any]]:
    return load(SPEC / revision / "methods.json")["methods"]


def nodes(schema: Any) -> Iterator[dict[str, Any]]:
    """Every object in a document, the outermost first."""
    if isinstance(schema, dict):
        yield schema
        schema = list(schema.values())
    if isinstance(schema, list):
        for part in schema:
            yield from nodes(part)


def references(path: Path) -> set[str]:
    return {node["$ref"] for node in nodes(load(path)) if isinstance(node.get("$ref"), str)}


def test_the_three_revisions_are_there():
    assert {"0.93", "0.99", "0.169"} <= set(REVISIONS)


@each_schema
def test_a_schema_is_valid_draft_2020_12_and_named_like_its_file(path):
    schema = load(path)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    assert schema["title"] == path.stem
    assert schema["description"]


@each_schema
def test_a_reference_names_a_file_beside_it(path):
    assert {name for name in references(path) if not (path.parent / name).is_file()} == set()


@each_schema
def test_unknown_members_are_never_refused(path):
    closed = ("additionalProperties", "unevaluatedProperties")
    assert not [node for node in nodes(load(path)) if False in (node.get(key) for key in closed)]


@each_schema
def test_required_members_are_described_first_and_in_that_order(path):
    for node in nodes(load(path)):
        if isinstance(node.get("properties"), dict) and "type" in node:
            required = node.get("required", [])
            assert list(node["properties"])[: len(required)] == required


@each_schema
def test_a_variant_is_told_by_a_constant_type_and_has_a_name(path):
    for variant in load(path).get("oneOf", []):
        assert isinstance(variant["properties"]["type"]["const"], str)
        assert "type" in variant["required"]
        assert variant["title"].endswith(path.stem)


@each_schema
def test_stability_is_a_known_word(path):
    said = {node["x-stability"] for node in nodes(load(path)) if "x-stability" in node}
    assert said <= {"stable", "experimental"}


@each_revision
def test_every_file_is_reachable_from_a_method_or_the_envelope(revision):
    folder = SPEC / revision
    named = {row[key] for row in methods(revision) for key in ("params", "result")} - {None}
    reached = set()
    pending = {f"{name}.json" for name in named} | {ENVELOPE}
    while pending:
        name = pending.pop()
        reached.add(name)
        pending |= references(folder / name) - reached
    assert {path.name for path in folder.glob("*.json")} - {"methods.json"} == reached


@each_revision
def test_a_request_has_a_result_and_a_notification_has_none(revision):
    for row in methods(revision):
        assert (row["result"] is not None) == (row["kind"] == "request"), row["method"]
        assert row["params"] is not None or row["paramsRequired"] is False, row["method"]


@pytest.mark.parametrize(("older", "newer"), list(pairwise(REVISIONS)))
def test_a_type_that_did_not_change_is_the_same_file(older, newer):
    """Otherwise `diff -r` between two revisions is no changelog."""
    for path in (SPEC / older).glob("*.json"):
        twin = SPEC / newer / path.name
        if twin.is_file() and load(path) == load(twin):
            assert path.read_bytes() == twin.read_bytes(), path.name


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_file_is_written_with_two_spaces(path):
    assert path.read_text("utf-8") == json.dumps(load(path), indent=2, ensure_ascii=False) + "\n"
