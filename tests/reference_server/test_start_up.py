"""What parents ask for before they begin, and around threads."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from .peers import ORIGIN, Peer, Provider, Tokens, stream

Play = Callable[..., None]

every_revision = pytest.mark.parametrize("revision", ["0.93", "0.99", "0.169"])
HELLO = [{"type": "text", "text": "Say hello."}]


async def result(peer: Peer, method: str, params: Any = None) -> Any:
    answer = await peer.ask(method, params)
    assert "result" in answer, answer
    return answer["result"]


async def refusal(peer: Peer, method: str, params: Any = None) -> str:
    return str((await peer.ask(method, params))["error"]["message"])


async def start_thread(peer: Peer, **params: Any) -> str:
    return str((await result(peer, "thread/start", params))["thread"]["id"])


def test_config_read_tells_file_and_overrides_and_whose_each_value_is(
    play: Play, home: Path
) -> None:
    file = {"type": "user", "file": str(home / "config.toml")}

    async def scenario(peer: Peer, _provider: Provider) -> None:
        told = await result(peer, "config/read", {"includeLayers": True})
        config = told["config"]
        assert config["model"] == "other-model"
        assert config["cli_auth_credentials_store"] == "ephemeral"
        assert config["features"] == {"apps": False}
        assert config["model_providers"]["mock"]["base_url"] == f"{ORIGIN}/v1"
        origins = {key: each["name"] for key, each in told["origins"].items()}
        assert origins == {
            "model": {"type": "sessionFlags"},
            "cli_auth_credentials_store": {"type": "sessionFlags"},
            "features.apps": {"type": "sessionFlags"},
            "model_provider": file,
            "chatgpt_base_url": file,
            "model_providers.mock.base_url": file,
            "model_providers.mock.requires_openai_auth": file,
        }
        assert [layer["name"] for layer in told["layers"]] == [{"type": "sessionFlags"}, file]
        assert told["layers"][1]["config"]["model"] == "mock-model"
        assert "layers" not in await result(peer, "config/read", {})

    overrides = ("-c", 'cli_auth_credentials_store="ephemeral"', "--disable", "apps")
    play(scenario, "0.169", *overrides, "app-server", "-mother-model")


def test_config_read_with_a_broken_file_is_refused(play: Play, home: Path) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        home.joinpath("config.toml").write_text("=")
        assert "config.toml is not TOML" in await refusal(peer, "config/read", {})

    play(scenario)


@every_revision
def test_models_come_in_pages_the_configured_one_first(play: Play, revision: str) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        whole = await result(peer, "model/list")
        names = [model["id"] for model in whole["data"]]
        assert names == ["mock-model", "gpt-5-codex", "gpt-5-codex-mini"]
        assert [model["isDefault"] for model in whole["data"]] == [True, False, False]
        assert whole["nextCursor"] is None
        paged, cursor = [], None
        while True:
            page = await result(peer, "model/list", {"limit": 2, "cursor": cursor})
            paged += [model["id"] for model in page["data"]]
            cursor = page["nextCursor"]
            if cursor is None:
                break
        assert paged == names
        for bad in ("x", "0", "4", ""):
            assert (await refusal(peer, "model/list", {"cursor": bad})).startswith("cursor is none")

    play(scenario, revision)


def test_auth_status_tells_the_token_only_when_asked(play: Play) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        nobody = {"authMethod": None, "authToken": None, "requiresOpenaiAuth": True}
        assert await result(peer, "getAuthStatus", {"includeToken": True}) == nobody
        tokens = Tokens(1)
        await peer.log_in(tokens)
        mode = {"authMethod": "chatgptAuthTokens", "requiresOpenaiAuth": True}
        assert await result(peer, "getAuthStatus") == {**mode, "authToken": None}
        told = await result(peer, "getAuthStatus", {"includeToken": True, "refreshToken": False})
        assert told == {**mode, "authToken": tokens.access}

    play(scenario)


@every_revision
def test_what_there_is_none_of_is_an_empty_list(play: Play, revision: str) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        empty = {"data": [], "nextCursor": None}
        assert await result(peer, "mcpServerStatus/list", {}) == empty
        assert await result(peer, "app/list", {"limit": 5}) == empty
        assert await result(peer, "configRequirements/read") == {"requirements": None}
        skills = await result(peer, "skills/list", {"cwds": ["/a", "/b"]})
        assert [each["cwd"] for each in skills["data"]] == ["/a", "/b"]
        modes = await result(peer, "collaborationMode/list", {})
        assert [mode["mode"] for mode in modes["data"]] == ["default"]

    play(scenario, revision)


def test_requests_newer_than_the_revision_are_unknown(play: Play) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        for method in ("turn/steer", "thread/unsubscribe", "app/installed"):
            assert (await refusal(peer, method, {})).startswith("unknown method")

    play(scenario, "0.93")


def test_experimental_requests_need_the_capability(play: Play) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        await peer.initialize(experimentalApi=False)
        reason = await refusal(peer, "collaborationMode/list", {})
        assert reason == "collaborationMode/list requires the capability experimentalApi"

    play(scenario, initialize=False)


@every_revision
def test_thread_is_resumed_forked_named_and_archived(play: Play, revision: str) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        first = await start_thread(peer, model="m1", cwd="/x", sandbox="workspace-write")
        resumed = await result(peer, "thread/resume", {"threadId": first, "model": "m2"})
        assert (resumed["thread"]["id"], resumed["model"], resumed["cwd"]) == (first, "m2", "/x")
        assert resumed["sandbox"] == {"type": "workspaceWrite"}
        since = len(peer.heard)
        forked = (await result(peer, "thread/fork", {"threadId": first}))["thread"]["id"]
        assert (await peer.told("thread/started", since))["thread"]["id"] == forked != first
        listed = await result(peer, "thread/list", {})
        assert [each["id"] for each in listed["data"]] == [forked, first]
        assert (await result(peer, "thread/loaded/list", {}))["data"] == [first, forked]
        assert await result(peer, "thread/name/set", {"threadId": first, "name": "N"}) == {}
        told = await peer.told("thread/name/updated")
        assert told == {"threadId": first, "threadName": "N"}
        shown = (await result(peer, "thread/read", {"threadId": first}))["thread"]
        assert shown["id"] == first
        assert shown.get("name", "N") == "N"
        assert await result(peer, "thread/archive", {"threadId": first}) == {}
        assert (await result(peer, "thread/loaded/list"))["data"] == [forked]
        archived = await result(peer, "thread/list", {"archived": True})
        assert [each["id"] for each in archived["data"]] == [first]
        await result(peer, "thread/unarchive", {"threadId": first})
        assert (await result(peer, "thread/loaded/list"))["data"] == [first, forked]
        unknown = {"threadId": "none", "name": "N"}
        for method in ("resume", "fork", "read", "archive", "unarchive", "name/set"):
            reason = await refusal(peer, f"thread/{method}", unknown)
            assert reason == "no such thread: threadId is none that thread/start gave"

    play(scenario, revision)


def test_thread_with_a_sandbox_that_is_none_is_refused(play: Play) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        thread = await start_thread(peer)
        reason = await refusal(peer, "thread/resume", {"threadId": thread, "sandbox": "open"})
        assert reason == "sandbox is none of read-only, workspace-write, danger-full-access"

    play(scenario)


def test_thread_is_changed_looked_into_and_deleted(play: Play) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        thread = {"threadId": await start_thread(peer, model="m1")}
        assert await result(peer, "thread/settings/update", {**thread, "model": "m2"}) == {}
        assert (await result(peer, "thread/resume", thread))["model"] == "m2"
        nothing = {"data": [], "nextCursor": None, "backwardsCursor": None}
        for kept in ("turns", "items"):
            assert await result(peer, f"thread/{kept}/list", thread) == nothing
        assert await result(peer, "thread/delete", thread) == {}
        assert await peer.told("thread/deleted") == thread
        assert (await refusal(peer, "thread/read", thread)).startswith("no such thread")

    play(scenario)


def test_profiles_and_hooks_are_those_that_are_built_in(play: Play) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        assert await result(peer, "app/installed") == {"apps": []}
        profiles = (await result(peer, "permissionProfile/list", {"cwd": "/"}))["data"]
        assert [each["id"] for each in profiles] == [
            *(":read-only", ":workspace", ":danger-full-access")
        ]
        hooks = (await result(peer, "hooks/list", {"cwds": ["/a"]}))["data"]
        assert hooks == [{"cwd": "/a", "hooks": [], "warnings": [], "errors": []}]

    play(scenario)


def test_terminals_and_subscription_of_a_thread(play: Play) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        thread = {"threadId": await start_thread(peer)}
        terminals = await result(peer, "thread/backgroundTerminals/list", thread)
        assert terminals == {"data": [], "nextCursor": None}
        assert await result(peer, "thread/backgroundTerminals/clean", thread) == {}
        for status in ("unsubscribed", "notSubscribed"):
            assert await result(peer, "thread/unsubscribe", thread) == {"status": status}
        gone = {"threadId": "none"}
        assert await result(peer, "thread/unsubscribe", gone) == {"status": "notLoaded"}

    play(scenario)


@every_revision
def test_compaction_is_told_as_a_turn(play: Play, revision: str) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        thread = await start_thread(peer)
        since = len(peer.heard)
        assert await result(peer, "thread/compact/start", {"threadId": thread}) == {}
        await peer.told("turn/completed", since)
        told = ["turn/started", "item/started", "item/completed", "turn/completed"]
        assert peer.methods(since)[-5:] == ["response", *told]
        item = (await peer.told("item/completed", since))["item"]
        assert item["type"] == "contextCompaction"

    play(scenario, revision)


def test_steered_turn_goes_on_with_what_was_added(play: Play) -> None:
    async def scenario(peer: Peer, provider: Provider) -> None:
        tokens = Tokens(1)
        provider.valid = {tokens.access}
        await peer.log_in(tokens)
        thread = await start_thread(peer)
        provider.answers = [lambda: answer("first"), lambda: answer("second")]
        provider.gate = anyio.Event()
        turn = await peer.start_turn_in(thread)
        steer = {"threadId": thread, "expectedTurnId": turn.id, "input": HELLO}
        assert await result(peer, "turn/steer", steer) == {"turnId": turn.id}
        provider.gate.set()
        assert await turn.status() == "completed"
        items = [m["params"]["item"] for m in peer.heard if m.get("method") == "item/completed"]
        assert [item.get("text", item["type"]) for item in items] == [
            "userMessage",
            "first",
            "userMessage",
            "second",
        ]
        assert len(provider.requests) == 2
        ended = await refusal(peer, "turn/steer", steer)
        assert ended == "no such turn is under way: nothing to steer"

    play(scenario)


def test_steering_with_something_else_than_input_is_refused(play: Play) -> None:
    async def scenario(peer: Peer, provider: Provider) -> None:
        await peer.log_in(Tokens(1))
        thread = await start_thread(peer)
        turn = await peer.start_turn_in(thread)
        steer = {"threadId": thread, "expectedTurnId": turn.id, "input": ["words"]}
        assert await refusal(peer, "turn/steer", steer) == "input is no list of UserInput"

    play(scenario)


def answer(text: str) -> Any:
    message = {"type": "message", "content": [{"type": "output_text", "text": text}]}
    return stream(
        {"type": "response.output_item.done", "item": message},
        {"type": "response.completed", "response": {"id": "r"}},
    )
