"""One self-contained page for a browser: clauses by implementations, cases, conversations."""

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from codex_conformance.ledger import Clause
from codex_conformance.reports.badge import verdict_in_words
from codex_conformance.reports.columns import Column
from codex_conformance.results import PLAIN, VERDICTS, CaseResult, RunResult, Verdict
from codex_conformance.sequence import Step, abridged

_FILES = Path(__file__).parent / "html_page"
_STEPS = 80  # of one conversation
_TEXT = 700  # characters of one message; the transcript has all of it
_MANY = 6  # columns that fit into a narrow window
_PAUSE = 1.0  # seconds of silence that are shown as such
_LOUDEST = ("error", "fail", "untestable", "expected-fail", "flaky")
_WAYS = {
    ("parent", "server"): "ps",
    ("server", "parent"): "sp",
    ("server", "backend"): "sb",
    ("backend", "server"): "bs",
}


def write_html(path: Path, columns: Sequence[Column], *, strict: bool) -> None:
    """Write a page about these runs, side by side.

    The conversations of cases are drawn where their results carry them.
    """
    path.write_text(html_text(columns, strict=strict), "utf-8")


def html_text(columns: Sequence[Column], *, strict: bool) -> str:
    """The page, which needs nothing but itself; scripts and styles of others cannot run in it."""
    style, script = (_FILES.joinpath(name).read_text("utf-8") for name in ("page.css", "page.js"))
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FILES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(code=_code, breaking=_breaking)
    cases = list(_cases(columns))
    return environment.get_template("page.html.jinja").render(
        # Both are ours, and the policy allows no others.
        style=Markup(style),  # noqa: S704
        script=Markup(script),  # noqa: S704
        policy=_policy(style, script),
        columns=[_head(number, column, strict) for number, column in enumerate(columns, start=1)],
        areas=list(_areas(columns)),
        loud=[case for case in cases if case["loud"]],
        quiet=[case for case in cases if not case["loud"]],
        verdicts=VERDICTS,
        many=len(columns) > _MANY,
        levels=("MUST", "SHOULD", "OBSERVE"),
    )


def _code(text: str) -> Markup:
    """A text with what stands in backticks as code."""
    parts = text.split("`")
    marked = [
        Markup("<code>{}</code>").format(part) if place % 2 else Markup.escape(part)
        for place, part in enumerate(parts)
    ]
    return Markup("").join(marked)


def _breaking(text: str) -> Markup:
    """A text that may be broken after a slash, where the window is narrow."""
    return Markup("/<wbr>").join(text.split("/"))


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _head(number: int, column: Column, strict: bool) -> dict[str, Any]:
    """One implementation: who it is, its verdict, how many clauses ended how."""
    run = column.run
    verdict, colour = verdict_in_words(run, strict=strict)
    counts = Counter(row.verdict for row in run.clauses().values())
    return {
        "number": number,
        "label": column.label,
        "command": run.subject.command,
        "agent": run.subject.user_agent,
        "revision": run.subject.revision,
        "kit": run.kit_version,
        "verdict": verdict,
        "colour": colour,
        "cases": len(run.cases),
        "bar": list(_bar(counts)),
        "notes": [*run.stale, *run.unexplained],
        "observations": run.observations(),
    }


def _bar(counts: Counter[Verdict]) -> Iterator[dict[str, Any]]:
    """How many clauses have which verdict, and where in a bar of length 100 they are."""
    start, whole = 0.0, sum(counts.values())
    for verdict in VERDICTS:
        if counts[verdict]:
            width = 100 * counts[verdict] / whole
            yield {
                "verdict": verdict,
                "count": counts[verdict],
                "start": round(start, 2),
                "width": round(width, 2),
            }
            start += width


