"""Params that the law refuses: a good example, with one fault each."""

import json
from collections.abc import Iterator
from typing import Any

from codex_conformance.mock_parent import ABSENT
from codex_conformance.schema import judge_line

_OTHERS: tuple[Any, ...] = (None, True, 7, "text", {}, [])


def faulty(revision: str, type_name: str, good: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Everything that `good` can become by one wrong type or one missing member.

    What stays valid is left out, and so is an array in place of an object.

    Yields:
        What is wrong, in words, and the params; `ABSENT` where there are none.
    """
    yield "no params", ABSENT
    for what, params in _variants("params", good):
        if judge_line(revision, type_name, params, json.dumps(params)) != (None, None):
            yield what, params


def _variants(place: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Every value that differs from `value` in one place."""
    for other in _OTHERS:
        is_array_for_object = isinstance(value, dict) and isinstance(other, list)
        if type(other) is not type(value) and not is_array_for_object:
            yield f"{place} {_shown(other)}", other
    if isinstance(value, dict):
        for name, member in value.items():
            rest = {other: value[other] for other in value if other != name}
            yield f"no {name}", rest
            for what, variant in _variants(name, member):
                yield what, value | {name: variant}
    elif isinstance(value, list):
        for index, item in enumerate(value):
            for what, variant in _variants(f"{place}[{index}]", item):
                yield what, [*value[:index], variant, *value[index + 1 :]]
    elif isinstance(value, str):
        yield f"{place} {_shown('text')}", "text"


def _shown(value: Any) -> str:
    return "null" if value is None else str(value).lower() if value is True else repr(value)
