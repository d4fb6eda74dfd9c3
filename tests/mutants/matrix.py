"""The kill matrix: which cases turn red on which mutant."""

import functools
import gc
import importlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import zip_longest
from pathlib import Path
from types import CodeType, MappingProxyType
from typing import Any, cast

import pytest
from codex_account_protocol import REVISIONS
from codex_conformance import reference
from codex_conformance.bench import Body, Judged, judge_case
from codex_conformance.case import CaseSpec
from codex_conformance.check import collect_cases
from codex_conformance.plugin import Order, body_of, spec_in
from codex_conformance.results import CaseResult
from codex_conformance.targets import DirectTarget, load_factory
from mutant import Mutant
from reach import code_that_runs, reach_of

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "kill-matrix.md"
FIGURES = PAGE.with_suffix(".json")
NOTHING: Mapping[str, CaseResult] = MappingProxyType({})
SHOWN = 12  # cases that the page names for one mutant; the figures name all

# Cases that no fault of the reference server can turn red, and why.
IDLE: dict[str, str] = {
    "login/empty-access-token": "OBSERVE: the ledger allows every answer",
    "other/none-further": "stands for the revisions that have nothing to judge",
}


@dataclass(frozen=True)
class Row:
    """What the suite makes of one mutant.

    Attributes:
        target: `module:name`, as `--target direct:` takes it.
        declared: the clauses that it says it breaks.
        broken: the clauses that were found broken.
        killers: the cases that failed.
    """

    target: str
    about: str
    revision: str
    declared: tuple[str, ...]
    broken: tuple[str, ...]
    killers: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> "Row":
        """The row that `text` says."""
        members = json.loads(text)
        lists = ("declared", "broken", "killers")
        return cls(**members | {name: tuple(members[name]) for name in lists})

    def text(self) -> str:
        """The row as JSON."""
        return json.dumps(asdict(self))


@functools.cache
def mutants() -> dict[str, Mutant]:
    """Every mutant by the name that `--target direct:` finds it by."""
    found = {}
    for path in sorted(HERE.glob("*_mutants.py")):
        module = importlib.import_module(path.stem)
        for name, value in vars(module).items():
            if isinstance(value, Mutant):
                found[f"{path.stem}:{name}"] = value
    return found


@functools.cache
def cases(revision: str) -> list[tuple[CaseSpec, Body]]:
    """The cases of a revision, collected once for all mutants of this process."""
    order = Order(direct=reference.NAME, argv=(), revision=revision)
    items = cast("list[pytest.Function]", collect_cases(order))
    return [(spec_in(item), body_of(item)) for item in items]


@functools.cache
def by_id(revision: str) -> dict[str, tuple[CaseSpec, Body]]:
    """The same by their ids."""
    return {spec.id: (spec, body) for spec, body in cases(revision)}


def run(
    target: DirectTarget, revision: str, known: Mapping[str, CaseResult] = NOTHING
) -> list[CaseResult]:
    """Every case of a revision against a target in this process, but those with a known result."""
    judged = Judged(target, revision)
    with _uncollected():
        return [
            known[spec.id] if spec.id in known else judge_case(judged, spec, body)
            for spec, body in cases(revision)
        ]


@contextmanager
def _uncollected() -> Iterator[None]:
    """Leave cycles, of which a case makes few, to the end: nothing else is looked through."""
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def reference_server(revision: str) -> DirectTarget:
    """The server without a fault."""
    return DirectTarget(load_factory(reference.NAME), ("--revision", revision))


@dataclass(frozen=True)
class Usual:
    """What a case makes of the server without a fault, and the code of the server that it ran."""

    result: CaseResult
    ran: frozenset[CodeType]


@functools.cache
def usual(revision: str) -> dict[str, Usual]:
    """Every case of a revision against the server without a fault, once in this process."""
    judged, found = Judged(reference_server(revision), revision), {}
    with _uncollected():
        for spec, body in cases(revision):
            with code_that_runs() as seen:
                result = judge_case(judged, spec, body)
            found[spec.id] = Usual(result, frozenset(seen))
    return found


def judge(mutant: Mutant, case: str) -> CaseResult:
    """One case against a mutant."""
    judged = Judged(DirectTarget(mutant, ()), mutant.revision)
    return judge_case(judged, *by_id(mutant.revision)[case])


def known(mutant: Mutant) -> dict[str, CaseResult]:
    """The results of the cases that the fault of a mutant does not reach."""
    reach = reach_of(mutant.fault)
    everything = usual(mutant.revision).items()
    return {case: one.result for case, one in everything if one.ran not in reach}


def row_of(target: str, mutant: Mutant, results: list[CaseResult]) -> Row:
    """What these results say of a mutant."""
    about = (mutant.fault.__doc__ or "").strip().splitlines()
    broken = {one.clause for result in results for one in result.broken}
    return Row(
        target,
        about[0] if about else "",
        mutant.revision,
        tuple(sorted(mutant.broken)),
        tuple(sorted(broken)),
        tuple(sorted(result.id for result in results if result.verdict == "fail")),
    )


