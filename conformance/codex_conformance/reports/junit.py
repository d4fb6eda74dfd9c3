"""JUnit XML, a test case per case."""

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

from codex_conformance.results import CaseResult, Plan, RunResult

_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ELEMENTS = {
    "fail": "failure",
    "untestable": "failure",
    "error": "error",
    "not-applicable": "skipped",
    "expected-fail": "skipped",
    "flaky": "skipped",
}


@dataclass(frozen=True)
class JUnitFile:
    """Writes `path` when the run has ended."""

    path: Path

    def started(self, plan: Plan) -> None:
        """Nothing to write yet."""

    def finished_case(self, result: CaseResult) -> None:
        """Nothing to write yet."""

    def finished(self, run: RunResult) -> None:
        """Write the whole file."""
        counts = run.summary()
        suite = ET.Element(
            "testsuite",
            name=f"codex-conformance {run.subject.revision}",
            tests=str(len(run.cases)),
            failures=str(counts["fail"] + counts["untestable"] + len(run.stale)),
            errors=str(counts["error"]),
            skipped=str(sum(counts[name] for name in ("not-applicable", "expected-fail", "flaky"))),
            time=f"{run.wall_s:.3f}",
        )
        for case in sorted(run.cases, key=lambda case: case.id):
            suite.append(_case(case))
        for sentence in run.stale:
            entry = ET.SubElement(suite, "testcase", classname="baseline", name=_safe(sentence))
            ET.SubElement(entry, "failure", message="the baseline is stale").text = _safe(sentence)
        suites = ET.Element("testsuites")
        suites.append(suite)
        ET.indent(suites)
        ET.ElementTree(suites).write(self.path, encoding="utf-8", xml_declaration=True)


def _case(case: CaseResult) -> ET.Element:
    area, _, name = case.id.partition("/")
    element = ET.Element(
        "testcase", classname=area, name=_safe(name), time=f"{case.duration_s:.3f}"
    )
    kind = _ELEMENTS.get(case.verdict)
    if kind is not None:
        broken = ", ".join(one.clause for one in case.broken) or case.verdict
        detail = ET.SubElement(element, kind, message=_safe(f"{broken}: {case.message}"))
        detail.text = _safe(
            "\n".join(f"{one.clause}: {one.message}" for one in case.broken) + f"\n{case.tail}"
        )
    return element


def _safe(text: str) -> str:
    """`text` without what XML cannot hold."""
    return _NO_XML.sub("�", text)
