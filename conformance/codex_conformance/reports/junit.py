"""JUnit XML, a test case per case."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from pathlib import Path

from codex_conformance.reports.chart import chart_lines
from codex_conformance.results import CaseResult, RunResult

_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ELEMENTS = {
    "fail": "failure",
    "untestable": "failure",
    "error": "error",
    "not-applicable": "skipped",
    "expected-fail": "skipped",
    "flaky": "skipped",
}


def write_junit(path: Path, runs: Iterable[RunResult]) -> None:
    """Write one file about all of the runs, a suite each."""
    suites = ET.Element("testsuites")
    suites.extend(_suite(run) for run in runs)
    ET.indent(suites)
    ET.ElementTree(suites).write(path, encoding="utf-8", xml_declaration=True)


def _suite(run: RunResult) -> ET.Element:
    counts = run.summary()
    suite = ET.Element(
        "testsuite",
        name=_safe(f"{run.subject.name}, revision {run.subject.revision}"),
        tests=str(len(run.cases) + len(run.stale)),
        failures=str(counts["fail"] + counts["untestable"] + len(run.stale)),
        errors=str(counts["error"]),
        skipped=str(sum(counts[name] for name in ("not-applicable", "expected-fail", "flaky"))),
        time=f"{run.wall_s:.3f}",
    )
    for case in sorted(run.cases, key=lambda case: case.id):
        suite.append(_case(case, run))
    for sentence in run.stale:
        entry = ET.SubElement(
            suite, "testcase", classname="baseline", name=_safe(sentence), time="0.000"
        )
        ET.SubElement(entry, "failure", message="the baseline is stale").text = _safe(sentence)
    return suite


def _case(case: CaseResult, run: RunResult) -> ET.Element:
    area, _, name = case.id.partition("/")
    element = ET.Element(
        "testcase",
        classname=_safe(f"codex-conformance.{area}"),
        name=_safe(name),
        time=f"{case.duration_s:.3f}",
    )
    kind = _ELEMENTS.get(case.verdict)
    if kind is not None:
        detail = ET.SubElement(element, kind, type=case.verdict, message=_safe(_headline(case)))
        detail.text = _safe("\n".join(_detail(case, run)))
    return element


def _headline(case: CaseResult) -> str:
    """The clauses and, in a line, why."""
    clauses = dict.fromkeys(one.clause for one in case.broken) or case.clauses
    reason = (case.message or "").strip().rpartition("\n")[2]
    return f"{', '.join(clauses)}: {reason}"


def _detail(case: CaseResult, run: RunResult) -> Iterator[str]:
    """Requirement, expected and actual of each broken clause, then the conversation."""
    for one in case.broken:
        clause = run.ledger.clauses[one.clause]
        yield f"{clause.id} ({clause.level}): {clause.sentence}"
        yield f"  expected  {one.expected}"
        yield f"  actual    {one.actual}"
        if one.why:
            yield f"  why       {one.why}"
        if one.wrong:
            yield f"  wrong     {one.wrong.strip()}"
        yield ""
    if case.verdict == "error":
        yield case.message or ""
    yield from chart_lines(case.steps, case.wrong)


def _safe(text: str) -> str:
    """`text` without what XML cannot hold."""
    return _NO_XML.sub("�", text)
