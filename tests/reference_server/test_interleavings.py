"""Whatever the order of logins, logouts, turns, answers and interrupts, some things always hold."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings

from .peers import Peer, Provider, Tokens, Turn

Play = Callable[..., None]

OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("login"), st.booleans()),
        st.tuples(st.just("logout")),
        st.tuples(st.just("turn")),
        st.tuples(st.just("interrupt"), st.integers(0, 5)),
        st.tuples(st.just("answer"), st.integers(0, 5), st.booleans()),
        st.tuples(st.just("refuse"), st.integers(0, 5)),
        st.tuples(st.just("expire")),
        st.tuples(st.just("wait"), st.sampled_from([0, 1e-6, 5, 10])),
    ),
    max_size=25,
)


class Story:
    """Plays operations, and looks at what must never happen while it does."""

    def __init__(self, peer: Peer, provider: Provider) -> None:
        self.peer = peer
        self.provider = provider
        self.turns: list[Turn] = []
        self.minted: dict[str, str] = {}
        self.is_logged_out = True

    def mint(self, is_valid: bool) -> Tokens:
        serial = len(self.minted)
        tokens = Tokens(serial, account=f"acc-{serial}")
        self.minted[tokens.access] = tokens.account
        if is_valid:
            self.provider.valid.add(tokens.access)
        return tokens

    async def login(self, is_valid: bool) -> None:
        assert "result" in await self.peer.log_in(self.mint(is_valid))
        self.is_logged_out = False

    async def logout(self) -> None:
        assert (await self.peer.ask("account/logout"))["result"] == {}
        self.is_logged_out = True

    async def turn(self) -> None:
        self.turns.append(await self.peer.start_turn())

    async def interrupt(self, which: int) -> None:
        for turn in self.turns[which : which + 1]:
            await turn.interrupt()

    async def answer(self, which: int, is_valid: bool) -> None:
        for request in self.peer.refreshes[which : which + 1]:
            await self.peer.say(self.peer.refreshed(request, self.mint(is_valid)))

    async def refuse(self, which: int) -> None:
        for request in self.peer.refreshes[which : which + 1]:
            await self.peer.say({"id": request["id"], "error": {"code": 1, "message": "no"}})

    async def expire(self) -> None:
        self.provider.valid.clear()

    async def wait(self, seconds: float) -> None:
        await anyio.sleep(seconds)

    async def step(self, name: str, *arguments: Any) -> None:
        before = len(self.provider.requests)
        was_logged_out = self.is_logged_out
        await getattr(self, name)(*arguments)
        account = await self.peer.account()
        assert (account is None) is self.is_logged_out
        if was_logged_out and self.is_logged_out:
            assert set(self.provider.bearers[before:]) <= {None}

    async def end(self) -> None:
        """Every turn has ended once the last refresh request is 10 seconds old."""
        await anyio.sleep(10)
        await anyio.wait_all_tasks_blocked()
        ended = [m["params"]["turn"]["id"] for m in self.peer.heard if is_end(m)]
        assert sorted(ended) == sorted(turn.id for turn in self.turns)
        ids = [request["id"] for request in self.peer.refreshes]
        assert ids == list(range(len(ids)))
        for request, bearer in zip(self.provider.requests, self.provider.bearers, strict=True):
            account = request.headers.get("chatgpt-account-id")
            assert account == (self.minted[bearer] if bearer else None)


def is_end(message: dict[str, Any]) -> bool:
    return message.get("method") == "turn/completed"


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(operations=OPERATIONS)
def test_any_order_of_events_keeps_accounts_apart_and_ends_every_turn(
    play: Play, home: Path, operations: list[tuple[Any, ...]]
) -> None:
    async def scenario(peer: Peer, provider: Provider) -> None:
        story = Story(peer, provider)
        for operation in operations:
            await story.step(*operation)
        await story.end()

    play(scenario)
    assert sorted(path.name for path in home.iterdir()) == ["config.toml"]
