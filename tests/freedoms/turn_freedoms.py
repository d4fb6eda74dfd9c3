"""What threads, turns and the traffic to the backend leave open."""

import gzip
import json
from typing import Any

import anyio
import pytest
from codex_reference_server import backend
from codex_reference_server.auth import Auth
from codex_reference_server.backend import Backend
from codex_reference_server.connection import Connection
from codex_reference_server.messages import Answer, Later, Refusal, Session
from codex_reference_server.turns import Turns
from freedom import freedom
from mutant import around, instances

ENDS_AT_ONCE = '~~~ 200 to POST /v1/responses\n    0.000 <-- {"method":"turn/completed"'
UNTOLD = ("error", "item/", "thread/", "turn/started")


@freedom("WIRE-4", "REFRESH-1", case="refresh/good-answer", says="    1.000 <-- ")
def answers_while_the_turn_runs(patch: pytest.MonkeyPatch) -> None:
    """The response to `turn/start` comes a second late: the turn is under way then, or over."""

    @around(patch, Turns, "start_turn")
    def start_turn(real: Any, self: Any, params: Any, session: Session) -> Later:
        answer = real(self, params, session)

        async def later() -> Answer:
            await anyio.sleep(1)
            return answer

        return Later(later)


@freedom("WIRE-10", "INIT-5", case="refresh/good-answer", says=ENDS_AT_ONCE)
def tells_the_end_alone(patch: pytest.MonkeyPatch) -> None:
    """Of threads and turns nothing is told but `turn/completed`."""

    @around(patch, Connection, "tell")
    def tell(real: Any, self: Any, line: bytes, method: str | None = None) -> None:
        if method is None or not method.startswith(UNTOLD):
            real(self, line, method)


@freedom("LOGOUT-3", "REFRESH-7", case="logout/turn-afterwards", says="log in before you speak")
def nobody_gets_a_turn(patch: pytest.MonkeyPatch) -> None:
    """Where the provider needs a login, no turn starts without one."""
    auths = instances(patch, Auth)

    @around(patch, Turns, "start_turn")
    def start(real: Any, self: Any, params: Any, session: Session) -> Any:
        if auths[-1].credentials is None and self._config.requires_openai_auth:
            raise Refusal("log in before you speak")
        return real(self, params, session)


@freedom("REFRESH-3", "LOGIN-6", case="refresh/retry-repeats-the-request", says="(bearer ")
def compresses(patch: pytest.MonkeyPatch) -> None:
    """It compresses what it posts to the model provider, and writes `bearer` in small letters."""

    @around(patch, backend, "_headers")
    def headers(real: Any, *args: Any) -> Any:
        return [(name, value.replace(b"Bearer", b"bearer")) for name, value in real(*args)]

    @around(patch, Backend, "__init__")
    def init(real: Any, self: Any, *args: Any) -> None:
        real(self, *args)
        build = self._client.build_request

        def build_request(method: str, url: str, **more: Any) -> Any:
            if url.endswith("/responses"):
                more["content"] = gzip.compress(json.dumps(more.pop("json")).encode())
                more["headers"].append((b"Content-Encoding", b"gzip"))
            return build(method, url, **more)

        self._client.build_request = build_request
