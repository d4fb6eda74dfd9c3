"""Joins the parts of one run that was dealt out with `check --shard`."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from codex_conformance.errors import UsageError
from codex_conformance.results import RunResult
from codex_conformance.results_file import Stored, results_text

_NAMED = 3  # cases that a complaint names
_HOW = "each part of a run is written by codex-conformance check --shard I/N --json F"
# What every part of a run has in common, in the words of a complaint.
_COMMON: dict[str, Callable[[RunResult], object]] = {
    "kit version": lambda run: run.kit_version,
    "target": lambda run: run.subject.command,
    "user agent": lambda run: run.subject.user_agent,
    "revision": lambda run: run.subject.revision,
    "number of parts": lambda run: run.shard and run.shard.of,
    "cases of the whole": lambda run: run.shard and sorted(run.shard.cases),
}


def merged(parts: Sequence[Stored]) -> RunResult:
    """The run that the parts are parts of.

    Raises:
        UsageError: they are not, or not all, parts of one run.
    """
    for fault in _faults(parts):
        raise UsageError(fault, _HOW)
    runs = [part.run for part in parts]
    return replace(
        runs[0],
        cases=tuple(case for run in runs for case in run.cases),
        stale=_union(run.stale for run in runs),
        unexplained=_union(run.unexplained for run in runs),
        wall_s=sum(run.wall_s for run in runs),
        shard=None,
    )


def write_merged(parts: Sequence[Stored], path: Path) -> RunResult:
    """Write the run that the parts are parts of, and all their transcripts in `path`.d.

    Raises:
        UsageError: they are not parts of one run, or `path` is one of them.
    """
    run = merged(parts)
    if any(path.exists() and path.samefile(part.path) for part in parts):
        raise UsageError(f"-o {path}: is one of the files that are merged")
    folder = path.with_name(f"{path.name}.d")
    for part in parts:
        for case in part.run.cases:
            if part.folder is not None and case.transcript is not None:
                _copy(part.folder / case.transcript, folder)
    path.write_text(results_text(run, folder.name), "utf-8")
    return run


def _copy(transcript: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for file in (transcript, transcript.with_suffix(".jsonl")):
        if file.is_file():
            shutil.copyfile(file, folder / file.name)


def _union(sentences: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(sorted({sentence for each in sentences for sentence in each}))


def _faults(parts: Sequence[Stored]) -> Iterator[str]:
    """Why these are not the parts of one run."""
    first = parts[0]
    for part in parts:
        if part.run.shard is None:
            yield f"{part.path}: is a whole run, not a part of one"
        if part.run.interrupted:
            yield f"{part.path}: was interrupted, so it is not a whole part"
        for name, value in _COMMON.items():
            mine, theirs = value(first.run), value(part.run)
            if mine != theirs:
                told = "" if isinstance(mine, list) else f": {mine} and {theirs}"
                yield f"{first.path} and {part.path} do not have the same {name}{told}"
    yield from _faulty_numbers(parts)
    yield from _faulty_cases(parts)


def _faulty_numbers(parts: Sequence[Stored]) -> Iterator[str]:
    seen: dict[int, Path] = {}
    for part in parts:
        assert part.run.shard is not None
        number, of = part.run.shard.number, part.run.shard.of
        if number in seen:
            yield f"{seen[number]} and {part.path} are both part {number} of {of}"
        seen[number] = part.path
    lacking = (str(number) for number in range(1, of + 1) if number not in seen)
    if first := list(islice(lacking, _NAMED)):
        yield f"{len(seen)} of {of} parts are here: part {', '.join(first)} is lacking"


def _faulty_cases(parts: Sequence[Stored]) -> Iterator[str]:
    assert parts[0].run.shard is not None
    planned = set(parts[0].run.shard.cases)
    times = Counter(case.id for part in parts for case in part.run.cases)
    if twice := sorted(case for case, count in times.items() if count > 1):
        yield f"more than one part has {_some(twice)}"
    if foreign := sorted(set(times) - planned):
        yield f"not a case of the whole: {_some(foreign)}"
    if lacking := sorted(planned - set(times)):
        yield f"no part has {_some(lacking)}"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
