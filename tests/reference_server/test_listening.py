"""The server as a process that many clients connect to, over TCP and over a socket file."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from codex_reference_server.main import main
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK, InvalidStatus
from websockets.sync.client import ClientConnection, connect, unix_connect

from .peers import CLIENT, REFRESH, Tokens
from .test_stdio import Provider, backend, configure

__all__ = ["backend"]

Refused = Callable[..., str]
COMMAND = [sys.executable, "-m", "codex_reference_server"]
PATIENCE = 10
ANYWHERE = ["--listen", "ws://127.0.0.1:0"]


class Listening:
    """A server that has said where it listens."""

    def __init__(self, process: "subprocess.Popen[str]", clients: ExitStack) -> None:
        assert process.stderr is not None
        self.process = process
        self.clients = clients
        process.stderr.readline()
        self.address = process.stderr.readline().removeprefix("  listening on: ").strip()
        if self.address.startswith("ws"):
            probes = [process.stderr.readline() for _ in range(2)]
            assert probes == [f"  {p}: http{self.address[2:]}/{p}\n" for p in ("readyz", "healthz")]

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def connect(self, **how: Any) -> "Client":
        scheme, _, place = self.address.partition("://")
        wire = (
            unix_connect(place, **how)
            if scheme == "unix"
            else connect(self.address, proxy=None, **how)
        )
        return Client(self.clients.enter_context(wire))

    def status_of(self, path: str, headers: dict[str, str]) -> int:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        connection.request("GET", path, headers=headers)
        status = connection.getresponse().status
        connection.close()
        return status

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


class Client:
    """A client, spoken to message by message."""

    def __init__(self, wire: ClientConnection) -> None:
        self.wire = wire
        self.heard: list[dict[str, Any]] = []

    def say(self, message: dict[str, Any]) -> None:
        self.wire.send(json.dumps(message))

    def hear(self, **members: Any) -> dict[str, Any]:
        """The next message that has these members."""
        while True:
            frame = self.wire.recv(PATIENCE)
            assert isinstance(frame, str)
            self.heard.append(json.loads(frame))
            if members.items() <= self.heard[-1].items():
                return self.heard[-1]

    def ask(self, method: str, params: Any) -> dict[str, Any]:
        self.say({"id": method, "method": method, "params": params})
        return self.hear(id=method)

    def initialize(self) -> dict[str, Any]:
        capabilities = {"experimentalApi": True}
        return self.ask("initialize", {"clientInfo": CLIENT, "capabilities": capabilities})

    def read(self) -> Any:
        return self.ask("account/read", {})["result"]["account"]


@contextmanager
def listening(home: Path, *arguments: str) -> Iterator[Listening]:
    environ = os.environ | {"CODEX_HOME": str(home), "HTTP_PROXY": "http://127.0.0.1:9"}
    pipe, none = subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen(
        [*COMMAND, *arguments], stdin=none, stdout=pipe, stderr=pipe, env=environ, text=True
    ) as process:
        try:
            with ExitStack() as clients:
                yield Listening(process, clients)
        finally:
            process.kill()


@pytest.fixture(params=["ws", "unix"])
def anywhere(request: pytest.FixtureRequest, home: Path) -> list[str]:
    """Arguments that make the server listen on either transport."""
    is_tcp = request.param == "ws"
    return ANYWHERE if is_tcp else ["--listen", f"unix://{home}/server.sock"]


def test_two_clients_share_a_login_and_the_first_answer_counts(
    home: Path, anywhere: list[str], backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new, late = Tokens(1), Tokens(2), Tokens(3)
    monkeypatch.setattr(Provider, "valid", new.access)
    configure(home, backend)
    with listening(home, *anywhere) as server:
        owner, other = server.connect(), server.connect()
        assert owner.ask("account/read", {})["error"]["message"] == "Not initialized"
        assert "result" in owner.initialize()
        assert "result" in other.initialize()
        login = {"type": "chatgptAuthTokens"} | old.members("0.169")
        assert "result" in owner.ask("account/login/start", login)
        thread = owner.ask("thread/start", {})["result"]["thread"]["id"]
        said = [{"type": "text", "text": "hi"}]
        owner.ask("turn/start", {"threadId": thread, "input": said})
        request = owner.hear(method=REFRESH)
        assert other.hear(method=REFRESH) == request
        other.say({"id": request["id"], "result": new.members("0.169")})
        completed = owner.hear(method="turn/completed")
        assert completed["params"]["turn"]["status"] == "completed"
        owner.say({"id": request["id"], "result": late.members("0.169")})
        assert owner.read()["email"] == new.email
        owner.wire.close()
        assert other.read()["email"] == new.email
        assert server.end() == 0


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_signal_ends_the_server_and_tells_its_clients(
    home: Path, anywhere: list[str], number: signal.Signals, status: int
) -> None:
    with listening(home, *anywhere) as server:
        client = server.connect()
        client.initialize()
        assert server.end(number) == status
        with pytest.raises(ConnectionClosedOK) as closed:
            client.wire.recv(PATIENCE)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1001
        assert server.process.stdout is not None
        assert server.process.stdout.read() == ""
    assert [path.name for path in home.iterdir()] == ["config.toml"]


def test_message_is_a_text_frame_however_it_is_fragmented(home: Path, anywhere: list[str]) -> None:
    request = json.dumps({"id": 1, "method": "account/read", "params": {}}, indent=1)
    with listening(home, *anywhere) as server:
        client = server.connect()
        client.initialize()
        for frame in ("", "rubbish", "[]", request + request, request.encode()):
            client.wire.send(frame)
        client.wire.send([request[:10], request[10:]])
        assert client.wire.ping().wait(PATIENCE)
        assert client.hear(id=1)["result"]["account"] is None
        long = {"unknown": "x" * 15 * 1024 * 1024}
        assert "result" in client.ask("account/read", long)
        assert len(client.heard) == 3
        assert server.end() == 0


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (lambda wire: wire.send("x" * (16 * 1024 * 1024 + 1)), 1009),
        (lambda wire: wire.send(b"\xff", text=True), 1007),
    ],
    ids=["too-long", "no-utf-8"],
)
def test_frame_that_cannot_be_read_ends_its_connection_and_no_other(
    home: Path, anywhere: list[str], fault: Callable[[ClientConnection], None], code: int
) -> None:
    with listening(home, *anywhere) as server:
        faulty, other = server.connect(), server.connect()
        other.initialize()
        fault(faulty.wire)
        with pytest.raises(ConnectionClosedError) as closed:
            faulty.wire.recv(PATIENCE)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == code
        assert other.read() is None
        assert server.end() == 0


def test_client_that_does_not_read_is_hung_up_on_and_others_are_served(
    home: Path, anywhere: list[str]
) -> None:
    with listening(home, *anywhere) as server:
        how: dict[str, Any] = {"ping_interval": None, "max_size": None}
        deaf = server.connect(max_queue=1, close_timeout=0, **how)
        busy = server.connect(**how)
        deaf.initialize()
        busy.initialize()
        for _ in range(60):  # thread/started goes to everybody
            assert "result" in busy.ask("thread/start", {"cwd": "/" + "x" * 1024 * 1024})
        assert server.process.stderr is not None
        said = server.process.stderr.readline()
        assert said == "codex_reference_server: a client that does not read was hung up on\n"
        assert busy.read() is None
        assert server.end() == 0


PROBE_STATUS = [
    ("/readyz", {}, 200),
    ("/healthz", {}, 200),
    ("/readyz", {"Origin": "http://127.0.0.1"}, 403),
    ("/", {"Origin": "null"}, 403),
    ("/", {}, 426),
]


@pytest.mark.parametrize(("path", "headers", "status"), PROBE_STATUS)
def test_probes_are_answered_and_web_pages_refused(
    home: Path, path: str, headers: dict[str, str], status: int
) -> None:
    with listening(home, *ANYWHERE) as server:
        assert server.status_of(path, headers) == status
        with pytest.raises(InvalidStatus) as refused:
            server.connect(origin="http://127.0.0.1")
        assert refused.value.response.status_code == 403
        assert server.end() == 0


@pytest.mark.parametrize("is_in_file", [True, False])
def test_client_needs_the_token_that_the_server_was_given(home: Path, is_in_file: bool) -> None:
    file = home / "token"
    file.write_text("sesame\n")
    digest = sha256(b"sesame").hexdigest()
    which = ["--ws-token-file", str(file)] if is_in_file else ["--ws-token-sha256", digest.upper()]
    with listening(home, *ANYWHERE, "--ws-auth", "capability-token", *which) as server:
        for headers in (
            {},
            {"Authorization": "Bearer wrong"},
            {"Authorization": "Basic sesame"},
            {"Authorization": "sesame"},
        ):
            with pytest.raises(InvalidStatus) as refused:
                server.connect(additional_headers=headers)
            assert refused.value.response.status_code == 401
        client = server.connect(additional_headers={"Authorization": "Bearer sesame"})
        assert "result" in client.initialize()
        assert server.status_of("/readyz", {}) == 200
        assert server.end() == 0


def test_socket_file_is_the_owners_and_a_stale_one_is_replaced(
    tmp_path_factory: pytest.TempPathFactory, refused: Refused
) -> None:
    home = tmp_path_factory.getbasetemp() / "h"  # the path of a socket has to be short
    home.mkdir()
    file = home / "app-server-control" / "app-server-control.sock"
    with listening(home, "--listen", "unix://") as server:
        assert server.address == f"unix://{file}"
        assert stat.filemode(file.stat().st_mode) == "srw-------"
        assert stat.filemode(file.parent.stat().st_mode) == "drwx------"
        server.process.kill()
        server.process.wait(PATIENCE)
    assert file.is_socket()
    with listening(home, "--listen", f"unix://{file}") as server:
        assert "result" in server.connect().initialize()
        said = refused("--listen", f"unix://{file}")
        assert said == f"cannot listen on unix://{file}: another server listens there"
        assert server.end() == 0
    assert not file.exists()


@pytest.fixture
def refused(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """What a server says that does not start, with status 2, after its name."""

    def refused(*arguments: str) -> str:
        monkeypatch.setenv("CODEX_HOME", str(home))
        monkeypatch.chdir(home)
        assert main(arguments) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.count("\n") == 1
        return said.err.removeprefix("codex_reference_server: error: ").strip()

    return refused


BAD_ADDRESSES = [
    "ws://",
    "ws://127.0.0.1",
    "ws://localhost:0",
    "ws://127.0.0.1:65536",
    "ws://127.0.0.1:-1",
    "ws://::1:0",
    "ws://[127.0.0.1]:0",
    "wss://127.0.0.1:0",
    "http://127.0.0.1:0",
    "off",
    "",
]


@pytest.mark.parametrize("address", BAD_ADDRESSES)
def test_address_that_makes_no_sense_is_refused(refused: Refused, address: str) -> None:
    assert refused(f"--listen={address}") == (
        f"--listen is {address!r}, expected stdio://, ws://IP:PORT, unix://PATH or unix://"
    )


CAPABILITY = ["--ws-auth", "capability-token"]
BAD_GATES = {
    "--ws-auth is 'signed-bearer-token', expected capability-token": [
        "--ws-auth",
        "signed-bearer-token",
    ],
    "--ws-token-file and --ws-token-sha256 need --ws-auth capability-token": [
        "--ws-token-file",
        "empty",
    ],
    "--ws-auth capability-token needs one of --ws-token-file and --ws-token-sha256": CAPABILITY,
    "--ws-token-sha256 is no SHA-256: expected 64 hex digits": [
        *CAPABILITY,
        "--ws-token-sha256",
        "abc",
    ],
    "--ws-token-file missing cannot be read: No such file or directory": [
        *CAPABILITY,
        "--ws-token-file",
        "missing",
    ],
    "--ws-token-file empty is empty, expected a token": [*CAPABILITY, "--ws-token-file", "empty"],
}


@pytest.mark.parametrize(("sentence", "arguments"), BAD_GATES.items())
def test_gate_that_makes_no_sense_is_refused(
    home: Path, refused: Refused, sentence: str, arguments: list[str]
) -> None:
    home.joinpath("empty").write_text("\n")
    assert refused(*ANYWHERE, *arguments) == sentence


def test_address_that_cannot_be_listened_on_is_refused(home: Path, refused: Refused) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"ws://127.0.0.1:{taken.getsockname()[1]}"
        sentence = f"cannot listen on {address}: Address already in use"
        assert refused("--listen", address) == sentence
    file = f"unix://{home}/config.toml"
    assert refused("--listen", file) == (
        f"cannot listen on {file}: there is a file that is no socket"
    )
    assert home.joinpath("config.toml").read_text()
    long = f"unix://{home}/{'x' * 108}"
    assert refused("--listen", long) == f"cannot listen on {long}: AF_UNIX path too long"
    assert refused("--listen", "ws://0.0.0.0:0") == (
        "cannot listen on ws://0.0.0.0:0: other machines get there, so clients need a token; "
        "expected --ws-auth capability-token"
    )
