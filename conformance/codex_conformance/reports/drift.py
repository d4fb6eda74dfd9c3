"""A release beside a revision, for people."""

import shutil
import textwrap
from collections.abc import Iterator
from itertools import groupby

from codex_conformance.drift import Comparison, Difference
from codex_conformance.traces import Touched

NOT_COMPARED = "not compared: threads, turns and items, which spec/ leaves open on purpose"


def drift_lines(name: str, revision: str, comparison: Comparison) -> Iterator[str]:
    """What differs, method by method and type by type, each with what it touches."""
    yield f"{name} beside revision {revision}"
    for title, found in (("methods", comparison.methods), ("types", comparison.types)):
        if found:
            yield f"\n{title}"
        for subject, group in groupby(found, key=lambda pair: pair[0].subject):
            yield f"  {subject}"
            for touched, pairs in groupby(group, key=lambda pair: pair[1]):
                for one, _ in pairs:
                    yield from _wrapped(f"    {one.kind:<8} ", _words(one))
                yield from _touches(touched)
    count = len(comparison.methods) + len(comparison.types)
    yield ""
    yield NOT_COMPARED
    yield f"{count or 'no'} difference{'' if count == 1 else 's'}"


def _words(one: Difference) -> str:
    part = " ".join(word for word in (one.noun, one.part) if word)
    return f"{part}: {one.detail}" if part and one.detail else part or one.detail


def _touches(touched: Touched) -> Iterator[str]:
    yield from _wrapped("      clauses ", ", ".join(touched.clauses) or "none")
    yield from _wrapped("      cases   ", ", ".join(touched.cases) or "none")


def _wrapped(label: str, text: str) -> list[str]:
    width = max(60, shutil.get_terminal_size((100, 24)).columns)
    return textwrap.wrap(
        text,
        width,
        initial_indent=label,
        subsequent_indent=" " * len(label),
        break_long_words=False,
        break_on_hyphens=False,
    )
