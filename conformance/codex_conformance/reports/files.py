"""The files that a run can be written to, as the command line names them."""

from collections.abc import Iterator
from pathlib import Path

from codex_conformance.reports.badge import BadgeFile
from codex_conformance.reports.junit import JUnitFile
from codex_conformance.reports.summary import SummaryFile
from codex_conformance.results import Reporter
from codex_conformance.results_file import ResultsFile
from codex_conformance.writable import writable


def files(
    results: Path | None,
    junit: Path | None,
    html: Path | None,
    badge: Path | None,
    summary: Path | None,
    *,
    strict: bool,
) -> Iterator[Reporter]:
    """Whoever writes a file of the run.

    Raises:
        UsageError: one cannot be written.
    """
    if results:
        yield ResultsFile(writable(results))
    if junit:
        yield JUnitFile(writable(junit))
    if badge:
        yield BadgeFile(writable(badge), strict)
    if summary:
        yield SummaryFile(writable(summary), strict)
    if html:
        # Imported here: the template engine is not needed for anything else.
        from codex_conformance.reports.html import HtmlFile

        yield HtmlFile(writable(html), strict)
