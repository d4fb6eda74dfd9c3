"""The server as a process of its own: pipes, a real HTTP server on loopback, exit status."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import anyio
import pytest
from codex_reference_server import transports
from codex_reference_server.transports import StandardStreams

from .peers import CLIENT, REFRESH, Tokens, hello

EXIT_LIMIT = 10


class Provider(BaseHTTPRequestHandler):
    """Says hello to one token and 401 to any other."""

    protocol_version = "HTTP/1.1"
    valid = ""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        is_valid = self.headers["authorization"] == f"Bearer {self.valid}"
        body = hello().content if is_valid else b'{"error":"unauthorized"}'
        self.send_response(200 if is_valid else 401)
        self.send_header("content-type", "text/event-stream" if is_valid else "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def backend() -> Iterator[str]:
    """The origin of a provider on loopback."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Provider) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class Process:
    """The server, spoken to line by line."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process
        self.heard: list[dict[str, Any]] = []

    def say(self, *messages: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(b"".join(json.dumps(m).encode() + b"\n" for m in messages))
        self.process.stdin.flush()

    def hear(self, **members: Any) -> dict[str, Any]:
        """The next message that has these members."""
        assert self.process.stdout is not None
        while True:
            line = self.process.stdout.readline()
            assert line.endswith(b"\n"), "the server has hung up"
            message: dict[str, Any] = json.loads(line)
            self.heard.append(message)
            if members.items() <= message.items():
                return message

    def end_input(self) -> int:
        """Close its input; its exit status."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(EXIT_LIMIT)


@contextmanager
def started(home: Path, *arguments: str) -> Iterator[Process]:
    command = [sys.executable, "-m", "codex_reference_server", *arguments]
    environ = os.environ | {"CODEX_HOME": str(home), "HTTP_PROXY": "http://127.0.0.1:9"}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=environ) as process:
        try:
            yield Process(process)
            assert process.stderr is not None
            assert process.stderr.read() == b""
        finally:
            process.kill()


def initialize() -> dict[str, Any]:
    params = {"clientInfo": CLIENT, "capabilities": {"experimentalApi": True}}
    return {"id": 1, "method": "initialize", "params": params}


def configure(home: Path, origin: str) -> None:
    config = home / "config.toml"
    config.write_text(config.read_text().replace("http://backend.test", origin))


@pytest.mark.parametrize("revision", ["0.93", "0.99", "0.169"])
def test_turn_is_refreshed_and_completed_over_pipes_and_http(
    home: Path, backend: str, monkeypatch: pytest.MonkeyPatch, revision: str
) -> None:
    old, new = Tokens(1), Tokens(2)
    monkeypatch.setattr(Provider, "valid", new.access)
    configure(home, backend)
    with started(home, "--revision", revision, "app-server") as server:
        login = {"type": "chatgptAuthTokens"} | old.members(revision)
        server.say(
            initialize(),
            {"method": "initialized"},
            {"id": 2, "method": "account/login/start", "params": login},
            {"id": 3, "method": "thread/start", "params": {}},
        )
        thread = server.hear(id=3)["result"]["thread"]["id"]
        said = [{"type": "text", "text": "hi"}]
        params = {"threadId": thread, "input": said}
        for request_id in (4, 5):
            server.say({"id": request_id, "method": "turn/start", "params": params})
            if request_id == 4:
                request = server.hear(method=REFRESH)
                server.say({"id": request["id"], "result": new.members(revision)})
            completed = server.hear(method="turn/completed")
            assert completed["params"]["turn"]["status"] == "completed"
        assert [m.get("method") for m in server.heard].count(REFRESH) == 1
        assert server.end_input() == 0
    assert sorted(path.name for path in home.iterdir()) == ["config.toml"]


def test_token_that_fits_in_no_header_fails_the_turn_unsaid(home: Path, backend: str) -> None:
    configure(home, backend)
    with started(home, "--revision", "0.93") as server:
        login = {"type": "chatgptAuthTokens"} | Tokens(1).members("0.93")
        login["accessToken"] = "canary\r\nX-Canary: 1"
        server.say(
            initialize(),
            {"id": 2, "method": "account/login/start", "params": login},
            {"id": 3, "method": "thread/start", "params": {}},
        )
        thread = server.hear(id=3)["result"]["thread"]["id"]
        params = {"threadId": thread, "input": [{"type": "text", "text": "hi"}]}
        server.say({"id": 4, "method": "turn/start", "params": params})
        turn = server.hear(method="turn/completed")["params"]["turn"]
        assert turn["error"]["message"] == "the connection to the model provider failed"
        assert "canary" not in json.dumps(server.heard)
        assert server.end_input() == 0


