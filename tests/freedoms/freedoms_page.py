"""`python freedoms_page.py` writes the freedoms for people, as Markdown."""

import sys
from itertools import groupby
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "mutants")]

from freedom import Freedom, freedoms  # noqa: E402 - found by the line above

HEAD = """# Freedoms

<!-- Written by `make freedoms`; nobody edits it. -->

What an app-server may do otherwise than the reference server, and still conform: the ledger leaves
it open. Each line is the reference server with this one difference, and no case turns red on it.
What does turn cases red is the [kill matrix](kill-matrix.md).
"""


def page() -> str:
    """Every freedom, a table an area."""
    lines = HEAD.splitlines()
    for module, group in groupby(freedoms().items(), key=lambda item: item[0].partition(":")[0]):
        title = module.removesuffix("_freedoms").replace("_", " ").capitalize()
        lines += ["", f"## {title}", "", "| the server | clauses |", "|---|---|"]
        lines += [_row(one) for _, one in group]
    return "\n".join(lines) + "\n"


def _row(one: Freedom) -> str:
    what = " ".join((one.server.fault.__doc__ or "").split())
    apart = len(one.inapplicable)
    without = f" {apart} cases do not apply then." if apart > 1 else ""
    without = " One case does not apply then." if apart == 1 else without
    return f"| {what}{without} | {', '.join(one.clauses)} |"


if __name__ == "__main__":
    sys.stdout.write(page())
