"""Judges an app-server: opening, cases through pytest, baseline, closing."""

import contextlib
import io
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

import pytest
from codex_account_protocol import REVISIONS

from codex_conformance import reference
from codex_conformance.baseline import Baseline, today
from codex_conformance.baseline_file import read_baseline
from codex_conformance.bench import Judged
from codex_conformance.errors import ConformanceError, UnfitTargetError, UsageError
from codex_conformance.known_failures import write_known_failures
from codex_conformance.ledger import load_ledger
from codex_conformance.opening import Introduction, converse, introduce
from codex_conformance.plugin import Order, result_in, spec_in
from codex_conformance.results import CaseResult, Plan, Reporter, RunResult, Shard, Subject

CASES = Path(__file__).parent / "cases"
_LIST = "codex-conformance check --list"
# Parts of pytest that a run has no use for; each would be asked about every case, and `tmpdir`
# would remove what earlier runs of pytest have left, which may be much.
_UNUSED = (
    "cacheprovider",
    "doctest",
    "faulthandler",
    "junitxml",
    "logging",
    "pastebin",
    "stepwise",
    "threadexception",
    "tmpdir",
    "unraisableexception",
    "warnings",
)
JOBS_PER_CORE = 4  # against commands: a case mostly waits for its target


@dataclass(frozen=True)
class Wish:
    """What the command line asks for.

    Attributes:
        direct: `package.module:factory`, or None for a command.
        argv: the command, or the factory's arguments.
        listen: `ws` or `unix` for a command that is to listen, the address of a running server, or
            None for one over its standard streams.
        revision: None to ask the target.
        jobs: None for as many as are good for the target.
        select: pytest's `-k` expression over case ids and clauses.
        only: ids of cases; empty = all.
        shuffle: seed of a random order, None for the usual one.
        shard: which part of the selected cases, and of how many; None for all.
        transcripts: folder that takes the transcript of every case.
        write_baseline: file that takes what the run finds broken, as a baseline.
    """

    direct: str | None
    argv: tuple[str, ...]
    listen: str | None = None
    revision: str | None = None
    baseline: Path | None = None
    jobs: int | None = None
    select: str = ""
    only: tuple[str, ...] = ()
    shuffle: int | None = None
    shard: tuple[int, int] | None = None
    without: tuple[tuple[str, str], ...] = ()
    transcripts: Path | None = None
    write_baseline: Path | None = None

    @property
    def command(self) -> str:
        """What is judged, for people."""
        if self.direct is None:
            return " ".join(self.argv) or (self.listen or "")
        if self.direct == reference.NAME:
            return "reference server, in process"
        return f"direct:{self.direct}"


class Watcher(Protocol):
    """Somebody who wants to know what is under way."""

    def began_case(self, case: str) -> None:
        """A case began; others may be under way."""


def check(wish: Wish, reporters: Sequence[Reporter], watcher: Watcher | None = None) -> RunResult:
    """Judge a target, telling the reporters as it goes.

    Whoever interrupts it is told what was found until then.

    Raises:
        ConformanceError: the run cannot begin or cannot go on.
    """
    ledger = load_ledger()
    baseline = read_baseline(wish.baseline, ledger, today()) if wish.baseline else Baseline()
    selected = len(cases_of(wish)) if wish.select or wish.only or wish.shard else None
    order, introduction = _open(wish)
    baseline.fit(order.revision)
    subject = Subject(wish.command, introduction.user_agent, order.revision)
    if wish.transcripts is not None:
        wish.transcripts.mkdir(parents=True, exist_ok=True)
    jobs = _jobs(wish, selected)
    # Workers tell of their cases by pytest's names, which say nothing to people.
    ids = list_cases(order, wish.select) if watcher and jobs > 1 else ()
    listener = _Listener(subject, jobs, baseline, reporters, watcher, tuple(ids))
    began = time.perf_counter()
    interrupted = run_cases(order, listener, select=wish.select, jobs=jobs)
    wall = time.perf_counter() - began
    results = tuple(listener.results)
    run = RunResult(
        subject,
        ledger,
        results,
        stale=(),
        wall_s=wall,
        kit_version=version("codex-conformance"),
        shard=_shard(wish, order),
        interrupted=interrupted,
    )
    if not interrupted:
        run = _settled(wish, order, run, baseline)
    for reporter in reporters:
        reporter.finished(run)
    return run


