"""What a release is known to break: expected failures, each with its reason."""

import tomllib
from collections.abc import Iterable
from pathlib import Path

import msgspec

from codex_conformance.errors import BaselineError
from codex_conformance.ledger import Ledger
from codex_conformance.results import CaseResult


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that a release breaks.

    Attributes:
        clause: id of the ledger.
        cases: the cases that find it broken, each of them.
        message: text that the failure's message must contain.
        reason: why the release does so, for readers.
    """

    clause: str
    cases: tuple[str, ...]
    message: str
    reason: str


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    release: str
    revision: str
    expected: tuple[Entry, ...] = ()


class Baseline:
    """The expected failures of one release.

    Args:
        path: where they were read from, for messages.
        revision: the one that the release is judged by; None fits any.
        entries: what is expected.
    """

    def __init__(
        self,
        path: Path | None = None,
        revision: str | None = None,
        entries: Iterable[Entry] = (),
    ) -> None:
        self._path = path
        self._revision = revision
        self._by_case: dict[tuple[str, str], Entry] = {
            (case, entry.clause): entry for entry in entries for case in entry.cases
        }

    def fit(self, revision: str) -> None:
        """Make sure that it is about `revision`.

        Raises:
            BaselineError: it is about another one.
        """
        if self._revision not in (None, revision):
            raise BaselineError(
                f"--baseline {self._path}: expected revision {revision}, as the target has it; "
                f"got {self._revision}"
            )

    def excuse(self, result: CaseResult) -> CaseResult:
        """The result, as expected-fail where every break of it is expected."""
        if result.verdict != "fail":
            return result
        entries = [self._by_case.get((result.id, one.clause)) for one in result.broken]
        reasons = []
        for entry, one in zip(entries, result.broken, strict=True):
            if entry is None or entry.message not in one.message:
                return result
            reasons.append(f"{entry.clause}: {entry.reason}")
        return result.excused(reasons)

    def stale(
        self, results: Iterable[CaseResult], known: Iterable[str], *, whole: bool
    ) -> tuple[str, ...]:
        """Sentences about entries that are not true any more.

        Args:
            results: of the cases that ran, excused ones among them.
            known: ids of every case of the revision.
            whole: whether every case ran; an entry of a case that did not run is not judged then.
        """
        ran = {result.id: result for result in results}
        cases = set(known)
        return tuple(
            f"{self._path}: {clause} in {case}: {why}"
            for (case, clause), entry in self._by_case.items()
            if (why := _fault(entry, case, clause, ran, cases if whole else None)) is not None
        )


def _fault(
    entry: Entry, case: str, clause: str, ran: dict[str, CaseResult], known: set[str] | None
) -> str | None:
    """Why an entry is stale, or None."""
    result = ran.get(case)
    if result is None:
        if known is None:
            return None
        return "this case did not run" if case in known else "there is no such case"
    messages = [one.message for one in result.broken if one.clause == clause]
    if not messages:
        return f"expected to fail, but the case does not find it broken ({result.verdict})"
    if not any(entry.message in message for message in messages):
        return f"fails for another reason: expected {entry.message!r} in {messages[0]!r}"
    return None


def read_baseline(path: Path, ledger: Ledger) -> Baseline:
    """Read a baseline file.

    Raises:
        BaselineError: it is not there, not TOML, not of the form, or names an unknown clause.
    """
    try:
        content = msgspec.convert(tomllib.loads(path.read_text("utf-8")), _File)
    except OSError as error:
        raise BaselineError(f"--baseline {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BaselineError(f"--baseline {path}: not TOML: {error}") from None
    except msgspec.ValidationError as error:
        raise BaselineError(
            f"--baseline {path}: {error}",
            "expected release, revision and [[expected]] tables of clause, cases, message, reason",
        ) from None
    seen = set()
    for entry in content.expected:
        _check(path, entry, ledger)
        for case in entry.cases:
            if (case, entry.clause) in seen:
                raise BaselineError(f"--baseline {path}: {entry.clause} in {case} stands twice")
            seen.add((case, entry.clause))
    return Baseline(path, content.revision, content.expected)


def shipped() -> dict[str, Path]:
    """The baselines that the kit brings: name -> file."""
    here = Path(__file__).parent
    folder = next(
        (path for path in (here / "baselines", here.parent / "baselines") if path.is_dir()), None
    )
    return {} if folder is None else {path.stem: path for path in sorted(folder.glob("*.toml"))}


def _check(path: Path, entry: Entry, ledger: Ledger) -> None:
    where = f"--baseline {path}: the entry of {entry.clause}"
    if entry.clause not in ledger.clauses:
        raise BaselineError(f"{where}: there is no such clause")
    if not entry.cases:
        raise BaselineError(f"{where}: names no case")
    if not entry.message.strip() or not entry.reason.strip():
        raise BaselineError(f"{where}: message and reason must say something")
