"""Verdicts, events, and the results file."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, Protocol, Self

from codex_conformance.ledger import Ledger
from codex_conformance.sequence import Step

Verdict = Literal[
    "pass", "fail", "expected-fail", "flaky", "error", "untestable", "not-applicable", "observed"
]
VERDICTS: tuple[Verdict, ...] = (
    "pass",
    "fail",
    "expected-fail",
    "flaky",
    "error",
    "untestable",
    "not-applicable",
    "observed",
)
# Verdicts that need no look at the conversation.
PLAIN: tuple[Verdict, ...] = ("pass", "observed", "not-applicable")
_TAIL = 14  # lines of transcript in a report
# A clause takes the worst of the cases that name it.
_WORST_FIRST: tuple[Verdict, ...] = (
    "error",
    "untestable",
    "expected-fail",
    "flaky",
    "pass",
    "observed",
    "not-applicable",
)


@dataclass(frozen=True)
class Break:
    """One clause that a case found broken.

    Attributes:
        expected: what the clause wants to see, in the protocol's words.
        actual: what came.
        wrong: the first wrong message, where there is one.
        position: where in the transcript that message stands.
        why: why it matters to the people who use what is judged, where somebody has said so.
    """

    clause: str
    expected: str
    actual: str
    wrong: str | None = None
    position: int | None = None
    why: str | None = None

    @property
    def message(self) -> str:
        """Both in one line."""
        return f"expected {self.expected}; got {self.actual}"


@dataclass(frozen=True)
class CaseResult:
    """What a case found out.

    Attributes:
        broken: the clauses that it found broken, which need not be those it is about.
        message: why the verdict is not a plain pass; None where there is nothing to say.
        observations: clause -> what was seen where several behaviours are allowed.
        duration_s: seconds of wall time.
        target_cpu_s: seconds of CPU that a target's processes took.
        transcript: file name below the folder of transcripts, None when none was written.
        steps: the conversation, abridged, of a case that did not pass.
    """

    id: str
    clauses: tuple[str, ...]
    verdict: Verdict
    broken: tuple[Break, ...] = ()
    message: str | None = None
    observations: Mapping[str, str] = field(default_factory=dict)
    duration_s: float = 0.0
    target_cpu_s: float = 0.0
    transcript: str | None = None
    steps: tuple[Step, ...] = ()

    @classmethod
    def from_wire(cls, members: dict[str, Any]) -> Self:
        """A result that crossed a process boundary as plain data."""
        broken = tuple(Break(**one) for one in members.pop("broken"))
        clauses = tuple(members.pop("clauses"))
        steps = tuple(Step(**one) for one in members.pop("steps"))
        return cls(broken=broken, clauses=clauses, steps=steps, **members)

    def to_wire(self) -> dict[str, Any]:
        """The result as plain data."""
        return asdict(self)

    @property
    def wrong(self) -> frozenset[int]:
        """Where in the transcript the messages stand that broke a clause."""
        return frozenset(one.position for one in self.broken if one.position is not None)

    @property
    def tail(self) -> str:
        """The end of the conversation as lines of a transcript."""
        return "\n".join(step.line(limit=300) for step in self.steps[-_TAIL:])

    def excused(self, verdict: Verdict, reasons: Iterable[str]) -> Self:
        """The result of a case that the baseline accounts for."""
        return replace(self, verdict=verdict, message="; ".join(reasons))


@dataclass(frozen=True)
class Subject:
    """What a run judges."""

    command: str
    user_agent: str | None
    revision: str

    @property
    def name(self) -> str:
        """The command, and what it says it is."""
        agent = (self.user_agent or "").partition(" ")[0]
        return f"{self.command} ({agent})" if agent else self.command


@dataclass(frozen=True)
class Plan:
    """What a run is about to do; the first event.

    Attributes:
        ids: of its cases, where they are known.
    """

    subject: Subject
    cases: int
    jobs: int
    ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Shard:
    """Which part of a whole a run is.

    Attributes:
        number: from 1.
        of: how many parts there are.
        cases: ids of the cases of the whole, in any order.
    """

    number: int
    of: int
    cases: tuple[str, ...]


@dataclass(frozen=True)
class RunResult:
    """What a run found out; the last event.

    Attributes:
        stale: sentences about baseline entries that are not true any more.
        unexplained: sentences about baseline entries that nobody has given a reason.
        wall_s: seconds that the cases took.
        kit_version: of the kit that judged.
        shard: which part of the whole it is; None for the whole.
        interrupted: whether somebody ended it before every case had ended.
    """

    subject: Subject
    ledger: Ledger
    cases: tuple[CaseResult, ...]
    stale: tuple[str, ...]
    wall_s: float
    unexplained: tuple[str, ...] = ()
    kit_version: str = ""
    shard: Shard | None = None
    interrupted: bool = False

    def summary(self) -> dict[str, int]:
        """How many cases ended how."""
        counts = Counter(case.verdict for case in self.cases)
        return {verdict: counts[verdict] for verdict in VERDICTS}

    def clauses(self) -> dict[str, "ClauseResult"]:
        """The verdict of every clause that a case is about or found broken."""
        named: dict[str, list[CaseResult]] = {}
        failed: set[str] = set()
        for case in self.cases:
            for name in case.clauses:
                named.setdefault(name, []).append(case)
            if case.verdict == "fail":
                failed.update(one.clause for one in case.broken)
        rows = {}
        for clause in self.ledger.clauses.values():
            cases = named.get(clause.id, [])
            if cases or clause.id in failed:
                verdict = "fail" if clause.id in failed else _worst(cases)
                ids = tuple(sorted(case.id for case in cases))
                rows[clause.id] = ClauseResult(clause.level, verdict, ids)
        return rows

    def observations(self) -> dict[str, str]:
        """What was seen where several behaviours are allowed, a sentence a clause."""
        seen: dict[str, list[str]] = {}
        for case in sorted(self.cases, key=lambda case: case.id):
            for clause, sentence in case.observations.items():
                sentences = seen.setdefault(clause, [])
                if sentence not in sentences:
                    sentences.append(sentence)
        order = list(self.ledger.clauses)
        return {clause: "; ".join(seen[clause]) for clause in sorted(seen, key=order.index)}

    def exit_status(self, *, strict: bool) -> int:
        """0 the target conforms; 1 it does not, or nobody knows; 2 the run itself is broken.

        130 where it was interrupted.
        """
        if self.interrupted:
            return 130
        counts = self.summary()
        if not self.cases or counts["error"]:
            return 2
        deciding = ("MUST", "SHOULD") if strict else ("MUST",)
        failed = any(
            row.verdict == "fail" and row.level in deciding for row in self.clauses().values()
        )
        return 1 if failed or counts["untestable"] or self.stale else 0


@dataclass(frozen=True)
class ClauseResult:
    """The verdict of one clause."""

    level: str
    verdict: Verdict
    cases: tuple[str, ...]


def _worst(cases: list[CaseResult]) -> Verdict:
    present = {case.verdict for case in cases}
    # A case may fail on a clause that it does not name; for those it names it says nothing then.
    return next((verdict for verdict in _WORST_FIRST if verdict in present), "untestable")


class Reporter(Protocol):
    """Somebody who wants to know what happens in a run."""

    def started(self, plan: Plan) -> None:
        """The cases begin."""

    def finished_case(self, result: CaseResult) -> None:
        """A case ended."""

    def finished(self, run: RunResult) -> None:
        """Every case ended."""


@dataclass(frozen=True)
class WhenEnded:
    """A reporter of nothing but the end.

    Args:
        tell: called once, when every case has ended.
    """

    tell: Callable[[RunResult], None]

    def started(self, plan: Plan) -> None:
        """There is nothing to tell yet."""

    def finished_case(self, result: CaseResult) -> None:
        """There is nothing to tell yet."""

    def finished(self, run: RunResult) -> None:
        """Tell of the whole run."""
        self.tell(run)
