"""What framing and envelope leave open."""

from typing import Any

import pytest
from codex_reference_server.connection import Outbox
from freedom import freedom
from mutant import around


@freedom("WIRE-1", case="login/accepted", says='{"jsonrpc":"2.0"')
def jsonrpc_is_said(patch: pytest.MonkeyPatch) -> None:
    """Every message carries `"jsonrpc":"2.0"`."""

    @around(patch, Outbox, "put")
    def put(real: Any, self: Any, line: bytes) -> None:
        real(self, line.replace(b"{", b'{"jsonrpc":"2.0",', 1))
