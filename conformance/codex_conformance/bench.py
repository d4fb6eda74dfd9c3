"""Runs one case: a fresh target, a mock parent, a mock backend; then the verdict."""

import resource
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
import anyio.abc

from codex_conformance.browser import Shown, browse
from codex_conformance.case import Broken, CaseSpec, NotApplicable, Setup, not_applicable
from codex_conformance.clock import REAL, VIRTUAL, Clock, run
from codex_conformance.errors import leaves
from codex_conformance.home import Home, fresh_home
from codex_conformance.invariants import Evidence, Finding, findings
from codex_conformance.issuer import ManagedLogin
from codex_conformance.ledger import load_ledger
from codex_conformance.machine import only_one_on_the_machine
from codex_conformance.mock_backend import MockBackend
from codex_conformance.mock_parent import MockParent
from codex_conformance.processes import last_words
from codex_conformance.pulse import Pulse
from codex_conformance.results import PLAIN, Break, CaseResult, Verdict
from codex_conformance.schema import law
from codex_conformance.sequence import MOST, abridged, steps_of, write_transcript
from codex_conformance.sink import Sink, refusing_proxy
from codex_conformance.sockets import ListeningTarget, RunningTarget
from codex_conformance.targets import Channel, CommandTarget, DirectTarget, environment
from codex_conformance.tokens import ALPHA, Mint, redact
from codex_conformance.wire import Transcript, harmless, shown

EXIT_PATIENCE = 2.0  # seconds that a target has to end by itself
# What a server that is not ours may be asked for.
HARMLESS = ("initialize", "initialized", "account/read", "account/securitySetup/read")

Target = DirectTarget | CommandTarget | ListeningTarget | RunningTarget


@dataclass(frozen=True)
class Judged:
    """What a whole run judges, known to every case.

    Attributes:
        revision: the revision whose law applies.
        client_version: what the target says its version is, for its models cache; None unknown.
        transcripts: folder that takes the transcript of every case, or None.
        seed: of the order of what happens at the same time, by a virtual clock.
    """

    target: Target
    revision: str
    client_version: str | None = None
    transcripts: Path | None = None
    seed: int = 0

    @property
    def clock(self) -> Clock:
        """Virtual in process, real elsewhere."""
        return VIRTUAL if isinstance(self.target, DirectTarget) else REAL


