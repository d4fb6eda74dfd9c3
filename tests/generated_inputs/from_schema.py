"""Values drawn from the schemas of a revision: valid ones, and ones with a fault."""

import json
from typing import Any

from codex_account_protocol import spec_root
from codex_conformance.schema import law
from hypothesis import strategies as st

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3)
    ),
    max_leaves=6,
)
_SCALARS = {
    "null": st.none(),
    "boolean": st.booleans(),
    "integer": st.integers(0, 2**31 - 1),
    "number": st.floats(-1e9, 1e9, allow_nan=False),
    "string": st.text(max_size=20),
}


def valid(revision: str, type_name: str) -> st.SearchStrategy[Any]:
    """Values that are valid as a type of the revision."""
    drawn = _of(_read(revision, type_name), revision)
    return drawn.filter(lambda value: law(revision).fault(type_name, value) is None)


def broken(revision: str, type_name: str) -> st.SearchStrategy[Any]:
    """Values that are nearly valid: one member is gone, or is anything."""
    return st.tuples(valid(revision, type_name), st.randoms(use_true_random=False), JSON).map(
        lambda drawn: _spoilt(*drawn)
    )


def _spoilt(value: Any, random: Any, junk: Any) -> Any:
    if not isinstance(value, dict) or not value or random.random() < 0.2:
        return junk
    name = random.choice(sorted(value))
    if random.random() < 0.4:
        return {member: each for member, each in value.items() if member != name}
    return value | {name: _spoilt(value[name], random, junk)}


def _read(revision: str, type_name: str) -> Any:
    return json.loads((spec_root() / revision / f"{type_name}.json").read_text())


def _of(schema: Any, revision: str) -> st.SearchStrategy[Any]:
    if "$ref" in schema:
        return st.deferred(
            lambda: _of(_read(revision, schema["$ref"].removesuffix(".json")), revision)
        )
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    for word in ("oneOf", "anyOf"):
        if word in schema:
            return st.one_of([_of(each, revision) for each in schema[word]])
    types = schema.get("type")
    if types is None:
        return JSON
    names = [types] if isinstance(types, str) else types
    return st.one_of([_typed(name, schema, revision) for name in names])


def _typed(name: str, schema: Any, revision: str) -> st.SearchStrategy[Any]:
    if name == "array":
        return st.lists(_of(schema.get("items", {}), revision), max_size=3)
    if name == "object":
        members = {
            member: _of(each, revision) for member, each in schema.get("properties", {}).items()
        }
        required = set(schema.get("required", ()))
        unknown = st.dictionaries(st.text("xyz", min_size=3, max_size=5), JSON, max_size=1)
        known = st.fixed_dictionaries(
            {member: each for member, each in members.items() if member in required},
            optional={member: each for member, each in members.items() if member not in required},
        )
        return st.tuples(unknown, known).map(lambda drawn: drawn[0] | drawn[1])
    return _SCALARS[name]
