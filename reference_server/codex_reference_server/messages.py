"""What the rooms hand each other: notifications, answers, and the two ways of saying no."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
OVERLOADED = -32001

NULL = msgspec.Raw(b"null")
"""An undecoded member that is null or absent."""


class Notification(msgspec.Struct, frozen=True):
    """Something the client is told without being asked for an answer."""

    method: str
    params: Any


class Answer(msgspec.Struct, frozen=True):
    """The result of a request, and the notifications that follow its response, in this order."""

    result: Any
    then: tuple[Notification, ...] = ()


class Later(msgspec.Struct, frozen=True):
    """An answer that has to be waited for; requests behind it may be answered before.

    Attributes:
        answer: gives it, or raises `Refusal`.
    """

    answer: Callable[[], Awaitable[Answer]]


class Session(msgspec.Struct):
    """What a client has said about itself; empty until it has sent `initialize`.

    Attributes:
        threads: ids of those that it follows, and hears the turns of.
    """

    initialized: bool = False
    client_name: str = ""
    experimental_api: bool = False
    silenced: frozenset[str] = frozenset()
    threads: set[str] = set()


class Refusal(Exception):  # noqa: N818 - the protocol's outcome, not a fault of the program
    """A request that gets an error response and changes nothing.

    Args:
        message: says what was expected; never repeats what the client sent.
        code: of the JSON-RPC error.
    """

    def __init__(self, message: str, code: int = INVALID_REQUEST) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


class RefusedByBackend(Refusal):
    """A request that the backend did not answer as hoped.

    Attributes:
        status: of its HTTP response.
    """

    def __init__(self, status: int) -> None:
        super().__init__(f"unexpected status {status} from the backend", INTERNAL_ERROR)
        self.status = status


class Overload(Refusal):
    """A request that would be answered, were not so much under way."""

    def __init__(self) -> None:
        super().__init__("Server overloaded; retry later.", OVERLOADED)


class TurnFailure(Exception):  # noqa: N818 - the protocol's outcome, not a fault of the program
    """Why a turn fails; becomes its `turn.error`.

    Args:
        message: never repeats what the client or the backend sent.
        info: the `codexErrorInfo`.
    """

    def __init__(self, message: str, info: str | dict[str, Any] = "other") -> None:
        super().__init__(message)
        self.message = message
        self.info = info


Notify = Callable[[Notification], None]
"""Tell every client."""

Narrate = Callable[[str, Notification], None]
"""Tell every client that follows a thread, given its id."""

Handler = Callable[[Any, Session], Answer | Later]
"""Answers one request, given its params as the revision's model, or raises `Refusal`."""

Handlers = Mapping[str, Handler]

Answered = Callable[[msgspec.Raw | None], None]
"""Takes the result of a request to the client; None if the client answered with an error."""

Ask = Callable[[str, Any, Answered], Callable[[], None]]
"""Send the clients a request, given its method and params; returns what forgets it.

The answer is taken as soon as it is read, so it has effect before any message behind it.
Of several answers the first counts. Once forgotten, an answer changes nothing.
"""
