"""The steps of a session that are about how the client speaks: ways that mean the same, junk."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from codex_conformance.bench import Bench
from codex_conformance.case import expect
from codex_conformance.cases.wire_envelope import versioned
from codex_conformance.cases.wire_framing import FRAMINGS, padded
from codex_conformance.cases.wire_params import strewn
from codex_conformance.conversation import ABSENT
from codex_conformance.issuer import ManagedLogin
from model import COMPLETED, UPDATED, Model, Step, Told, expect_refused

LONG = 70_000  # bytes, more than a pipe or a buffer takes at once
CUTS = {
    "whole": lambda line: (line,),
    "long": lambda line: (padded(line, b" " * LONG),),
} | {name: cut for name, cut in FRAMINGS.items() if name != "mib-of-blanks"}
DRESSES = {"plain": lambda message: message, "versioned": versioned, "strewn": strewn}
IDS: dict[str, Callable[[int], Any]] = {
    "text": "Ärger mit Größe {}".format,
    "numeral": str,
    "negative": lambda number: -number,
    "beyond a double": lambda number: 2**53 + 1 + 2 * number,
}


@dataclass(frozen=True)
class Speak(Step):
    """From now on the client writes its messages in this way, which means the same.

    Attributes:
        cut: how a line is cut and padded, one of CUTS.
        dress: what a message is strewn with, one of DRESSES.
    """

    cut: str = "whole"
    dress: str = "plain"

    async def take(self, bench: Bench, model: Model) -> Told:
        bench.parent.cut = CUTS[self.cut]
        bench.parent.dress = DRESSES[self.dress]
        return Told("WIRE-8")


@dataclass(frozen=True)
class InitializeAgain(Step):
    """Another `initialize`, with other capabilities, which is refused and counts for nothing."""

    async def take(self, bench: Bench, model: Model) -> Told:
        silenced = (COMPLETED, UPDATED)
        params = bench.parent.initialize_params(experimental=False, opt_out=silenced)
        expect_refused("INIT-2", await bench.parent.call("initialize", params))
        return Told("INIT-2")


@dataclass(frozen=True)
class Ask(Step):
    """A request of any method, with params that are valid, or hardly.

    What meets a 401 may refresh the login, and ask the client for it.

    Attributes:
        id: what its id is like, one of IDS; None: as usual.
    """

    method: str
    params: Any = field(default=ABSENT)
    id: str | None = None

    async def take(self, bench: Bench, model: Model) -> Told:
        if model.stale and not bench.parent.clock.virtual:
            return Told("OTHER-1")  # ten seconds in which nobody answers
        request_id = None if self.id is None else IDS[self.id](bench.parent.mark() + 1)
        response = await bench.parent.call(self.method, self.params, request_id)
        expect("WIRE-4", response.answered, f"a response to {self.method}", response)
        if isinstance(model.who, ManagedLogin) and bench.backend.issuer.given:
            model.log_in(bench.backend.issuer.newest)
        elif model.stale:
            model.asked = len(bench.parent.refreshes)
        return Told("OTHER-1", may_update=True)


@dataclass(frozen=True)
class Write(Step):
    """Bytes that end in a line of their own, whatever else they are."""

    data: bytes

    async def take(self, bench: Bench, model: Model) -> Told:
        await bench.parent.send_bytes(self.data + b"\n")
        return Told("WIRE-9")
