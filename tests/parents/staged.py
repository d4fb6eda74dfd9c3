"""A parent of this process, judged by the scenarios of the kit."""

import functools
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.abc
import pytest
from codex_account_protocol import REVISIONS
from codex_conformance.case import Case, CaseSpec
from codex_conformance.clock import VIRTUAL, run
from codex_conformance.errors import leaves
from codex_conformance.home import fresh_home
from codex_conformance.judge_parent import judge, opening
from codex_conformance.judge_parent.app import App
from codex_conformance.judge_parent.judge import Capacity, Told, Wish, judge_with, scenarios_of
from codex_conformance.judge_parent.loopback import Loopback
from codex_conformance.judge_parent.opening import Introduction, hold_opening
from codex_conformance.judge_parent.stage import ORIGIN, Judged
from codex_conformance.results import RunResult
from on_stage import Ended, Parent, Process

Scenarios = list[tuple[CaseSpec, Case]]
NOWHERE: Any = None  # the loopback of a parent that needs none


class OnStage(App):
    """The stage of a scenario, with a parent of this process on it."""

    parent: type[Parent]

    @asynccontextmanager
    async def with_parent(self, loopback: Loopback) -> AsyncIterator[None]:
        """Put the parent on it, and take it off afterwards."""
        del loopback
        self.backend.hold()
        self.application = process = Process(self)
        with fresh_home() as self.home, process:
            self.home.configure(self.spec.setup, ORIGIN, None)
            self.began_at = time.time()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._live, self.parent(self, tasks, process))
                # A server that is ended while it starts leaves streams open.
                await self.until(lambda: self.conversations or None, "codex", 1.0)
                yield
                self.backend.release()
                tasks.cancel_scope.cancel()
        self.transcript.add("note", "the parent is taken off the stage")

    async def _live(self, parent: Parent) -> None:
        try:
            async with anyio.create_task_group() as parent.tasks:
                await parent.live()
        except* Ended as group:
            ended = leaves(group)[0]
            if words := str(ended):
                parent.process.print(words, aside=True)
            parent.process.status = ended.status  # type: ignore[attr-defined]
        if not parent.leaves_its_pipes_open:
            parent.peer.said.close()
        self.pulse.beat()


@functools.cache
def introduction_of(parent: type[Parent], revision: str) -> Introduction:
    """What a parent does in the opening conversation.

    Raises:
        UnfitTargetError: it is no parent that can be judged.
    """
    held = []

    async def noted(one: Judged, loopback: Loopback) -> Introduction:
        held.append(await hold_opening(one, loopback))
        return held[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judge, "hold_opening", noted)
        judged(parent, revision, scenarios=[])
    return held[0]


def judged(
    parent: type[Parent],
    revision: str = REVISIONS[-1],
    *,
    scenarios: Scenarios | None = None,
    only: tuple[str, ...] = (),
    without: tuple[tuple[str, str], ...] = (),
    introduction: Introduction | None = None,
) -> RunResult:
    """Judge a parent by these scenarios, by default by those of the kit.

    With an introduction there is no opening conversation.

    Raises:
        UnfitTargetError: it is no parent that can be judged.
    """
    wish = Wish(Judged((parent.__name__,), revision), only=only, without=without)
    chosen = scenarios_of(wish) if scenarios is None else scenarios
    stage = type("Stage", (OnStage,), {"parent": parent})

    async def introduced(*_: object) -> Introduction | None:
        return introduction

    async def play() -> RunResult:
        return await judge_with(NOWHERE, wish, chosen, Told(), Capacity.of(wish))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judge, "App", stage)
        patch.setattr(opening, "App", stage)
        if introduction is not None:
            patch.setattr(judge, "hold_opening", introduced)
        try:
            return run(VIRTUAL, play, parent.__name__)
        except BaseExceptionGroup as error:
            raise leaves(error)[0] from None
