"""Turns: the user's words go to the backend, what comes back is told as it comes."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import anyio
import msgspec

from codex_reference_server.auth import Auth
from codex_reference_server.config import Config
from codex_reference_server.messages import (
    INVALID_PARAMS,
    Answer,
    Handlers,
    Narrate,
    Overload,
    Refusal,
    Session,
    TurnFailure,
)
from codex_reference_server.narration import Narration, new_id
from codex_reference_server.offers import Offer, OfThread, SteerTurn
from codex_reference_server.revision import Revision
from codex_reference_server.threads import Thread, Threads

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

    from codex_reference_server.backend import Backend, Event
    from codex_reference_server.http_client import Http
    from codex_reference_server.limits import Usage

TURNS_LIMIT = 1000
"""Turns that may be under way at a time."""

Room = Callable[[str], Awaitable[None]]
"""Wait until those who follow a thread, given its id, have taken in most of what they were told."""


class Turn(msgspec.Struct, frozen=True):
    """A turn under way.

    Attributes:
        inputs: what the user said, as the client gave it; steering adds to it.
    """

    id: str
    thread: Thread
    inputs: list[list[Any]]
    narration: Narration
    scope: anyio.CancelScope


class Turns:
    """Every turn under way.

    Args:
        tasks: where turns run.
        http: makes what carries requests in place of the network.
    """

    def __init__(
        self,
        config: Config,
        revision: Revision,
        auth: Auth,
        threads: Threads,
        narrate: Narrate,
        room: Room,
        tasks: "TaskGroup",
        http: "Http | None" = None,
    ) -> None:
        self._config = config
        self._revision = revision
        self._auth = auth
        self._threads = threads
        self._narrate = narrate
        self._room = room
        self._tasks = tasks
        self._http = http
        self._under_way: dict[str, Turn] = {}
        self._backend: Backend | None = None

    @property
    def handlers(self) -> Handlers:
        """The requests that are answered here."""
        return {
            "turn/start": self.start_turn,
            "turn/interrupt": self.interrupt_turn,
        }

    @property
    def offers(self) -> dict[str, Offer]:
        """The requests that are answered here beyond the specification."""
        return {
            "turn/steer": Offer(self.steer_turn, SteerTurn, since="0.99"),
            "thread/compact/start": Offer(self.compact_thread, OfThread),
        }

    def start_turn(self, params: Any, session: Session) -> Answer:  # noqa: ARG002
        """`turn/start`: the response, then what `_run` tells."""
        thread = self._threads.get(params.thread_id)
        if len(self._under_way) >= TURNS_LIMIT:
            raise Overload
        turn = self._turn_in(thread, [params.input])
        thread.said(_words(params.input))
        self._under_way[turn.id] = turn
        self._tasks.start_soon(self._run, turn)
        shown = turn.narration.turn("inProgress")
        return Answer(self._revision.make("TurnStartResponse", turn=shown))

    def steer_turn(self, params: SteerTurn, session: Session) -> Answer:  # noqa: ARG002
        """`turn/steer`: the turn goes on with this once the backend has answered the rest."""
        turn = self._under_way.get(params.expected_turn_id)
        if turn is None or turn.thread.id != params.thread_id:
            raise Refusal("no such turn is under way: nothing to steer")
        try:
            said = msgspec.convert(params.input, list[self._revision.models.UserInput])  # type: ignore[name-defined]
        except msgspec.ValidationError:
            raise Refusal("input is no list of UserInput", INVALID_PARAMS) from None
        turn.inputs.append(said)
        return Answer({"turnId": turn.id})

    def compact_thread(self, params: OfThread, session: Session) -> Answer:  # noqa: ARG002
        """`thread/compact/start`: the response, then a turn that has nothing to shorten."""
        turn = self._turn_in(self._threads.get(params.thread_id), [])

        async def tell() -> None:
            turn.narration.begin()
            turn.narration.compacted()
            turn.narration.end("completed")

        self._tasks.start_soon(tell)
        return Answer({})

    def interrupt_turn(self, params: Any, session: Session) -> Answer:  # noqa: ARG002
        """`turn/interrupt`: the response, then `turn/completed`, whatever the turn waits for."""
        turn = self._under_way.get(params.turn_id)
        if turn is None or turn.thread.id != params.thread_id:
            raise Refusal("no such turn is under way: nothing to interrupt")
        turn.scope.cancel()
        return Answer(self._revision.make("TurnInterruptResponse"))

    def _turn_in(self, thread: Thread, inputs: list[list[Any]]) -> Turn:
        turn_id = new_id()
        narration = Narration(self._revision, self._narrate, thread.id, turn_id)
        return Turn(turn_id, thread, inputs, narration, anyio.CancelScope())

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
            await self._room(turn.thread.id)

        def tell_limits(usage: "Usage") -> None:
            self._tell_limits(turn.thread, usage)

        for said in turn.inputs:  # steering adds to them meanwhile
            turn.narration.user_said(said)
            body = _request_body(turn.thread.model, said)
            await self.open_backend().respond(body, take, tell_limits)

    def _tell_limits(self, thread: Thread, usage: "Usage") -> None:
        """`account/rateLimits/updated`."""
        from codex_reference_server.limits import snapshot

        limits = snapshot(self._revision, usage)
        told = self._revision.notification("account/rateLimits/updated", rate_limits=limits)
        self._narrate(thread.id, told)

    def open_backend(self) -> "Backend":
        """The backend, one for everybody; httpx is imported with the first use."""
        if self._backend is None:
            from codex_reference_server.backend import Backend

            self._backend = Backend(self._config, self._auth, self._http)
        return self._backend

    async def aclose(self) -> None:
        """Let go of the backend."""
        if self._backend is not None:
            await self._backend.aclose()


def _request_body(model: str, said: list[Any]) -> dict[str, Any]:
    spoken = [{"type": "input_text", "text": _text(part)} for part in said]
    return {
        "model": model,
        "input": [{"type": "message", "role": "user", "content": spoken}],
        "stream": True,
        "store": False,
    }


def _words(said: list[Any]) -> str:
    return " ".join(map(_text, said))


def _text(part: Any) -> str:
    """What the model is told of a `UserInput`: words as they are, the type of anything else."""
    kind = part.__struct_config__.tag
    return part.text if kind == "text" else f"[{kind}]"
