"""What the clients are told about a turn, in the shape of the revision."""

import time
from typing import TYPE_CHECKING, Any

import anyio

from codex_reference_server.messages import Narrate, TurnFailure
from codex_reference_server.revision import Revision

if TYPE_CHECKING:
    from codex_reference_server.backend import Event


def new_id() -> str:
    """An id for a thread, a turn or an item."""
    from uuid import uuid4

    return str(uuid4())


class Narration:
    """Tells of one turn. Times of day are for people to read; nothing is measured by them."""

    def __init__(self, revision: Revision, narrate: Narrate, thread_id: str, turn_id: str) -> None:
        self._make = revision.make
        self._notification = revision.notification
        self._narrate = narrate
        self._thread_id = thread_id
        self._turn_id = turn_id
        self._started_at = int(time.time())
        self._began = anyio.current_time()
        self._message_id: str | None = None
        self._message = ""

    def turn(self, status: str, error: Any = None) -> Any:
        """The turn as a `Turn`; its items are told as they come and not listed again."""
        elapsed = anyio.current_time() - self._began
        is_over = status != "inProgress"
        return self._make(
            "Turn",
            id=self._turn_id,
            root_turn_id=self._turn_id,
            items=[],
            items_view="notLoaded",
            status=status,
            error=error,
            started_at=self._started_at,
            completed_at=int(time.time()) if is_over else None,
            duration_ms=round(elapsed * 1000) if is_over else None,
        )

    def begin(self) -> None:
        """`turn/started`."""
        self._tell("turn/started", turn=self.turn("inProgress"))

    def end(self, status: str, failure: TurnFailure | None = None) -> None:
        """`turn/completed`, with an `error` before it if the turn failed."""
        error = None
        if failure is not None:
            error = self._make(
                "TurnError",
                message=failure.message,
                codex_error_info=failure.info,
                additional_details=None,
                misalignment=None,
            )
            self._tell("error", error=error, will_retry=False)
        self._tell("turn/completed", turn=self.turn(status, error))

    def user_said(self, content: list[Any]) -> None:
        """The user's message, as an item that is complete at once."""
        item = self._item("userMessage", new_id(), content=content, client_id=None)
        self._begin_item(item)
        self._complete_item(item)

    def compacted(self) -> None:
        """The history of the thread, shortened, as an item that is complete at once."""
        item = self._item("contextCompaction", new_id())
        self._begin_item(item)
        self._complete_item(item)

    def agent_says(self, event: "Event") -> None:
        """The agent's message, begun by whatever event speaks of it first."""
        is_message = event.item is not None and event.item.type == "message"
        if event.type == "response.output_text.delta":
            self._begin_message()
            self._message += event.delta
            self._tell("item/agentMessage/delta", item_id=self._message_id, delta=event.delta)
        elif event.type == "response.output_item.added" and is_message:
            self._begin_message()
        elif event.type == "response.output_item.done" and event.item is not None and is_message:
            self._begin_message()
            self._complete_message("".join(part.text for part in event.item.content or ()))
        elif event.type == "response.completed" and self._message_id is not None:
            self._complete_message(self._message)

    def _begin_message(self) -> None:
        if self._message_id is None:
            self._message_id = new_id()
            self._begin_item(self._item("agentMessage", self._message_id, text=""))

    def _complete_message(self, text: str) -> None:
        self._complete_item(self._item("agentMessage", self._message_id, text=text))
        self._message_id, self._message = None, ""

    def _item(self, kind: str, item_id: str | None, **members: Any) -> Any:
        return self._make("ThreadItem", type=kind, id=item_id, **members)

    def _begin_item(self, item: Any) -> None:
        self._tell("item/started", item=item, started_at_ms=_milliseconds())

    def _complete_item(self, item: Any) -> None:
        self._tell("item/completed", item=item, completed_at_ms=_milliseconds())

    def _tell(self, method: str, **members: Any) -> None:
        ids = {"thread_id": self._thread_id, "turn_id": self._turn_id}
        self._narrate(self._thread_id, self._notification(method, **ids, **members))


def _milliseconds() -> int:
    return time.time_ns() // 1_000_000
