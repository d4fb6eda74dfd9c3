"""What a scenario wants done with messages that pass between the parent and the server."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Message = dict[str, Any]
Change = Callable[[Message, str], Message]
"""A message of the server and its method, or that of the request it answers; what goes out."""


@dataclass
class Script:
    """The wishes of one scenario; by default everything passes as it is.

    Attributes:
        held: methods whose requests stay unanswered.
        refusals: method -> error object that its requests get at once.
        changes: applied, in order, to everything that the server says.
        ends_at: methods the request for which the server answers by ending.
        rejects_login: whether the backend takes the tokens of a login for expired from the start.
    """

    held: set[str] = field(default_factory=set)
    refusals: dict[str, Message] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    ends_at: set[str] = field(default_factory=set)
    rejects_login: bool = False

    def changed(self, message: Message, method: str) -> Message:
        """What goes out in place of `message`."""
        for change in self.changes:
            message = change(message, method)
        return message
