"""The reference app-server: the account protocol of codex app-server, every clause of it kept.

A message walks through the rooms in one direction: `transports` (bytes to lines), `connection`
(lines to messages), `dispatch` (method to handler), `account`, `further` and `turns` (handlers),
`backend` (HTTP, and the one retry after a 401), `limits` (what it says of them), `auth` (who is
logged in), `refresh` (new tokens for rejected ones). `revision` says what differs between the
revisions, `config` what the user wants.
"""

from codex_reference_server.arguments import UsageError
from codex_reference_server.config import Config, ConfigError
from codex_reference_server.main import Arrangement, Server, in_memory
from codex_reference_server.revision import REVISIONS, Revision
from codex_reference_server.wiring import Wiring

__all__ = [
    "REVISIONS",
    "Arrangement",
    "Config",
    "ConfigError",
    "Revision",
    "Server",
    "UsageError",
    "Wiring",
    "in_memory",
]
