"""The files that a run can be written to."""

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from codex_conformance.errors import UsageError
from codex_conformance.options import Outputs
from codex_conformance.reports.badge import write_badge
from codex_conformance.reports.columns import column_of
from codex_conformance.reports.junit import write_junit
from codex_conformance.reports.summary import write_summary
from codex_conformance.results import Reporter, WhenEnded
from codex_conformance.results_file import write_results
from codex_conformance.writable import cleared


def files(outputs: Outputs, *, strict: bool) -> Iterator[Reporter]:
    """Whoever writes a file of the run; what lies there is gone at once.

    Raises:
        UsageError: one cannot be written, or is to hold two things.
    """
    _refuse_twice(outputs)
    if results := outputs.json and cleared(outputs.json):
        yield WhenEnded(lambda run: write_results(results, run))
    if junit := outputs.junit and cleared(outputs.junit):
        yield WhenEnded(lambda run: write_junit(junit, [run]))
    if badge := outputs.badge and cleared(outputs.badge):
        yield WhenEnded(lambda run: write_badge(badge, run, strict=strict))
    if summary := outputs.summary and cleared(outputs.summary):
        yield WhenEnded(lambda run: write_summary(summary, [column_of(run)], strict=strict))
    if html := outputs.html and cleared(outputs.html):
        # Imported here: the template engine is not needed for anything else.
        from codex_conformance.reports.html import write_html

        yield WhenEnded(lambda run: write_html(html, [column_of(run)], strict=strict))


def _refuse_twice(outputs: Outputs) -> None:
    named: dict[Path, str] = {}
    for field in fields(outputs):
        path = getattr(outputs, field.name)
        if path is not None:
            other = named.setdefault(path.absolute(), field.name)
            if other != field.name:
                raise UsageError(f"{path}: is named by --{other} and by --{field.name}")
