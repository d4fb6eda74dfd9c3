"""What a logout leaves open."""

from typing import Any

import anyio
import pytest
from codex_reference_server.account import Account
from codex_reference_server.auth import Auth
from codex_reference_server.messages import Later, Refusal
from codex_reference_server.threads import Threads
from freedom import freedom
from mutant import around, instances


@freedom("LOGOUT-1", "LOGOUT-2", case="logout/from/managed-login", says='    1.500 <-- {"id":1002,')
def logout_takes_its_time(patch: pytest.MonkeyPatch) -> None:
    """A logout from a managed login is answered when the issuer has had time to hear of it."""

    @around(patch, Account, "log_out")
    def log_out(real: Any, self: Any, params: Any, session: Any) -> Any:
        was_managed = self._auth.is_managed
        answer = real(self, params, session)

        async def later() -> Any:
            await anyio.sleep(1.5)
            return answer

        return Later(later) if was_managed else answer


@freedom(
    "LOGOUT-3",
    "READ-1",
    case="logout/from/external-tokens",
    says="log in before you begin a thread",
)
def nobody_gets_a_thread(patch: pytest.MonkeyPatch) -> None:
    """Where the provider needs a login, no thread starts without one."""
    auths = instances(patch, Auth)

    @around(patch, Threads, "start")
    def start(real: Any, self: Any, params: Any, session: Any) -> Any:
        if auths[-1].credentials is None and self._config.requires_openai_auth:
            raise Refusal("log in before you begin a thread")
        return real(self, params, session)
