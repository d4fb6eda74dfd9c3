"""Runs made by hand, for tests of what is made of them."""

from codex_conformance.ledger import load_ledger
from codex_conformance.results import (
    Break,
    CaseResult,
    RunResult,
    Shard,
    Subject,
    Verdict,
)
from codex_conformance.sequence import Step

LEDGER = load_ledger()


def result(
    case: str, *clauses: str, verdict: Verdict = "pass", broken: str = "", seen: str = ""
) -> CaseResult:
    """A result; the clauses in `broken` are, and `seen` is observed of the first clause."""
    return CaseResult(
        case,
        clauses,
        verdict,
        tuple(Break(clause, "this", "that") for clause in broken.split()),
        message="expected this; got that" if broken else None,
        observations={clauses[0]: seen} if seen else {},
        transcript=f"{case.replace('/', '.')}.txt",
    )


def failed(case: str, clause: str) -> CaseResult:
    """A case that found the clause broken that it is about."""
    return result(case, clause, verdict="fail", broken=clause)


def run(
    *cases: CaseResult,
    stale: tuple[str, ...] = (),
    unexplained: tuple[str, ...] = (),
    command: str = "codex app-server",
    shard: Shard | None = None,
) -> RunResult:
    """A run with these results."""
    subject = Subject(command, "kit/0.99.0 (Linux)", "0.99")
    return RunResult(subject, LEDGER, cases, stale, 1.0, unexplained, "1.2.3", shard)


def talk(*labels: str) -> tuple[Step, ...]:
    """Requests of the parent, one a second, each with the text that it is called."""
    return tuple(
        Step(index, float(index), "parent", "server", "request", label, label)
        for index, label in enumerate(labels)
    )
