"""What surrounds a server that another program runs: its HTTP, and who listens in."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    import httpx

Watch = Callable[[str, bytes], None]
"""Take one line of the conversation, and who said it: `client` or `server`."""


class Wiring(msgspec.Struct, frozen=True):
    """By default a network, and nobody listens in.

    Attributes:
        http: makes what carries HTTP requests in place of the network, when the first is sent.
        watch: told of every line, as it comes and as it goes.
    """

    http: "Callable[[], httpx.AsyncBaseTransport] | None" = None
    watch: Watch | None = None