def where_cases_run() -> dict[str, list[str]]:
    """The revisions of every case."""
    found: dict[str, list[str]] = {}
    for revision in REVISIONS:
        for spec, _ in cases(revision):
            found.setdefault(spec.id, []).append(revision)
    return found


def idle(rows: Iterable[Row]) -> set[str]:
    """The cases that no mutant turns red."""
    return set(where_cases_run()) - {case for row in rows for case in row.killers}


def idle_faults(rows: Iterable[Row]) -> list[str]:
    """Sentences about the cases of which `IDLE` is not true."""
    found = idle(rows)
    return [
        *(f"no mutant turns {case} red" for case in sorted(found - IDLE.keys())),
        *(f"{case} is not idle any more" for case in sorted(IDLE.keys() - found)),
    ]


def alike(all_of: dict[str, Mutant]) -> list[list[str]]:
    """Mutants that change the same in the same way: they count once."""
    groups: dict[object, list[str]] = {}
    for name, mutant in all_of.items():
        key = (mutant.revision, _shape(mutant.fault.__code__))
        groups.setdefault(key, []).append(name)
    return [names for names in groups.values() if len(names) > 1]


def _shape(code: CodeType) -> tuple[object, ...]:
    """What a function does, without its name, its place and its docstring."""
    constants = [
        _shape(value) if isinstance(value, CodeType) else repr(value)
        for value in code.co_consts[1:]
    ]
    return code.co_code, tuple(constants), code.co_names, code.co_freevars


def figures(rows: list[Row]) -> dict[str, Any]:
    """The matrix as one JSON object."""
    ran = where_cases_run()
    kills = Counter(case for row in rows for case in row.killers)
    per_revision = {revision: len(cases(revision)) for revision in REVISIONS}
    return {
        "mutants": len(rows),
        "cases": len(ran),
        "cases_in_revision": per_revision,
        "verdicts": sum(per_revision[row.revision] for row in rows),
        "survivors": [row.target for row in rows if not row.killers],
        "idle": {case: IDLE.get(case, "") for case in sorted(idle(rows))},
        "rows": [asdict(row) for row in rows],
        "kills_of_case": {case: kills[case] for case in sorted(ran)},
    }


def files(rows: list[Row]) -> dict[Path, str]:
    """What is written of a matrix: the page, and its figures as JSON."""
    return {PAGE: page(rows), FIGURES: json.dumps(figures(rows), indent=1) + "\n"}


def stale(written: Mapping[Path, str]) -> list[str]:
    """Sentences about the files that are not as they would be written, with the first line."""
    return [_difference(path, text) for path, text in written.items() if _text_of(path) != text]


def _text_of(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _difference(path: Path, text: str) -> str:
    lines = zip_longest(_text_of(path).splitlines(True), text.splitlines(True))
    number, (there, found) = next(
        (number, pair) for number, pair in enumerate(lines, 1) if pair[0] != pair[1]
    )
    return (
        f"{path.parent.name}/{path.name} is not what the run says; commit what `make mutants` "
        f"writes. Line {number}: {there!r}, but the run says {found!r}"
    )


def page(rows: list[Row]) -> str:
    """The matrix for people: every mutant with the cases that it turns red, and the reverse."""
    counted = figures(rows)
    killers: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: len(row.killers)):
        for case in row.killers:
            killers.setdefault(case, []).append(row)
    lines = [
        "# Kill matrix",
        "",
        "<!-- Written by `make mutants`; nobody edits it. -->",
        "",
        (
            f"{counted['mutants']} mutants, each the reference server with one fault, against "
            f"{counted['cases']} cases: {counted['verdicts']} verdicts. Each turns exactly the"
        ),
        "clauses red that it declares, and every case is turned red by at least one of them.",
        "A case in which the server runs nothing that the fault replaces has the verdict that",
        "it has without the fault; all others are run.",
        "[kill-matrix.json](kill-matrix.json) has the figures, and every case of every mutant.",
        "",
        "## Mutants",
        "",
    ]
    area = ""
    for row in rows:
        module, _, name = row.target.partition(":")
        if module != area:
            area = module
            title = module.removesuffix("_mutants").replace("_", " ")
            lines += ["", f"### {title.capitalize()}", ""]
            lines += ["| mutant | fault | red | by |", "|---|---|---|---|"]
        shown = ", ".join(f"`{case}`" for case in row.killers[:SHOWN])
        more = len(row.killers) - SHOWN
        lines.append(
            f"| `{name}` ({row.revision}) | {row.about} | {', '.join(row.broken)} "
            f"| {shown}{f' and {more} more' if more > 0 else ''} |"
        )
    lines += ["", "## Cases", ""]
    lines += ["| case | mutants | that turns fewest others red |", "|---|---|---|"]
    for case in sorted(where_cases_run()):
        by = killers.get(case, [])
        first = f"`{by[0].target}`" if by else IDLE.get(case, "none")
        lines.append(f"| `{case}` | {len(by)} | {first} |")
    return "\n".join(lines) + "\n"
