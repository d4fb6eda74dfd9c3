"""What holds secrets does not print them: a traceback or a log line gives none away."""

import msgspec
import pytest
from codex_reference_server.credentials import Credentials
from codex_reference_server.issuer import DeviceCode, Grant, Issued
from codex_reference_server.landing import Visit
from codex_reference_server.store import Tokens

SECRET = "canary-of-the-test"
SHOWN = ("mode", "account_id")
HOLDERS = [Credentials, Tokens, Issued, DeviceCode, Grant]


@pytest.mark.parametrize("holder", HOLDERS)
def test_holder_of_secrets_prints_none(holder: type[msgspec.Struct]) -> None:
    names = [each.name for each in msgspec.structs.fields(holder)]
    value = holder(**{each: each if each in SHOWN else SECRET for each in names})
    assert SECRET in repr(msgspec.structs.astuple(value))
    assert SECRET not in repr(value)
    assert SECRET not in str([value])


def test_visitor_is_printed_without_the_code_that_it_brings() -> None:
    visit = Visit("GET", f"/auth/callback?code={SECRET}", "localhost:1455", f"http://{SECRET}")
    assert repr(visit) == "Visit(GET /auth/callback)"
