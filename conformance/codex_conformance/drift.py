"""What differs between a release of codex and a revision, and what that touches."""

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from codex_account_protocol import REVISIONS, Method

from codex_conformance.ledger import load_ledger
from codex_conformance.release import ENVELOPE, Release, is_compared
from codex_conformance.shapes import Member, Shape, shape_of
from codex_conformance.specification import Revision, reached, read_revision
from codex_conformance.traces import Touched, Traces, known_cases, types_of

Kind = Literal["added", "removed", "changed"]


@dataclass(frozen=True)
class Difference:
    """One thing that the release adds to the revision, lacks, or has otherwise.

    Attributes:
        subject: a method or type.
        detail: what it is, or what it was and what it is.
        noun: "variant" or "value" where the part is one; empty for a member.
        part: the part of the subject that differs; None for the subject itself.
    """

    kind: Kind
    subject: str
    detail: str
    noun: str = ""
    part: str | None = None


@dataclass(frozen=True)
class Comparison:
    """A release beside a revision: what differs, each with what it touches."""

    methods: tuple[tuple[Difference, Touched], ...]
    types: tuple[tuple[Difference, Touched], ...]


def compare(release: Release, revision: str) -> Comparison:
    """Everything in which a release differs from a revision.

    Raises:
        ConformanceError: the release or the revision cannot be read.
    """
    sides = _sides(read_revision(revision), release)
    methods, types = tuple(_in_methods(sides)), tuple(_in_types(sides))
    if not methods and not types:
        return Comparison((), ())
    traces = Traces(
        load_ledger().in_revision(revision),
        known_cases(revision),
        _types_of_methods(sides),
        sides.spec.types,
        release.types,
    )
    return Comparison(
        tuple((one, traces.of(one.subject)) for one in methods),
        tuple((one, traces.of(one.subject, one.part)) for one in types),
    )


def nearest(release: Release, version: tuple[int, ...] | None) -> str:
    """The revision that a release is compared with where nobody says which.

    The newest that is no newer than the release's version. If that is unknown or older than all:
    the one of which the release lacks or changes least, the newest of several.
    """
    older = [name for name in REVISIONS if version and _numbers(name) <= version]
    if older:
        return older[-1]
    return min(reversed(REVISIONS), key=lambda name: _lost(release, read_revision(name)))


def _numbers(revision: str) -> tuple[int, ...]:
    return tuple(map(int, revision.split(".")))


def _lost(release: Release, spec: Revision) -> int:
    sides = _sides(spec, release)
    return sum(one.kind != "added" for one in (*_in_methods(sides), *_in_types(sides)))


# --- the two sides


@dataclass(frozen=True)
class _Sides:
    """A revision and a release, as far as they are compared.

    Attributes:
        ours: the methods of the revision.
        theirs: those of the release, each with the result that it should have.
        stable: the types of the release that stable methods lead to.
        experimental: those that only experimental methods or members lead to.
    """

    spec: Revision
    release: Release
    ours: Mapping[str, Method]
    theirs: Mapping[str, Method]
    stable: Set[str]
    experimental: Set[str]


def _sides(spec: Revision, release: Release) -> _Sides:
    ours = {name: row for name, row in spec.methods.items() if is_compared(name)}
    theirs = {
        name: msgspec.structs.replace(row, result=_result(row, spec, release))
        for name, row in release.methods.items()
    }
    rows = [row for row in theirs.values() if row.stability == "stable"]
    stable = reached(_roots(rows), release.types if release.stable is None else release.stable)
    whole = reached(_roots(theirs.values()), release.types)
    return _Sides(spec, release, ours, theirs, stable, whole - stable)


def _result(row: Method, spec: Revision, release: Release) -> str | None:
    """The type of a method's result: that of the revision, or of one that knows the method.

    For a method that none knows it is the type that is named like its params.
    """
    if row.kind == "notification":
        return None
    named = (row.params or "").removesuffix("Params") + "Response"
    known = [read_revision(name).methods.get(row.method) for name in reversed(REVISIONS)]
    results = [each.result for each in (spec.methods.get(row.method), *known) if each is not None]
    return next((name for name in (*results, named) if name in release.types), None)


def _types_of_methods(sides: _Sides) -> dict[str, tuple[str, ...]]:
    """Every method with the types that it has on either side."""
    found: dict[str, tuple[str, ...]] = {}
    for name, row in (*sides.ours.items(), *sides.theirs.items()):
        found[name] = (*found.get(name, ()), *types_of(row))
    return found


def _roots(methods: Iterable[Method]) -> set[str]:
    """The types that a comparison begins with: those of methods, and the envelope."""
    return {ENVELOPE, *(name for row in methods for name in types_of(row))}


# --- methods


