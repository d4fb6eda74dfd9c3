"""A server that ends while the issuer is answering: a rotated refresh token is not lost."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import anyio
import pytest
from codex_reference_server.main import PARTING_LIMIT

from .peers import CLIENT, Peer, Provider, Tokens

Play = Callable[..., None]

OLD, NEW = Tokens(7), Tokens(8)
ISSUED = {"id_token": NEW.id, "access_token": NEW.access, "refresh_token": "rt-2"}
PATIENCE = 30


@pytest.fixture
def auth_file(home: Path) -> Path:
    """An auth.json with a managed login."""
    tokens = {
        "id_token": OLD.id,
        "access_token": OLD.access,
        "refresh_token": "rt-1",
        "account_id": OLD.account,
    }
    path = home / "auth.json"
    path.write_text(json.dumps({"auth_mode": "chatgpt", "tokens": tokens}))
    return path


def refresh_token(auth_file: Path) -> str:
    token: str = json.loads(auth_file.read_text())["tokens"]["refresh_token"]
    return token


@pytest.mark.parametrize(
    ("takes", "stored", "ends"), [(0.5, "rt-2", 0.5), (60.0, "rt-1", PARTING_LIMIT)]
)
def test_issuer_has_a_moment_when_the_input_ends(
    play: Play, auth_file: Path, takes: float, stored: str, ends: float
) -> None:
    async def scenario(peer: Peer, provider: Provider) -> None:
        gate = provider.issuer.gate = anyio.Event()
        provider.issuer.gives(**ISSUED)
        await peer.start_turn()
        await anyio.wait_all_tasks_blocked()
        assert len(provider.issuer.requests) == 1
        asked = len(provider.requests)
        began = anyio.current_time()
        await peer.wire.send_eof()
        with anyio.move_on_after(takes):
            await peer.hung_up()
        gate.set()
        await peer.hung_up()
        assert anyio.current_time() - began == pytest.approx(ends)
        assert refresh_token(auth_file) == stored
        assert len(provider.requests) == asked  # the turn has ended; nothing is sent once more

    play(scenario)


class SlowIssuer(BaseHTTPRequestHandler):
    """Rejects every turn, and answers a refresh when it is told to."""

    asked = threading.Event()
    told = threading.Event()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        is_refresh = self.path == "/oauth/token"
        if is_refresh:
            self.asked.set()
            assert self.told.wait(PATIENCE)
        body = json.dumps(ISSUED if is_refresh else {}).encode()
        self.send_response(200 if is_refresh else 401)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def issuer() -> Iterator[str]:
    """The origin of a slow issuer on loopback."""
    SlowIssuer.asked.clear()
    SlowIssuer.told.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), SlowIssuer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        SlowIssuer.told.set()
        server.shutdown()
        thread.join()


@contextmanager
def refreshing(home: Path, issuer: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A server whose issuer has been asked for newer tokens, and has not answered."""
    config = home / "config.toml"
    config.write_text(config.read_text().replace("http://backend.test", issuer))
    environ = os.environ | {
        "CODEX_HOME": str(home),
        "CODEX_REFRESH_TOKEN_URL_OVERRIDE": f"{issuer}/oauth/token",
    }
    command = [sys.executable, "-m", "codex_reference_server", "app-server"]
    read = {"id": 2, "method": "account/read", "params": {"refreshToken": True}}
    initialize = {"id": 1, "method": "initialize", "params": {"clientInfo": CLIENT}}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environ) as process:
        try:
            assert process.stdin is not None
            for message in (initialize, read):
                process.stdin.write(json.dumps(message).encode() + b"\n")
            process.stdin.flush()
            assert SlowIssuer.asked.wait(PATIENCE)
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("ends_by", ["end of input", "SIGTERM"])
def test_process_stores_what_the_issuer_says_at_the_last_moment(
    home: Path, auth_file: Path, issuer: str, ends_by: str
) -> None:
    with refreshing(home, issuer) as process:
        assert process.stdin is not None
        if ends_by == "SIGTERM":
            process.send_signal(signal.SIGTERM)
        else:
            process.stdin.close()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.1)
        SlowIssuer.told.set()
        assert process.wait(PATIENCE) == 0
    assert refresh_token(auth_file) == "rt-2"