@dataclass
class Bench:
    """The furniture of one case.

    Attributes:
        stored: the bearer of the login that `Setup.stored_login` put into auth.json, or None.
        stored_login: the same if it is a managed one.
    """

    judged: Judged
    spec: CaseSpec
    setup: Setup
    mint: Mint = field(init=False)
    parent: MockParent = field(init=False)
    backend: MockBackend = field(init=False)
    home: Home = field(init=False)
    sink: Sink | None = field(init=False, default=None)
    stored: str | None = field(init=False, default=None)
    stored_login: ManagedLogin | None = field(init=False, default=None)
    origin: str = field(init=False, default="")

    def __post_init__(self) -> None:
        pulse, transcript = Pulse(), Transcript()
        self.pulse = pulse
        self.mint = Mint(self.spec.id)
        self.backend = MockBackend(self.mint, pulse, transcript)
        clock = self.judged.clock
        self.parent = MockParent(self.judged.revision, clock, pulse, transcript, self.mint.secrets)
        if not self.judged.target.is_ours:
            self.parent.guard = self._spare
        self._others: list[MockParent] = []
        self._diagnostics = b""
        self._arguments = b""
        self._run = AsyncExitStack()

    @asynccontextmanager
    async def furnished(self) -> AsyncIterator[None]:
        """Backend, proxy and home, as long as the case lasts."""
        async with AsyncExitStack() as stack:
            self.home = stack.enter_context(fresh_home())
            virtual = self.judged.clock.virtual
            face = _in_process if virtual else _on_loopback
            self.origin = await stack.enter_async_context(face(self.backend))
            if not virtual:
                self.sink = await stack.enter_async_context(refusing_proxy())
            self._store_login()
            self.home.configure(self.setup, self.origin, self.judged.client_version)
            yield

    def _store_login(self) -> None:
        if self.setup.stored_login == "managed":
            login = ManagedLogin(self.mint.mint(ALPHA), self.mint.refresh_token())
            self.backend.issuer.know(login)
            self.home.store_managed_login(login)
            self.stored, self.stored_login = login.tokens.access_token, login
        elif self.setup.stored_login == "apiKey":
            self.stored = self.home.store_api_key(self.mint)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """A fresh target in the home, greeted as the setup says; ended by the end of its input."""
        async with AsyncExitStack() as self._run:
            await self._run.enter_async_context(self._target())
            yield

    async def browse(self, url: str) -> Shown:
        """Send the user's browser to an address of the target; what it is shown at last."""
        parts = urlsplit(url)
        shown = await browse(self.parent.channel.visit, url)
        self.parent.transcript.add("http", f"{shown} for the browser at {parts.netloc}{parts.path}")
        return shown

    async def restart(self) -> None:
        """End the target and start a fresh one in the same home; the parent talks to that one."""
        self.parent.transcript.add("note", "the target is ended and started again")
        await self._run.aclose()
        await self._run.enter_async_context(self._target())

    @asynccontextmanager
    async def _target(self) -> AsyncIterator[None]:
        environ = environment(self.home, self.origin, self.sink.port if self.sink else None)
        async with self.judged.target.open(self.home, environ) as channel:
            self.parent.attach(channel)
            async with anyio.create_task_group() as group:
                self._listeners = group
                group.start_soon(self.parent.listen)
                try:
                    if self.setup.handshake:
                        await self._greet(self.parent, opt_out=self.setup.opt_out)
                    yield
                finally:
                    with anyio.CancelScope(shield=True):
                        await self._end(channel)
                    group.cancel_scope.cancel()

    async def another_parent(
        self, *, handshake: bool = True, opt_out: tuple[str, ...] = ()
    ) -> MockParent:
        """A parent with a connection of its own to the same target; it ends with the case.

        Raises:
            NotApplicable: the target takes but one connection.
        """
        first = self.parent
        transcript = first.transcript.beside(len(self._others) + 1)
        other = MockParent(first.revision, first.clock, self.pulse, transcript, self.mint.secrets)
        other.guard = first.guard
        other.attach(await first.channel.connect())
        self._others.append(other)
        self._listeners.start_soon(other.listen)
        if handshake:
            await self._greet(other, opt_out=opt_out)
        return other

    async def _greet(self, parent: MockParent, opt_out: tuple[str, ...]) -> None:
        response = await parent.initialize(experimental=self.setup.experimental, opt_out=opt_out)
        if not response.ok:
            raise Broken("INIT-3", "initialize to be answered", str(response), prerequisite=True)

    def _spare(self, message: dict[str, Any]) -> None:
        """Send nothing that could change what somebody else's server does."""
        method = message.get("method")
        if method in law(self.judged.revision).methods and method not in HARMLESS:
            not_applicable(f"{method} could change a running server that is not the kit's")

    async def _end(self, channel: Channel) -> None:
        self._arguments += channel.arguments()
        with anyio.move_on_after(EXIT_PATIENCE):
            for parent in (*self._others, self.parent):
                if not parent.input_closed:
                    parent.input_closed = True
                    await parent.channel.close_input()
            await channel.stop()
            await channel.exited()
            await self.parent.ended(EXIT_PATIENCE)
        self._diagnostics += channel.diagnostics()

    async def epitaph(self) -> tuple[int | None, str]:
        """Of a target whose output has ended: its exit status, and its last words on stderr."""
        status = None
        with anyio.move_on_after(EXIT_PATIENCE):
            status = await self.parent.channel.exited()
        words = last_words(self.parent.channel.diagnostics())
        return status, f"; it said '{words}'" if words else ""

    def evidence(self) -> Evidence:
        """What the case left behind."""
        return Evidence(
            (self.parent, *self._others),
            self.backend,
            self.home,
            self.sink,
            self._diagnostics,
            self._arguments,
            self.mint.secrets,
            frozenset().union(*(parent.forgiven for parent in (self.parent, *self._others))),
        )


def _in_process(backend: MockBackend) -> AbstractAsyncContextManager[str]:
    # Imported here: against commands neither respx nor httpx is needed.
    from codex_conformance.backend_in_process import mounted_in_process

    return mounted_in_process(backend)


def _on_loopback(backend: MockBackend) -> AbstractAsyncContextManager[str]:
    # Imported here: in process neither Starlette nor uvicorn is needed.
    from codex_conformance.backend_on_loopback import served_on_loopback

    return served_on_loopback(backend)


Body = Callable[[Bench], Awaitable[None]]


