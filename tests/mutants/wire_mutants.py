"""Faults of framing and envelope."""

from typing import Any

import pytest
from codex_reference_server import connection
from mutant import mutant


@mutant("WIRE-2", "WIRE-4")
def numeric_text_id_as_number(patch: pytest.MonkeyPatch) -> None:
    """A string id that reads as a number comes back as that number."""
    real = connection.Response

    def respond(request_id: Any, result: Any) -> Any:
        numeric = isinstance(request_id, str) and request_id.isdecimal()
        return real(int(request_id) if numeric else request_id, result)

    patch.setattr(connection, "Response", respond)