def _settled(wish: Wish, order: Order, run: RunResult, baseline: Baseline) -> RunResult:
    """A run to its end: the closing conversation, and what has become of the baseline."""
    if not run.cases:
        raise UsageError(f"nothing ran: no selected case is one of revision {order.revision}")
    _converse_again(order.judged())
    whole = not (wish.select or wish.only or wish.shard)
    known = _known(order, wish.baseline)
    stale = baseline.stale(run.cases, known, whole=whole)
    run = replace(run, stale=stale, unexplained=baseline.unexplained())
    if wish.write_baseline is not None:
        write_known_failures(wish.write_baseline, run, baseline, known)
    return run


def _open(wish: Wish) -> tuple[Order, Introduction]:
    """Find the revision and hold the opening conversation."""
    revision = wish.revision
    argv = wish.argv
    if wish.direct == reference.NAME:
        revision = revision or REVISIONS[-1]
        argv = ("--revision", revision, *argv)
    order = Order(
        direct=wish.direct,
        argv=argv,
        listen=wish.listen,
        revision=revision or REVISIONS[-1],
        transcripts=None if wish.transcripts is None else str(wish.transcripts),
        without=dict(wish.without),
        only=wish.only,
        shuffle=wish.shuffle,
        shard=wish.shard,
    )
    try:
        introduction = introduce(replace(order.judged(), transcripts=None), revision)
    except UnfitTargetError as error:
        raise UnfitTargetError(error.message, error.hint or _about_files(wish.argv)) from None
    order = replace(order, revision=introduction.revision, client_version=introduction.version)
    converse(order.judged())
    return order, introduction


def _about_files(command: tuple[str, ...]) -> str:
    """A hint for a command that names a file which it cannot find where it runs."""
    for word in command[1:]:
        if not word.startswith(("/", "-")) and Path(word).is_file():
            return (
                f"{word} is a file here, but the target runs in a fresh folder: "
                f"name it as {Path(word).absolute()}"
            )
    return ""


def _converse_again(judged: Judged) -> None:
    try:
        converse(judged)
    except UnfitTargetError as error:
        raise UnfitTargetError(
            f"the conversation that went well before the cases fails after them: {error.message}",
            "the machine or the kit broke on the way, so no verdict of this run counts",
        ) from None


def _jobs(wish: Wish, selected: int | None) -> int:
    if wish.jobs is not None:
        return wish.jobs
    if wish.direct is not None:
        return 1
    many = JOBS_PER_CORE * (os.cpu_count() or 1)
    return many if selected is None else min(many, selected)


def run_cases(order: Order, listener: object, *, select: str = "", jobs: int = 1) -> bool:
    """Run the cases of an order; the listener hears of each as a pytest plug-in.

    Returns:
        Whether somebody interrupted them.

    Raises:
        UsageError: `select` is no expression.
        ConformanceError: the cases could not be collected.
    """
    arguments = [
        str(CASES),
        f"-c{CASES / 'pytest.ini'}",
        f"--rootdir={CASES}",
        f"--confcutdir={CASES}",
        *(f"-pno:{name}" for name in _UNUSED),
        f"--order={order.text()}",
    ]
    quiet = _Quiet()
    plugins: list[object] = [listener, quiet]
    if select:
        arguments.append(f"-k{select}")
    if jobs > 1:
        arguments += ["-pxdist", f"-n{jobs}", "--dist=worksteal", "-pcodex_conformance.plugin"]
    else:
        arguments.append("-pcodex_conformance.plugin")
    status = _pytest(arguments, plugins)
    if select and status == pytest.ExitCode.USAGE_ERROR:
        raise UsageError(f"-k {select!r}: expected an expression such as 'refresh and not late'")
    if quiet.uncollected:
        raise ConformanceError(f"the cases cannot be collected: {quiet.uncollected}")
    if status in (pytest.ExitCode.INTERNAL_ERROR, pytest.ExitCode.USAGE_ERROR):
        raise ConformanceError(f"the cases could not be run (pytest says {int(status)})")
    return quiet.interrupted


def _pytest(arguments: list[str], plugins: list[object]) -> int:
    """Run pytest without anything that the caller's environment would add to it."""
    ours = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    foreign = {name: value for name, value in os.environ.items() if name.startswith("PYTEST_")}
    for name in foreign:
        del os.environ[name]
    os.environ.update(ours)
    try:
        return int(pytest.main(arguments, plugins=plugins))
    finally:
        for name in ours:
            del os.environ[name]
        os.environ.update(foreign)


