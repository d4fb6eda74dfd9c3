"""A badge: the JSON that an endpoint badge of shields.io reads."""

import json
from pathlib import Path

from codex_conformance.comparison import broken_in
from codex_conformance.results import RunResult

LABEL = "codex account protocol"


def write_badge(path: Path, run: RunResult, *, strict: bool) -> None:
    """Write the badge of a run; with `strict` SHOULD clauses decide its colour too."""
    message, color = verdict_in_words(run, strict=strict)
    badge = {
        "schemaVersion": 1,
        "label": f"{LABEL} {run.subject.revision}",
        "message": message,
        "color": color,
    }
    path.write_text(json.dumps(badge, indent=2, ensure_ascii=False) + "\n", "utf-8")


def verdict_in_words(run: RunResult, *, strict: bool) -> tuple[str, str]:
    """The verdict in a few words, and the name of a colour that goes with it."""
    status = run.exit_status(strict=strict)
    failed = sum(row.verdict == "fail" for row in run.clauses().values())
    if status not in (0, 1):
        return "no verdict", "lightgrey"
    if status == 1:
        if failed:
            return f"{_clauses(failed)} broken", "red"
        return (
            ("not known", "orange") if run.summary()["untestable"] else ("stale baseline", "orange")
        )
    known = len(broken_in(run)) - failed
    told = [f"{_clauses(failed)} of level SHOULD broken"] if failed else []
    told += [f"{_clauses(known)} known to be broken"] if known > 0 else []
    return (
        (f"conforms but for {' and '.join(told)}", "yellow")
        if told
        else ("conforms", "brightgreen")
    )


def _clauses(count: int) -> str:
    return f"{count} clause{'' if count == 1 else 's'}"
