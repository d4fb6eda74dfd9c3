"""The pytest plug-in that makes a coroutine function with a `CaseSpec` a case.

pytest selects, orders and distributes; every verdict is made in `bench`. A case takes any of the
arguments `parent`, `backend`, `tokens` and `bench`, and those of its parametrization.
"""

import dataclasses
import gc
import inspect
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from codex_conformance.bench import Bench, Body, Judged, Target, judge_case
from codex_conformance.case import Case, CaseSpec, Setup
from codex_conformance.ledger import load_ledger
from codex_conformance.results import CaseResult
from codex_conformance.sockets import ListeningTarget, RunningTarget
from codex_conformance.targets import CommandTarget, DirectTarget, load_factory

_PROPERTY = "codex-conformance"
_RESULT = pytest.StashKey[CaseResult]()
_SPEC = pytest.StashKey[CaseSpec]()
_FURNITURE: dict[str, Callable[[Bench], Any]] = {
    "parent": lambda bench: bench.parent,
    "backend": lambda bench: bench.backend,
    "tokens": lambda bench: bench.mint,
    "bench": lambda bench: bench,
}


@dataclasses.dataclass(frozen=True)
class Order:
    """What the process that started pytest wants judged; crosses to workers as JSON.

    Attributes:
        direct: `package.module:factory`, or None for a command.
        argv: the factory's arguments, or the command.
        listen: `ws` or `unix` for a command that is to listen, the address of a running server, or
            None.
        without: area -> reason, declared not applicable.
        only: ids of cases; empty = all.
        shuffle: seed of a random order; None keeps the order of the files.
        shard: which part of the selected cases, and of how many; None for all.
    """

    direct: str | None
    argv: tuple[str, ...]
    revision: str
    listen: str | None = None
    client_version: str | None = None
    transcripts: str | None = None
    without: dict[str, str] = dataclasses.field(default_factory=dict)
    only: tuple[str, ...] = ()
    shuffle: int | None = None
    shard: tuple[int, int] | None = None

    def judged(self) -> Judged:
        """The target and the law of this run."""
        folder = None if self.transcripts is None else Path(self.transcripts)
        seed = self.shuffle or 0
        return Judged(self._target(), self.revision, self.client_version, folder, seed)

    def _target(self) -> Target:
        if self.direct is not None:
            return DirectTarget(load_factory(self.direct), self.argv)
        if self.listen is None:
            return CommandTarget(self.argv)
        if self.argv:
            return ListeningTarget(self.argv, "ws" if self.listen == "ws" else "unix")
        return RunningTarget(self.listen)

    def text(self) -> str:
        """The order as one argument of a command line."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def parse(cls, text: str) -> "Order":
        """The order that `text` says."""
        members = json.loads(text)
        members["argv"] = tuple(members["argv"])
        members["only"] = tuple(members["only"])
        members["shard"] = members["shard"] and tuple(members["shard"])
        return cls(**members)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the order."""
    help_ = "what to judge, as JSON; written by codex-conformance"
    parser.addoption("--order", required=True, help=help_)


def pytest_configure(config: pytest.Config) -> None:
    """Judge what the order says."""
    config.addinivalue_line("markers", "revisions(*names): what a parameter makes sense in")
    config.addinivalue_line("markers", "byte_stream: is about bytes that come as a stream")
    config.addinivalue_line("markers", "fresh_server: is about one that nobody has talked to")
    order = Order.parse(config.getoption("--order"))
    config.pluginmanager.register(CasePlugin(order), "codex-conformance-cases")


