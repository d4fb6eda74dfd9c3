"""New tokens for rejected ones: who is asked, how often, how long; what an answer changes."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import msgspec
import pytest
from codex_reference_server.credentials import Credentials
from codex_reference_server.messages import Answered
from codex_reference_server.refresh import REFRESH_LIMIT, ExternalRefresher, RefreshFailure
from codex_reference_server.revision import REVISIONS
from trio.testing import MockClock

from .peers import Peer, Provider, Tokens, Turn, jwt

Play = Callable[..., None]
Scenario = Callable[[Peer, Provider], Awaitable[None]]

every_revision = pytest.mark.parametrize("revision", ["0.93", "0.99", "0.169"])


async def rejected_turn(peer: Peer, tokens: Tokens) -> tuple[Turn, dict[str, Any]]:
    """A turn that waits for new tokens, and the request for them."""
    await peer.log_in(tokens)
    turn = await peer.start_turn()
    return turn, await peer.refresh_request()


@every_revision
def test_refresh_answered_well_completes_the_turn_with_the_new_tokens(
    play: Play, revision: str
) -> None:
    old, new = Tokens(1), Tokens(2)

    async def scenario(peer: Peer, provider: Provider) -> None:
        provider.valid = {new.access}
        turn, request = await rejected_turn(peer, old)
        assert request["id"] == 0
        assert request["params"] == {"reason": "unauthorized", "previousAccountId": "acc-1"}
        await peer.say(peer.refreshed(request, new))
        assert await turn.status() == "completed"
        assert provider.bearers == [old.access, new.access]
        assert [r.headers["chatgpt-account-id"] for r in provider.requests] == ["acc-1", "acc-1"]
        assert (await peer.account())["email"] == new.email

    play(scenario, revision)


def test_refresh_answer_takes_effect_before_the_message_behind_it(play: Play) -> None:
    old, new = Tokens(1), Tokens(2)

    async def scenario(peer: Peer, _provider: Provider) -> None:
        _turn, request = await rejected_turn(peer, old)
        read = peer.call("account/read", {})
        await peer.say(peer.refreshed(request, new), read)
        assert (await peer.answer_to(read))["result"]["account"]["email"] == new.email

    play(scenario)


def test_refresh_answer_and_logout_in_one_write_send_no_token_any_more(play: Play) -> None:
    old, new = Tokens(1), Tokens(2)

    async def scenario(peer: Peer, provider: Provider) -> None:
        turn, request = await rejected_turn(peer, old)
        await peer.say(peer.refreshed(request, new), peer.call("account/logout"))
        assert await turn.status() == "failed"
        assert provider.bearers == [old.access]

    play(scenario)


def test_second_401_fails_the_turn_with_the_401_and_asks_no_more(play: Play) -> None:
    old, new = Tokens(1), Tokens(2)

    async def scenario(peer: Peer, provider: Provider) -> None:
        turn, request = await rejected_turn(peer, old)
        await peer.say(peer.refreshed(request, new))
        ended = await turn.end()
        assert ended["status"] == "failed"
        assert ended["error"] == {
            "message": "unexpected status 401 from the model provider",
            "codexErrorInfo": {"httpConnectionFailed": {"httpStatusCode": 401}},
            "additionalDetails": None,
            "misalignment": None,
        }
        assert provider.bearers == [old.access, new.access]
        assert len(peer.refreshes) == 1

    play(scenario)


def test_concurrent_401s_share_one_refresh(play: Play) -> None:
    old, new = Tokens(1), Tokens(2)

    async def scenario(peer: Peer, provider: Provider) -> None:
        provider.valid = {new.access}
        await peer.log_in(old)
        turns = [await peer.start_turn() for _ in range(8)]
        request = await peer.refresh_request()
        await anyio.wait_all_tasks_blocked()
        await peer.say(peer.refreshed(request, new))
        assert [await turn.status() for turn in turns] == ["completed"] * 8
        assert provider.bearers == [old.access] * 8 + [new.access] * 8
        assert len(peer.refreshes) == 1

    play(scenario)


def test_401_for_a_token_that_has_been_replaced_is_retried_without_asking(play: Play) -> None:
    old, new = Tokens(1), Tokens(2)

    async def scenario(peer: Peer, provider: Provider) -> None:
        provider.valid = {new.access}
        provider.gate = gate = anyio.Event()
        await peer.log_in(old)
        turn = await peer.start_turn()
        await anyio.wait_all_tasks_blocked()
        await peer.log_in(new)
        provider.gate = None
        gate.set()
        assert await turn.status() == "completed"
        assert provider.bearers == [old.access, new.access]
        assert peer.refreshes == []

    play(scenario)


def test_401_for_tokens_is_not_retried_with_an_api_key(play: Play) -> None:
    old = Tokens(1)

    async def scenario(peer: Peer, provider: Provider) -> None:
        provider.valid = {"sk-1"}
        provider.gate = gate = anyio.Event()
        await peer.log_in(old)
        turn = await peer.start_turn()
        await anyio.wait_all_tasks_blocked()
        await peer.ask("account/logout")
        await peer.ask("account/login/start", {"type": "apiKey", "apiKey": "sk-1"})
        gate.set()
        assert await turn.status() == "failed"
        assert provider.bearers == [old.access]
        assert peer.refreshes == []

    play(scenario)


def test_refresh_unanswered_fails_the_turn_after_exactly_ten_seconds(play: Play) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        turn, _request = await rejected_turn(peer, Tokens(1))
        asked = anyio.current_time()
        ended = await turn.end()
        assert anyio.current_time() - asked == 10
        assert ended["error"]["message"] == (
            "the access token was rejected (401) and not refreshed: no answer within 10 seconds"
        )
        assert ended["error"]["codexErrorInfo"] == "unauthorized"

    play(scenario)


def test_refresh_answered_at_the_last_instant_completes_the_turn(play: Play) -> None:
    old, new = Tokens(1), Tokens(2)

    async def scenario(peer: Peer, provider: Provider) -> None:
        provider.valid = {new.access}
        turn, request = await rejected_turn(peer, old)
        await anyio.sleep(10 - 1e-6)
        await peer.say(peer.refreshed(request, new))
        assert await turn.status() == "completed"

    play(scenario)


@pytest.mark.parametrize("seconds", [10, 10 + 1e-6, 60])
def test_refresh_answered_at_the_limit_or_later_changes_nothing(play: Play, seconds: float) -> None:
    old, new = Tokens(1), Tokens(2)

    async def scenario(peer: Peer, provider: Provider) -> None:
        provider.valid = {new.access}
        turn, request = await rejected_turn(peer, old)
        await anyio.sleep(seconds)
        await peer.say(peer.refreshed(request, new))
        assert await turn.status() == "failed"
        assert (await peer.account())["email"] == old.email
        assert provider.bearers == [old.access]

    play(scenario)


def test_answer_read_after_the_limit_is_late_though_nobody_has_woken_up_since() -> None:
    taken: list[Any] = []
    put: list[Answered] = []
    clock = MockClock()

    def ask(_method: str, _params: Any, answered: Answered) -> Callable[[], None]:
        put.append(answered)
        return put.clear

    async def scenario() -> None:
        refresher = ExternalRefresher(REVISIONS["0.99"], ask, taken.append)

        async def wait() -> None:
            with pytest.raises(RefreshFailure, match="no answer within 10 seconds"):
                await refresher.refresh(Credentials("chatgptAuthTokens", "t"))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            await anyio.wait_all_tasks_blocked()
            clock.jump(REFRESH_LIMIT)
            put[0](msgspec.Raw(json.dumps(Tokens(1).members("0.99")).encode()))

    anyio.run(scenario, backend="trio", backend_options={"clock": clock})
    assert taken == []


def test_late_answer_to_the_first_request_is_no_answer_to_the_second(play: Play) -> None:
    old, late, new = Tokens(1), Tokens(2), Tokens(3)

    async def scenario(peer: Peer, provider: Provider) -> None:
        provider.valid = {new.access}
        first, request = await rejected_turn(peer, old)
        await first.end()
        second = await peer.start_turn_in(first.thread)
        again = await peer.refresh_request(2)
        assert (request["id"], again["id"]) == (0, 1)
        await peer.say(peer.refreshed(request, late), peer.refreshed(again, new))
        assert await second.status() == "completed"
        await peer.say(peer.refreshed(again, late))
        assert (await peer.account())["email"] == new.email
        assert provider.bearers == [old.access, old.access, new.access]

    play(scenario)


def test_turn_that_joins_late_waits_for_what_is_left_of_the_limit(play: Play) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        first, _request = await rejected_turn(peer, Tokens(1))
        asked = anyio.current_time()
        await anyio.sleep(9)
        second = await peer.start_turn()
        assert [await first.status(), await second.status()] == ["failed", "failed"]
        assert anyio.current_time() - asked == 10
        assert len(peer.refreshes) == 1

    play(scenario)


LEAK = "the-client-said-this"
BAD_ANSWERS: dict[str, dict[str, Any]] = {
    "error": {"error": {"code": -32000, "message": LEAK, "data": {"token": LEAK}}},
    "error-without-code": {"error": {"message": LEAK}},
    "error-with-text-code": {"error": {"code": LEAK, "message": 5}},
    "error-that-is-no-object": {"error": LEAK},
    "error-beside-result": {"error": {"code": 1, "message": LEAK}, "result": {}},
    "neither": {},
    "null": {"result": None},
    "empty": {"result": {}},
    "text": {"result": LEAK},
    "array": {"result": [LEAK]},
    "wrong-type": {"result": {"accessToken": 5, "idToken": LEAK, "chatgptAccountId": LEAK}},
    "no-jwt": {"result": {"accessToken": LEAK, "idToken": LEAK, "chatgptAccountId": "acc-1"}},
    "nested": {"result": {"accessToken": {"deep": [[LEAK]]}}},
}


@every_revision
@pytest.mark.parametrize("body", BAD_ANSWERS.values(), ids=BAD_ANSWERS.keys())
def test_bad_answer_fails_the_turn_at_once_keeps_the_tokens_and_is_asked_again(
    play: Play, revision: str, body: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    old, new = Tokens(1), Tokens(2)

    async def scenario(peer: Peer, provider: Provider) -> None:
        provider.valid = {new.access}
        turn, request = await rejected_turn(peer, old)
        began = anyio.current_time()
        await peer.say({"id": request["id"]} | body)
        ended = await turn.end()
        assert ended["status"] == "failed"
        assert "not refreshed" in ended["error"]["message"]
        assert anyio.current_time() == began
        assert (await peer.account())["email"] == old.email
        again = await peer.start_turn()
        await peer.say(peer.refreshed(await peer.refresh_request(2), new))
        assert await again.status() == "completed"
        assert LEAK.encode() not in peer.raw

    play(scenario, revision)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("revision", "other"), [("0.93", "0.99"), ("0.99", "0.93")])
def test_answer_in_the_shape_of_another_revision_fails_the_turn(
    play: Play, revision: str, other: str
) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        turn, request = await rejected_turn(peer, Tokens(1))
        await peer.say({"id": request["id"], "result": Tokens(2).members(other)})
        assert (await turn.end())["error"]["message"].endswith(
            "the answer is no ChatgptAuthTokensRefreshResponse"
        )

    play(scenario, revision)


@pytest.mark.parametrize("other", ["0", 1, -1, 0.0, None, True, [0]])
def test_answer_under_another_id_is_no_answer(play: Play, other: Any) -> None:
    old, new = Tokens(1), Tokens(2)

    async def scenario(peer: Peer, provider: Provider) -> None:
        provider.valid = {new.access}
        turn, request = await rejected_turn(peer, old)
        await peer.say({"id": other, "result": new.members(peer.revision)})
        assert (await peer.account())["email"] == old.email
        await peer.say(peer.refreshed(request, new))
        assert await turn.status() == "completed"

    play(scenario)


def test_refresh_into_a_workspace_that_is_not_allowed_fails_the_turn_and_is_asked_again(
    play: Play,
) -> None:
    old, foreign, new = Tokens(1, "ws-1"), Tokens(2, "ws-2"), Tokens(3, "ws-1")

    async def scenario(peer: Peer, provider: Provider) -> None:
        provider.valid = {new.access, foreign.access}
        turn, request = await rejected_turn(peer, old)
        await peer.say(peer.refreshed(request, foreign))
        assert (await turn.end())["error"]["message"] == (
            "the access token was rejected (401) and not refreshed: the tokens belong to another "
            "workspace; forced_chatgpt_workspace_id allows only ws-1"
        )
        assert (await peer.account())["email"] == old.email
        again = await peer.start_turn()
        await peer.say(peer.refreshed(await peer.refresh_request(2), new))
        assert await again.status() == "completed"
        assert foreign.access not in provider.bearers

    play(scenario, "0.169", "-c", "forced_chatgpt_workspace_id=ws-1")


def test_refresh_into_another_account_sends_token_and_account_of_that_one(play: Play) -> None:
    old, other = Tokens(1, "acc-1"), Tokens(2, "acc-2")

    async def scenario(peer: Peer, provider: Provider) -> None:
        provider.valid = {other.access}
        turn, request = await rejected_turn(peer, old)
        await peer.say(peer.refreshed(request, other))
        assert await turn.status() == "completed"
        accounts = [r.headers["chatgpt-account-id"] for r in provider.requests]
        assert list(zip(provider.bearers, accounts, strict=True)) == [
            (old.access, "acc-1"),
            (other.access, "acc-2"),
        ]

    play(scenario)


def test_logout_with_a_refresh_pending_fails_the_turns_at_once_and_for_good(play: Play) -> None:
    old, new = Tokens(1), Tokens(2)

    async def scenario(peer: Peer, provider: Provider) -> None:
        provider.valid = {new.access}
        first, request = await rejected_turn(peer, old)
        second = await peer.start_turn()
        await anyio.wait_all_tasks_blocked()
        began = anyio.current_time()
        assert (await peer.ask("account/logout"))["result"] == {}
        assert [await first.status(), await second.status()] == ["failed", "failed"]
        assert anyio.current_time() == began
        await peer.say(peer.refreshed(request, new))
        assert await peer.account() is None
        assert provider.bearers == [old.access] * 2
        assert len(peer.refreshes) == 1

    play(scenario)


def test_login_with_a_refresh_pending_retries_at_once_with_the_newer_login(play: Play) -> None:
    old, late, new = Tokens(1), Tokens(2), Tokens(3)

    async def scenario(peer: Peer, provider: Provider) -> None:
        provider.valid = {late.access, new.access}
        turn, request = await rejected_turn(peer, old)
        began = anyio.current_time()
        await peer.log_in(new)
        assert await turn.status() == "completed"
        assert anyio.current_time() == began
        await peer.say(peer.refreshed(request, late))
        assert (await peer.account())["email"] == new.email
        assert provider.bearers == [old.access, new.access]

    play(scenario)


def test_interrupt_with_a_refresh_pending_ends_the_turn_at_once(play: Play) -> None:
    old, new = Tokens(1), Tokens(2)

    async def scenario(peer: Peer, provider: Provider) -> None:
        turn, request = await rejected_turn(peer, old)
        began = anyio.current_time()
        assert (await turn.interrupt())["result"] == {}
        ended = await turn.end()
        assert (ended["status"], ended["error"]) == ("interrupted", None)
        assert anyio.current_time() == began
        await peer.say(peer.refreshed(request, new))  # nobody waits for it: forgotten
        assert (await peer.account())["email"] == old.email
        assert provider.bearers == [old.access]

    play(scenario)


def test_interrupt_of_one_turn_leaves_the_refresh_to_the_other(play: Play) -> None:
    old, new = Tokens(1), Tokens(2)

    async def scenario(peer: Peer, provider: Provider) -> None:
        provider.valid = {new.access}
        first, request = await rejected_turn(peer, old)
        second = await peer.start_turn()
        await anyio.wait_all_tasks_blocked()
        await first.interrupt()
        await peer.say(peer.refreshed(request, new))
        assert [await first.status(), await second.status()] == ["interrupted", "completed"]
        assert len(peer.refreshes) == 1

    play(scenario)


def test_refresh_pending_leaves_the_server_free_to_answer(play: Play) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        await rejected_turn(peer, Tokens(1))
        began = anyio.current_time()
        assert (await peer.ask("account/read", {"refreshToken": True}))["result"]["account"]
        assert anyio.current_time() == began
        assert len(peer.refreshes) == 1

    play(scenario)


def test_end_of_input_with_a_refresh_pending_ends_the_server_at_once(play: Play) -> None:
    async def scenario(peer: Peer, _provider: Provider) -> None:
        await rejected_turn(peer, Tokens(1))
        began = anyio.current_time()
        await peer.wire.send_eof()
        await peer.hung_up()
        assert anyio.current_time() == began
        assert "turn/completed" not in peer.methods()

    play(scenario)


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500])
def test_other_status_fails_the_turn_with_it_and_asks_for_nothing(play: Play, status: int) -> None:
    tokens = Tokens(1)

    async def scenario(peer: Peer, provider: Provider) -> None:
        provider.answer_with_status(status, body=tokens.access)
        await peer.log_in(tokens)
        ended = await (await peer.start_turn()).end()
        assert ended["status"] == "failed"
        assert ended["error"]["message"] == f"unexpected status {status} from the model provider"
        assert peer.refreshes == []
        assert tokens.access.encode() not in peer.raw

    play(scenario)


def test_401_without_a_login_or_with_an_api_key_asks_for_nothing(play: Play) -> None:
    async def scenario(peer: Peer, provider: Provider) -> None:
        assert await (await peer.start_turn()).status() == "failed"
        await peer.ask("account/login/start", {"type": "apiKey", "apiKey": "sk-1"})
        assert await (await peer.start_turn()).status() == "failed"
        assert provider.bearers == [None, "sk-1"]
        assert peer.refreshes == []

    play(scenario)


def test_account_id_in_0_93_is_the_claim_and_may_be_missing(play: Play) -> None:
    old = Tokens(1)
    old.id = jwt({"email": "a@b.example"})

    async def scenario(peer: Peer, provider: Provider) -> None:
        _turn, request = await rejected_turn(peer, old)
        assert request["params"] == {"reason": "unauthorized", "previousAccountId": None}
        assert "chatgpt-account-id" not in provider.requests[0].headers

    play(scenario, "0.93")
