"""A run as a baseline: what it found broken, in words that hold in the next run too."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

from codex_conformance.baseline import Baseline, Entry
from codex_conformance.baseline_file import baseline_text
from codex_conformance.results import Break, CaseResult, RunResult

# What differs from run to run: seconds, ports, ids, fingerprints, files of the run.
_VARIES = re.compile(r'\d+\.\d+|\b\d{4,}|\b[0-9a-fA-F]{8,}|/tmp/|/dev/shm/|"\w*[iI]d": "')
_UNWRITABLE = re.compile("[^ -~\xa1-\ud7ff\ue000-\ufffd]")
_LONGEST = 160  # characters of what came, of which a message is expected to tell
_Words = tuple[bool, str, str, str, date | None]


def known_failures(run: RunResult, before: Baseline, known: Iterable[str]) -> list[Entry]:
    """The entries that excuse what `run` found broken, sorted.

    What `before` says and is still true keeps its words, and so do its flaky and its expired
    entries, which only a person changes.

    Args:
        run: what a run found out.
        before: the baseline that it had.
        known: ids of every case of the revision.
    """
    cases: dict[_Words, set[str]] = {}
    taken: set[tuple[str, str]] = set()
    ran = {case.id: case for case in run.cases}
    for entry, case in _kept(before, ran, frozenset(known)):
        words = (entry.flaky, entry.clause, entry.message, entry.reason, entry.expires)
        cases.setdefault(words, set()).add(case)
        taken.add((case, entry.clause))
    for result in run.cases:
        if result.verdict != "fail":
            continue
        for one in result.broken:
            if (result.id, one.clause) not in taken:
                words = (False, one.clause, lasting(one), "", None)
                cases.setdefault(words, set()).add(result.id)
                taken.add((result.id, one.clause))
    order = list(run.ledger.clauses)
    return [
        Entry(clause, dict.fromkeys(sorted(named), 0), message, reason, expires, flaky)
        for (flaky, clause, message, reason, expires), named in sorted(
            cases.items(), key=lambda item: (item[0][0], order.index(item[0][1]), sorted(item[1]))
        )
    ]


def _kept(
    before: Baseline, ran: dict[str, CaseResult], known: frozenset[str]
) -> Iterator[tuple[Entry, str]]:
    for entry in before.entries:
        for case in entry.cases:
            if case not in ran:
                if case in known:
                    yield entry, case
            elif _only_for_people(entry, before) or any(map(entry.fits, ran[case].broken)):
                yield entry, case


def _only_for_people(entry: Entry, before: Baseline) -> bool:
    return entry.flaky or before.expired(entry)


def lasting(one: Break) -> str:
    """The beginning of a failure's message, up to what differs from run to run."""
    came = _before(_VARIES, one.actual)
    if len(came) > _LONGEST:
        came = came[:_LONGEST].rpartition(" ")[0]
    told = replace(one, actual=came).message
    return _before(_UNWRITABLE, told).strip()


def _before(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return text[: found.start()] if found else text


def write_known_failures(
    path: Path, run: RunResult, before: Baseline, known: Iterable[str]
) -> None:
    """Write the baseline with which the target of `run` conforms, unless a case has no verdict."""
    release = run.subject.user_agent or run.subject.command
    entries = known_failures(run, before, known)
    path.write_text(baseline_text(release, run.subject.revision, entries), "utf-8")
