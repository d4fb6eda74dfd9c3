"""The results file, the contract with scripts: how it is written, read, and told again."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any, Literal

import msgspec

from codex_conformance.errors import UsageError
from codex_conformance.ledger import Clause, Ledger, Level, load_ledger
from codex_conformance.results import (
    PLAIN,
    Break,
    CaseResult,
    Plan,
    Reporter,
    RunResult,
    Shard,
    Subject,
    Verdict,
)
from codex_conformance.sequence import MOST, abridged, read_steps
from codex_conformance.wire import harmless, printable

FORMAT = 1  # of schemas/results.schema.json; a reader refuses what is newer
_SCHEMA = Path(__file__).parent / "schemas" / "results.schema.json"
_LARGEST = 64 * 1024 * 1024  # bytes of a file that is read
_HOW = "codex-conformance check --json F -- COMMAND"


def write_results(path: Path, run: RunResult) -> None:
    """Write the file; transcripts lie in the folder `path`.d."""
    path.write_text(results_text(run, f"{path.name}.d"), "utf-8")


def results_text(run: RunResult, folder: str | None) -> str:
    """The results of a run as one JSON object.

    Args:
        run: what is told.
        folder: of the transcripts, beside the file; None where there is none.
    """
    return json.dumps(_document(run, folder), indent=2, ensure_ascii=False) + "\n"


def _document(run: RunResult, folder: str | None) -> dict[str, Any]:
    cases = [_case(case, folder) for case in sorted(run.cases, key=lambda case: case.id)]
    return {
        "format": FORMAT,
        "kit": {"name": "codex-conformance", "version": run.kit_version},
        "target": {"command": run.subject.command, "user_agent": run.subject.user_agent},
        "revision": run.subject.revision,
        "shard": None if run.shard is None else asdict(run.shard),
        "interrupted": run.interrupted,
        "summary": run.summary(),
        "clauses": {name: asdict(row) for name, row in run.clauses().items()},
        "cases": cases,
        "observations": run.observations(),
        "baseline": {"stale": sorted(run.stale), "unexplained": sorted(run.unexplained)},
        "spent": {
            "wall_s": round(run.wall_s, 3),
            "target_cpu_s": round(sum(case["target_cpu_s"] for case in cases), 3),
        },
    }


def _case(case: CaseResult, folder: str | None) -> dict[str, Any]:
    kept = folder is not None and case.transcript is not None
    return {
        "id": case.id,
        "clauses": list(case.clauses),
        "broken": [one.clause for one in case.broken],
        "breaks": [asdict(one) for one in case.broken],
        "verdict": case.verdict,
        "duration_s": round(case.duration_s, 3),
        "target_cpu_s": round(case.target_cpu_s, 3),
        "message": case.message,
        "observations": dict(case.observations),
        "transcript": f"{folder}/{case.transcript}" if kept else None,
    }


class _Kit(msgspec.Struct):
    name: Literal["codex-conformance"]
    version: str


class _Target(msgspec.Struct):
    command: str
    user_agent: str | None


class _Clause(msgspec.Struct):
    level: Level
    verdict: Verdict
    cases: tuple[str, ...]


class _Case(msgspec.Struct):
    id: str
    clauses: tuple[str, ...]
    broken: tuple[str, ...]
    breaks: tuple[Break, ...]
    verdict: Verdict
    duration_s: float
    target_cpu_s: float
    message: str | None
    observations: dict[str, str]
    transcript: str | None


class _Baseline(msgspec.Struct):
    stale: tuple[str, ...]
    unexplained: tuple[str, ...]


class _Spent(msgspec.Struct):
    wall_s: float
    target_cpu_s: float


class _Results(msgspec.Struct):
    kit: _Kit
    target: _Target
    revision: str
    shard: Shard | None
    interrupted: bool
    summary: dict[Verdict, int]
    clauses: dict[str, _Clause]
    cases: tuple[_Case, ...]
    observations: dict[str, str]
    baseline: _Baseline
    spent: _Spent


class _Head(msgspec.Struct):
    format: int


@dataclass(frozen=True)
class Stored:
    """A results file that was read.

    Attributes:
        path: of the file.
        run: what it tells; the conversations of its cases are those in the folder beside it.
        folder: of the transcripts; None where the file names none.
    """

    path: Path
    run: RunResult
    folder: Path | None


def read_results(path: Path, *, every_conversation: bool = False) -> Stored:
    """Read a results file.

    Args:
        path: of the file.
        every_conversation: read those of the cases that passed too.

    Raises:
        UsageError: it is not there, or no results file that this kit can read.
    """
    content = _decoded(path)
    folders = {folder for case in content.cases if (folder := _folder(path, case)) is not None}
    folder = folders.pop() if len(folders) == 1 else None
    cases = tuple(_result(case, folder, every_conversation) for case in content.cases)
    run = RunResult(
        subject=Subject(
            printable(content.target.command),
            printable(content.target.user_agent) if content.target.user_agent else None,
            printable(content.revision),
        ),
        ledger=_ledger(content),
        cases=cases,
        stale=tuple(map(harmless, content.baseline.stale)),
        wall_s=content.spent.wall_s,
        unexplained=tuple(map(harmless, content.baseline.unexplained)),
        kit_version=printable(content.kit.version),
        shard=content.shard,
        interrupted=content.interrupted,
    )
    for fault in _faults(content, run):
        raise UsageError(f"{path}: {fault}", _HOW)
    return Stored(path, run, folder)


def replay(run: RunResult, reporters: Iterable[Reporter]) -> None:
    """Tell reporters of a run that is over, by the same events as when it happened."""
    for reporter in reporters:
        reporter.started(Plan(run.subject, len(run.cases), 1))
        for case in run.cases:
            reporter.finished_case(case)
        reporter.finished(run)


def _decoded(path: Path) -> _Results:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    if len(data) > _LARGEST:
        raise UsageError(f"{path}: expected a results file, got more than {_LARGEST} bytes")
    try:
        number = msgspec.json.decode(data, type=_Head).format
        if number <= FORMAT:
            return msgspec.json.decode(data, type=_Results)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(
            f"{path}: expected what `check --json` writes, got this: {error}", _HOW
        ) from None
    raise UsageError(
        f"{path}: expected a results file of format {FORMAT} or older, got format {number}",
        "a newer codex-conformance wrote it: update this one",
    )


def _faults(content: _Results, run: RunResult) -> Iterator[str]:
    """What a file of the right form says that cannot be."""
    for name, times in Counter(case.id for case in run.cases).items():
        if times > 1:
            yield f"expected a case once, got {name} {times} times"
    for case in content.cases:
        if case.broken != tuple(one.clause for one in case.breaks):
            yield f"{harmless(case.id)}: broken and breaks name other clauses"
    if content.summary != run.summary():
        yield "the summary does not count the cases that the file has"


def _folder(path: Path, case: _Case) -> Path | None:
    """Where the transcript lies, if that is a folder beside the file."""
    parts = PurePosixPath(case.transcript or "").parts
    if len(parts) != 2 or not parts[0].endswith(".d") or ".." in parts:
        return None
    return path.parent / parts[0]


def _result(case: _Case, folder: Path | None, every: bool) -> CaseResult:
    name = PurePosixPath(case.transcript).name if case.transcript and folder else None
    result = CaseResult(
        id=harmless(case.id),
        clauses=tuple(map(harmless, case.clauses)),
        verdict=case.verdict,
        broken=tuple(map(_break, case.breaks)),
        message=_harmless(case.message),
        observations={harmless(k): harmless(v) for k, v in case.observations.items()},
        duration_s=case.duration_s,
        target_cpu_s=case.target_cpu_s,
        transcript=_harmless(name),
    )
    if folder is None or name is None or (case.verdict in PLAIN and not every):
        return result
    steps = abridged(read_steps(folder / name), MOST, result.wrong)
    return replace(result, steps=steps)


def _break(one: Break) -> Break:
    texts: dict[str, Any] = {
        name: harmless(text) for name, text in asdict(one).items() if isinstance(text, str)
    }
    return replace(one, **texts)


def _harmless(text: str | None) -> str | None:
    return None if text is None else harmless(text)


def _ledger(content: _Results) -> Ledger:
    """The ledger of this kit, with the levels of the file and the clauses that only it knows."""
    own = load_ledger()
    levels = {harmless(name): row.level for name, row in content.clauses.items()}
    named = {harmless(one.clause) for case in content.cases for one in case.breaks}
    named.update(harmless(name) for case in content.cases for name in case.clauses)
    clauses: dict[str, Clause] = {}
    for name, clause in own.clauses.items():
        clauses[name] = msgspec.structs.replace(clause, level=levels.get(name, clause.level))
    for name in sorted((named | set(levels)) - set(clauses)):
        clauses[name] = Clause(
            id=name,
            level=levels.get(name, "MUST"),
            judges="app-server",
            sentence="This kit's ledger has no such clause.",
            source=(),
        )
    return Ledger(MappingProxyType(clauses), own.areas, own.levels, own.sources)


def results_schema() -> Any:
    """The JSON Schema of a results file."""
    return json.loads(_SCHEMA.read_text("utf-8"))
