"""Threads: begun, resumed, forked, listed, named; they live as long as the server, in no file."""

import time
from pathlib import Path
from typing import Any

import anyio
import msgspec

from codex_reference_server.config import Config
from codex_reference_server.messages import Answer, Handlers, Notification, Refusal, Session
from codex_reference_server.narration import new_id
from codex_reference_server.offers import (
    EnterThread,
    ListThreads,
    NameThread,
    Offer,
    OfThread,
    Page,
    part_of,
)
from codex_reference_server.revision import Revision

APPROVAL_POLICY = "never"
SANDBOX_MODE = "read-only"
_POLICIES = {
    "read-only": "readOnly",
    "workspace-write": "workspaceWrite",
    "danger-full-access": "dangerFullAccess",
}
_PREVIEW = 200
"""Characters of the first words of the user that a list shows."""


class Thread(msgspec.Struct):
    """A conversation. Its turns talk to the backend one after the other, each on its own.

    Attributes:
        cwd: absolute.
        created_at: seconds since the epoch, for people to read; so is `updated_at`.
        preview: how the user's first words began.
    """

    id: str
    model: str
    cwd: str
    approval_policy: Any
    sandbox: str
    created_at: int
    updated_at: int
    talking: anyio.Lock
    preview: str = ""
    name: str | None = None
    forked_from: str | None = None
    archived: bool = False

    def said(self, words: str) -> None:
        """The user says something in a new turn."""
        self.preview = self.preview or words[:_PREVIEW]
        self.updated_at = int(time.time())


