"""What a subject needs around it: the kit's mock backend, and a proxy that refuses the world."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import anyio
import anyio.from_thread
from codex_conformance.backend_on_loopback import served_on_loopback
from codex_conformance.mock_backend import MockBackend
from codex_conformance.pulse import Pulse
from codex_conformance.sink import refusing_proxy
from codex_conformance.tokens import ExternalTokens, Mint
from codex_conformance.wire import Transcript


@dataclass(frozen=True)
class Surroundings:
    """A backend on loopback that knows who may ask.

    Attributes:
        origin: of the backend.
        proxy_port: of the proxy, on 127.0.0.1.
    """

    origin: str
    proxy_port: int
    _backend: MockBackend
    _mint: Mint
    _transcript: Transcript

    def tokens(self) -> ExternalTokens:
        """Tokens that are valid from now on."""
        return self._mint.mint()

    def expire(self, tokens: ExternalTokens) -> None:
        """From now on these get a 401; what was asked before is forgotten."""
        self._backend.expire(tokens)
        self._backend.requests.clear()
        self._transcript.entries.clear()


@contextmanager
def surroundings() -> Iterator[Surroundings]:
    """A backend and a proxy, in a thread of their own, as long as the measuring lasts."""
    mint, transcript = Mint("benchmarks"), Transcript()
    ready, done = threading.Event(), threading.Event()
    found: list[Surroundings] = []

    async def serve() -> None:
        backend = MockBackend(mint, Pulse(), transcript)
        async with served_on_loopback(backend) as origin, refusing_proxy() as sink:
            found.append(Surroundings(origin, sink.port, backend, mint, transcript))
            ready.set()
            await anyio.to_thread.run_sync(done.wait)

    with anyio.from_thread.start_blocking_portal() as portal:
        serving = portal.start_task_soon(serve)
        serving.add_done_callback(lambda _future: ready.set())
        ready.wait()
        try:
            if not found:
                serving.result()
            yield found[0]
        finally:
            done.set()
            serving.result()
