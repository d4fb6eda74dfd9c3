"""What a schema says, in words that two schemas can be compared by."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Schema = Mapping[str, Any]

ANYTHING = "anything"
_NULL = "null"


@dataclass(frozen=True)
class Member:
    """A member of an object.

    Attributes:
        says: what it may be, such as "string or null".
        default: as JSON; None without one.
    """

    says: str
    required: bool
    default: str | None

    @property
    def need(self) -> str:
        """Whether it has to be there."""
        return "required" if self.required else "optional"

    def __str__(self) -> str:
        return f"{self.says}, {self.need}"


@dataclass(frozen=True)
class Shape:
    """What a type is.

    Attributes:
        kind: "object", "enum", "union of objects", or what it may be.
        members: by name; a member of a variant as `variant.member`.
        variants: of a union of objects: their tags, or what they require where they have none.
        values: of an enum.
    """

    kind: str
    members: Mapping[str, Member] = field(default_factory=dict)
    variants: tuple[str, ...] = ()
    values: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.values:
            return " | ".join(self.values)
        if self.variants:
            return " | ".join(f"{one} {self.variant(one)}" for one in self.variants)
        return _braces(self.members) if self.kind == "object" else self.kind

    def variant(self, name: str) -> str:
        """The members of a variant."""
        if name not in self.variants:
            return ""
        members = self.members.items()
        start = f"{name}."
        return _braces(
            {each.removeprefix(start): m for each, m in members if each.startswith(start)}
        )


def _braces(members: Mapping[str, Member]) -> str:
    names = [name if one.required else f"{name}?" for name, one in members.items()]
    return f"{{{', '.join(names)}}}"


def shape_of(schema: Schema) -> Shape:
    """What a type is. Annotations and the order of members make no difference."""
    values = values_of(schema)
    if values is not None:
        return Shape("enum", values=values)
    if "properties" in schema or schema.get("type") == "object":
        return Shape("object", members=dict(_members(schema)))
    parts = _alternatives(schema)
    if parts and all("properties" in part for part in parts):
        variants = {_label(part): part for part in parts}
        members = {
            f"{label}.{name}": member
            for label, part in variants.items()
            for name, member in _members(part)
            if name != _tag(part)
        }
        return Shape("union of objects", members=members, variants=tuple(variants))
    return Shape(spelled(schema))


def spelled(schema: Any) -> str:
    """What a value may be, in words: "string or null", "list of Turn", "integer (int64)"."""
    words = set(_words(schema))
    if ANYTHING in words:
        return ANYTHING
    return " or ".join([*sorted(words - {_NULL}), *([_NULL] if _NULL in words else [])])


def _words(schema: Any) -> Iterator[str]:
    if not isinstance(schema, Mapping):
        yield ANYTHING
    elif "$ref" in schema:
        yield schema["$ref"].rpartition("/")[2].removesuffix(".json")
    elif parts := _alternatives(schema):
        for part in parts:
            yield from _words(part)
    elif "const" in schema or "enum" in schema:
        yield from map(json.dumps, schema.get("enum", [schema.get("const")]))
    elif "type" in schema:
        types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        yield from (_NULL if each == _NULL else _typed(each, schema) for each in types)
    else:
        yield ANYTHING


def _typed(type_name: str, schema: Schema) -> str:
    if type_name == "array":
        return f"list of {spelled(schema.get('items'))}"
    if type_name == "object":
        entries = schema.get("additionalProperties")
        return f"map of {spelled(entries)}" if isinstance(entries, Mapping) else "object"
    words = ("format", "minimum", "maximum", "minLength", "maxLength", "pattern")
    limits = [str(schema[word]) if word == "format" else f"{word} {schema[word]}"
              for word in words if word in schema]  # fmt: skip
    return f"{type_name} ({', '.join(limits)})" if limits else type_name


def _alternatives(schema: Schema) -> list[Any]:
    for word in ("oneOf", "anyOf"):
        if word in schema:
            return list(schema[word])
    # A reference that bears annotations: the only part of an `allOf`.
    return list(schema["allOf"]) if len(schema.get("allOf", [])) == 1 else []


def values_of(schema: Any) -> tuple[str, ...] | None:
    """The values of an enum, also of one that says a word on each; None if it is none."""
    if not isinstance(schema, Mapping):
        return None
    if "const" in schema or "enum" in schema:
        return tuple(map(json.dumps, schema.get("enum", [schema.get("const")])))
    parts = [values_of(part) for part in _alternatives(schema)]
    if not parts or None in parts:
        return None
    return tuple(value for part in parts for value in part or ())


def _members(schema: Schema) -> Iterator[tuple[str, Member]]:
    required = schema.get("required", [])
    for name, member in schema.get("properties", {}).items():
        default = member.get("default", ...) if isinstance(member, Mapping) else ...
        yield (
            name,
            Member(
                spelled(member), name in required, None if default is ... else json.dumps(default)
            ),
        )
        if isinstance(member, Mapping) and "properties" in member:
            yield from ((f"{name}.{inner}", one) for inner, one in _members(member))


def _tag(variant: Schema) -> str | None:
    """The member that tells a variant from the others: the one that has a single value."""
    for name, member in variant["properties"].items():
        if len(values_of(member) or ()) == 1:
            return str(name)
    return None


def _label(variant: Schema) -> str:
    """What a variant is called: the value of its tag, or else the members that it requires."""
    tag = _tag(variant)
    if tag is None:
        return "+".join(sorted(variant.get("required", []))) or "{}"
    return str(json.loads((values_of(variant["properties"][tag]) or ("",))[0]))