def test_end_of_input_ends_a_server_that_waits_for_new_tokens(home: Path, backend: str) -> None:
    configure(home, backend)
    with started(home) as server:
        login = {"type": "chatgptAuthTokens"} | Tokens(1).members("0.169")
        server.say(
            initialize(),
            {"id": 2, "method": "account/login/start", "params": login},
            {"id": 3, "method": "thread/start", "params": {}},
        )
        thread = server.hear(id=3)["result"]["thread"]["id"]
        params = {"threadId": thread, "input": [{"type": "text", "text": "hi"}]}
        server.say({"id": 4, "method": "turn/start", "params": params})
        server.hear(method=REFRESH)
        assert server.end_input() == 0


def test_end_of_input_ends_a_server_whose_client_does_not_read(home: Path) -> None:
    with started(home) as server:
        read = {"method": "account/read", "params": {}}
        server.say(initialize(), *({"id": i} | read for i in range(10_000)))
        assert server.end_input() == 0


def test_everything_asked_before_the_end_of_input_is_answered(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "requests"
    read = {"method": "account/read", "params": {}}
    requests = [initialize(), *({"id": i} | read for i in range(2, 1000))]
    file.write_text("\n".join(map(json.dumps, requests)))
    command = [sys.executable, "-m", "codex_reference_server"]
    environ = os.environ | {"CODEX_HOME": str(home)}
    with file.open("rb") as standard_input:
        done = subprocess.run(
            command, stdin=standard_input, capture_output=True, env=environ, check=True, timeout=30
        )
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == list(range(1, 1000))
    assert done.stderr == b""


def test_client_that_closes_the_servers_output_ends_it(home: Path) -> None:
    with started(home) as server:
        assert server.process.stdout is not None
        server.say(initialize())
        server.hear(id=1)
        server.process.stdout.close()
        server.say({"id": 2, "method": "account/read", "params": {}})
        assert server.process.wait(EXIT_LIMIT) == 0


def test_input_that_cannot_be_read_is_at_its_end(home: Path) -> None:
    command = [sys.executable, "-m", "codex_reference_server"]
    environ = os.environ | {"CODEX_HOME": str(home)}
    with home.joinpath("only-written").open("wb") as unreadable:
        done = subprocess.run(
            command, stdin=unreadable, capture_output=True, env=environ, check=False, timeout=30
        )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_input_that_another_reader_has_taken_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read, gone = os.read, [BlockingIOError()]

    def read_or_fail(descriptor: int, size: int) -> bytes:
        if gone:
            raise gone.pop()
        return read(descriptor, size)

    standard_input, other_end = os.pipe()
    os.write(other_end, b"line\n")
    monkeypatch.setattr(transports, "STDIN", standard_input)
    monkeypatch.setattr(transports.os, "read", read_or_fail)
    assert anyio.run(StandardStreams().receive) == b"line\n"
    os.close(standard_input)
    os.close(other_end)


@pytest.mark.parametrize("redirection", ["<&-", ">&-"])
def test_closed_standard_streams_are_told_with_status_2(home: Path, redirection: str) -> None:
    shell = f'exec "$0" -m codex_reference_server {redirection}'
    done = subprocess.run(
        ["sh", "-c", shell, sys.executable],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=os.environ | {"CODEX_HOME": str(home)},
        check=False,
        timeout=30,
    )
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == (
        b"codex_reference_server: error: standard input or output is closed, "
        b"expected a client at the other end\n"
    )


def test_bad_arguments_end_with_one_line_and_status_2(home: Path) -> None:
    command = [sys.executable, "-m", "codex_reference_server", "--revision", "7"]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=30
    )
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == (
        b"codex_reference_server: error: --revision is '7', expected one of 0.93, 0.99, 0.169\n"
    )


def test_start_imports_nothing_that_the_first_answers_do_not_need() -> None:
    code = (
        "import sys, anyio, codex_reference_server; anyio.run(anyio.sleep, 0)\n"
        "print(sorted({'httpx', 'httpx_sse', 'h11', 'trio', 'http.client', 'email', 'argparse',"
        " 'secrets', 'click', 'rich', 'jwt', 'jsonschema'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=30)
    assert done.stdout == b"[]\n"
