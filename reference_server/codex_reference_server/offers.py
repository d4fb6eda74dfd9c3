"""Params of the requests that parents send and the specification does not describe.

Only the members that are heeded are there; codex has more, and they are ignored.
"""

from typing import Annotated, Any, Generic, TypeVar

import msgspec

from codex_reference_server.messages import Handler, Refusal

T = TypeVar("T")


class Offer(msgspec.Struct, frozen=True):
    """A request that is answered beyond the specification.

    Attributes:
        params: the type of its params; None if it takes none.
        since: the revision that has it first.
        experimental: whether it needs the capability `experimentalApi`.
    """

    handler: Handler
    params: Any = None
    since: str = "0.93"
    experimental: bool = False


class _Params(msgspec.Struct, frozen=True, rename="camel"):
    """Members go by their names on the wire."""


class Page(_Params, frozen=True):
    """Which part of a list is wanted.

    Attributes:
        cursor: the `nextCursor` of the part before.
        limit: how many entries at most.
    """

    cursor: str | None = None
    limit: Annotated[int, msgspec.Meta(ge=0)] | None = None


class Part(msgspec.Struct, Generic[T], frozen=True):
    """A part of a list, and the cursor of the next; None after the last."""

    data: list[T]
    next_cursor: str | None = msgspec.field(name="nextCursor")


def part_of(every: list[T], page: Page) -> Part[T]:
    """The part that a page asks for.

    Raises:
        Refusal: the cursor is none that was given.
    """
    start = 0
    if page.cursor is not None:
        start = int(page.cursor) if page.cursor.isdecimal() else -1
        if not 0 < start <= len(every):
            raise Refusal("cursor is none that this server gave as nextCursor")
    end = start + (page.limit or len(every))
    return Part(every[start:end], str(end) if end < len(every) else None)


class OfThread(_Params, frozen=True):
    """A request about one thread."""

    thread_id: str


class EnterThread(OfThread, frozen=True):
    """`thread/resume` and `thread/fork`; what is not said stays as it was."""

    model: str | None = None
    cwd: str | None = None
    approval_policy: Any = None
    sandbox: str | None = None


class NameThread(OfThread, frozen=True):
    """`thread/name/set`."""

    name: str


class ListThreads(Page, frozen=True):
    """`thread/list`: the archived ones, or the others."""

    archived: bool | None = None


class SteerTurn(OfThread, frozen=True):
    """`turn/steer`.

    Attributes:
        input: as that of `turn/start`.
    """

    expected_turn_id: str
    input: list[Any]


class ReadConfig(_Params, frozen=True):
    """`config/read`."""

    include_layers: bool = False


class ReadAuthStatus(_Params, frozen=True):
    """`getAuthStatus`."""

    include_token: bool | None = None


class ListSkills(_Params, frozen=True):
    """`skills/list`."""

    cwds: list[str] | None = None


class ListModels(Page, frozen=True):
    """`model/list`."""