class CasePlugin:
    """Collects, orders and runs the cases of one order."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self._judged: Judged | None = None

    @property
    def judged(self) -> Judged:
        """The target, loaded when the first case needs it."""
        if self._judged is None:
            self._judged = self.order.judged()
        return self._judged

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> Iterator[None]:
        """Keep the cases that the revision has; after `-k`, those of the shard, in their order."""
        for item in items:
            spec = _spec_of(item)
            item.stash[_SPEC] = spec
            item.name = spec.id  # what -k looks at, with the clauses
            item.location = (item.location[0], None, spec.id)  # what its beginning is told with
            item.extra_keyword_matches.update(spec.clauses)
        self._keep(config, items, [item for item in items if self._wanted(item.stash[_SPEC])])
        yield
        if self.order.shard is not None:
            self._keep(config, items, _part_of(items, *self.order.shard))
        if self.order.shuffle is not None:
            random.Random(self.order.shuffle).shuffle(items)  # noqa: S311 - an order, no secret
        elif self.order.direct is None:
            items.sort(key=lambda item: -item.stash[_SPEC].waits)

    def _keep(
        self, config: pytest.Config, items: list[pytest.Item], kept: list[pytest.Item]
    ) -> None:
        names = {item.nodeid for item in kept}
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid not in names])
        items[:] = kept

    def _wanted(self, spec: CaseSpec) -> bool:
        if self.order.only and spec.id not in self.order.only:
            return False
        if spec.revisions and self.order.revision not in spec.revisions:
            return False
        clauses = load_ledger().clauses
        return any(self.order.revision in clauses[clause].revisions for clause in spec.clauses)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self) -> Iterator[None]:
        """Spare the collector of cycles, while the cases run, what was there before."""
        gc.freeze()
        try:
            return (yield)
        finally:
            gc.unfreeze()

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool:
        """Run a case to its verdict."""
        pyfuncitem.stash[_RESULT] = self._run(pyfuncitem)
        return True

    def _run(self, item: pytest.Function) -> CaseResult:
        spec = item.stash[_SPEC]
        area = spec.clauses[0].rpartition("-")[0]
        if area in self.order.without:
            reason = f"declared with --without: {self.order.without[area]}"
            return CaseResult(spec.id, spec.clauses, "not-applicable", message=reason)
        if why := _not_for(self.judged.target, item):
            return CaseResult(spec.id, spec.clauses, "not-applicable", message=why)
        return judge_case(self.judged, spec, body_of(item))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Any:
        """Send the result along with pytest's own report."""
        report = yield
        result = item.stash.get(_RESULT, None)
        if report.when == "call" and result is not None:
            report.user_properties.append((_PROPERTY, json.dumps(result.to_wire())))
        elif report.failed:
            spec = item.stash[_SPEC]
            failed = CaseResult(spec.id, spec.clauses, "error", message=report.longreprtext)
            report.user_properties.append((_PROPERTY, json.dumps(failed.to_wire())))
        return report


def _not_for(target: Target, item: pytest.Function) -> str | None:
    """Why a case makes no sense with a target, None where it does."""
    if not target.has_bytes and item.get_closest_marker("byte_stream") is not None:
        return "messages come as text frames here: there is no stream of bytes to cut, or to end"
    takes = inspect.signature(item.obj).parameters
    greeted = dataclasses.replace(item.stash[_SPEC].setup, handshake=True, opt_out=())
    is_plain = dataclasses.replace(greeted, experimental=True) == Setup()
    needs_ours = item.get_closest_marker("fresh_server") or {"backend", "bench"} & set(takes)
    if not target.is_ours and (needs_ours or not is_plain):
        return "it takes a server that is configured for it, and this one runs already"
    return None


def _part_of(items: list[pytest.Item], index: int, count: int) -> list[pytest.Item]:
    """Every `count`th case, in the order of the files; dealt so that each part waits as long."""
    dealt = sorted(items, key=lambda item: (-item.stash[_SPEC].waits, item.stash[_SPEC].id))
    mine = {item.nodeid for item in dealt[index - 1 :: count]}
    return [item for item in items if item.nodeid in mine]


def body_of(item: pytest.Function) -> Body:
    """What a collected case does with its furniture; needs nothing of pytest any more."""
    function: Case = item.obj
    names = inspect.signature(function).parameters
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    given = {name: parameters[name] for name in names if name not in _FURNITURE}

    async def body(bench: Bench) -> None:
        furniture = {name: _FURNITURE[name](bench) for name in names if name in _FURNITURE}
        await function(**furniture, **given)

    return body


def spec_in(item: pytest.Item) -> CaseSpec:
    """The declaration of a collected case."""
    return item.stash[_SPEC]


def result_in(report: pytest.TestReport) -> CaseResult | None:
    """The result that a report carries, if any."""
    for name, value in report.user_properties:
        if name == _PROPERTY:
            return CaseResult.from_wire(json.loads(str(value)))
    return None


def _spec_of(item: pytest.Item) -> CaseSpec:
    """The declaration of a case; a parametrized one has its parameter in its id."""
    function = getattr(item, "obj", None)
    spec = getattr(function, "spec", None)
    if not isinstance(spec, CaseSpec):
        raise pytest.UsageError(f"{item.nodeid} is no case: it lacks the @case decorator")
    callspec = getattr(item, "callspec", None)
    if callspec is None:
        return spec
    settings = callspec.params.get("setup")
    revisions = item.get_closest_marker("revisions")
    return dataclasses.replace(
        spec,
        id=f"{spec.id}/{callspec.id}",
        setup=settings or spec.setup,
        revisions=spec.revisions if revisions is None else revisions.args,
    )


# Known to pytest so that a case may name them; the bench gives them when the case runs.


@pytest.fixture
def parent() -> None:
    """The mock parent, connected to a fresh target."""


@pytest.fixture
def backend() -> None:
    """The mock backend that the target talks to."""


@pytest.fixture
def tokens() -> None:
    """The mint of the case."""


@pytest.fixture
def bench() -> None:
    """All the furniture, for a case that starts targets by itself."""
