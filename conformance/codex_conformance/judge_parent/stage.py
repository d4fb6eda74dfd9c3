"""The furniture around a parent application: doors to a stand-in, a backend, a token issuer."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio

from codex_conformance import reference
from codex_conformance.answering import AnsweringTransport
from codex_conformance.case import CaseSpec, Observations
from codex_conformance.home import Home, fresh_home
from codex_conformance.judge_parent.answers import LIMIT, Handed
from codex_conformance.judge_parent.application import Traces, started
from codex_conformance.judge_parent.conversation import Conversation
from codex_conformance.judge_parent.flags import Flags
from codex_conformance.judge_parent.issuer import TokenIssuer
from codex_conformance.judge_parent.loopback import Loopback
from codex_conformance.judge_parent.peer import Peer, Plain, Relayed, listen
from codex_conformance.judge_parent.places import ADDRESSES, RELAY, variables
from codex_conformance.judge_parent.relay import DOOR
from codex_conformance.judge_parent.script import Script
from codex_conformance.judge_parent.websocket import listen_for_websockets
from codex_conformance.mock_backend import MockBackend
from codex_conformance.pulse import Pulse
from codex_conformance.reference import Arrangement, Config, Revision, Wiring
from codex_conformance.stand_in.codex import commands
from codex_conformance.stand_in.shim import write_shim
from codex_conformance.targets import environment
from codex_conformance.tokens import Mint
from codex_conformance.wire import Transcript

ORIGIN = "http://backend.scenario"  # of the backend, which no network leads to
STDIO = "stdio://"
PLAIN_DOOR = "app-server.sock"  # a Unix socket beside the executable, for lines without frames


class TrustingBackend(MockBackend):
    """Takes every token that it was not told to refuse: a parent may bring its own."""

    def _is_valid(self, token: str | None) -> bool:
        return token is not None and token not in self._expired

    def rejects(self, token: str) -> bool:
        """Whether it was told to refuse this token."""
        return token in self._expired


@dataclass(frozen=True)
class Judged:
    """What a whole run judges, known to every scenario.

    Attributes:
        command: starts the parent.
        revision: the revision whose law applies.
        transcripts: folder that takes the transcript of every scenario, or None.
        shim: folder for the stand-in that the parent was told of beforehand, or None.
        variables: further environment variables that are to hold the path of the stand-in.
        limit: seconds that the parent has for an answer.
    """

    command: tuple[str, ...]
    revision: str
    transcripts: Path | None = None
    shim: Path | None = None
    variables: tuple[str, ...] = ()
    limit: float = LIMIT


@dataclass(frozen=True)
class Ordinary:
    """What the parent did in the opening conversation, and made of an ordinary refresh request.

    Attributes:
        came: whether that was answered at all.
        tokens: whether it was answered with tokens.
        known: the clauses that it broke there, each with what came.
    """

    came: bool = True
    tokens: bool = True
    known: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True)
class Doors:
    """Where a parent finds the stand-in.

    Attributes:
        codex: an executable.
        url: a WebSocket.
        path: a Unix socket that takes lines.
        issuer: the URL of the token issuer.
        environ: the environment that leads a process there.
    """

    codex: Path
    url: str
    path: Path
    issuer: str
    environ: dict[str, str]


class Stage:
    """What a parent application is put on: one for each scenario or test."""

    def __init__(self, judged: Judged, spec: CaseSpec, ordinary: Ordinary) -> None:
        self.judged = judged
        self.spec = spec
        self.ordinary = ordinary
        self.pulse = Pulse()
        self.transcript = Transcript()
        self.mint = Mint(spec.id)
        self.issuer = TokenIssuer(self.mint, self.pulse, self.transcript)
        self.backend = TrustingBackend(self.mint, self.pulse, self.transcript)
        self.script = Script()
        self.observations = Observations()
        self.conversations: list[Conversation] = []
        self.started_as: list[tuple[str, ...]] = []
        self.homes: set[str] = set()
        self.unstartable = ""  # why codex could not start with what it was configured with
        self.home: Home
        self.application = Traces()
        self.began_at = 0.0  # seconds since the epoch, as files have them
        self.curtain: int | None = None  # where the transcript ended when it was judged

    @asynccontextmanager
    async def with_parent(self, loopback: Loopback) -> AsyncIterator[None]:
        """Furnish the stage and start the parent on it; end it all afterwards."""
        self.backend.hold()  # so that a parent that does one turn and ends is still there
        async with self.furnished(loopback) as doors:
            self.began_at = time.time()
            self.transcript.add("note", "the parent is started")
            async with started(
                self.judged.command, doors.environ, self.pulse, self.transcript
            ) as self.application:
                yield

    @asynccontextmanager
    async def furnished(self, loopback: Loopback) -> AsyncIterator[Doors]:
        """Open every door, as long as the stage is in use."""
        with fresh_home() as self.home, loopback.serving(self.issuer) as issuer:
            self.home.configure(self.spec.setup, ORIGIN, None)
            folder = self.judged.shim or self.home.work.parent / "bin"
            codex = write_shim(folder, program=RELAY)
            path = codex.with_name(PLAIN_DOOR)
            async with anyio.create_task_group() as tasks:
                await tasks.start(self._listen, codex.with_name(DOOR), Relayed, self._visit)
                await tasks.start(self._listen, path, Plain, self._converse)
                url = await tasks.start(self._listen_for_websockets)
                environ = self._environment(codex, url, issuer)
                yield Doors(codex, url, path, issuer, environ)
                self.backend.release()
                tasks.cancel_scope.cancel()

    async def _listen(self, address: Path, kind: Any, visitor: Any, *, task_status: Any) -> None:
        await listen(address, kind, visitor, task_status=task_status)

    async def _listen_for_websockets(self, *, task_status: Any) -> None:
        await listen_for_websockets(self._converse, task_status=task_status)

    def _environment(self, codex: Path, url: str, issuer: str) -> dict[str, str]:
        own = {
            "TOKEN_ISSUER_URL": issuer,
            "CODEX_CONFORMANCE_SCENARIO": self.spec.id,
            "CODEX_CONFORMANCE_REVISION": self.judged.revision,
        }
        further = dict.fromkeys(self.judged.variables, str(codex))
        return environment(self.home, None, None) | variables(codex, url) | own | further

    async def _visit(self, peer: Relayed) -> None:
        """A codex was started."""
        self.started_as.append(peer.argv)
        self.application.look()
        if peer.codex_home:
            self.homes.add(peer.codex_home)
        self.transcript.add("note", f"the parent starts codex {' '.join(peer.argv)}")
        if commands(peer.argv) == ["app-server"]:
            await self._converse(peer)
        else:
            await peer.run_by_itself(self.judged.revision)

    async def _converse(self, peer: Peer) -> None:
        """Hold the conversation with one more client, a server of its own behind it."""
        flags = Flags.read(peer.argv)
        if flags.listen not in ("", STDIO):
            place = f"expected {STDIO}; its WebSocket is at the address in {ADDRESSES[0]}"
            await self._refuse_to_start(peer, f"--listen is {flags.listen!r}, {place}")
            return
        argv = [*flags.heeded, "--revision", self.judged.revision]
        async with AsyncExitStack() as stack:
            try:
                server = reference.in_memory(self.home.codex_home, {}, argv, self._arranged)
                stream = await stack.enter_async_context(server)
            except reference.ConfigError as error:
                await self._refuse_to_start(peer, str(error))
                return
            for override in flags.left_out:
                note = f"-c {override} is not heeded: the scenario says what it is"
                self.transcript.add("note", note)
            conversation = Conversation(
                len(self.conversations) + 1,
                peer,
                self.script,
                self.pulse,
                self.transcript,
                self._logging_in,
            )
            self.conversations.append(conversation)
            self.pulse.beat()
            await conversation.run(stream)

    async def _refuse_to_start(self, peer: Peer, reason: str) -> None:
        """End as a codex does that makes nothing of its configuration."""
        self.unstartable = reason
        self.transcript.add("note", f"codex ends, since its configuration is of no use: {reason}")
        await peer.complain(f"codex: error: {reason}\n".encode())
        await peer.leave(1)
        self.pulse.beat()

    def _arranged(self, config: Config, revision: Revision) -> Arrangement:
        """A server that asks the backend of the scenario, without a network."""
        wiring = Wiring(http=lambda: AnsweringTransport(self.backend))
        return Arrangement(config, revision, wiring)

    def _logging_in(self, params: Any) -> None:
        handed = Handed.read(params)
        if handed is not None and self.script.rejects_login:
            self.backend.expire(handed.access_token)
