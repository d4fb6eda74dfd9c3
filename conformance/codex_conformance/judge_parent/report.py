"""From what a scenario found to a verdict in the words of those who write parent applications."""

from codex_conformance.case import Broken, NotApplicable
from codex_conformance.invariants import Finding
from codex_conformance.judge_parent.app import App
from codex_conformance.judge_parent.why import WHY
from codex_conformance.ledger import load_ledger
from codex_conformance.results import PLAIN, Break, CaseResult, Verdict
from codex_conformance.sequence import MOST, abridged, steps_of, write_transcript
from codex_conformance.tokens import redact
from codex_conformance.wire import harmless, shown

_TOLD = 1000  # characters of what came


def result_of(
    app: App, outcome: Exception | str | None, found: list[Finding], duration: float
) -> CaseResult:
    """The result of a scenario.

    Args:
        app: what was on stage.
        outcome: the broken clause or the reason for not applicable that ended it; the traceback of
            a kit that broke; None if it ran to its end.
        found: what the rules found.
        duration: seconds that it took.
    """
    secrets = app.secrets()
    verdict, broken, message = _verdict(app, outcome, found)
    folder = app.judged.transcripts
    told = folder is not None or verdict not in PLAIN
    steps = tuple(steps_of(app.transcript.entries[: app.curtain], secrets)) if told else ()
    wrong = frozenset(one.position for one in broken if one.position is not None)
    return CaseResult(
        id=app.spec.id,
        clauses=app.spec.clauses,
        verdict=verdict,
        broken=broken,
        message=None if message is None else _told(message, secrets),
        observations={name: _told(text, secrets) for name, text in app.observations.seen.items()},
        duration_s=duration,
        transcript=None if folder is None else write_transcript(folder, app.spec.id, steps, wrong),
        steps=() if verdict in PLAIN else abridged(steps, MOST, wrong),
    )


def _verdict(
    app: App, outcome: Exception | str | None, found: list[Finding]
) -> tuple[Verdict, tuple[Break, ...], str | None]:
    if isinstance(outcome, NotApplicable):
        return "not-applicable", (), str(outcome)
    if isinstance(outcome, str):
        return "error", (), outcome
    broken = outcome if isinstance(outcome, Broken) else None
    breaks = [_break(app, finding) for finding in found]
    if broken is not None and broken.clause is not None:
        stated = Finding(broken.clause, broken.expected, broken.actual, broken.wrong)
        breaks = [_break(app, stated), *(one for one in breaks if one.clause != broken.clause)]
    if breaks:
        return "fail", tuple(breaks), breaks[0].message
    if broken is not None:
        return "untestable", (), f"needs {broken.expected}; got {broken.actual}"
    levels = {load_ledger().clauses[clause].level for clause in app.spec.clauses}
    return ("observed" if levels == {"OBSERVE"} else "pass"), (), None


def _break(app: App, finding: Finding) -> Break:
    secrets = app.secrets()
    entries = app.transcript.entries
    wrong = None if finding.wrong is None else shown(entries[finding.wrong], secrets)
    return Break(
        clause=finding.clause,
        expected=finding.expected,
        actual=_told(finding.actual, secrets),
        wrong=wrong,
        position=finding.wrong,
        why=WHY.get(finding.clause),
    )


def _told(text: str, secrets: dict[str, str]) -> str:
    told = harmless(redact(text, secrets))
    return told if len(told) <= _TOLD else f"{told[:_TOLD]}… ({len(told)} characters)"