def _in_methods(sides: _Sides) -> Iterator[Difference]:
    ours, theirs = sides.ours, sides.theirs
    for name in dict.fromkeys([*ours, *theirs]):
        if name not in theirs:
            yield Difference("removed", name, _method_in_words(ours[name]))
        elif name not in ours:
            yield Difference("added", name, _method_in_words(theirs[name]))
        else:
            yield from _in_method(ours[name], theirs[name])


def _in_method(ours: Method, theirs: Method) -> Iterator[Difference]:
    for part in ("kind", "direction", "params", "params_required", "result", "stability"):
        was, now = getattr(ours, part), getattr(theirs, part)
        if was != now:
            change = _arrow(_word(was), _word(now))
            yield Difference("changed", ours.method, change, part=part.replace("_", " "))


def _method_in_words(row: Method) -> str:
    params = f"params {row.params}" if row.params else "no params"
    if row.params and not row.params_required:
        params += " or none"
    words = [f"{row.stability} {row.kind}, {row.direction}", params]
    if row.kind == "request":
        words.append(f"result {row.result or 'of a type that no method is named after'}")
    return "; ".join(words)


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value or "none")


# --- types


def _in_types(sides: _Sides) -> Iterator[Difference]:
    ours = reached(_roots(sides.ours.values()), sides.spec.types)
    theirs = sides.release.reached(_roots([*sides.ours.values(), *sides.theirs.values()]))
    for name in sorted(ours | theirs):
        if name not in sides.release.types:
            yield Difference("removed", name, str(shape_of(sides.spec.types[name])))
        elif name not in sides.spec.types:
            mark = "; experimental" if name in sides.experimental else ""
            yield Difference("added", name, f"{sides.release.shape(name)}{mark}")
        else:
            yield from _in_type(name, sides)


def _in_type(name: str, sides: _Sides) -> Iterator[Difference]:
    schema = sides.spec.types[name]
    was, now = shape_of(schema), sides.release.shape(name)
    marks = (schema.get("x-stability") == "experimental", name in sides.experimental)
    if marks[0] != marks[1] and name in {*sides.stable, *sides.experimental}:
        yield Difference("changed", name, _arrow(*map(_stability, marks)))
    if was.kind != now.kind:
        yield Difference("changed", name, _arrow(str(was), str(now)))
        return
    yield from _listed(name, "value", was, now)
    yield from _listed(name, "variant", was, now)
    stable = sides.release.stable_shape(name) if name in sides.stable else None
    theirs = now.members.keys() - stable.members.keys() if stable else set()
    yield from _in_members(name, was, now, theirs)
    if stable:
        yield from _in_marks(name, schema, now, theirs)


def _listed(name: str, noun: str, was: Shape, now: Shape) -> Iterator[Difference]:
    """Values or variants that one side has alone."""
    ours, theirs = getattr(was, f"{noun}s"), getattr(now, f"{noun}s")
    for part in (*ours, *theirs):
        if part not in theirs:
            yield Difference("removed", name, was.variant(part), noun, part)
        elif part not in ours:
            yield Difference("added", name, now.variant(part), noun, part)


def _in_members(name: str, was: Shape, now: Shape, experimental: Set[str]) -> Iterator[Difference]:
    lone = set(was.variants) ^ set(now.variants)  # told as a whole
    ours, theirs = was.members, now.members
    for part in dict.fromkeys([*ours, *theirs]):
        if part.partition(".")[0] in lone:
            continue
        if part not in theirs:
            yield Difference("removed", name, str(ours[part]), part=part)
        elif part not in ours:
            mark = "; experimental" if part in experimental else ""
            yield Difference("added", name, f"{theirs[part]}{mark}", part=part)
        else:
            for change in _changes(ours[part], theirs[part]):
                yield Difference("changed", name, change, part=part)


def _changes(was: Member, now: Member) -> Iterator[str]:
    if was.says != now.says:
        yield _arrow(was.says, now.says)
    if was.required != now.required:
        yield _arrow(was.need, now.need)
    if was.default != now.default:
        yield f"default {_arrow(was.default or 'none', now.default or 'none')}"


def _in_marks(name: str, schema: Any, now: Shape, theirs: Set[str]) -> Iterator[Difference]:
    """Members that both sides have, and that are experimental on one alone."""
    for part, member in schema.get("properties", {}).items():
        marks = (member.get("x-stability") == "experimental", part in theirs)
        if part in now.members and marks[0] != marks[1]:
            yield Difference("changed", name, _arrow(*map(_stability, marks)), part=part)


def _stability(experimental: bool) -> str:
    return "experimental" if experimental else "stable"


def _arrow(was: str, now: str) -> str:
    return f"{was} -> {now}"