class _Quiet:
    """Takes pytest's own voice away; reporters speak. Notes what keeps the cases from their end.

    Attributes:
        interrupted: whether somebody wants the end.
        uncollected: why a file has no cases, empty where all have.
    """

    interrupted = False
    uncollected = ""

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        config.pluginmanager.unregister(name="terminalreporter")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.uncollected = report.longreprtext

    def pytest_keyboard_interrupt(self) -> None:
        self.interrupted = True


class _Listener:
    """Turns pytest's reports into events."""

    def __init__(
        self,
        subject: Subject,
        jobs: int,
        baseline: Baseline,
        reporters: Sequence[Reporter],
        watcher: Watcher | None,
        ids: tuple[str, ...],
    ) -> None:
        self.results: list[CaseResult] = []
        self._subject = subject
        self._jobs = jobs
        self._baseline = baseline
        self._reporters = reporters
        self._watcher = watcher
        self._ids = ids
        self._planned = False

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        if session.items:
            self._ids = tuple(spec_in(item).id for item in session.items)
            self._plan(len(self._ids))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: object, ids: list[str]) -> None:  # noqa: ARG002
        self._plan(len(ids))

    def _plan(self, cases: int) -> None:
        if not self._planned:
            self._planned = True
            for reporter in self._reporters:
                reporter.started(Plan(self._subject, cases, self._jobs, self._ids))

    def pytest_runtest_logstart(self, location: tuple[str, int | None, str]) -> None:
        if self._watcher:
            self._watcher.began_case(location[2])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        result = result_in(report)
        if result is None:
            if not report.failed:
                return
            result = CaseResult(report.nodeid, (), "error", message=report.longreprtext)
        result = self._baseline.excuse(result)
        self.results.append(result)
        for reporter in self._reporters:
            reporter.finished_case(result)


class _Collector:
    """Keeps the cases that would run."""

    def __init__(self) -> None:
        self.items: list[pytest.Item] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.items = list(session.items)

    def pytest_runtestloop(self) -> bool:
        return True


def collect_cases(order: Order, select: str = "") -> list[pytest.Item]:
    """The cases that an order would run, in the order of the files; none is run."""
    collector = _Collector()
    with contextlib.redirect_stderr(io.StringIO()):  # pytest's own words; ours say the same
        run_cases(order, collector, select=select)
    return collector.items


def list_cases(order: Order, select: str = "") -> dict[str, tuple[str, ...]]:
    """The cases that an order would run: id -> clauses, in the order of the files."""
    specs = [spec_in(item) for item in collect_cases(order, select)]
    return {spec.id: spec.clauses for spec in specs}


def cases_of(wish: Wish) -> dict[str, tuple[str, ...]]:
    """The cases that a wish selects, without starting the target.

    Where the target is to tell its revision, they are those of the newest that has any.

    Raises:
        UsageError: it selects none, or names one that there is not.
    """
    order = Order(
        direct=wish.direct,
        argv=wish.argv,
        listen=wish.listen,
        revision=wish.revision or REVISIONS[-1],
        only=wish.only,
        shard=wish.shard,
    )
    revisions = [wish.revision] if wish.revision else reversed(REVISIONS)
    found = (list_cases(replace(order, revision=each), wish.select) for each in revisions)
    cases = next(filter(None, found), {})
    _refuse_unknown(set(order.only) - set(cases), order)
    if not cases:
        part = " for shard {}/{}".format(*wish.shard) if wish.shard else ""
        raise UsageError(f"no case is selected{part}", _LIST)
    return cases


def _refuse_unknown(unknown: set[str], order: Order) -> None:
    """Refuse cases that no revision has: one that was renamed must not be left out in silence."""
    for revision in reversed(REVISIONS):
        if unknown:
            unknown -= set(list_cases(replace(order, revision=revision, shard=None)))
    if unknown:
        raise UsageError(f"--case {min(unknown)}: no case has this id", _LIST)


def _shard(wish: Wish, order: Order) -> Shard | None:
    if wish.shard is None:
        return None
    return Shard(*wish.shard, tuple(sorted(list_cases(replace(order, shard=None), wish.select))))


def _known(order: Order, baseline: Path | None) -> list[str]:
    return [] if baseline is None else list(list_cases(replace(order, only=(), shard=None)))
