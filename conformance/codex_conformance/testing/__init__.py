"""A stand-in for codex in the tests of a parent application that is written in Python.

In `conftest.py`:

    pytest_plugins = ["codex_conformance.testing"]

Then a test takes `app_server`. The fixtures work in plain tests, and in asynchronous ones under
asyncio and trio: the server runs in a thread of its own.
"""

from codex_conformance.testing.fixtures import app_server, codex_revision, token_issuer
from codex_conformance.testing.server import AppServer, Refresh, Tokens, open_app_server

__all__ = [
    "AppServer",
    "Refresh",
    "Tokens",
    "app_server",
    "codex_revision",
    "open_app_server",
    "token_issuer",
]
