"""Waiting for something to become true, without polling."""

from collections.abc import Callable
from typing import TypeVar

import anyio

T = TypeVar("T")


class Pulse:
    """Beats whenever anything happens in a case: a line, a request, an end of stream.

    Whoever waits looks again at every beat.
    """

    def __init__(self) -> None:
        self._event: anyio.Event | None = None
        self.waiting: list[str] = []

    def beat(self) -> None:
        """Wake everybody who waits."""
        if self._event is not None:
            self._event.set()
            self._event = None

    async def until(self, look: Callable[[], T | None], what: str, within: float) -> T | None:
        """The first value of `look()` that is not None, or None after `within` seconds.

        Args:
            look: cheap; called now and after every beat.
            what: what is waited for, named when a case dead-locks.
            within: seconds of the run's clock.
        """
        self.waiting.append(what)
        try:
            with anyio.move_on_after(within):
                while (found := look()) is None:
                    if self._event is None:
                        self._event = anyio.Event()
                    await self._event.wait()
                return found
            return look()
        finally:
            self.waiting.remove(what)
