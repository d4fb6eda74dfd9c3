"""What the reference server answers beyond the specification is valid by a release's schema."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import loopback
import pytest
import releases
from jsonschema import Draft7Validator

# Releases, each with the revision in which the reference server is put in its place.
PLACES = [
    *((each, each.revision) for each in releases.RELEASES if each.version != "0.163.0"),
    *((each, each.revision) for each in releases.UNJUDGED),
    *((each, "0.169") for each in releases.RELEASES if each.version == "0.163.0"),
]
# What older releases call a result, and what no schema of a newer one has any more.
NAMES = {
    "initialize": "InitializeResponse",
    "mcpServerStatus/list": "ListMcpServerStatusResponse",
    "app/list": "AppsListResponse",
    "app/installed": "AppsInstalledResponse",
    "thread/name/set": "ThreadSetNameResponse",
    "getAuthStatus": "GetAuthStatusResponse",
}
WITHOUT_A_SCHEMA = {("0.163.0", "getAuthStatus"), ("0.169.0", "getAuthStatus")}
INPUT = [{"type": "text", "text": "Say hello."}]
METHOD_NOT_FOUND = -32601
pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]


def definitions_of(release: releases.Release, folder: Path) -> dict[str, Any]:
    """Every type that the release describes, experimental ones among them."""
    command = [str(releases.fetch(release)), "app-server", "generate-json-schema"]
    words = [*loopback.alone(), "env", f"CODEX_HOME={folder}", *command, "--experimental"]
    subprocess.run([*words, "--out", str(folder / "schema")], check=True, capture_output=True)
    bundle = folder / "schema" / "codex_app_server_protocol.schemas.json"
    definitions: dict[str, Any] = json.loads(bundle.read_bytes())["definitions"]
    return definitions


class Client:
    """Says one thing after the other, and keeps what it hears."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self._asked = 0
        self.answers: list[tuple[str, dict[str, Any]]] = []
        self.notifications: list[dict[str, Any]] = []

    def _answer(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._asked += 1
        request = {"id": self._asked, "method": method, "params": params}
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            message: dict[str, Any] = json.loads(line)
            if "method" not in message:
                assert message["id"] == self._asked, message
                return message
            self.notifications.append(message)
        raise AssertionError(f"the server ended instead of answering {method}")

    def ask(self, method: str, **params: Any) -> Any:
        """The result."""
        answer = self._answer(method, params)
        assert "result" in answer, (method, answer)
        self.answers.append((method, answer["result"]))
        return answer["result"]

    def offers(self, method: str, **params: Any) -> bool:
        """Whether the server knows a method, which refuses these params."""
        return bool(self._answer(method, params)["error"]["code"] != METHOD_NOT_FOUND)


@contextmanager
def reference_server(home: Path, revision: str) -> Iterator[Client]:
    """One whose model provider takes requests and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as provider:
        home.joinpath("config.toml").write_text(
            f"""
            model_provider = "silent"
            [model_providers.silent]
            base_url = "http://127.0.0.1:{provider.getsockname()[1]}/v1"
            """
        )
        command = [sys.executable, "-m", "codex_reference_server", "--revision", revision]
        with subprocess.Popen(
            [*command, "-c", 'cli_auth_credentials_store="ephemeral"', "app-server", "--stdio"],
            env={"CODEX_HOME": str(home)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as process:
            yield Client(process)


def converse(client: Client) -> None:
    """Ask for everything that the server offers beyond the specification."""
    client.ask(
        "initialize",
        clientInfo={"name": "peer", "version": "1"},
        capabilities={"experimentalApi": True},
    )
    for method in ("configRequirements/read", "getAuthStatus", "mcpServerStatus/list", "app/list"):
        client.ask(method)
    client.ask("config/read", includeLayers=True)
    client.ask("model/list", limit=1)
    client.ask("skills/list", cwds=["/"])
    client.ask("collaborationMode/list")
    thread = client.ask("thread/start", cwd="/")["thread"]["id"]
    for method in ("thread/resume", "thread/fork", "thread/read", "thread/compact/start"):
        client.ask(method, threadId=thread)
    client.ask("thread/name/set", threadId=thread, name="N")
    turn = client.ask("turn/start", threadId=thread, input=INPUT)["turn"]["id"]
    if client.offers("turn/steer"):
        client.ask("turn/steer", threadId=thread, expectedTurnId=turn, input=INPUT)
    client.ask("turn/interrupt", threadId=thread, turnId=turn)
    look_around(client, thread)
    for method in ("thread/archive", "thread/unarchive"):
        client.ask(method, threadId=thread)
    if client.offers("thread/unsubscribe"):
        client.ask("thread/unsubscribe", threadId=thread)
        client.ask("app/installed")


def look_around(client: Client, thread: str) -> None:
    """Ask for lists, those that the revision has."""
    for method in ("thread/list", "thread/loaded/list"):
        client.ask(method, limit=1)
    for kind in ("clean", "list"):
        if client.offers(f"thread/backgroundTerminals/{kind}"):
            client.ask(f"thread/backgroundTerminals/{kind}", threadId=thread)
    for method in ("permissionProfile/list", "experimentalFeature/list"):
        if client.offers(method, cursor="none"):
            client.ask(method, limit=1)
    if client.offers("thread/delete"):
        converse_as_newer(client, thread)


def converse_as_newer(client: Client, thread: str) -> None:
    """Ask for what only the newest revision has."""
    client.ask("hooks/list", cwds=["/"])
    client.ask("thread/settings/update", threadId=thread, model="other")
    client.ask("thread/turns/list", threadId=thread)
    client.ask("thread/items/list", threadId=thread)
    forked = client.ask("thread/fork", threadId=thread)["thread"]["id"]
    client.ask("thread/delete", threadId=forked)


def result_type(method: str) -> str:
    """As codex forms them: `thread/loaded/list` has `ThreadLoadedListResponse`."""
    words = method.split("/")
    return NAMES.get(method, "".join(word[0].upper() + word[1:] for word in words) + "Response")


@pytest.mark.parametrize(("release", "revision"), PLACES, ids=lambda each: str(each)[:30])
def test_answers_are_valid_by_the_schema_of_the_release(
    release: releases.Release, revision: str, tmp_path: Path
) -> None:
    definitions = definitions_of(release, tmp_path)

    def faults(name: str, value: Any) -> list[str]:
        part = f"v2/{name}" if name in definitions["v2"] else name
        schema = {"$ref": f"#/definitions/{part}", "definitions": definitions}
        return [f"{name}: {each.message}" for each in Draft7Validator(schema).iter_errors(value)]

    with reference_server(tmp_path, revision) as client:
        converse(client)
    wrong = []
    for method, result in client.answers:
        if (release.version, method) not in WITHOUT_A_SCHEMA:
            wrong += faults(result_type(method), result)
    for notification in client.notifications:
        wrong += faults("ServerNotification", notification)
    assert wrong == []
    asked = {
        each["properties"]["method"]["enum"][0] for each in definitions["ClientRequest"]["oneOf"]
    }
    answered = {method for method, _ in client.answers}
    assert answered - asked <= {method for _, method in WITHOUT_A_SCHEMA}
