"""A run written down as a baseline: what is expected from then on, and in which words."""

import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from codex_conformance.baseline import Baseline
from codex_conformance.baseline_file import read_baseline
from codex_conformance.known_failures import lasting, write_known_failures
from codex_conformance.ledger import load_ledger
from codex_conformance.results import Break, CaseResult, RunResult, Subject

LEDGER = load_ledger()
TODAY = date(2026, 5, 31)
KNOWN = ("login/a", "login/b", "wire/a", "wire/b")


def failed(case: str, clause: str, actual: str = "it went away") -> CaseResult:
    return CaseResult(case, (clause,), "fail", (Break(clause, "an answer", actual),))


def write(file: Path, *results: CaseResult, before: Baseline | None = None) -> str:
    """The file that a run of `results` writes."""
    run = RunResult(Subject("codex", "codex/1.0", "0.99"), LEDGER, results, (), 1.0)
    write_known_failures(file, run, before or Baseline(), KNOWN)
    return file.read_text()


def test_failures_are_written_by_clause_and_message_in_the_order_of_the_ledger(
    tmp_path: Path,
) -> None:
    text = write(
        tmp_path / "b.toml",
        failed("login/b", "LOGIN-1"),
        failed("login/a", "LOGIN-1"),
        failed("wire/b", "WIRE-9", 'the text "no"'),
        failed("wire/a", "WIRE-9"),
        CaseResult("other/a", ("OTHER-1",), "pass"),
    )
    assert (
        text.partition('revision = "0.99"\n')[2]
        == """
[[expected]]
clause = "WIRE-9"
cases = [
    "wire/a",
]
message = "expected an answer; got it went away"
reason = ""

[[expected]]
clause = "WIRE-9"
cases = [
    "wire/b",
]
message = 'expected an answer; got the text "no"'
reason = ""

[[expected]]
clause = "LOGIN-1"
cases = [
    "login/a",
    "login/b",
]
message = "expected an answer; got it went away"
reason = ""
"""
    )


@pytest.mark.parametrize(
    "actual",
    ['it\'s "quoted"', "back\\slash", "two\nlines", "\x7f", "\udc80", "a" * 1000, "", "\u2028 …"],
)
def test_what_is_written_excuses_what_was_found_whatever_it_says(
    tmp_path: Path, actual: str
) -> None:
    one = failed("wire/a", "WIRE-9", actual)
    write(tmp_path / "b.toml", one)
    baseline = read_baseline(tmp_path / "b.toml", LEDGER, TODAY)
    assert baseline.excuse(one).verdict == "expected-fail"
    assert baseline.stale([one], KNOWN, whole=True) == ()


@pytest.mark.parametrize(
    ("actual", "kept"),
    [
        ("4 requests", "4 requests"),
        ("none after 3.4 s", "none after"),
        ("127.0.0.1:43123", ""),
        ("thread 0199aa7b-11", "thread"),
        ("<tokens-1-access ba313815>", "<tokens-1-access"),
        ("a file in /tmp/abc/home", "a file in"),
        ('{"thread": {"id": "tr4s1bvhenp"', '{"thread": {'),
        ('{"status": "ok", "threadId": "a-b"', '{"status": "ok",'),
        ("a bell \a", "a bell"),
        ("word " * 100, ("word " * 32).strip()),
    ],
)
def test_message_is_kept_up_to_what_differs_from_run_to_run(actual: str, kept: str) -> None:
    one = Break("WIRE-9", "60000 ms", actual)
    assert lasting(one) == f"expected 60000 ms; got {kept}".strip()


BEFORE = """
release = "codex"
revision = "0.99"

[[expected]]
clause = "WIRE-9"
cases = ["wire/a", "wire/b"]
message = "went away"
reason = "It ends."
expires = 2026-12-31

[[expected]]
clause = "LOGIN-1"
cases = ["login/a", "login/gone"]
reason = "It is over."
expires = 2026-01-31

[[flaky]]
clause = "LOGIN-2"
cases = ["login/b"]
reason = "Now and then."
"""


