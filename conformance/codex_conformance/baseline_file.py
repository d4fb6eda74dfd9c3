"""Baselines as files: read with the line of everything, written from a run."""

import re
import tomllib
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import NoReturn

import msgspec

from codex_conformance.baseline import Baseline, Entry
from codex_conformance.errors import BaselineError
from codex_conformance.ledger import Ledger

_HEADER = re.compile(r"^[ \t]*\[\[[ \t]*(expected|flaky)[ \t]*\]\]", re.MULTILINE)
_TABLES = "[[expected]] and [[flaky]] tables of clause, cases, message, reason, expires"
_AT = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
_PATH = re.compile(r" - at `\$\.(expected|flaky)\[(\d+)\]\S*`$")
_BARE = re.compile(r"[^'\x00-\x1f\x7f]*")


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    clause: str
    cases: tuple[str, ...]
    message: str = ""
    reason: str = ""
    expires: date | None = None


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    release: str
    revision: str
    expected: tuple[_Row, ...] = ()
    flaky: tuple[_Row, ...] = ()


class _Text:
    """The text of a baseline, which knows where its tables stand."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self._lines = text.splitlines()
        starts = [match.start() for match in re.finditer("^", text, re.MULTILINE)]
        self._headers = [
            (match[1], bisect_right(starts, match.start())) for match in _HEADER.finditer(text)
        ]

    def lines_of(self, kind: str) -> list[int]:
        """The lines on which the tables of a kind begin."""
        return [line for each, line in self._headers if each == kind]

    def line_of_case(self, header: int, case: str) -> int:
        """Where an entry that begins at line `header` names a case."""
        end = next((line for _, line in self._headers if line > header), len(self._lines) + 1)
        for line in range(header, end):
            if f'"{case}"' in self._lines[line - 1] or f"'{case}'" in self._lines[line - 1]:
                return line
        return header

    def refuse(self, line: int, why: str, hint: str = "") -> NoReturn:
        raise BaselineError(f"--baseline {self.path}:{line}: {why}", hint)


def read_baseline(path: Path, ledger: Ledger, on: date = date.min) -> Baseline:
    """Read a baseline file.

    Args:
        path: of the file.
        ledger: whose clauses it names.
        on: the day by which its entries expire.

    Raises:
        BaselineError: it is not there, not TOML, not of the form, or names an unknown clause.
    """
    try:
        raw = path.read_text("utf-8")
    except OSError as error:
        raise BaselineError(f"--baseline {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BaselineError(f"--baseline {path}: not TOML: not UTF-8") from None
    text = _Text(path, raw)
    content = _content(text, raw)
    entries = [
        *_entries(text, "expected", content.expected),
        *_entries(text, "flaky", content.flaky),
    ]
    seen: set[tuple[str, str]] = set()
    for entry in entries:
        _check(text, entry, ledger)
        for case, line in entry.cases.items():
            if (case, entry.clause) in seen:
                text.refuse(line, f"{entry.clause} in {case} stands twice")
            seen.add((case, entry.clause))
    return Baseline(path, content.revision, entries, on)


def _content(text: _Text, raw: str) -> _File:
    try:
        return msgspec.convert(tomllib.loads(raw), _File)
    except tomllib.TOMLDecodeError as error:
        at = _AT.search(str(error))
        line = int(at[1]) if at and at[1] else max(1, len(raw.splitlines()))
        text.refuse(line, f"not TOML: {_AT.sub('', str(error))}")
    except msgspec.ValidationError as error:
        place = _PATH.search(str(error))
        lines = text.lines_of(place[1]) if place else []
        line = lines[int(place[2])] if place and int(place[2]) < len(lines) else 1
        text.refuse(line, _PATH.sub("", str(error)), f"expected release, revision and {_TABLES}")


def _entries(text: _Text, kind: str, rows: tuple[_Row, ...]) -> Iterator[Entry]:
    headers = text.lines_of(kind)
    if len(headers) != len(rows):
        text.refuse(
            1,
            f"expected a line [[{kind}]] over each entry; got {len(headers)} for {len(rows)}",
        )
    for row, header in zip(rows, headers, strict=True):
        if len(set(row.cases)) < len(row.cases):
            twice = next(case for case in row.cases if row.cases.count(case) > 1)
            text.refuse(header, f"{row.clause} in {twice} stands twice")
        yield Entry(
            row.clause,
            {case: text.line_of_case(header, case) for case in row.cases},
            row.message,
            row.reason.strip(),
            row.expires,
            kind == "flaky",
            header,
        )


def _check(text: _Text, entry: Entry, ledger: Ledger) -> None:
    if entry.clause not in ledger.clauses:
        text.refuse(entry.line, f"the entry of {entry.clause}: there is no such clause")
    if not entry.cases:
        text.refuse(entry.line, f"the entry of {entry.clause}: names no case")
    if entry.message and not entry.message.strip():
        text.refuse(
            entry.line,
            f"the entry of {entry.clause}: message is blank; without one any failure is expected",
        )


def shipped() -> dict[str, Path]:
    """The baselines that the kit brings: name -> file."""
    here = Path(__file__).parent
    folder = next(
        (path for path in (here / "baselines", here.parent / "baselines") if path.is_dir()), None
    )
    return {} if folder is None else {path.stem: path for path in sorted(folder.glob("*.toml"))}


def baseline_text(release: str, revision: str, entries: Iterable[Entry]) -> str:
    """A baseline file with these entries, in their order."""
    lines = [
        f"# What the target is known to break of revision {revision}. Say why in each reason;",
        "# an entry may have a last day: expires = 2026-12-31",
        f"release = {_string(release)}",
        f"revision = {_string(revision)}",
    ]
    for entry in entries:
        lines += ["", "[[flaky]]" if entry.flaky else "[[expected]]"]
        lines += [f"clause = {_string(entry.clause)}", "cases = ["]
        lines += [f"    {_string(case)}," for case in sorted(entry.cases)]
        lines += ["]"]
        if entry.message:
            lines.append(f"message = {_string(entry.message)}")
        lines.append(f"reason = {_string(entry.reason)}")
        if entry.expires is not None:
            lines.append(f"expires = {entry.expires.isoformat()}")
    return "\n".join(lines) + "\n"


def _string(text: str) -> str:
    """A text as TOML writes it, the most readable way."""
    if '"' in text and _BARE.fullmatch(text):
        return f"'{text}'"
    return msgspec.json.encode(text).decode().replace("\x7f", "\\u007f")
