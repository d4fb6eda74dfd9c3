"""`codex-conformance parent`: judge a parent application from the command line."""

import sys
from collections.abc import Iterable
from pathlib import Path

import click
from codex_account_protocol import REVISIONS

from codex_conformance.errors import UsageError
from codex_conformance.interruption import interruptible
from codex_conformance.options import Outputs, output_options, without_option

_FOLDER = click.Path(file_okay=False, path_type=Path)


def _clauses() -> Iterable[str]:
    from codex_conformance.ledger import load_ledger

    return (each.id for each in load_ledger().clauses.values() if each.judges == "parent")


def _names(
    _context: click.Context, _option: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    for value in values:
        if not value or "=" in value:
            raise click.BadParameter(f"{value!r}: expected the name of an environment variable")
    return values


@click.command(no_args_is_help=True)
@click.option("--revision", type=click.Choice(REVISIONS), default=REVISIONS[-1], show_default=True)
@click.option("--strict", is_flag=True, help="SHOULD clauses decide the exit status too.")
@output_options
@click.option(
    "-k", "select", default="", metavar="EXPR", help="Only scenarios whose id or clauses match."
)
@click.option("--case", "only", multiple=True, metavar="ID", help="Only this one; repeatable.")
@without_option("CLAUSE", _clauses, "A clause that the parent cannot be judged by; repeatable.")
@click.option(
    "--shim",
    type=_FOLDER,
    metavar="DIR",
    help="Put the stand-in at DIR/codex, for a parent with a path of its own; one at a time.",
)
@click.option(
    "--variable",
    "variables",
    multiple=True,
    callback=_names,
    metavar="NAME",
    help="A further environment variable that gets the path of the stand-in; repeatable.",
)
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="Parents at a time.")
@click.option("--list", "listing", is_flag=True, help="Show the scenarios and their clauses.")
@click.option("-v", "--verbose", is_flag=True, help="Show observations and all that is untestable.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def parent(
    revision: str,
    strict: bool,
    outputs: Outputs,
    select: str,
    only: tuple[str, ...],
    without: tuple[tuple[str, str], ...],
    shim: Path | None,
    variables: tuple[str, ...],
    jobs: int | None,
    listing: bool,
    verbose: bool,
    command: tuple[str, ...],
) -> None:
    """Judge a parent application: COMMAND, which starts codex and logs in with its own tokens.

    It is started once per scenario, with a stand-in for codex first on its PATH, in CODEX_BIN,
    CODEX_PATH and CODEX_CLI_PATH, and at the address in CODEX_APP_SERVER_URL. TOKEN_ISSUER_URL
    is a token issuer that it may use: POST {"account"}. No account and no network are needed.

    Exit status: 0 it conforms; 1 it breaks a MUST (with --strict also a SHOULD), or something is
    untestable; 2 no verdict.
    """
    from codex_conformance.judge_parent.judge import Wish, judge_parent, scenarios_of
    from codex_conformance.judge_parent.stage import Judged
    from codex_conformance.reports.console import Console
    from codex_conformance.reports.files import files
    from codex_conformance.reports.voice import progress
    from codex_conformance.results import Reporter

    judged = Judged(command, revision, outputs.transcripts, shim and shim.absolute(), variables)
    wish = Wish(judged, select, only, without, jobs)
    scenarios = scenarios_of(wish)
    if listing:
        for spec, _ in scenarios:
            click.echo(f"{spec.id:<60} {' '.join(spec.clauses)}")
        return
    if not command:
        raise UsageError("no command to judge", "codex-conformance parent -- COMMAND")
    again = ("codex-conformance", "parent", "--revision", revision)
    shown = progress()
    reporters: list[Reporter] = [Console(again, outputs.transcripts, strict, verbose, shown)]
    reporters += files(outputs, strict=strict)
    interruptible()
    try:
        run = judge_parent(wish, reporters, shown)
    finally:
        if shown:
            shown.stop()
    sys.exit(run.exit_status(strict=strict))
