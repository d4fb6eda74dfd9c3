"""The conformance kit for the account protocol of codex app-server."""
