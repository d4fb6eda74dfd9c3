"""The command line."""

import io
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click
from codex_account_protocol import REVISIONS

from codex_conformance.errors import ConformanceError
from codex_conformance.interruption import interruptible
from codex_conformance.judge_parent.command import parent
from codex_conformance.options import FILE, Outputs, output_options, without_option
from codex_conformance.report_command import report

if TYPE_CHECKING:
    from codex_conformance.results import Reporter, RunResult

_REVISIONS = click.Choice(["auto", *REVISIONS])


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="codex-conformance")
def app() -> None:
    """Judge, and stand in for, codex app-server by its account protocol."""


def _jobs(_context: click.Context, _option: click.Parameter, value: str) -> int | None:
    if value == "auto":
        return None
    if value.isdecimal() and int(value) > 0:
        return int(value)
    raise click.BadParameter(f"{value!r} is neither a whole number above 0 nor 'auto'")


def _shard(
    _context: click.Context, _option: click.Parameter, value: str | None
) -> tuple[int, int] | None:
    if value is None:
        return None
    words = value.split("/")
    if len(words) == 2 and all(word.isascii() and word.isdecimal() for word in words):
        index, count = map(int, words)
        if 1 <= index <= count:
            return index, count
    raise click.BadParameter(f"{value!r}: expected I/N with I from 1 to N, such as 2/5")


def _areas() -> Iterable[str]:
    from codex_conformance.ledger import load_ledger

    return load_ledger().areas


def _baseline(_context: click.Context, _option: click.Parameter, value: Path | None) -> Path | None:
    if value is None or value.exists():
        return value
    from codex_conformance.baseline_file import shipped

    return shipped().get(str(value), value)


@app.command()
@click.option(
    "--target",
    metavar="T",
    help="ws or unix: COMMAND listens there. direct:PACKAGE.MODULE:FACTORY: a server in process. "
    "ws://IP:PORT or unix:PATH: a server that runs already.",
)
@click.option("--revision", type=_REVISIONS, default="auto", show_default=True)
@click.option("--strict", is_flag=True, help="SHOULD clauses decide the exit status too.")
@output_options
@click.option(
    "--baseline",
    type=FILE,
    callback=_baseline,
    metavar="F",
    help="What the target is known to break: a file, or a shipped one such as codex-0.163.0.",
)
@click.option(
    "--write-baseline",
    type=FILE,
    metavar="F",
    help="Write what this run finds broken as a baseline; the reasons are yours to give.",
)
@click.option("--jobs", callback=_jobs, default="auto", metavar="N|auto", show_default=True)
@click.option(
    "-k", "select", default="", metavar="EXPR", help="Only cases whose id or clauses match."
)
@click.option("--case", "only", multiple=True, metavar="ID", help="Only this case; repeatable.")
@without_option("AREA", _areas, "An area that the target does not offer; repeatable.")
@click.option("--shuffle", type=int, metavar="SEED", help="Run the cases in a random order.")
@click.option(
    "--shard",
    callback=_shard,
    metavar="I/N",
    help="Only the I-th of N parts of the cases, the same on every machine.",
)
@click.option("--list", "listing", is_flag=True, help="Show the cases and their clauses.")
@click.option(
    "-v",
    "--verbose",
    is_flag=True,
    help="Show transcripts, observations and all that is untestable.",
)
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def check(
    target: str | None,
    revision: str,
    strict: bool,
    outputs: Outputs,
    baseline: Path | None,
    write_baseline: Path | None,
    jobs: int | None,
    select: str,
    only: tuple[str, ...],
    shuffle: int | None,
    shard: tuple[int, int] | None,
    without: tuple[tuple[str, str], ...],
    listing: bool,
    verbose: bool,
    command: tuple[str, ...],
) -> None:
    """Judge an app-server: COMMAND, over its standard input and output, or as --target says.

    Without COMMAND and --target it is the reference server, in process.

    Exit status: 0 it conforms; 1 it breaks a MUST (with --strict also a SHOULD), something is
    untestable, or the baseline is stale; 2 no verdict.
    """
    from codex_conformance.check import Wish, cases_of
    from codex_conformance.check import check as run_check
    from codex_conformance.choice import chosen
    from codex_conformance.reports.console import Console
    from codex_conformance.reports.files import files
    from codex_conformance.reports.voice import progress
    from codex_conformance.writable import writable

    direct, listen = chosen(target, command)
    wish = Wish(
        direct=direct,
        argv=command,
        listen=listen,
        revision=None if revision == "auto" else revision,
        baseline=baseline,
        jobs=jobs,
        select=select,
        only=only,
        shuffle=shuffle,
        shard=shard,
        without=without,
        transcripts=outputs.transcripts,
        write_baseline=write_baseline and writable(write_baseline),
    )
    if listing:
        for case_id, clauses in cases_of(wish).items():
            click.echo(f"{case_id:<60} {' '.join(clauses)}")
        return
    shown = progress()
    console = Console(_again(target, revision), wish.transcripts, strict, verbose, shown)
    reporters: list[Reporter] = [console]
    reporters += files(outputs, strict=strict)
    interruptible()
    try:
        run = run_check(wish, reporters, shown)
    finally:
        if shown:
            shown.stop()
    if write_baseline and not run.interrupted:
        click.echo(_written(write_baseline, run), err=True)
    sys.exit(run.exit_status(strict=strict))


