"""Public clients start the stand-in as their codex, log in, and complete a turn."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import clients
import pytest
from codex_conformance.stand_in.settings import Settings
from codex_conformance.stand_in.shim import write_shim

ANSWER = (
    'You said "Say hello.". I am a scripted assistant: I answer every turn and do nothing else.'
)
pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]


@pytest.fixture
def codex(tmp_path: Path) -> Path:
    """A codex that writes down what is said to `traffic.jsonl` beside it."""
    return write_shim(tmp_path / "bin", Settings(traffic=str(tmp_path / "bin" / "traffic.jsonl")))


def refused(codex: Path) -> list[Any]:
    """The requests of the client that got an error."""
    lines = codex.with_name("traffic.jsonl").read_text().splitlines()
    said = [json.loads(line) for line in lines]
    errors = {
        each["message"]["id"]
        for each in said
        if each.get("from") == "server" and "error" in each["message"]
    }
    return [
        each["message"]
        for each in said
        if each.get("from") == "client" and each["message"].get("id") in errors
    ]


def test_official_python_sdk_logs_in_and_completes_a_turn(codex: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    program = Path(__file__).with_name("sdk_conversation.py")
    done = subprocess.run(
        [clients.python_sdk(), program, codex, home],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "server": "0.169.0",
        "account": "apiKey",
        "models": ["gpt-5-codex", "gpt-5-codex-mini"],
        "status": "completed",
        "answer": ANSWER,
        "name": "named",
        "threads": 2,
        "forked": True,
        "left": None,
    }
    assert refused(codex) == []


class Editor:
    """An editor that speaks the Agent Client Protocol."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self._asked = 0
        self.updates: list[Any] = []

    def ask(self, method: str, **params: Any) -> Any:
        """The result."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._asked += 1
        request = {"jsonrpc": "2.0", "id": self._asked, "method": method, "params": params}
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            message = json.loads(line)
            if "method" in message:
                self.updates.append(message)
            elif message["id"] == self._asked:
                assert "result" in message, message
                return message["result"]
        raise AssertionError(f"codex-acp ended instead of answering {method}")


@contextmanager
def editor(codex: Path, home: Path) -> Iterator[Editor]:
    environ = {
        "PATH": os.environ["PATH"],
        "CODEX_HOME": str(home),
        "CODEX_PATH": str(codex),
        "OPENAI_API_KEY": "sk-canary-of-codex-acp",
    }
    with subprocess.Popen(
        ["node", clients.codex_acp()],
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        try:
            yield Editor(process)
        finally:
            process.terminate()


def test_codex_acp_logs_in_and_completes_a_turn(codex: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with editor(codex, home) as client:
        info = {"name": "editor", "version": "1"}
        client.ask("initialize", protocolVersion=1, clientCapabilities={}, clientInfo=info)
        client.ask("authenticate", methodId="api-key")
        session = client.ask("session/new", cwd=str(home), mcpServers=[])["sessionId"]
        prompt = [{"type": "text", "text": "Say hello."}]
        ended = client.ask("session/prompt", sessionId=session, prompt=prompt)
    assert ended["stopReason"] == "end_turn"
    told = [each["params"]["update"] for each in client.updates if "update" in each["params"]]
    words = [
        each["content"]["text"] for each in told if each["sessionUpdate"].startswith("agent_m")
    ]
    assert "".join(words) == ANSWER
    assert refused(codex) == []
