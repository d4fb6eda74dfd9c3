"""What changed between two runs: what broke, what was fixed, what is seen differently."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from codex_conformance.results import RunResult

State = Literal["kept", "broken", "unknown", "absent"]
# By verdict, for clauses that no case found broken.
_STATES: Mapping[str, State] = {
    "pass": "kept",
    "observed": "kept",
    "flaky": "kept",
    "not-applicable": "absent",
}


@dataclass(frozen=True)
class Comparison:
    """What is different in the newer of two runs.

    A clause is broken where a case found it so, expected or not; kept where its cases passed;
    unknown where one of them could not say; absent where it has none that applies.

    Attributes:
        broke: clauses kept before and broken now -> the cases that find them so.
        lost: clauses that are unknown now and were not.
        worse: clauses broken before too -> cases that find them so only now.
        first: clauses that are judged for the first time, and broken -> the cases.
        fixed: clauses broken before and kept now.
        better: clauses still broken -> cases that do not find them so any more.
        arrived: clauses that are judged for the first time, and kept.
        gone: clauses that were kept or broken, and are not judged any more.
        new_cases: that only the newer run has.
        gone_cases: that only the older run has.
        excused: case -> its verdicts, where the baseline changed its mind about it.
        observed: clause -> what was seen before alone, and now alone; "" for nothing.
    """

    broke: dict[str, tuple[str, ...]]
    lost: tuple[str, ...]
    worse: dict[str, tuple[str, ...]]
    first: dict[str, tuple[str, ...]]
    fixed: tuple[str, ...]
    better: dict[str, tuple[str, ...]]
    arrived: tuple[str, ...]
    gone: tuple[str, ...]
    new_cases: tuple[str, ...]
    gone_cases: tuple[str, ...]
    excused: dict[str, tuple[str, str]]
    observed: dict[str, tuple[str, str]]

    @property
    def regressed(self) -> bool:
        """Whether anything that was kept is not, or not known to be."""
        return bool(self.broke or self.lost or self.worse)


def compare(old: RunResult, new: RunResult) -> Comparison:
    """What changed from one run to another, of the same target or of another."""
    before, now = _states(old), _states(new)
    was, found = broken_in(old), broken_in(new)
    both = {case.id for case in old.cases} & {case.id for case in new.cases}
    moves = {name: (before.get(name, "absent"), now.get(name, "absent")) for name in before | now}

    def moved(*wanted: tuple[State, State]) -> tuple[str, ...]:
        return tuple(name for name, move in moves.items() if move in wanted)

    still = moved(("broken", "broken"))
    worse = {
        name: tuple(c for c in found[name] if c in both and c not in was[name]) for name in still
    }
    better = {
        name: tuple(c for c in was[name] if c in both and c not in found[name]) for name in still
    }
    return Comparison(
        broke={name: found[name] for name in moved(("kept", "broken"))},
        lost=moved(("kept", "unknown"), ("broken", "unknown")),
        worse={name: cases for name, cases in worse.items() if cases},
        first={name: found[name] for name in moved(("absent", "broken"), ("unknown", "broken"))},
        fixed=moved(("broken", "kept")),
        better={name: cases for name, cases in better.items() if cases},
        arrived=moved(("absent", "kept"), ("unknown", "kept")),
        gone=moved(("kept", "absent"), ("broken", "absent")),
        new_cases=tuple(sorted({case.id for case in new.cases} - both)),
        gone_cases=tuple(sorted({case.id for case in old.cases} - both)),
        excused=_excused(old, new),
        observed=_observed(old, new),
    )


def broken_in(run: RunResult) -> dict[str, tuple[str, ...]]:
    """The clauses that a run found broken, expected or not -> the cases that found it."""
    found: dict[str, list[str]] = {}
    for case in sorted(run.cases, key=lambda case: case.id):
        for one in case.broken:
            found.setdefault(one.clause, []).append(case.id)
    return {name: tuple(dict.fromkeys(found[name])) for name in run.ledger.clauses if name in found}


def _states(run: RunResult) -> dict[str, State]:
    states = {name: _STATES.get(row.verdict, "unknown") for name, row in run.clauses().items()}
    return states | dict.fromkeys(broken_in(run), "broken")


def _excused(old: RunResult, new: RunResult) -> dict[str, tuple[str, str]]:
    known = ("expected-fail", "flaky")
    before = {case.id: case.verdict for case in old.cases}
    return {
        case.id: (before[case.id], case.verdict)
        for case in sorted(new.cases, key=lambda case: case.id)
        if case.id in before
        and before[case.id] != case.verdict
        and {before[case.id], case.verdict} <= {*known, "fail"}
    }


def _observed(old: RunResult, new: RunResult) -> dict[str, tuple[str, str]]:
    before, now = old.observations(), new.observations()
    pairs = {name: _differing(before.get(name, ""), now.get(name, "")) for name in before | now}
    return {name: pair for name, pair in pairs.items() if any(pair)}


def _differing(before: str, now: str) -> tuple[str, str]:
    """The parts of each that the other has not."""
    was, is_ = before.split("; "), now.split("; ")
    return (
        "; ".join(part for part in was if part not in is_),
        "; ".join(part for part in is_ if part not in was),
    )
