"""Scenarios on a virtual clock."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import pytest
from trio.testing import MockClock

from .peers import CONFIG, Peer, Provider, connected, provided

Scenario = Callable[[Peer, Provider], Awaitable[None]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A CODEX_HOME whose provider is the one in this process."""
    (tmp_path / "config.toml").write_text(CONFIG)
    return tmp_path


@pytest.fixture
def play(home: Path) -> Callable[..., None]:
    """Play a scenario against a fresh server, on a clock that jumps when nothing can happen."""

    def play(
        scenario: Scenario,
        revision: str = "0.169",
        *arguments: str,
        initialize: bool = True,
    ) -> None:
        async def run() -> None:
            async with (
                connected(home, revision, *arguments) as peer,
                provided() as provider,
            ):
                if initialize:
                    await peer.initialize()
                with anyio.fail_after(3600):
                    await scenario(peer, provider)

        anyio.run(run, backend="trio", backend_options={"clock": MockClock(autojump_threshold=0)})

    return play
