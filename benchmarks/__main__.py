"""`python -m benchmarks`: measure the reference server and real codexes side by side."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from benchmarks import figures, measures
from benchmarks.figures import Samples, findings
from benchmarks.report import document, machine, table
from benchmarks.subjects import Subject, UnfitSubjectError, codex, reference, serve, shim
from benchmarks.surroundings import Surroundings, surroundings

DEFAULT_CODEX = "0.163.0"
MISSED, BAD_USAGE, INTERRUPTED = 1, 2, 130
PARTS = ("start", "reads", "refresh", "memory", "sessions")


def _whole(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is below 1")
    return number


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--codex",
        action="append",
        metavar="PATH|VERSION",
        help=f"a real codex, fetched if it is a version; repeatable; default {DEFAULT_CODEX}",
    )
    parser.add_argument("--rounds", type=_whole, default=15, help="of starts, reads and refreshes")
    parser.add_argument(
        "--refreshes", type=_whole, default=1000, help="after which memory is looked at"
    )
    parser.add_argument("--sessions", type=_whole, default=200, help="over WebSocket, at once")
    parser.add_argument("--only", action="append", choices=PARTS, help="repeatable")
    parser.add_argument("--json", type=Path, metavar="F", help="write every sample")
    parser.add_argument("--strict", action="store_true", help="exit 1 if an aim is missed")
    return parser


class Run:
    """One run: the same of each subject in turn, round after round.

    The first round of everything warms up files and caches, and is not counted.
    """

    def __init__(
        self, subjects: list[Subject], around: Surroundings, wish: argparse.Namespace
    ) -> None:
        self.samples: Samples = {}
        self._subjects = subjects
        self._around = around
        self._wish = wish

    def measure(self, part: str) -> None:
        """Measure one of `PARTS`."""
        parts: dict[str, Callable[[], None]] = {
            "start": self._start,
            "reads": self._reads,
            "refresh": self._refresh,
            "memory": self._memory,
            "sessions": self._sessions,
        }
        parts[part]()

    def _start(self) -> None:
        for warm, subject in self._rounds(self._subjects):
            answered, logged_in = measures.start(subject, self._around)
            if warm:
                self._keep(figures.START, subject, answered)
                self._keep(figures.LOGIN, subject, logged_in)

    def _reads(self) -> None:
        with ExitStack() as stack:
            sessions = self._logged_in(stack)
            for warm, subject in self._rounds(self._beside):
                in_turn = sessions[subject.name].reads_in_turn()
                at_once = sessions[subject.name].reads_at_once()
                if warm:
                    self._keep(figures.IN_TURN, subject, in_turn)
                    self._keep(figures.AT_ONCE, subject, at_once)

    def _refresh(self) -> None:
        with ExitStack() as stack:
            sessions = self._logged_in(stack)
            for warm, subject in self._rounds(self._beside):
                took = sessions[subject.name].refresh()
                if warm:
                    self._keep(figures.REFRESH, subject, took)

    def _memory(self) -> None:
        some = self._wish.refreshes
        for subject in self._beside:
            is_ours = subject.version is None
            wanted = (some, 10 * some) if is_ours else (some,)
            idle, used, *later = measures.memory(subject, self._around, *wanted)
            self._keep(figures.IDLE, subject, idle)
            self._keep(figures.USED, subject, used)
            for size in later:
                self._keep(figures.GROWTH, subject, size - used)

    def _sessions(self) -> None:
        some = [one for one in self._beside if one.version != figures.STRETCH]
        for warm, subject in self._rounds(some, 3):
            took = measures.sessions(subject, self._around, self._wish.sessions, reads=20)
            if warm:
                self._keep(figures.SESSIONS, subject, took)

    @property
    def _beside(self) -> list[Subject]:
        """The reference server once: how it is started matters to its start alone."""
        return [one for one in self._subjects if not one.is_another_start]

    def _rounds(
        self, subjects: list[Subject], rounds: int | None = None
    ) -> Iterator[tuple[bool, Subject]]:
        for number in range((rounds or self._wish.rounds) + 1):
            for subject in subjects:
                yield number > 0, subject

    def _logged_in(self, stack: ExitStack) -> dict[str, measures.LoggedIn]:
        return {
            one.name: stack.enter_context(measures.logged_in(one, self._around))
            for one in self._beside
        }

    def _keep(self, measure: figures.Measure, subject: Subject, sample: float) -> None:
        self.samples.setdefault(measure, {}).setdefault(subject.name, []).append(sample)


def main(argv: list[str]) -> int:
    """Measure; the exit status is 1 if --strict and an aim is missed, 2 if nothing can be told."""
    wish = _parser().parse_args(argv)
    try:
        with surroundings() as around, shim() as executable:
            ours = [reference(), serve(), executable]
            subjects = [*ours, *map(codex, wish.codex or [DEFAULT_CODEX])]
            run = Run(subjects, around, wish)
            for part in wish.only or PARTS:
                sys.stderr.write(f"{part} ...\n")
                run.measure(part)
    except (UnfitSubjectError, OSError) as error:
        sys.stderr.write(f"python -m benchmarks: error: {error}\n")
        return BAD_USAGE
    except KeyboardInterrupt:
        return INTERRUPTED
    found = findings(run.samples, {one.name: one.version for one in subjects})
    if wish.json:
        wish.json.write_text(json.dumps(document(subjects, run.samples, found), indent=1) + "\n")
    facts = ", ".join(f"{name} {value}" for name, value in machine().items())
    sys.stdout.write(f"{facts}\n\n{table(subjects, run.samples, found)}\n")
    missed = any(one.met is False for one in found)
    return MISSED if wish.strict and missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
