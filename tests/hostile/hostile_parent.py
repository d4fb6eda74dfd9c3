"""The parent application with one hostile habit: `hostile_parent.py HABIT`.

It behaves until it is asked for new tokens in a scenario, not in the opening conversation.
"""

import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import hostile

sys.path.append(str(Path(__file__).parents[1] / "parents"))
import parent  # type: ignore[import-not-found]

MIB = hostile.MIB
VARIABLE = "CODEX_CONFORMANCE_SCENARIO"
SCENARIO = "answers/good-answer"
ESCAPES = b"\x1b]0;owned\x07\x1b[2J<script>alert(1)</script>"
Codex = parent.Codex
Habit = Callable[[Codex], object]
heed = Codex.heed


def for_ever(line: bytes) -> Habit:
    def write(codex: Codex) -> None:
        while True:
            codex.channel.process.stdin.write(line)

    return write


def says(line: bytes) -> Habit:
    """A line in place of the answer; `%s` stands for the id that it should have."""
    return lambda codex: codex.channel.write(line.replace(b"%s", codex.asked))


def answers(token: bytes) -> Habit:
    """An answer with some JSON value in place of the token."""
    return says(b'{"id":%s,"result":{"accessToken":' + token + b',"chatgptAccountId":"a"}}')


def does(action: Callable[[], object]) -> Habit:
    """Something that has nothing to do with codex, before the answer that belongs there."""

    def act(codex: Codex) -> None:
        action()
        heed(codex, codex.request)

    return act


def start_codex_without_end(_: Codex) -> None:
    while True:
        parent.Process()


def end_within_a_line(codex: Codex) -> None:
    codex.channel.process.stdin.write(b'{"id":')
    codex.channel.process.stdin.flush()
    os._exit(3)


def print_escapes_and_end() -> None:
    os.write(2, ESCAPES)
    os._exit(3)


# Habits that keep a core busy until they are ended.
FLOODS: dict[str, Habit] = {
    "a-line-without-end": for_ever(b"x" * MIB),
    "long-lines-without-end": for_ever(b'{"method":"a","params":"' + b"x" * MIB + b'"}\n'),
    "notifications-without-end": for_ever(b'{"method":"initialized"}\n' * 1000),
    "requests-without-end": for_ever(b'{"id":"r","method":"account/read","params":{}}\n' * 1000),
    "rubbish-without-end": for_ever(b"rubbish\n" * 1000),
    "empty-lines-without-end": for_ever(b"\n" * MIB),
    "stdout-without-end": lambda _: hostile.for_ever(b"x" * MIB),
    "stderr-without-end": lambda _: hostile.for_ever(b"x" * MIB, 2),
    "codex-without-end": start_codex_without_end,
}
HABITS: dict[str, Habit] = {
    "deep-nesting": says(b'{"id":%s,"result":' + b"[" * 100_000),
    "deep-answer": answers(b'{"a":' * 800 + b"1" + b"}" * 800),
    "huge-answer": answers(b'"' + b"t" * 9 * MIB + b'"'),
    "members-twice": says(b'{"id":%s,"id":"other","result":{}}'),
    "not-a-number": answers(b"NaN"),
    "long-number": answers(b"9" * 100_000),
    "half-a-surrogate": answers(b'"\\ud800"'),
    "escapes-in-json": answers(b'"\\u001b]0;owned\\u0007\\u001b[2J<script>alert(1)</script>"'),
    "raw-escapes": says(ESCAPES),
    "prints-escapes": does(print_escapes_and_end),
    "ends-within-a-line": end_within_a_line,
    "stops-itself": does(lambda: os.kill(os.getpid(), signal.SIGSTOP)),
    "deaf-to-everything": does(
        lambda: signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    ),
    "process-that-outlives-it": does(hostile.fork_away),
    "process-with-a-lock": does(hostile.fork_with_a_lock),
    "process-without-its-environment": does(lambda: hostile.fork_away(clean=True)),
    "process-that-holds-the-pipes": does(hostile.fork_holding_the_pipes),
    "many-processes": does(hostile.many_processes),
}


def main() -> None:
    habit = (HABITS | FLOODS)[sys.argv[1]]
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    def heeded(self: Codex, message: dict[str, object]) -> None:
        if message.get("method") == parent.REFRESH and os.environ[VARIABLE] == SCENARIO:
            self.request, self.asked = message, str(message["id"]).encode()
            habit(self)
        else:
            heed(self, message)

    Codex.heed = heeded
    parent.main()


if __name__ == "__main__":
    main()