def test_what_was_known_and_is_still_true_keeps_its_words(tmp_path: Path) -> None:
    file = tmp_path / "b.toml"
    file.write_text(BEFORE)
    text = write(
        file,
        failed("wire/a", "WIRE-9"),
        CaseResult("wire/b", ("WIRE-9",), "pass"),
        failed("login/a", "LOGIN-1"),
        CaseResult("login/b", ("LOGIN-2",), "flaky"),
        before=read_baseline(file, LEDGER, TODAY),
    )
    assert (
        text.partition('revision = "0.99"\n')[2]
        == """
[[expected]]
clause = "WIRE-9"
cases = [
    "wire/a",
]
message = "went away"
reason = "It ends."
expires = 2026-12-31

[[expected]]
clause = "LOGIN-1"
cases = [
    "login/a",
]
reason = "It is over."
expires = 2026-01-31

[[flaky]]
clause = "LOGIN-2"
cases = [
    "login/b",
]
reason = "Now and then."
"""
    )


def test_what_did_not_run_and_what_only_people_change_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "b.toml"
    file.write_text(BEFORE)
    write(
        file,
        CaseResult("wire/a", ("WIRE-9",), "pass"),
        CaseResult("login/a", ("LOGIN-1",), "pass"),
        CaseResult("login/b", ("LOGIN-2",), "pass"),
        before=read_baseline(file, LEDGER, TODAY),
    )
    kept = read_baseline(file, LEDGER).entries
    assert [(entry.clause, [*entry.cases]) for entry in kept] == [
        ("WIRE-9", ["wire/b"]),
        ("LOGIN-1", ["login/a"]),
        ("LOGIN-2", ["login/b"]),
    ]


# --- the whole way, against a server that misnames one member

MISNAMING = """
from contextlib import asynccontextmanager

import codex_reference_server


class Misnaming:
    def __init__(self, stream, name):
        self.stream, self.name = stream, name
        self.send, self.send_eof, self.aclose = stream.send, stream.send_eof, stream.aclose

    async def receive(self):
        return (await self.stream.receive()).replace(b'"usedPercent":', b'"%s":' % self.name)


def factory(name):
    @asynccontextmanager
    async def misnaming(home, environ, argv):
        async with codex_reference_server.in_memory(home, environ, argv) as stream:
            yield Misnaming(stream, name)

    return misnaming


used, spent, usedPercent = map(factory, (b"used", b"spent", b"usedPercent"))
"""


def check(folder: Path, member: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Judge a server that names a member of the limits so."""
    folder.joinpath("misnaming.py").write_text(MISNAMING)
    kit = [sys.executable, "-m", "codex_conformance", "check", "-k", "rate/"]
    target = f"--target=direct:misnaming:{member}"
    return subprocess.run(
        [*kit, target, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )


@pytest.mark.slow
@pytest.mark.timeout(180)  # four runs of the kit
def test_run_with_the_baseline_that_it_wrote_is_green_until_something_changes(
    tmp_path: Path,
) -> None:
    first = check(tmp_path, "used", "--write-baseline", "b.toml")
    assert first.returncode == 1
    assert first.stderr == "b.toml: written. Say why in each reason.\n"

    second = check(tmp_path, "used", "--baseline", "b.toml")
    assert second.returncode == 0, second.stdout
    assert "BASELINE  b.toml:6: WIRE-10: no reason is given\n" in second.stdout

    changed = check(tmp_path, "spent", "--baseline", "b.toml")
    assert changed.returncode == 1, changed.stdout
    assert "fails for another reason: expected 'expected rateLimits with " in changed.stdout

    mended = check(tmp_path, "usedPercent", "--baseline", "b.toml")
    assert mended.returncode == 1
    written = tmp_path.joinpath("b.toml").read_text().splitlines()
    line = written.index('    "rate/read/external-tokens",') + 1
    assert (
        f"STALE BASELINE  b.toml:{line}: WIRE-10 in rate/read/external-tokens: expected to fail, "
        "but the case does not find it broken (pass)\n"
    ) in mended.stdout
