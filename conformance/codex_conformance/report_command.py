"""`codex-conformance report`: what can be made of stored results."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from codex_conformance.errors import UsageError
from codex_conformance.options import FILE

if TYPE_CHECKING:
    from codex_conformance.results_file import Stored

_RESULTS = click.argument("results", nargs=-1, required=True, type=FILE)


class _WithDefault(click.Group):
    """A group whose first command need not be named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in (*self.commands, *ctx.help_option_names):
            args = ["write", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_WithDefault, subcommand_metavar="[merge|compare] [OPTIONS] RESULTS...")
def report() -> None:
    """Make reports of stored results, the files that `check --json` writes.

    Without a command: `write`, whose options can be given at once, as in
    `codex-conformance report --html report.html old.json new.json`.
    """


@report.command()
@click.option("--html", type=FILE, metavar="F", help="One page for all RESULTS, side by side.")
@click.option("--all-conversations", is_flag=True, help="Draw those of the cases that passed, too.")
@click.option("--badge", type=FILE, metavar="F", help="JSON for an endpoint badge of shields.io.")
@click.option("--summary", type=FILE, metavar="F", help="Markdown, such as for a CI job.")
@click.option("--junit", type=FILE, metavar="F", help="JUnit XML.")
@click.option("--strict", is_flag=True, help="SHOULD clauses decide what conforms, too.")
@click.option("-v", "--verbose", is_flag=True, help="On the terminal: show everything.")
@_RESULTS
def write(
    html: Path | None,
    all_conversations: bool,
    badge: Path | None,
    summary: Path | None,
    junit: Path | None,
    strict: bool,
    verbose: bool,
    results: tuple[Path, ...],
) -> None:
    """Write reports of RESULTS; print them where no option names a file."""
    from codex_conformance.reports.badge import write_badge
    from codex_conformance.reports.columns import columns
    from codex_conformance.reports.junit import write_junit
    from codex_conformance.reports.summary import write_summary
    from codex_conformance.results_file import read_results
    from codex_conformance.writable import writable

    stored = [read_results(path, every_conversation=all_conversations) for path in results]
    shown = columns(stored)
    if badge and len(stored) > 1:
        raise UsageError(
            f"--badge {badge}: is about one results file, got {len(stored)}",
            "codex-conformance report --badge F RESULTS, once for each",
        )
    if html:
        from codex_conformance.reports.html import write_html

        write_html(writable(html), shown, strict=strict)
    if summary:
        write_summary(writable(summary), shown, strict=strict)
    if junit:
        write_junit(writable(junit), [column.run for column in shown])
    if badge:
        write_badge(writable(badge), stored[0].run, strict=strict)
    if not (html or summary or junit or badge):
        for each in stored:
            _print(each, strict=strict, verbose=verbose)


def _print(stored: "Stored", *, strict: bool, verbose: bool) -> None:
    from codex_conformance.reports.console import Console
    from codex_conformance.results_file import replay

    again = ("codex-conformance", "check", "--revision", stored.run.subject.revision)
    replay(stored.run, [Console(again, stored.folder, strict, verbose)])


@report.command()
@click.option("-o", "--output", type=FILE, metavar="F", help="Write F; transcripts go to F.d/.")
@_RESULTS
def merge(output: Path | None, results: tuple[Path, ...]) -> None:
    """Join the parts of one run, dealt out with `check --shard`.

    They have to be all parts of one run: of the same target, revision and kit, each part once and
    every case once. Without -o the results go to the standard output, without transcripts.
    """
    from codex_conformance.merge import merged, write_merged
    from codex_conformance.results_file import read_results, results_text
    from codex_conformance.writable import writable

    parts = [read_results(path) for path in results]
    if output is None:
        click.echo(results_text(merged(parts), None), nl=False)
    else:
        write_merged(parts, writable(output))


@report.command()
@click.option("-v", "--verbose", is_flag=True, help="Show everything, however long.")
@click.argument("old", type=FILE)
@click.argument("new", type=FILE)
def compare(verbose: bool, old: Path, new: Path) -> None:
    """Say what broke, what was fixed and what is seen differently from OLD to NEW.

    Exit status: 0 nothing broke; 1 a clause that was kept is broken or not known any more, or a
    case finds one broken that it did not before.
    """
    from codex_conformance.comparison import compare as compare_runs
    from codex_conformance.reports.columns import columns
    from codex_conformance.reports.comparison import comparison_lines
    from codex_conformance.results_file import read_results

    before, after = columns([read_results(old), read_results(new)])
    changes = compare_runs(before.run, after.run)
    for line in comparison_lines(before, after, changes, verbose=verbose):
        click.echo(line)
    sys.exit(1 if changes.regressed else 0)
