"""Plays generated sessions: `fuzz.py EXAMPLES SEED REVISION WITHOUT [COMMAND...]`.

Without a command the reference server is judged, in this process. WITHOUT names kinds of steps that
are left out, with commas between them; it may be empty. Exit status 1 with the shortest session
that goes otherwise than the model of the account says, and with what draws it again; 2 where
nothing can be judged.
"""

import argparse
import shlex
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import hypothesis
from codex_account_protocol import REVISIONS
from codex_conformance.bench import Judged
from codex_conformance.errors import ConformanceError
from codex_conformance.opening import introduce
from codex_conformance.reference import NAME
from codex_conformance.results import CaseResult
from codex_conformance.targets import CommandTarget, DirectTarget, load_factory
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky
from session import Session, kinds, play, sessions

ROUND = 10  # sessions that one seed draws; more of them would resemble each other
ROWS = 10  # of steps, three times
FEWER_ROWS = 3  # what takes a real codex some seconds
SHRUNK = (Phase.generate, Phase.shrink)


class Disagreement(AssertionError):  # noqa: N818
    """A session went otherwise than the model says.

    Attributes:
        session: the shortest one where it was shrunk.
        result: what came of it.
        seed, examples: what draws it again.
    """

    def __init__(self, session: Session, result: CaseResult, seed: int, examples: int) -> None:
        clause = f", {result.broken[0].clause}" if result.broken else ""
        super().__init__(
            f"A session goes otherwise than the model of the account says (seed {seed}):\n"
            f"{session}\n{result.verdict}{clause}: {result.message}\n{result.tail}"
        )
        self.session = session
        self.result = result
        self.seed = seed
        self.examples = examples


def fuzz(
    judged: Judged,
    examples: int,
    seed: int,
    *,
    without: frozenset[str] = frozenset(),
    rows: int = ROWS,
    phases: Sequence[Phase] = SHRUNK,
) -> None:
    """Play sessions; `without` and `rows` as in `sessions`.

    Raises:
        Disagreement: a session goes otherwise than the model says.
    """
    drawn = sessions(judged.revision, without, rows)
    for number in range(0, examples, ROUND):
        found = _round(judged, drawn, min(ROUND, examples - number), seed + number, phases)
        if found is not None:
            raise found


def _round(
    judged: Judged,
    drawn: st.SearchStrategy[Session],
    examples: int,
    seed: int,
    phases: Sequence[Phase],
) -> Disagreement | None:
    found: Disagreement | None = None

    @hypothesis.seed(seed)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=phases,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    @given(session=drawn)
    def plays(session: Session) -> None:
        nonlocal found
        result = play(judged, session)
        if result.verdict != "pass":
            found = Disagreement(session, result, seed, examples)
            raise found

    # Flaky: a session that went otherwise goes well when it is played again. It went otherwise.
    with suppress(Disagreement, Flaky):
        plays()
    return _shorter(judged, found) if found and Phase.shrink in phases else found


def _shorter(judged: Judged, found: Disagreement) -> Disagreement:
    """The same without the steps that it does not need; Hypothesis drops no part of a row."""
    for position in reversed(range(len(found.session.steps))):
        steps = found.session.steps
        session = replace(found.session, steps=steps[:position] + steps[position + 1 :])
        result = play(judged, session)
        if result.verdict != "pass":
            found = Disagreement(session, result, found.seed, found.examples)
    return found


def main(arguments: list[str]) -> int:
    wish = _wish(arguments)
    without = frozenset(filter(None, wish.without.split(",")))
    unknown = without - kinds(wish.revision)
    if unknown:
        known = ", ".join(sorted(kinds(wish.revision)))
        print(f"no kind of step: {', '.join(sorted(unknown))}; expected some of {known}")
        return 2
    try:
        judged = _judged(wish)
    except ConformanceError as unfit:
        print(f"{unfit.message}\n{unfit.hint}".rstrip())
        return 2
    print(f"{wish.examples} sessions by revision {wish.revision}, seed {wish.seed}", flush=True)
    rows = FEWER_ROWS if wish.command else ROWS
    try:
        fuzz(judged, wish.examples, wish.seed, without=without, rows=rows)
    except Disagreement as disagreement:
        print(disagreement)
        print(f"Again: {_again(wish, disagreement)}")
        return 2 if disagreement.result.verdict == "error" else 1
    print("all go as the model of the account says")
    return 0


def _wish(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("fuzz.py")
    parser.add_argument("examples", type=int)
    parser.add_argument("seed", type=int)
    parser.add_argument("revision", choices=REVISIONS)
    parser.add_argument("without")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    return parser.parse_args(arguments)


def _judged(wish: argparse.Namespace) -> Judged:
    """What is judged: the reference server in this process, or a command that answers."""
    if not wish.command:
        argv = ("--revision", wish.revision)
        return Judged(DirectTarget(load_factory(NAME), argv), wish.revision)
    judged = Judged(CommandTarget(tuple(wish.command)), wish.revision)
    return replace(judged, client_version=introduce(judged, wish.revision).version)


def _again(wish: argparse.Namespace, found: Disagreement) -> str:
    words = [f"EXAMPLES={found.examples}", f"SEED={found.seed}", f"REVISION={wish.revision}"]
    if wish.without:
        words.append(f"WITHOUT={wish.without}")
    if wish.command:
        words.append(f"COMMAND={shlex.join(wish.command)}")
    return f"make fuzz {shlex.join(words)}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