def _written(baseline: Path, run: "RunResult") -> str:
    counts = run.summary()
    lost = counts["untestable"] + counts["error"]
    but = f"; the {lost} without a verdict cannot be expected and are not in it" if lost else ""
    return f"{baseline}: written{but}. Say why in each reason."


def _again(target: str | None, revision: str) -> tuple[str, ...]:
    chosen = [] if target is None else ["--target", target]
    return ("codex-conformance", "check", *chosen, "--revision", revision)


@app.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("argv", nargs=-1, type=click.UNPROCESSED)
def serve(argv: tuple[str, ...]) -> None:
    """Run the reference app-server in place of codex; `serve --help` says how."""
    from codex_conformance.stand_in.launch import serve

    sys.exit(serve(argv))


@app.group()
def spec() -> None:
    """Look into the specification, and compare a codex with it."""


@spec.command()
@click.option("--revision", type=_REVISIONS, default="auto", show_default=True)
@click.argument("binary", metavar="BIN")
def diff(revision: str, binary: str) -> None:
    """Say what differs between the schema that a codex writes and a revision.

    BIN is the path or name of a codex, alone. Auto takes the newest revision that is no newer than
    what BIN answers to --version or, if it names no version, the one that it fits best.

    Exit status: 0 nothing differs; 1 something does; 2 BIN did not write its schema.
    """
    import anyio

    from codex_conformance.drift import compare, nearest
    from codex_conformance.dump import ask
    from codex_conformance.reports.drift import drift_lines

    dump = anyio.run(ask, binary)
    chosen = nearest(dump.release, dump.version) if revision == "auto" else revision
    comparison = compare(dump.release, chosen)
    for line in drift_lines(dump.name, chosen, comparison):
        click.echo(line)
    sys.exit(1 if comparison.methods or comparison.types else 0)


@spec.command()
@click.option(
    "--results", type=FILE, multiple=True, metavar="F", help="Show its verdicts too; repeatable."
)
@click.argument("clause")
def show(results: tuple[Path, ...], clause: str) -> None:
    """Show a clause: its sentence, source, schemas, cases and last verdicts."""
    from codex_conformance.reports.clause import clause_lines

    for line in list(clause_lines(clause, results)):
        click.echo(line)


@spec.command()
def page() -> None:
    """Write every clause with its cases, and every case with its clauses, as Markdown."""
    from codex_conformance.ledger import load_ledger
    from codex_conformance.lint import declared_cases
    from codex_conformance.reports.page import page_lines

    for line in page_lines(load_ledger(), declared_cases()):
        click.echo(line)


@spec.command("check")
def check_spec() -> None:
    """Look for what is wrong in the ledger, the schemas' names and the vectors.

    Exit status: 0 nothing is; 1 something is, a line each; 2 a file cannot be read.
    """
    from codex_conformance.lint import declared_cases, lint

    faults = lint(declared_cases())
    for fault in faults:
        click.echo(fault)
    if faults:
        sys.exit(1)
    click.echo("nothing is wrong")


app.add_command(report)
app.add_command(parent)


def main() -> None:
    """Entry point: a mistake is one clear sentence on stderr and exit status 2; 130 interrupted."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # what a target says fits in no codec
    try:
        app(standalone_mode=False)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except click.ClickException as error:
        error.show(sys.stderr)
        sys.exit(2)
    except ConformanceError as error:
        click.echo(f"codex-conformance: {error.message}", err=True)
        if error.hint:
            click.echo(f"  {error.hint}", err=True)
        sys.exit(2)
