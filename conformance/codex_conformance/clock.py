"""Two clocks: trio's mock clock in process, the real one against commands."""

import gc
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import TypeVar

import anyio

T = TypeVar("T")

_OBJECTS = 50_000  # new ones that are looked at together, in mid-case
REFRESH_LIMIT = 10.0  # seconds that a server waits for the answer to a refresh request


@dataclass(frozen=True)
class Clock:
    """How long things may take.

    Attributes:
        virtual: time stands still while anything can happen, and jumps when nothing can.
        patience: seconds to wait for something that may never come.
        prompt: seconds that "at once" may take.
        soon: seconds that what follows something may take where no clause says "at once".
        deadline: seconds that a whole case may take beyond what it has to wait.
        timeout_from, timeout_to: when a turn fails whose refresh request stays unanswered.
        slack: seconds by which a request may have been under way before it was seen.
    """

    virtual: bool
    patience: float
    prompt: float
    soon: float
    deadline: float
    timeout_from: float
    timeout_to: float
    slack: float

    def just_before_limit(self) -> float:
        """Seconds after a refresh request at which an answer is still in time."""
        return REFRESH_LIMIT - 1e-6 if self.virtual else 9.0

    def just_after_limit(self) -> float:
        """Seconds after a refresh request at which an answer is surely late."""
        return REFRESH_LIMIT + 1e-6 if self.virtual else 12.0


VIRTUAL = Clock(
    virtual=True,
    patience=600.0,
    prompt=1e-9,
    soon=2.0,
    deadline=3600.0,
    timeout_from=REFRESH_LIMIT - 1e-9,
    timeout_to=REFRESH_LIMIT + 1e-9,
    slack=0.0,
)
REAL = Clock(
    virtual=False,
    patience=15.0,
    prompt=2.0,
    soon=2.0,
    deadline=45.0,
    timeout_from=9.5,
    timeout_to=12.0,
    slack=0.5,
)


def run(clock: Clock, main: Callable[[], Awaitable[T]], seed: str = "") -> T:
    """Run `main` to its end under `clock`: on trio where it is virtual, else on asyncio.

    By a virtual clock the seed decides the order of what happens at the same time.
    """
    if not clock.virtual:
        return anyio.run(main)
    from trio.testing import MockClock

    options = {"clock": MockClock(autojump_threshold=0)}
    try:
        with _scheduled_by(seed), _seldom_collecting():
            return anyio.run(main, backend="trio", backend_options=options)
    except BaseExceptionGroup as group:
        if group.subgroup(KeyboardInterrupt) is None:
            raise
        raise KeyboardInterrupt from group  # alone, as everybody knows it


@contextmanager
def _scheduled_by(seed: str) -> Iterator[None]:
    """Let trio, which throws a coin for the order of its tasks, throw the same coins again."""
    from trio._core import _run

    scheduler = vars(_run)
    ours = {"_ALLOW_DETERMINISTIC_SCHEDULING": True, "_r": Random(seed)}  # noqa: S311 - no secret
    usual = {name: scheduler[name] for name in ours if name in scheduler}
    scheduler.update(ours)
    try:
        yield
    finally:
        scheduler.update(usual)


@contextmanager
def _seldom_collecting() -> Iterator[None]:
    """Leave cycles to the end of a case: looking for them all along took a tenth of its time."""
    usual = gc.get_threshold()
    gc.set_threshold(_OBJECTS, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)
