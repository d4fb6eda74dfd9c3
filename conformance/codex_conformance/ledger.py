"""The ledger: every clause of spec/clauses.toml, checked and as a value."""

import re
import tomllib
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_args

import msgspec
from codex_account_protocol import REVISIONS, spec_root

from codex_conformance.errors import ConformanceError

Level = Literal["MUST", "SHOULD", "OBSERVE"]
Judges = Literal["app-server", "parent"]

_LEVELS: tuple[str, ...] = get_args(Level)
_JUDGES: tuple[str, ...] = get_args(Judges)
_ID = re.compile(r"[A-Z]+-[1-9][0-9]*")
_TEXTS = ("sentence", "observe", "no_case")


class LedgerError(ConformanceError):
    """The ledger cannot be read as one.

    Args:
        file: the ledger.
        clause: which clause is wrong; None if it is the file as a whole.
        expected: what should stand there.
        got: what stands there instead.
    """

    def __init__(self, file: Path, clause: str | None, expected: str, got: str) -> None:
        where = f"{file}" if clause is None else f"{file}, clause {clause}"
        super().__init__(
            f"{where}: expected {expected}, got {got}",
            "the head of spec/clauses.toml says what a clause is made of",
        )
        self.file = file
        self.clause = clause
        self.expected = expected
        self.got = got


class Clause(msgspec.Struct, frozen=True, kw_only=True):
    """One promise that can be judged by itself.

    Attributes:
        id: the area and a number, such as "LOGIN-4"; never renumbered, never reused.
        level: how much it weighs when the promise is broken.
        judges: whose promise it is.
        sentence: the promise, as a fact about a target that keeps it.
        source: codes of the places that the promise comes from.
        about: methods and types that the clause is about, beyond the methods it spells out.
        revisions: the revisions that have the clause.
        observe: the part that is recorded and fails nobody.
        no_case: why no case judges the clause yet; None if one does.
    """

    id: str
    level: Level
    judges: Judges
    sentence: str
    source: tuple[str, ...]
    about: tuple[str, ...] = ()
    revisions: tuple[str, ...] = REVISIONS
    observe: str | None = None
    no_case: str | None = None

    @property
    def area(self) -> str:
        """The area, such as "LOGIN"."""
        return self.id.rpartition("-")[0]


@dataclass(frozen=True)
class Ledger:
    """Every clause, in the order of the ledger.

    Attributes:
        clauses: id -> clause.
        areas: area -> its title.
        levels: level -> what it means.
        sources: code -> what it stands for.
    """

    clauses: Mapping[str, Clause]
    areas: Mapping[str, str]
    levels: Mapping[str, str]
    sources: Mapping[str, str]

    def in_revision(self, revision: str) -> tuple[Clause, ...]:
        """The clauses that a revision has, in the order of the ledger.

        Raises:
            ValueError: nobody knows the revision.
        """
        if revision not in REVISIONS:
            raise ValueError(f"revision: expected {_one_of(REVISIONS)}, got {revision!r}")
        return tuple(clause for clause in self.clauses.values() if revision in clause.revisions)


class _File(msgspec.Struct, forbid_unknown_fields=True):
    levels: dict[str, str]
    sources: dict[str, str]
    areas: dict[str, str]
    clause: list[dict[str, Any]]


_KEYS = {field.name: field.required for field in msgspec.structs.fields(Clause)}


@cache
def load_ledger(path: Path | None = None) -> Ledger:
    """Read and check the ledger, once per process.

    Args:
        path: another file than the specification's own.

    Raises:
        LedgerError: it is not there, not TOML, or says something that a ledger cannot say.
    """
    ledger, faults = read_ledger(path)
    for fault in faults:
        raise fault
    return ledger


def read_ledger(path: Path | None = None) -> tuple[Ledger, tuple[LedgerError, ...]]:
    """The ledger without the clauses that are faulty, and what is wrong with those.

    Raises:
        LedgerError: it is not there, or not TOML of its form.
    """
    file = spec_root() / "clauses.toml" if path is None else path
    content = _read(file)
    clauses: dict[str, Clause] = {}
    faults = []
    for number, row in enumerate(content.clause, start=1):
        name = row.get("id")
        try:
            label = name if isinstance(name, str) else f"number {number}"
            clause = _clause(file, label, row, content, clauses)
        except LedgerError as fault:
            faults.append(fault)
        else:
            clauses[clause.id] = clause
    ledger = Ledger(
        clauses=MappingProxyType(clauses),
        areas=MappingProxyType(content.areas),
        levels=MappingProxyType(content.levels),
        sources=MappingProxyType(content.sources),
    )
    return ledger, tuple(faults)


def _read(file: Path) -> _File:
    try:
        return msgspec.convert(tomllib.loads(file.read_text("utf-8")), _File, strict=True)
    except OSError as error:
        raise LedgerError(file, None, "a file to read", f"this: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LedgerError(file, None, "TOML in UTF-8", f"this: {error}") from None
    except msgspec.ValidationError as error:
        tables = "the tables levels, sources, areas and clause"
        raise LedgerError(file, None, tables, f"this: {error}") from None


def _clause(
    file: Path, name: str, row: dict[str, Any], content: _File, others: Container[str]
) -> Clause:
    for expected, got in _faults_of_keys(row):
        raise LedgerError(file, name, expected, got)
    try:
        clause = msgspec.convert(_flowing(row), Clause, strict=True)
    except msgspec.ValidationError as error:
        expected, _, got = str(error).removeprefix("Expected ").partition(", got ")
        raise LedgerError(file, name, expected, got) from None
    for expected, got in _faults_of_values(clause, content):
        raise LedgerError(file, name, expected, got)
    if clause.id in others:
        raise LedgerError(file, name, "an id that no other clause has", "it twice")
    return clause


def _faults_of_keys(row: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What was expected and what is there instead, where keys and fixed words are wrong."""
    for key in row:
        if key not in _KEYS:
            yield f"only the keys {', '.join(_KEYS)}", repr(key)
    for key, required in _KEYS.items():
        if required and key not in row:
            yield f"the key {key!r}", "a clause without it"
    for key, words in (("level", _LEVELS), ("judges", _JUDGES)):
        if row.get(key) not in words:
            yield f"{key} to be {_one_of(words)}", repr(row.get(key))


def _faults_of_values(clause: Clause, content: _File) -> Iterator[tuple[str, str]]:
    """What was expected and what is there instead, where values of the right type are wrong."""
    if not _ID.fullmatch(clause.id):
        yield "an id of the form AREA-N", repr(clause.id)
    if clause.area not in content.areas:
        yield f"its area to be {_one_of(content.areas)}", repr(clause.area)
    for key, values, known in (
        ("revisions", clause.revisions, REVISIONS),
        ("source", clause.source, content.sources),
    ):
        if not values:
            yield f"{key} to name at least {_one_of(known)}", "an empty list"
        for value in values:
            if value not in known:
                yield f"{key} to be of {', '.join(known)}", repr(value)
    for key in _TEXTS:
        if getattr(clause, key) == "":
            yield f"{key} to say something", "an empty text"


def _flowing(row: dict[str, Any]) -> dict[str, Any]:
    """The row with its texts on one line: the file breaks them for the eye only."""
    texts = {key: " ".join(row[key].split()) for key in _TEXTS if isinstance(row.get(key), str)}
    return row | texts


def _one_of(words: Iterable[str]) -> str:
    return f"one of {', '.join(words)}"