class Threads:
    """Every thread.

    What a client asks for in approval and sandbox is kept and shown; nothing here runs commands.
    """

    def __init__(self, config: Config, revision: Revision) -> None:
        self._config = config
        self._revision = revision
        self._threads: dict[str, Thread] = {}

    @property
    def handlers(self) -> Handlers:
        """The requests that are answered here."""
        return {"thread/start": self.start}

    @property
    def offers(self) -> dict[str, Offer]:
        """The requests that are answered here beyond the specification."""
        return {
            "thread/resume": Offer(self.resume, EnterThread),
            "thread/fork": Offer(self.fork, EnterThread),
            "thread/list": Offer(self.list, ListThreads),
            "thread/loaded/list": Offer(self.list_loaded, Page),
            "thread/read": Offer(self.read, OfThread),
            "thread/name/set": Offer(self.set_name, NameThread),
            "thread/archive": Offer(self.archive, OfThread),
            "thread/unarchive": Offer(self.unarchive, OfThread),
            "thread/delete": Offer(self.delete, OfThread, since="0.169"),
            "thread/turns/list": Offer(self.list_told, OfThread, since="0.169"),
            "thread/items/list": Offer(self.list_told, OfThread, since="0.169"),
            "thread/settings/update": Offer(
                self.change_settings, EnterThread, since="0.169", experimental=True
            ),
            "thread/unsubscribe": Offer(self.unsubscribe, OfThread, since="0.169"),
            "thread/backgroundTerminals/list": Offer(
                self.list_terminals, OfThread, since="0.169", experimental=True
            ),
            "thread/backgroundTerminals/clean": Offer(
                self.clean_terminals, OfThread, since="0.99", experimental=True
            ),
        }

    def get(self, thread_id: str) -> Thread:
        """The thread of this id.

        Raises:
            Refusal: there is none.
        """
        thread = self._threads.get(thread_id)
        if thread is None:
            raise Refusal("no such thread: threadId is none that thread/start gave")
        return thread

    def start(self, params: Any, session: Session) -> Answer:
        """`thread/start`: the response, then `thread/started`. The client follows the thread."""
        thread = self._begin(
            params.model or self._config.model,
            str(Path(params.cwd or ".").absolute()),
            params.approval_policy or APPROVAL_POLICY,
            params.sandbox or SANDBOX_MODE,
        )
        session.threads.add(thread.id)
        return Answer(self._opened(thread), (self._started(thread),))

    def resume(self, params: EnterThread, session: Session) -> Answer:
        """`thread/resume`: a thread of this server goes on, and the client follows it."""
        thread = self.get(params.thread_id)
        thread.archived = False
        _enter(thread, params)
        session.threads.add(thread.id)
        return Answer(self._opened(thread))

    def fork(self, params: EnterThread, session: Session) -> Answer:
        """`thread/fork`: the response, then `thread/started` of the new one."""
        source = self.get(params.thread_id)
        thread = self._begin(source.model, source.cwd, source.approval_policy, source.sandbox)
        thread.preview, thread.forked_from = source.preview, source.id
        _enter(thread, params)
        session.threads.add(thread.id)
        return Answer(self._opened(thread), (self._started(thread),))

    def list(self, params: ListThreads, session: Session) -> Answer:  # noqa: ARG002
        """`thread/list`: the newest first."""
        archived = bool(params.archived)
        found = [each for each in self._threads.values() if each.archived == archived]
        return Answer(part_of([self.show(each) for each in reversed(found)], params))

    def list_loaded(self, params: Page, session: Session) -> Answer:  # noqa: ARG002
        """`thread/loaded/list`: the ids of those that are not archived."""
        loaded = [each.id for each in self._threads.values() if not each.archived]
        return Answer(part_of(loaded, params))

    def read(self, params: OfThread, session: Session) -> Answer:  # noqa: ARG002
        """`thread/read`: the thread; turns are told as they come and not kept."""
        return Answer({"thread": self.show(self.get(params.thread_id))})

    def set_name(self, params: NameThread, session: Session) -> Answer:  # noqa: ARG002
        """`thread/name/set`: the response, then `thread/name/updated`."""
        thread = self.get(params.thread_id)
        thread.name = params.name
        told = {"threadId": thread.id, "threadName": thread.name}
        return Answer({}, (Notification("thread/name/updated", told),))

    def archive(self, params: OfThread, session: Session) -> Answer:  # noqa: ARG002
        """`thread/archive`: the thread is listed among the archived ones only."""
        self.get(params.thread_id).archived = True
        return Answer({})

    def unarchive(self, params: OfThread, session: Session) -> Answer:  # noqa: ARG002
        """`thread/unarchive`: the thread is listed among the others again."""
        thread = self.get(params.thread_id)
        thread.archived = False
        return Answer({"thread": self.show(thread)})

    def delete(self, params: OfThread, session: Session) -> Answer:  # noqa: ARG002
        """`thread/delete`: nobody knows the thread any more; a turn of it that runs goes on."""
        del self._threads[self.get(params.thread_id).id]
        return Answer({}, (Notification("thread/deleted", {"threadId": params.thread_id}),))

    def list_told(self, params: OfThread, session: Session) -> Answer:  # noqa: ARG002
        """`thread/turns/list` and `thread/items/list`: what was told is not kept."""
        self.get(params.thread_id)
        return Answer({"data": [], "nextCursor": None, "backwardsCursor": None})

    def change_settings(self, params: EnterThread, session: Session) -> Answer:  # noqa: ARG002
        """`thread/settings/update`: model, folder and policies of the turns to come."""
        _enter(self.get(params.thread_id), params)
        return Answer({})

    def unsubscribe(self, params: OfThread, session: Session) -> Answer:
        """`thread/unsubscribe`: the client follows the thread no more."""
        if params.thread_id not in self._threads:
            return Answer({"status": "notLoaded"})
        followed = params.thread_id in session.threads
        session.threads.discard(params.thread_id)
        return Answer({"status": "unsubscribed" if followed else "notSubscribed"})

    def list_terminals(self, params: OfThread, session: Session) -> Answer:  # noqa: ARG002
        """`thread/backgroundTerminals/list`: there are never any."""
        self.get(params.thread_id)
        return Answer({"data": [], "nextCursor": None})

    def clean_terminals(self, params: OfThread, session: Session) -> Answer:  # noqa: ARG002
        """`thread/backgroundTerminals/clean`: there is nothing to end."""
        self.get(params.thread_id)
        return Answer({})

    def show(self, thread: Thread) -> Any:
        """A thread as a `Thread`."""
        return self._revision.make(
            "Thread",
            id=thread.id,
            session_id=thread.id,
            preview=thread.preview,
            ephemeral=True,
            model=thread.model,
            model_provider=self._config.provider,
            created_at=thread.created_at,
            updated_at=thread.updated_at,
            status={"type": "idle"},
            path=None,
            cwd=thread.cwd,
            cli_version=self._revision.release,
            source="appServer",
            project_id=None,
            git_info=None,
            name=thread.name,
            forked_from_id=thread.forked_from,
            turns=[],
        )

    def _begin(self, model: str, cwd: str, approval_policy: Any, sandbox: str) -> Thread:
        now = int(time.time())
        thread = Thread(new_id(), model, cwd, approval_policy, sandbox, now, now, anyio.Lock())
        self._threads[thread.id] = thread
        return thread

    def _opened(self, thread: Thread) -> Any:
        """A `ThreadStartResponse`, which is also what resuming and forking give."""
        return self._revision.make(
            "ThreadStartResponse",
            thread=self.show(thread),
            model=thread.model,
            model_provider=self._config.provider,
            cwd=thread.cwd,
            approval_policy=thread.approval_policy,
            approvals_reviewer="user",
            sandbox={"type": _POLICIES[thread.sandbox]},
            reasoning_effort=None,
            service_tier=None,
            instruction_sources=[],
            disabled_plugin_ids=[],
        )

    def _started(self, thread: Thread) -> Notification:
        return self._revision.notification("thread/started", thread=self.show(thread))


def _enter(thread: Thread, params: EnterThread) -> None:
    """Change what a client that resumes or forks a thread wants otherwise."""
    if params.sandbox is not None and params.sandbox not in _POLICIES:
        raise Refusal(f"sandbox is none of {', '.join(_POLICIES)}")
    thread.model = params.model or thread.model
    thread.cwd = str(Path(params.cwd).absolute()) if params.cwd else thread.cwd
    thread.approval_policy = params.approval_policy or thread.approval_policy
    thread.sandbox = params.sandbox or thread.sandbox
