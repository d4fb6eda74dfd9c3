"""What changed between two runs, in a screenful."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from codex_conformance.comparison import Comparison, broken_in
from codex_conformance.reports.columns import Column
from codex_conformance.results import RunResult

_FEW = 5  # entries of a kind that are shown without -v
_WIDTH = 100


@dataclass(frozen=True)
class _Page:
    old: RunResult
    new: RunResult
    all: bool

    def some(self, entries: Sequence[str]) -> Iterator[str]:
        yield from entries if self.all else entries[:_FEW]
        if len(entries) > _FEW and not self.all:
            yield f"  and {len(entries) - _FEW} more; -v shows all"

    def clause(self, name: str, cases: Sequence[str] = ()) -> str:
        run = self.new if name in self.new.clauses() else self.old
        clause = run.ledger.clauses[name]
        line = self.cut(f"  {name:<12} {clause.level:<7} {clause.sentence}")
        if not cases:
            return line
        return f"{line}\n" + self.cut(f"  {'':<20} {_few(cases)}{self.message(name, cases[0])}")

    def message(self, name: str, case: str) -> str:
        """How the newer run finds a clause broken in a case, where it does."""
        breaks = [b for c in self.new.cases if c.id == case for b in c.broken if b.clause == name]
        return f": {breaks[0].message}" if breaks else ""

    def cut(self, line: str) -> str:
        return line if self.all or len(line) <= _WIDTH else f"{line[: _WIDTH - 1]}…"

    def clauses(self, found: Mapping[str, Sequence[str]] | Sequence[str]) -> Iterator[str]:
        cases = found if isinstance(found, Mapping) else {}
        yield from self.some([self.clause(name, cases.get(name, ())) for name in found])


def comparison_lines(
    old: Column, new: Column, changes: Comparison, *, verbose: bool = False
) -> Iterator[str]:
    """What broke first, then what was fixed, what is new, and what is seen differently.

    Args:
        old: the older run.
        new: the newer run.
        changes: between them.
        verbose: every entry, however many there are.
    """
    page = _Page(old.run, new.run, verbose)
    yield from _heads(old, new)
    for title, found in (
        ("Broke", changes.broke),
        ("Not known any more", changes.lost),
        ("Broken before, now in more cases", changes.worse),
        ("Judged for the first time, and broken", changes.first),
        ("Fixed", changes.fixed),
        ("Still broken, in fewer cases", changes.better),
    ):
        if found:
            yield from ("", f"{title}: {_counted(len(found), 'clause')}")
            yield from page.clauses(found)
    yield from _excuses(changes, page)
    yield from _observations(changes, page)
    yield from _rest(changes)


def _heads(old: Column, new: Column) -> Iterator[str]:
    width = max(len(old.label), len(new.label))
    for column in (old, new):
        run = column.run
        broken = len(broken_in(run))
        verdicts = run.clauses().values()
        kept = sum(row.verdict in ("pass", "observed") for row in verdicts)
        yield (
            f"{column.label:<{width}}  {run.subject.name}, revision {run.subject.revision}: "
            f"{_counted(kept, 'clause')} kept, {broken} broken"
        )
    yield from (f"{each.label} was interrupted" for each in (old, new) if each.run.interrupted)
    if old.run.kit_version != new.run.kit_version:
        yield f"judged by different kits: {old.run.kit_version} and {new.run.kit_version}"


def _excuses(changes: Comparison, page: _Page) -> Iterator[str]:
    if changes.excused:
        yield from ("", f"Expected differently: {_counted(len(changes.excused), 'case')}")
        lines = [f"  {case}: {was}, now {now}" for case, (was, now) in changes.excused.items()]
        yield from page.some(lines)


def _observations(changes: Comparison, page: _Page) -> Iterator[str]:
    if not changes.observed:
        return
    yield from ("", f"Seen differently: {_counted(len(changes.observed), 'clause')}")
    lines = []
    for name, (was, now) in changes.observed.items():
        lines.append(page.cut(f"  {name:<12} was  {was or 'nothing else'}"))
        lines[-1] += "\n" + page.cut(f"  {'':<12} now  {now or 'nothing else'}")
    yield from page.some(lines)


def _rest(changes: Comparison) -> Iterator[str]:
    told = [
        f"{_counted(len(names), kind)} {what}"
        for names, kind, what in (
            (changes.arrived, "clause", "kept and judged for the first time"),
            (changes.gone, "clause", "not judged any more"),
            (changes.new_cases, "case", "new"),
            (changes.gone_cases, "case", "gone"),
        )
        if names
    ]
    yield ""
    if told:
        yield f"{'; '.join(told)}"
    yield "something broke" if changes.regressed else "nothing broke"


def _few(cases: Iterable[str]) -> str:
    first, *more = cases
    return f"{first} and {len(more)} more" if more else first


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
