"""The conformance kit for the account protocol of codex app-server."""

from importlib.metadata import version

__version__ = version("codex-conformance")
