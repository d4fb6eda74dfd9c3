"""The specification is sound in itself: valid schemas, no loose ends, one form."""

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from together import together

SPEC = Path(__file__).parents[1] / "spec"
REVISIONS = sorted(
    (path.name for path in SPEC.glob("*/") if re.fullmatch(r"[\d.]+", path.name)),
    key=lambda name: [int(part) for part in name.split(".")],
)
FILES = [path for name in REVISIONS for path in sorted((SPEC / name).glob("*.json"))]
SCHEMAS = [path for path in FILES if path.name != "methods.json"]
ENVELOPE = "JSONRPCMessage.json"

each_schema = together(
    {
        name: {f"{name}/{path.stem}": (path,) for path in SCHEMAS if path.parent.name == name}
        for name in REVISIONS
    }
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
def test_a_type_says_whether_it_is_stable(path):
    assert load(path)["x-stability"] in ("stable", "experimental")


@each_schema
def test_a_member_that_says_so_is_experimental_in_a_stable_type(path):
    schema, *inner = nodes(load(path))
    marks = {node["x-stability"] for node in inner if "x-stability" in node}
    assert marks <= ({"experimental"} if schema["x-stability"] == "stable" else set())


def reached(folder: Path, names: set[str | None], *, stable: bool) -> set[str]:
    """The files that these lead to, themselves among them, over stable members or over any."""
    found: set[str] = set()
    pending = {f"{name}.json" for name in names - {None}} | {ENVELOPE}
    while pending:
        name = pending.pop()
        found.add(name)
        members = load(folder / name)
        for node in nodes(members) if stable else ():
            marked = [key for key, part in node.items() if is_experimental(part)]
            for key in marked:
                node.pop(key)
        pending |= {node["$ref"] for node in nodes(members) if "$ref" in node} - found
    return found


def is_experimental(part: Any) -> bool:
    return isinstance(part, dict) and part.get("x-stability") == "experimental"


@each_revision
def test_what_only_experimental_messages_lead_to_is_experimental(revision):
    folder = SPEC / revision
    rows = [row for row in methods(revision) if row["stability"] == "stable"]
    stable = reached(
        folder, {row[key] for row in rows for key in ("params", "result")}, stable=True
    )
    marked = {path.name for path in folder.glob("*.json") if is_experimental(load(path))}
    assert marked == {path.name for path in folder.glob("*.json")} - {"methods.json"} - stable


@each_revision
def test_every_file_is_reachable_from_a_method_or_the_envelope(revision):
    folder = SPEC / revision
    named = {row[key] for row in methods(revision) for key in ("params", "result")}
    files = {path.name for path in folder.glob("*.json")} - {"methods.json"}
    assert files == reached(folder, named, stable=False)


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


@together({"all": {f"{path.parent.name}/{path.stem}": (path,) for path in FILES}})
def test_a_file_is_written_with_two_spaces(path):
    assert path.read_text("utf-8") == json.dumps(load(path), indent=2, ensure_ascii=False) + "\n"