def _areas(columns: Sequence[Column]) -> Iterator[dict[str, Any]]:
    """The clauses that are judged in any of the runs, by area."""
    rows = [column.run.clauses() for column in columns]
    clauses: dict[str, Clause] = {}
    for column, judged in zip(columns, rows, strict=True):
        ledger = column.run.ledger.clauses
        clauses.update({name: ledger[name] for name in ledger if name in judged})
    titles = columns[0].run.ledger.areas
    areas: dict[str, list[dict[str, Any]]] = {area: [] for area in titles}
    for clause in clauses.values():
        verdicts = [row[clause.id].verdict if clause.id in row else "" for row in rows]
        cells = [
            {"verdict": verdict, "case": _case_to_see(column.run, clause.id) if verdict else None}
            for column, verdict in zip(columns, verdicts, strict=True)
        ]
        judging = {case for row in rows if clause.id in row for case in row[clause.id].cases}
        areas.setdefault(clause.area, []).append(
            {
                "clause": clause,
                "cells": cells,
                "verdicts": _words(verdicts),
                "cases": [(case, anchor(case)) for case in sorted(judging)],
            }
        )
    for area, found in areas.items():
        if found:
            yield {"id": area, "title": titles.get(area, area), "clauses": found}


def _case_to_see(run: RunResult, clause: str) -> str | None:
    """The anchor of the case that says most about a clause, where one says more than `pass`."""
    broken = [case for case in run.cases if clause in {one.clause for one in case.broken}]
    named = [case for case in run.cases if clause in case.clauses and case.verdict in _LOUDEST]
    found = sorted(broken or named, key=lambda case: (_LOUDEST.index(case.verdict), case.id))
    return anchor(found[0].id) if found else None


def _cases(columns: Sequence[Column]) -> Iterator[dict[str, Any]]:
    """Every case, with what each of the runs says about it."""
    results = [{case.id: case for case in column.run.cases} for column in columns]
    for case_id in sorted({name for each in results for name in each}):
        found = [each.get(case_id) for each in results]
        here = [
            (number, column, case)
            for number, (column, case) in enumerate(zip(columns, found, strict=True), start=1)
            if case is not None
        ]
        _, column, case = here[0]
        ledger = column.run.ledger.clauses
        named = dict.fromkeys([*case.clauses, *(b.clause for _, _, c in here for b in c.broken)])
        verdicts = ["" if case is None else case.verdict for case in found]
        told = [
            _told(number, column, case)
            for number, column, case in here
            if case.verdict not in PLAIN or case.steps or case.message
        ]
        yield {
            "id": case_id,
            "anchor": anchor(case_id),
            "area": case.clauses[0].rpartition("-")[0] if case.clauses else "",
            "clauses": [ledger[name] for name in named if name in ledger],
            "levels": _words(ledger[name].level for name in named if name in ledger),
            "verdict_words": _words(verdicts),
            "verdicts": verdicts,
            "told": told,
            "loud": any(case.verdict not in PLAIN or case.steps for _, _, case in here),
        }


def _words(values: Any) -> str:
    return " ".join(dict.fromkeys(value for value in values if value))


def _told(number: int, column: Column, case: CaseResult) -> dict[str, Any]:
    """What one run says about a case that is not a plain pass."""
    steps = abridged(case.steps, _STEPS, case.wrong)
    return {
        "number": number,
        "label": column.label,
        "case": case,
        "ledger": column.run.ledger.clauses,
        "steps": list(_steps(steps, case.wrong)),
        "count": len([step for step in case.steps if step.kind != "gap"]),
        "transcript": column.folder
        and case.transcript
        and f"{column.folder.name}/{case.transcript}",
    }


def _steps(steps: Sequence[Step], wrong: frozenset[int]) -> Iterator[dict[str, Any]]:
    before: float | None = None
    for step in steps:
        silence = 0.0 if before is None else step.at - before
        before = step.at
        text = step.text if len(step.text) <= _TEXT else f"{step.text[:_TEXT]}…"
        yield {
            "at": f"{step.at:.3f}",
            "pause": f"{silence:.1f} s pass" if silence >= _PAUSE else "",
            "way": _WAYS.get((step.source or "", step.target or ""), ""),
            "source": step.source,
            "target": step.target,
            "kind": step.kind,
            "label": step.label,
            "text": text,
            "problem": step.problem,
            "wrong": step.index in wrong,
        }


def anchor(case: str) -> str:
    """The id of a case's part of the page."""
    return f"case-{re.sub('[^A-Za-z0-9_-]', '.', case)}"
