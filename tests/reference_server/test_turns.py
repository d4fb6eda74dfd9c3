"""Threads and turns: what is told, in which order, and how a turn may end."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
import httpx
import msgspec
import pytest
from codex_account_protocol import methods, models

from .peers import Peer, Provider, Tokens, Turn, stream

Play = Callable[..., None]

every_revision = pytest.mark.parametrize("revision", ["0.93", "0.99", "0.169"])

TURN = [
    "response",
    "turn/started",
    "item/started",
    "item/completed",
    "item/started",
    "item/agentMessage/delta",
    "item/agentMessage/delta",
    "item/completed",
    "turn/completed",
]


async def log_in(peer: Peer, provider: Provider) -> None:
    tokens = Tokens(1)
    provider.valid = {tokens.access}
    await peer.log_in(tokens)


@every_revision
def test_turn_is_told_from_its_start_to_its_end(play: Play, revision: str) -> None:
    async def scenario(peer: Peer, provider: Provider) -> None:
        await log_in(peer, provider)
        thread = (await peer.ask("thread/start", {"model": "m"}))["result"]["thread"]["id"]
        await peer.told("thread/started")
        since = len(peer.heard)
        turn = await peer.start_turn_in(thread)
        assert (await turn.end())["error"] is None
        assert peer.methods(since) == TURN
        items = [m["params"]["item"] for m in peer.heard[since:] if "item" in m.get("params", {})]
        assert [item["type"] for item in items] == ["userMessage"] * 2 + ["agentMessage"] * 2
        assert items[0]["content"] == [{"type": "text", "text": "Say hello."}]
        assert [items[2]["text"], items[3]["text"]] == ["", "Hello"]
        assert items[2]["id"] == items[3]["id"]
        body = json.loads(provider.requests[0].content)
        assert (body["model"], body["stream"], body["store"]) == ("m", True, False)
        assert body["input"][0]["content"] == [{"type": "input_text", "text": "Say hello."}]
        assert_valid(peer, revision)

    play(scenario, revision)


def assert_valid(peer: Peer, revision: str) -> None:
    """Every notification has the params that the revision gives it."""
    law = {method.method: method for method in methods(revision)}
    for message in peer.heard:
        if "method" in message:
            model = getattr(models(revision), law[message["method"]].params or "")
            msgspec.convert(message["params"], model)


def test_message_without_deltas_or_done_is_told_whole(play: Play) -> None:
    done = {"type": "message", "content": [{"type": "output_text", "text": "whole"}]}
    other = {"type": "reasoning", "content": None}

    async def scenario(peer: Peer, provider: Provider) -> None:
        await log_in(peer, provider)
        provider.answers = [
            lambda: stream(
                {"type": "response.output_item.done", "item": other},
                {"type": "response.output_item.done", "item": done},
                {"type": "no.such.event", "item": 5},
                {"type": "response.completed"},
                {"type": "response.output_text.delta", "delta": "after the end"},
            ),
            lambda: stream(
                {"type": "response.output_item.added", "item": {"type": "message"}},
                {"type": "response.output_text.delta", "delta": "half"},
                {"type": "response.completed"},
            ),
        ]
        texts = []
        for _ in range(2):
            since = len(peer.heard)
            assert await (await peer.start_turn()).status() == "completed"
            completed = [m for m in peer.heard[since:] if m.get("method") == "item/completed"]
            texts.append([m["params"]["item"].get("text") for m in completed])
        assert texts == [[None, "whole"], [None, "half"]]

    play(scenario)


def endless() -> httpx.Response:
    """A stream that completes and then stays open."""

    async def body() -> AsyncIterator[bytes]:
        yield b'data: {"type":"response.completed"}\n\n'
        await anyio.sleep_forever()

    return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=body())


def stalled() -> httpx.Response:
    """A stream that says nothing."""

    async def body() -> AsyncIterator[bytes]:
        await anyio.sleep_forever()
        yield b""

    return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=body())


def dropped() -> httpx.Response:
    """A stream whose connection breaks."""

    async def body() -> AsyncIterator[bytes]:
        yield b'data: {"type":"response.created"}\n\n'
        raise httpx.RemoteProtocolError("broken")

    return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=body())


def unreachable() -> httpx.Response:
    """No answer at all."""
    raise httpx.ConnectError("nobody there")


def test_turn_ends_with_its_completion_though_the_stream_stays_open(play: Play) -> None:
    async def scenario(peer: Peer, provider: Provider) -> None:
        await log_in(peer, provider)
        provider.answers = [endless]
        assert await (await peer.start_turn()).status() == "completed"
        assert anyio.current_time() < 1e9

    play(scenario)


BROKEN = {
    "message": "the stream of the model provider ended before it was complete",
    "codexErrorInfo": {"responseStreamDisconnected": {"httpStatusCode": None}},
}
FAILURES: dict[str, tuple[Callable[[], httpx.Response], dict[str, Any]]] = {
    "dropped": (dropped, BROKEN),
    "cut": (lambda: stream({"type": "response.created"}), BROKEN),
    "no-stream": (lambda: httpx.Response(200, json={"type": "response.completed"}), BROKEN),
    "unreachable": (
        unreachable,
        {
            "message": "the connection to the model provider failed",
            "codexErrorInfo": {"httpConnectionFailed": {"httpStatusCode": None}},
        },
    ),
    "redirected": (
        lambda: httpx.Response(307, headers={"location": "http://elsewhere.test/"}),
        {
            "message": "unexpected status 307 from the model provider",
            "codexErrorInfo": {"httpConnectionFailed": {"httpStatusCode": 307}},
        },
    ),
    "failed": (
        lambda: stream({"type": "response.failed", "response": {"error": {"message": "canary"}}}),
        {
            "message": "the model provider could not complete the response",
            "codexErrorInfo": "other",
        },
    ),
}


@pytest.mark.parametrize(("answer", "expected"), FAILURES.values(), ids=FAILURES)
def test_failure_is_told_as_error_and_as_the_end_of_the_turn(
    play: Play, answer: Callable[[], httpx.Response], expected: dict[str, Any]
) -> None:
    async def scenario(peer: Peer, provider: Provider) -> None:
        await log_in(peer, provider)
        provider.answers = [answer]
        ended = await (await peer.start_turn()).end()
        told = await peer.told("error")
        assert ended["status"] == "failed"
        assert ended["error"] == expected | {"additionalDetails": None, "misalignment": None}
        assert (told["error"], told["willRetry"]) == (ended["error"], False)
        assert peer.methods()[-2:] == ["error", "turn/completed"]
        assert peer.refreshes == []
        assert await (await peer.start_turn()).status() == "completed"

    play(scenario)


@pytest.mark.parametrize("token", ["line\nbreak", "nul\0", "\u00e9\u2028"])
def test_token_that_fits_in_no_header_fails_the_turn_unsaid(play: Play, token: str) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        tokens = Tokens(1)
        tokens.access = token
        await peer.log_in(tokens)
        assert await (await peer.start_turn()).status() == "failed"

    play(scenario, "0.93")


def test_interrupt_ends_a_turn_that_waits_for_the_backend(play: Play) -> None:
    async def scenario(peer: Peer, provider: Provider) -> None:
        await log_in(peer, provider)
        provider.answers = [stalled]
        turn = await peer.start_turn()
        await anyio.wait_all_tasks_blocked()
        since = len(peer.heard)
        assert (await turn.interrupt())["result"] == {}
        assert await turn.status() == "interrupted"
        assert peer.methods(since) == ["response", "turn/completed"]
        assert (await turn.interrupt())["error"] == {
            "code": -32600,
            "message": "no such turn is under way: nothing to interrupt",
        }
        assert await (await peer.start_turn_in(turn.thread)).status() == "completed"

    play(scenario)


def test_turns_of_one_thread_talk_one_after_the_other(play: Play) -> None:
    async def scenario(peer: Peer, provider: Provider) -> None:
        await log_in(peer, provider)
        provider.answers = [stalled]
        first = await peer.start_turn()
        second = await peer.start_turn_in(first.thread)
        third = await peer.start_turn_in(first.thread)
        await anyio.wait_all_tasks_blocked()
        assert len(provider.requests) == 1
        await third.interrupt()
        assert await third.status() == "interrupted"
        await first.interrupt()
        assert await second.status() == "completed"
        assert len(provider.requests) == 2

    play(scenario)


def test_turn_in_an_unknown_thread_is_refused(play: Play) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        response = await peer.ask("turn/start", {"threadId": "canary", "input": []})
        assert response["error"]["message"] == (
            "no such thread: threadId is none that thread/start gave"
        )
        assert b"canary" not in peer.raw

    play(scenario)


def test_input_other_than_words_is_told_to_the_model_by_its_type(play: Play) -> None:
    async def scenario(peer: Peer, provider: Provider) -> None:
        await log_in(peer, provider)
        thread = (await peer.ask("thread/start", {}))["result"]["thread"]["id"]
        said = [{"type": "text", "text": "See:"}, {"type": "image", "url": "http://canary.test"}]
        response = await peer.ask("turn/start", {"threadId": thread, "input": said})
        await Turn(peer, thread, response["result"]["turn"]["id"]).end()
        content = json.loads(provider.requests[0].content)["input"][0]["content"]
        assert [part["text"] for part in content] == ["See:", "[image]"]

    play(scenario)


def test_turn_without_a_configured_backend_says_what_to_configure(play: Play) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        ended = await (await peer.start_turn()).end()
        assert ended["error"]["message"] == "no backend: set base_url in [model_providers.bare]"

    play(scenario, "0.169", "-c", "model_provider=bare", "-c", "model_providers.bare.name=bare")
