"""Plays generated sessions against a command: `fuzz.py EXAMPLES SEED REVISION WITHOUT COMMAND...`.

WITHOUT names kinds of steps that are left out, with commas between them; it may be empty. The seed
is printed; the same seed draws the same sessions. Exit status 1 with the shortest session
that goes otherwise than the model of the account says.
"""

import sys
from collections.abc import Sequence

import hypothesis
from codex_conformance.bench import Judged
from codex_conformance.results import CaseResult
from codex_conformance.targets import CommandTarget
from hypothesis import HealthCheck, Phase, given, settings
from session import Session, kinds, play, sessions

ROUND = 10  # sessions that one seed draws; more of them would resemble each other
ROWS = 3  # of steps, three times: what takes a real codex some seconds
SHRUNK = (Phase.generate, Phase.shrink)


class Disagreement(AssertionError):  # noqa: N818
    """A session went otherwise than the model says.

    Attributes:
        result: of the session, the shortest one where it was shrunk.
    """

    def __init__(self, session: Session, result: CaseResult) -> None:
        super().__init__(f"{session}\n{result.verdict}: {result.message}\n{result.tail}")
        self.result = result


def fuzz(
    judged: Judged,
    examples: int,
    seed: int,
    *,
    without: frozenset[str] = frozenset(),
    rows: int = 7,
    phases: Sequence[Phase] = SHRUNK,
) -> None:
    """Play sessions; `without` and `rows` as in `sessions`.

    Raises:
        Disagreement: a session goes otherwise than the model says.
    """
    for number in range(0, examples, ROUND):
        drawn = sessions(judged.revision, without, rows)

        @hypothesis.seed(seed + number)
        @settings(
            max_examples=min(ROUND, examples - number),
            database=None,
            deadline=None,
            phases=phases,
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
        )
        @given(session=drawn)
        def plays(session: Session) -> None:
            result = play(judged, session)
            if result.verdict != "pass":
                raise Disagreement(session, result)

        plays()


def main(arguments: list[str]) -> int:
    examples, seed, revision, left_out, *command = arguments
    without = frozenset(filter(None, left_out.split(",")))
    unknown = without - kinds(revision)
    if unknown:
        known = ", ".join(sorted(kinds(revision)))
        print(f"no kind of step: {', '.join(sorted(unknown))}; expected some of {known}")
        return 2
    judged = Judged(CommandTarget(tuple(command)), revision)
    print(f"{examples} sessions by revision {revision}, seed {seed}", flush=True)
    try:
        fuzz(judged, int(examples), int(seed), without=without, rows=ROWS)
    except Disagreement as disagreement:
        print(disagreement)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
