"""What a target is known to break: expected failures and flaky cases, each with its reason."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from codex_conformance.errors import BaselineError
from codex_conformance.results import Break, CaseResult, Verdict


def today() -> date:
    """The day by which entries expire, the same all over the world."""
    return datetime.now(UTC).date()


@dataclass(frozen=True)
class Entry:
    """One thing that a target breaks, always or now and then.

    Attributes:
        clause: id of the ledger.
        cases: the cases that find it broken, each of them -> its line in the file.
        message: text that the failure's message must contain; empty for any failure.
        reason: why the target does so, for readers; empty until a person has said it.
        expires: the last day on which it counts; None for ever.
        flaky: whether the cases may also pass.
        line: where it begins in the file.
    """

    clause: str
    cases: Mapping[str, int]
    message: str = ""
    reason: str = ""
    expires: date | None = None
    flaky: bool = False
    line: int = 0

    def fits(self, one: Break) -> bool:
        """Whether it expects this break, in a case of its own."""
        return one.clause == self.clause and self.message in one.message

    def told(self) -> str:
        """Clause and reason, for the message of a case."""
        return f"{self.clause}: {self.reason or 'no reason is given'}"


class Baseline:
    """What one target is known to break.

    Args:
        path: where it was read from, for messages.
        revision: the one that the target is judged by; None fits any.
        entries: what is expected; a clause stands once for a case.
        on: the day of the run.
    """

    def __init__(
        self,
        path: Path | None = None,
        revision: str | None = None,
        entries: Iterable[Entry] = (),
        on: date = date.min,
    ) -> None:
        self._path = path
        self._revision = revision
        self._on = on
        self.entries = tuple(entries)
        self._by_case: dict[str, list[Entry]] = {}
        for entry in self.entries:
            for case in entry.cases:
                self._by_case.setdefault(case, []).append(entry)

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

    def expired(self, entry: Entry) -> bool:
        """Whether its last day is over; it excuses nothing then."""
        return entry.expires is not None and entry.expires < self._on

    def entry_for(self, case: str, one: Break) -> Entry | None:
        """The entry that expects this break in this case, if one does."""
        living = (each for each in self._by_case.get(case, ()) if not self.expired(each))
        return next((each for each in living if each.fits(one)), None)

    def excuse(self, result: CaseResult) -> CaseResult:
        """The result as expected-fail where every break of it is expected, else as it is.

        A case with a flaky entry is flaky, whether it failed as the entry says or passed.
        """
        if result.verdict == "fail":
            entries = [self.entry_for(result.id, one) for one in result.broken]
            known = [entry for entry in entries if entry is not None]
            if len(known) < len(entries):
                return result
            verdict: Verdict = "flaky" if any(entry.flaky for entry in known) else "expected-fail"
            return result.excused(verdict, (entry.told() for entry in known))
        flaky = [
            each
            for each in self._by_case.get(result.id, ())
            if each.flaky and not self.expired(each)
        ]
        if flaky and result.verdict in ("pass", "observed"):
            return result.excused("flaky", (f"{each.told()} (not this time)" for each in flaky))
        return result

    def stale(
        self, results: Iterable[CaseResult], known: Iterable[str], *, whole: bool
    ) -> tuple[str, ...]:
        """Sentences about entries that are not true any more, each with its file and line.

        Args:
            results: of the cases that ran, excused ones among them.
            known: ids of every case of the revision.
            whole: whether every case ran; an entry of a case that did not run is not judged else.
        """
        ran = {result.id: result for result in results}
        return tuple(self._stale(ran, frozenset(known), whole))

    def _stale(
        self, ran: Mapping[str, CaseResult], known: frozenset[str], whole: bool
    ) -> Iterator[str]:
        for entry in self.entries:
            if self.expired(entry):
                yield f"{self._path}:{entry.line}: {entry.clause}: expired on {entry.expires}"
                continue
            for case, line in entry.cases.items():
                if case in ran:
                    why = _fault(entry, ran[case])
                elif case not in known:
                    why = "there is no such case"
                else:
                    why = "this case did not run" if whole else None
                if why is not None:
                    yield f"{self._path}:{line}: {entry.clause} in {case}: {why}"

    def unexplained(self) -> tuple[str, ...]:
        """Sentences about entries without a reason, each with its file and line."""
        return tuple(
            f"{self._path}:{entry.line}: {entry.clause}: no reason is given"
            for entry in self.entries
            if not entry.reason
        )


def _fault(entry: Entry, result: CaseResult) -> str | None:
    """Why an entry is not true of a case that ran, or None."""
    breaks = [one for one in result.broken if one.clause == entry.clause]
    if not breaks:
        mended = result.verdict in ("pass", "observed", "flaky")
        if entry.flaky and mended:
            return None
        return f"expected to fail, but the case does not find it broken ({result.verdict})"
    if not any(entry.fits(one) for one in breaks):
        return f"fails for another reason: expected {entry.message!r} in {breaks[0].message!r}"
    return None