async def conduct(bench: Bench, body: Body) -> tuple[Broken | None, list[Finding]]:
    """Run the body of a case, then look at what holds after every case.

    Returns:
        What the body found broken, and what the invariants found.

    Raises:
        NotApplicable: the target does not offer what the case is about.
        Exception: the kit broke.
    """
    broken: Broken | None = None
    async with bench.furnished():
        with anyio.move_on_after(bench.judged.clock.deadline + bench.spec.waits) as scope:
            try:
                async with bench.running():
                    await body(bench)
                    await bench.parent.settle()
            except Exception as error:  # noqa: BLE001 - sorted here, raised again unless a verdict
                broken = _broken_in(error)
        if scope.cancelled_caught:
            pending = ", ".join(dict.fromkeys(bench.pulse.waiting)) or "nothing by name"
            broken = Broken(None, "the case to come to an end", f"a deadlock; pending: {pending}")
        return broken, findings(bench.evidence())


def _broken_in(error: Exception) -> Broken:
    """The broken clause that ended the case; anything else goes on up, the kit's faults first."""
    first = min(leaves(error), key=lambda leaf: isinstance(leaf, Broken | NotApplicable))
    if isinstance(first, Broken):
        return first
    raise first


def judge_case(judged: Judged, spec: CaseSpec, body: Body) -> CaseResult:
    """Run a case to its verdict; whatever happens becomes one."""
    bench = Bench(judged, spec, spec.setup)
    shared = spec.setup.browser_login and not judged.clock.virtual
    with only_one_on_the_machine("browser-login") if shared else nullcontext():
        began, cpu = time.perf_counter(), _children_cpu()
        verdict, broken, message = _verdict(bench, body)
    secrets = bench.mint.secrets
    observed = {name: _told(text, secrets) for name, text in bench.parent.observations.seen.items()}
    folder = judged.transcripts
    plain = verdict in PLAIN
    told = folder is not None or not plain
    steps = tuple(steps_of(bench.parent.transcript.entries, secrets)) if told else ()
    wrong = frozenset(one.position for one in broken if one.position is not None)
    return CaseResult(
        id=spec.id,
        clauses=spec.clauses,
        verdict=verdict,
        broken=broken,
        message=None if message is None else _told(message, secrets),
        observations=observed,
        duration_s=time.perf_counter() - began,
        target_cpu_s=_children_cpu() - cpu,
        transcript=None if folder is None else write_transcript(folder, spec.id, steps, wrong),
        steps=() if plain else abridged(steps, MOST, wrong),
    )


def _verdict(bench: Bench, body: Body) -> tuple[Verdict, tuple[Break, ...], str | None]:
    judged = bench.judged
    seed = f"{judged.seed} {bench.spec.id}"
    try:
        broken, found = run(judged.clock, lambda: conduct(bench, body), seed)
    except Exception as error:  # noqa: BLE001 - whatever the kit does wrong is reported, not lost
        first = min(leaves(error), key=lambda leaf: isinstance(leaf, NotApplicable))
        if isinstance(first, NotApplicable):
            return "not-applicable", (), str(first)
        return "error", (), traceback.format_exc()
    breaks = [_break(bench, finding) for finding in found]
    own = frozenset(bench.spec.clauses)
    if (
        broken is not None
        and broken.clause is not None
        and not (broken.prerequisite and broken.clause not in own)
    ):
        stated = Finding(broken.clause, broken.expected, broken.actual, broken.wrong)
        breaks = [_break(bench, stated), *(b for b in breaks if b.clause != broken.clause)]
    if breaks:
        return "fail", tuple(breaks), breaks[0].message
    if broken is not None:
        needed = f"needs {broken.expected}; got {broken.actual}"
        return "untestable", (), needed if broken.clause is None else f"{needed} ({broken.clause})"
    levels = {load_ledger().clauses[clause].level for clause in own}
    return ("observed" if levels == {"OBSERVE"} else "pass"), (), None


def _break(bench: Bench, finding: Finding) -> Break:
    secrets = bench.mint.secrets
    entries = bench.parent.transcript.entries
    wrong = None if finding.wrong is None else shown(entries[finding.wrong], secrets)
    expected, actual = (_told(text, secrets) for text in (finding.expected, finding.actual))
    return Break(finding.clause, expected, actual, wrong, finding.wrong)


def _told(text: str, secrets: dict[str, str]) -> str:
    return harmless(redact(text, secrets))


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
