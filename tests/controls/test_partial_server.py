"""What a server does not offer makes it neither red nor unknown: the cases do not apply to it."""

from typing import Any

import matrix
import pytest
from codex_account_protocol import REVISIONS
from codex_conformance.targets import DirectTarget
from codex_reference_server.dispatch import Dispatcher
from codex_reference_server.messages import METHOD_NOT_FOUND, Refusal
from mutant import Mutant, around

REFUSED = {"account/login/cancel", "turn/interrupt", "account/rateLimits/read"}
LOGINS = (b'"chatgpt"', b'"chatgptDeviceCode"', b'"apiKey"')
GOOD = {"pass", "observed", "not-applicable"}


def external_tokens_alone(patch: pytest.MonkeyPatch) -> None:
    """Every other login, and what only they need, is refused as unknown."""

    @around(patch, Dispatcher, "dispatch")
    def dispatch(real: Any, self: Any, session: Any, name: str, params: Any) -> Any:
        if session.initialized and name in REFUSED:
            raise Refusal("Method not found", METHOD_NOT_FOUND)
        if session.initialized and name == "account/login/start":
            unknown = [each for each in LOGINS if each in bytes(params)]
            if unknown:
                raise Refusal(f"unknown variant `{unknown[0].decode()}`")
        return real(self, session, name, params)


@pytest.mark.parametrize("revision", REVISIONS)
def test_server_for_external_tokens_alone_is_green(revision: str) -> None:
    partial = Mutant("partial", frozenset(), revision, external_tokens_alone)
    results = matrix.run(DirectTarget(partial, ()), revision)
    assert [f"{one.id}: {one.message}" for one in results if one.verdict not in GOOD] == []
    assert sum(one.verdict == "pass" for one in results) > len(results) / 2
