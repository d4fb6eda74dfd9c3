"""Threads and turns: the user's words go to the backend, what comes back is told as it comes."""

import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import msgspec

from codex_reference_server.auth import Auth
from codex_reference_server.config import Config
from codex_reference_server.messages import (
    Answer,
    Handlers,
    Notify,
    Refusal,
    Session,
    TurnFailure,
)
from codex_reference_server.narration import Narration, new_id
from codex_reference_server.revision import Revision

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

    from codex_reference_server.backend import Backend, Event
    from codex_reference_server.limits import Usage

Room = Callable[[], Awaitable[None]]
"""Wait until the clients have taken in most of what they were told."""


class Thread(msgspec.Struct, frozen=True):
    """A conversation. Its turns talk to the backend one after the other, each on its own."""

    id: str
    model: str
    talking: anyio.Lock


class Turn(msgspec.Struct, frozen=True):
    """A turn under way.

    Attributes:
        said: the user's input, as the client gave it.
    """

    id: str
    thread: Thread
    said: list[Any]
    narration: Narration
    scope: anyio.CancelScope


class Turns:
    """Every thread, and every turn under way.

    Args:
        tasks: where turns run.
    """

    def __init__(
        self,
        config: Config,
        revision: Revision,
        auth: Auth,
        notify: Notify,
        room: Room,
        tasks: "TaskGroup",
    ) -> None:
        self._config = config
        self._revision = revision
        self._auth = auth
        self._notify = notify
        self._room = room
        self._tasks = tasks
        self._threads: dict[str, Thread] = {}
        self._under_way: dict[str, Turn] = {}
        self._backend: Backend | None = None

    @property
    def handlers(self) -> Handlers:
        """The requests that are answered here."""
        return {
            "thread/start": self.start_thread,
            "turn/start": self.start_turn,
            "turn/interrupt": self.interrupt_turn,
        }

    def start_thread(self, params: Any, session: Session) -> Answer:  # noqa: ARG002
        """`thread/start`: the response, then `thread/started`."""
        thread = Thread(new_id(), params.model or self._config.model, anyio.Lock())
        self._threads[thread.id] = thread
        cwd = str(Path(params.cwd or ".").absolute())
        shown = self._show(thread, cwd)
        result = self._revision.make(
            "ThreadStartResponse",
            thread=shown,
            model=thread.model,
            model_provider=self._config.provider,
            cwd=cwd,
            approval_policy="never",
            approvals_reviewer="user",
            sandbox={"type": "readOnly"},
            reasoning_effort=None,
            service_tier=None,
            instruction_sources=[],
            disabled_plugin_ids=[],
        )
        return Answer(result, (self._revision.notification("thread/started", thread=shown),))

    def start_turn(self, params: Any, session: Session) -> Answer:  # noqa: ARG002
        """`turn/start`: the response, then what `_run` tells."""
        thread = self._threads.get(params.thread_id)
        if thread is None:
            raise Refusal("no such thread: threadId is none that thread/start gave")
        if any(part.__struct_config__.tag != "text" for part in params.input):
            raise Refusal("this server takes text only: expected input of the type text")
        turn_id = new_id()
        narration = Narration(self._revision, self._notify, thread.id, turn_id)
        turn = Turn(turn_id, thread, params.input, narration, anyio.CancelScope())
        self._under_way[turn_id] = turn
        self._tasks.start_soon(self._run, turn)
        return Answer(self._revision.make("TurnStartResponse", turn=narration.turn("inProgress")))

    def interrupt_turn(self, params: Any, session: Session) -> Answer:  # noqa: ARG002
        """`turn/interrupt`: the response, then `turn/completed`, whatever the turn waits for."""
        turn = self._under_way.get(params.turn_id)
        if turn is None or turn.thread.id != params.thread_id:
            raise Refusal("no such turn is under way: nothing to interrupt")
        turn.scope.cancel()
        return Answer(self._revision.make("TurnInterruptResponse"))

    async def _run(self, turn: Turn) -> None:
        """`turn/started`, the items, and in any case `turn/completed`."""
        status, failure = "completed", None
        try:
            with turn.scope:
                turn.narration.begin()
                async with turn.thread.talking:
                    await self._talk(turn)
        except TurnFailure as reason:
            status, failure = "failed", reason
        if turn.scope.cancelled_caught:
            status = "interrupted"
        del self._under_way[turn.id]
        turn.narration.end(status, failure)

    async def _talk(self, turn: Turn) -> None:
        async def take(event: "Event") -> None:
            turn.narration.agent_says(event)
            await self._room()

        turn.narration.user_said(turn.said)
        await self.open_backend().respond(_request_body(turn), take, self._tell_limits)

    def _tell_limits(self, usage: "Usage") -> None:
        """`account/rateLimits/updated`."""
        from codex_reference_server.limits import snapshot

        shown = snapshot(self._revision, usage)
        self._notify(self._revision.notification("account/rateLimits/updated", rate_limits=shown))

    def open_backend(self) -> "Backend":
        """The backend, one for everybody; httpx is imported with the first use."""
        if self._backend is None:
            from codex_reference_server.backend import Backend

            self._backend = Backend(self._config, self._auth)
        return self._backend

    async def aclose(self) -> None:
        """Let go of the backend."""
        if self._backend is not None:
            await self._backend.aclose()

    def _show(self, thread: Thread, cwd: str) -> Any:
        """A new thread as a `Thread`; it lives as long as the server, and in no file."""
        now = int(time.time())
        return self._revision.make(
            "Thread",
            id=thread.id,
            session_id=thread.id,
            preview="",
            ephemeral=True,
            model=thread.model,
            model_provider=self._config.provider,
            created_at=now,
            updated_at=now,
            status={"type": "idle"},
            path=None,
            cwd=cwd,
            cli_version=self._revision.release,
            source="appServer",
            project_id=None,
            git_info=None,
            turns=[],
        )


def _request_body(turn: Turn) -> dict[str, Any]:
    spoken = [{"type": "input_text", "text": part.text} for part in turn.said]
    return {
        "model": turn.thread.model,
        "input": [{"type": "message", "role": "user", "content": spoken}],
        "stream": True,
        "store": False,
    }
