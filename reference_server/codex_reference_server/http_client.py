"""The one place where HTTP clients are made.

This module is imported with the first use, since httpx takes longer to import than all the rest.
"""

import ssl
from collections.abc import Callable
from functools import cache

import httpx

CONNECT_LIMIT = 30.0
IDLE_LIMIT = 300.0
"""Seconds without a byte after which a stream counts as dropped."""


Http = Callable[[], httpx.AsyncBaseTransport]
"""Makes what carries requests in place of the network."""


def new_client(http: Http | None, *urls: str | None) -> httpx.AsyncClient:
    """A client for these URLs that heeds nothing but the configuration.

    The environment is not trusted: a proxy would see the token, a `.netrc` would replace it.
    Connections are not kept: one that the backend has closed meanwhile would fail a turn.
    """
    secure = any(url is not None and url.startswith("https:") for url in urls)
    return httpx.AsyncClient(
        transport=http and http(),
        verify=secure or _no_tls(),  # a context that verifies takes 20 ms
        trust_env=False,
        timeout=httpx.Timeout(IDLE_LIMIT, connect=CONNECT_LIMIT),
        limits=httpx.Limits(max_keepalive_connections=0),
    )


@cache
def _no_tls() -> ssl.SSLContext:
    """What httpx wants to have though nothing is encrypted; the same for every client."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
