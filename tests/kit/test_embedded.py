"""The embedded backend: it answers every turn while the token is good."""

import errno
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from codex_conformance import issuer as issuer_room
from codex_conformance.errors import UsageError
from codex_conformance.stand_in import embedded
from codex_conformance.stand_in.composition import NotNowError, StandIn
from codex_conformance.stand_in.settings import Settings
from codex_conformance.stand_in.sign_in import AUTHORIZE
from codex_conformance.tokens import Mint
from codex_reference_server.landing import Landing, LandingsInMemory
from trio.testing import MockClock

from .parents import Parent, parent_of

Play = Callable[..., None]


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Play a scenario against a fresh stand-in, by a virtual clock."""

    def play(scenario: Callable[[Parent, StandIn, Mint], Awaitable[None]], **settings: Any) -> None:
        async def run() -> None:
            stand_in = StandIn(Settings(**settings))
            async with parent_of(stand_in, tmp_path) as parent:
                with anyio.fail_after(3600):
                    await scenario(parent, stand_in, Mint("embedded"))

        anyio.run(run, backend="trio", backend_options={"clock": MockClock(autojump_threshold=0)})

    return play


def test_assistant_answers_every_turn_with_what_it_was_told(play: Play) -> None:
    async def scenario(parent: Parent, _stand_in: StandIn, mint: Mint) -> None:
        await parent.log_in(mint.mint())
        assert (await parent.turn("Say", "hello."))["status"] == "completed"
        assert (await parent.turn())["status"] == "completed"
        more = "I am a scripted assistant: I answer every turn and do nothing else."
        assert parent.said_by("agentMessage") == [
            f'You said "Say hello.". {more}',
            f"You said nothing. {more}",
        ]
        deltas = [
            m["params"]["delta"] for m in parent.heard if m.get("method", "").endswith("delta")
        ]
        assert "".join(deltas) == "".join(parent.said_by("agentMessage"))
        assert len(deltas) > 20

    play(scenario)


def test_nobody_logged_in_fails_the_turn_with_the_401(play: Play) -> None:
    async def scenario(parent: Parent, _stand_in: StandIn, _mint: Mint) -> None:
        await parent.ask("initialize", clientInfo={"name": "p", "version": "1"})
        turn = await parent.turn("Say hello.")
        assert turn["status"] == "failed"
        assert "401" in turn["error"]["message"]
        assert parent.refreshes == []

    play(scenario)


def test_token_expires_that_long_after_its_first_use(play: Play) -> None:
    async def scenario(parent: Parent, _stand_in: StandIn, mint: Mint) -> None:
        await parent.log_in(mint.mint())
        await anyio.sleep(100)
        assert (await parent.turn("first use"))["status"] == "completed"
        await anyio.sleep(59)
        assert (await parent.turn("still good"))["status"] == "completed"
        await anyio.sleep(1)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(parent.turn, "expired")
            request = await parent.refresh()
            await parent.answer(request, mint.mint())
        assert len(parent.refreshes) == 1
        assert len(parent.said_by("agentMessage")) == 3

    play(scenario, expire_after=60)


def test_limits_are_told_to_whoever_is_logged_in(play: Play) -> None:
    async def scenario(parent: Parent, _stand_in: StandIn, mint: Mint) -> None:
        await parent.log_in(mint.mint())
        answer = await parent.ask("account/rateLimits/read")
        assert answer["result"]["rateLimits"]["limitId"] == "codex"

    play(scenario)


def test_configured_backend_wins_over_the_embedded_one_unless_it_is_asked_for(
    tmp_path: Path,
) -> None:
    tmp_path.joinpath("config.toml").write_text(
        'model_provider = "p"\n[model_providers.p]\nbase_url = "http://127.0.0.1:1/v1"\n'
    )

    async def message(settings: Settings) -> str:
        async with parent_of(StandIn(settings), tmp_path) as parent:
            await parent.log_in(Mint("embedded").mint())
            turn = await parent.turn("Say hello.")
            return str(turn["error"] and turn["error"]["message"])

    failed = "the connection to the model provider failed"
    assert anyio.run(message, Settings()) == failed
    assert anyio.run(message, Settings(backend="embedded")) == "None"
    assert anyio.run(message, Settings(backend="http://127.0.0.1:1")) == failed


def test_expired_token_costs_one_refresh_and_the_new_one_is_good(play: Play) -> None:
    async def scenario(parent: Parent, stand_in: StandIn, mint: Mint) -> None:
        with pytest.raises(NotNowError, match="nobody is logged in"):
            stand_in.expire_token()
        await parent.log_in(mint.mint())
        assert stand_in.expire_token() == stand_in.state["token"]
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(parent.turn, "refreshed")
            await parent.answer(await parent.refresh(), mint.mint())
        assert (await parent.turn("and again"))["status"] == "completed"
        assert len(parent.refreshes) == 1

    play(scenario)


def test_revoked_tokens_are_rejected_after_a_refresh_too(play: Play) -> None:
    async def scenario(parent: Parent, stand_in: StandIn, mint: Mint) -> None:
        await parent.log_in(mint.mint())
        stand_in.revoke()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(parent.turn, "in vain")
            await parent.answer(await parent.refresh(), mint.mint())
            failed = await parent.until(lambda m: m.get("method") == "turn/completed")
        assert "401" in failed["params"]["turn"]["error"]["message"]
        stand_in.revoke(False)
        assert (await parent.turn("good again"))["status"] == "completed"

    play(scenario)


def test_forced_workspace_refuses_the_login_of_another(play: Play) -> None:
    async def scenario(parent: Parent, stand_in: StandIn, mint: Mint) -> None:
        await parent.log_in(mint.mint())
        stand_in.force_workspaces("ws-1")
        members = mint.mint().members("0.169")
        answer = await parent.ask("account/login/start", type="chatgptAuthTokens", **members)
        assert "ws-1" in answer["error"]["message"]
        stand_in.force_workspaces()
        answer = await parent.ask("account/login/start", type="chatgptAuthTokens", **members)
        assert "result" in answer

    play(scenario)


def test_slow_answers_take_that_long(play: Play) -> None:
    async def scenario(parent: Parent, stand_in: StandIn, mint: Mint) -> None:
        await parent.log_in(mint.mint())
        stand_in.delay_answers(7)
        began = anyio.current_time()
        assert (await parent.turn("slowly"))["status"] == "completed"
        assert anyio.current_time() - began == 7

    play(scenario)


@pytest.mark.parametrize("status", [429, 500])
def test_failing_turns_fail_as_often_as_asked(play: Play, status: int) -> None:
    async def scenario(parent: Parent, stand_in: StandIn, mint: Mint) -> None:
        await parent.log_in(mint.mint())
        stand_in.fail_turns(status, times=2)
        for _ in range(2):
            assert str(status) in (await parent.turn("fails"))["error"]["message"]
        assert (await parent.turn("works"))["status"] == "completed"
        assert parent.refreshes == []

    play(scenario)


def test_refresh_without_a_turn_takes_the_new_tokens(play: Play) -> None:
    async def scenario(parent: Parent, stand_in: StandIn, mint: Mint) -> None:
        with pytest.raises(NotNowError):
            await stand_in.refresh_now()
        await parent.log_in(mint.mint())
        before = stand_in.state["token"]
        outcomes = []

        async def refresh() -> None:
            outcomes.append(await stand_in.refresh_now())

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(refresh)
            await parent.answer(await parent.refresh(), mint.mint())
        assert stand_in.state["token"] != before
        await refresh()  # nobody answers
        assert outcomes[0] is None
        assert outcomes[1] is not None
        assert outcomes[1].endswith("no answer within 10 seconds")

    play(scenario)


def test_another_backend_cannot_be_told_anything(play: Play) -> None:
    async def scenario(parent: Parent, stand_in: StandIn, mint: Mint) -> None:
        await parent.log_in(mint.mint())
        for say in (stand_in.expire_token, stand_in.revoke, lambda: stand_in.fail_turns(500)):
            with pytest.raises(NotNowError, match="the backend is not the embedded one"):
                say()
        assert stand_in.state["backend"] == "configured"

    play(scenario, backend="http://127.0.0.1:1")


@pytest.mark.parametrize("address", ["0.0.0.0:0", "example.test:80", "127.0.0.1", "x", "[::1]:1e5"])
def test_control_listens_on_loopback_only(address: str) -> None:
    with pytest.raises(UsageError, match="expected an address on loopback"):
        StandIn(Settings(control=address))


def test_device_login_completes_when_the_user_agrees(play: Play) -> None:
    async def scenario(parent: Parent, stand_in: StandIn, _mint: Mint) -> None:
        await parent.ask("initialize", clientInfo={"name": "p", "version": "1"})
        begun = await parent.ask("account/login/start", type="chatgptDeviceCode")
        assert begun["result"]["userCode"]
        stand_in.approve_devices()
        completed = await parent.until(lambda m: m.get("method") == "account/login/completed")
        assert completed["params"]["success"] is True
        assert (await parent.turn("managed"))["status"] == "completed"
        stand_in.expire_token()
        assert (await parent.turn("refreshed by itself"))["status"] == "completed"
        assert parent.refreshes == []
        stand_in.revoke()
        failed = (await parent.turn("in vain"))["error"]
        assert "sign in again" in failed["message"]

    play(scenario)


def test_user_agrees_to_a_browser_login(play: Play) -> None:
    async def scenario(parent: Parent, stand_in: StandIn, _mint: Mint) -> None:
        await parent.ask("initialize", clientInfo={"name": "p", "version": "1"})
        begun = (await parent.ask("account/login/start", type="chatgpt"))["result"]
        redirect = stand_in.sign_in(begun["authUrl"])
        assert redirect.startswith("http://localhost:")
        assert "code=" in redirect
        with pytest.raises(NotNowError, match="authUrl is none"):
            stand_in.sign_in("http://elsewhere.test/")

    play(scenario)


def test_issuer_remembers_so_much_and_no_more(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issuer_room, "REMEMBERED", 8)
    monkeypatch.setattr(embedded, "REMEMBERED", 16)

    async def scenario(parent: Parent, stand_in: StandIn, _mint: Mint) -> None:
        await parent.ask("initialize", clientInfo={"name": "p", "version": "1"})
        begun = (await parent.ask("account/login/start", type="chatgptDeviceCode"))["result"]
        for _ in range(40):
            stand_in.sign_in(f"http://localhost{AUTHORIZE}?redirect_uri=http://localhost/")
        stand_in.approve_devices()
        await parent.until(lambda m: m.get("method") == "account/updated")
        for _ in range(40):
            assert await stand_in.refresh_now() is None
        later = await parent.ask("account/login/start", type="chatgptDeviceCode")
        assert later["result"]["userCode"] != begun["userCode"]
        kept = vars(stand_in.backend.issuer)
        sizes = {name: len(kept[name]) for name in ("given", "requests", "_grants")}
        assert sizes == {"given": 8, "requests": 8, "_grants": 7}  # the device's was traded in
        assert len(kept["_refresh_tokens"]) == 1
        assert len(kept["_mint"].secrets) == 16

    play(scenario)


def test_what_it_does_not_serve_is_not_found() -> None:
    async def asks() -> None:
        backend = embedded.EmbeddedBackend()
        for path in ("/other", "/oauth/other"):
            reply = await backend("GET", path, {}, b"")
            assert (reply.status, b"".join([chunk async for chunk in reply.chunks()])) == (
                404,
                b'{"detail": "not served by the embedded backend"}',
            )

    anyio.run(asks)


@pytest.mark.parametrize("body", [b"{", b"{}", b'{"input": []}', b'{"input": [{"content": 5}]}'])
def test_assistant_answers_what_holds_no_words(body: bytes) -> None:
    async def asks() -> None:
        head = {"authorization": "Bearer token"}
        reply = await embedded.EmbeddedBackend()("POST", "/v1/responses", head, body)
        said = b"".join([chunk async for chunk in reply.chunks()])
        assert (reply.status, b"You said nothing. I am" in said) == (200, True)

    anyio.run(asks)


def test_expired_tokens_are_remembered_so_many_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(embedded, "REMEMBERED", 2)

    async def asks() -> None:
        backend = embedded.EmbeddedBackend()
        for token in ("first", "second", "third"):
            backend.expire(token)
        heads = ({"authorization": f"Bearer {token}"} for token in ("first", "second", "third"))
        replies = [await backend("POST", "/v1/responses", head, b"") for head in heads]
        assert [reply.status for reply in replies] == [200, 401, 401]

    anyio.run(asks)


def test_nothing_can_be_told_to_a_server_that_does_not_run_yet() -> None:
    with pytest.raises(NotNowError, match=r"^no server is running$"):
        StandIn(Settings()).force_workspaces("ws-1")


def test_device_login_without_a_port_for_its_page_is_refused(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    def take(_landings: LandingsInMemory) -> Landing:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(LandingsInMemory, "take", take)

    async def scenario(parent: Parent, _stand_in: StandIn, _mint: Mint) -> None:
        await parent.ask("initialize", clientInfo={"name": "p", "version": "1"})
        refused = await parent.ask("account/login/start", type="chatgptDeviceCode")
        assert refused["error"] == {
            "code": -32603,
            "message": "no port for the browser: Too many open files",
        }

    play(scenario)
