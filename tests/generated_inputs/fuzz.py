"""Plays generated sessions against a command: `fuzz.py EXAMPLES SEED REVISION COMMAND...`.

The seed is printed; the same seed draws the same sessions. Exit status 1 with the shortest session
that a clause is broken in.
"""

import sys

import hypothesis
from codex_conformance.bench import Judged
from codex_conformance.targets import CommandTarget
from hypothesis import HealthCheck, given, settings
from session import Step, play, steps


def fuzz(examples: int, seed: int, judged: Judged) -> None:
    """Play sessions; raises an AssertionError about the shortest one that breaks a clause."""

    @hypothesis.seed(seed)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    @given(session=steps(judged.revision))
    def plays(session: list[Step]) -> None:
        result = play(judged, session)
        assert result.verdict == "pass", f"{result.verdict}: {result.message}\n{result.tail}"

    plays()


def main(arguments: list[str]) -> int:
    examples, seed, revision, *command = arguments
    print(f"{examples} sessions by revision {revision}, seed {seed}")
    try:
        fuzz(int(examples), int(seed), Judged(CommandTarget(tuple(command)), revision))
    except AssertionError as failure:
        print(failure)
        print("\n".join(getattr(failure, "__notes__", [])))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
