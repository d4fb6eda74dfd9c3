"""What surrounds a server that another program runs: its HTTP, and who listens in."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    import httpx

    from codex_reference_server.landing import IssuersPages, Landing, TakeLanding

Watch = Callable[[str, bytes], None]
"""Take one line of the conversation, and who said it: `client` or `server`."""


def _take_socket() -> "Landing":
    from codex_reference_server.landing_sockets import take_landing

    return take_landing()


class Wiring(msgspec.Struct, frozen=True):
    """By default a network, and nobody listens in.

    Attributes:
        http: makes what carries HTTP requests in place of the network, when the first is sent.
        take_landing: takes an address on loopback for a browser to come back to.
        issuers_pages: shows where users sign in, beside where their browser comes back to; None
            where the issuer does that itself.
        watch: told of every line, as it comes and as it goes.
    """

    http: "Callable[[], httpx.AsyncBaseTransport] | None" = None
    take_landing: "TakeLanding" = _take_socket
    issuers_pages: "IssuersPages | None" = None
    watch: Watch | None = None
