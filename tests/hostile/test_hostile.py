"""Who is judged is hostile input: the kit keeps bounds, says what happened, and tidies up."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from uuid import uuid4

import hostile
import hostile_parent
import pytest
from codex_conformance.clock import REAL

HERE = Path(__file__).parent
MIB_LIMIT = 512
SECONDS_LIMIT = 50
WHERE_NOTHING_COMES = 5.0  # seconds that a kit waits for an answer that is known not to come
SILENT = ("expected the logout to succeed; got no response to account/logout", "is running")
FLOOD = ("no response to account/logout", "the target floods its output: nobody listens any more")
NO_MESSAGE = "expected one JSON object a line, in UTF-8; got "

# Per habit, the clauses that are broken and what the message says; what is not here passes.
BREAKS: dict[str, tuple[set[str], tuple[str, ...]]] = {
    "a-line-without-end": ({"LOGOUT-6", "WIRE-1", "WIRE-4"}, FLOOD),
    "messages-without-end": ({"LOGOUT-6", "WIRE-4"}, FLOOD),
    "requests-without-end": ({"LOGOUT-6", "WIRE-4"}, SILENT),
    "rubbish-without-end": ({"LOGOUT-6", "WIRE-1", "WIRE-4"}, FLOOD),
    "empty-lines-without-end": ({"LOGOUT-6", "WIRE-4"}, FLOOD),
    "stderr-without-end": ({"LOGOUT-6", "WIRE-4"}, SILENT),
    "deep-nesting": ({"WIRE-1"}, (NO_MESSAGE + "nested too deep",)),
    "deep-message": ({"WIRE-1"}, (NO_MESSAGE + "nested too deep",)),
    "wide-message": ({"WIRE-10"}, ("AccountUpdatedNotification: authMode: [{}, {}, ", "…")),
    "not-a-number": ({"WIRE-1"}, (NO_MESSAGE + "not JSON: NaN is no JSON value",)),
    "infinite-number": ({"WIRE-10"}, ("authMode: inf is not valid",)),
    "long-number": ({"WIRE-1"}, (NO_MESSAGE + "not JSON: Exceeds the limit (4300 digits)",)),
    "half-a-surrogate": ({"WIRE-1"}, (NO_MESSAGE + "a text with half a surrogate pair",)),
    "raw-terminal-escapes": ({"WIRE-1"}, (NO_MESSAGE + "not JSON",)),
    "huge-id": ({"WIRE-2"}, ("a response under the id", "characters), which no request has")),
    "ends-within-a-line": (
        {"LOGOUT-6", "WIRE-1", "WIRE-4"},
        ("no response to account/logout", "the target's output has ended"),
    ),
    "stops-itself": ({"LOGOUT-6", "WIRE-4"}, SILENT),
    "deaf-to-everything": ({"LOGOUT-6", "WIRE-4"}, SILENT),
    "process-that-holds-the-pipes": ({"LOGOUT-6", "WIRE-4"}, SILENT),
}


# Per habit of a parent, the clauses that are broken; of what is not here that is PARENT-3.
UNREADABLE = {"PARENT-1", "PARENT-3"}  # a line that is none, and so no answer
BROKEN_BY_PARENTS: dict[str, set[str]] = {
    "deep-nesting": UNREADABLE,
    "deep-answer": UNREADABLE,
    "huge-answer": UNREADABLE,
    "not-a-number": UNREADABLE,
    "long-number": UNREADABLE,
    "half-a-surrogate": UNREADABLE,
    "raw-escapes": UNREADABLE,
    "rubbish-without-end": UNREADABLE,
    "deaf-to-everything": set(),
    "process-that-outlives-it": set(),
    "process-with-a-lock": set(),
    "process-without-its-environment": set(),
    "many-processes": set(),
}


def judged(habit: str, scratch: Path, *scheme: str) -> dict[str, Any]:
    """What a kit makes of a habit."""
    said = BREAKS.get(habit, (set(), ()))[1]
    patience = WHERE_NOTHING_COMES if said == SILENT else REAL.patience
    return said_by("judge.py", scratch, habit, str(patience), *scheme)


def said_by(script: str, scratch: Path, *arguments: str) -> dict[str, Any]:
    """What a kit of its own process finds; it leaves no file and no process behind."""
    scratch.mkdir()
    mark = f"left-over-{uuid4()}"
    done = subprocess.run(
        [sys.executable, str(HERE / script), *arguments],
        env=os.environ | {"TMPDIR": str(scratch), "HOSTILE_MARK": mark},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS_LIMIT,
    )
    assert done.returncode == 0, done.stderr
    assert list(scratch.iterdir()) == []
    assert processes_with(str(scratch), mark) == []
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def processes_with(*texts: str) -> list[str]:
    """The processes in whose command line or environment one of these texts stands."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            told = entry.joinpath("environ").read_bytes() + entry.joinpath("cmdline").read_bytes()
        except OSError:
            continue
        if any(text.encode() in told for text in texts):
            found.append(told.decode(errors="replace"))
    return found


@pytest.mark.parametrize("habit", hostile.HABITS)
def test_hostile_target_gets_a_verdict_within_bounds(habit: str, tmp_path: Path) -> None:
    found = judged(habit, tmp_path / "scratch")
    broken, said = BREAKS.get(habit, (set(), ()))
    assert set(found["broken"]) == broken
    assert found["verdict"] == ("fail" if broken else "pass")
    assert [each for each in said if each not in found["message"]] == []
    assert found["message"] is None or found["message"].isprintable()
    assert found["mib"] < MIB_LIMIT


@pytest.mark.slow
def test_hostile_parents_get_a_verdict_within_bounds() -> None:
    with tempfile.TemporaryDirectory() as folder:  # its path is short enough for a socket
        told = said_by("judge_parents.py", Path(folder, "scratch"))
    broken = {habit: set(clauses) for habit, (clauses, _) in told["found"].items()}
    every = hostile_parent.HABITS | hostile_parent.FLOODS
    assert broken == {habit: BROKEN_BY_PARENTS.get(habit, {"PARENT-3"}) for habit in every}
    said = {habit: message or "" for habit, (_, message) in told["found"].items()}
    assert [habit for habit, message in said.items() if not message.isprintable()] == []
    assert "the parent floods codex, which has ended" in said["rubbish-without-end"]
    assert "the parent has ended with exit status 3" in said["ends-within-a-line"]
    assert told["mib"] < MIB_LIMIT


@pytest.mark.parametrize("scheme", ["ws", "unix"])
@pytest.mark.parametrize(
    "habit",
    ["process-that-outlives-it", "process-without-its-environment", "many-processes"],
)
def test_processes_that_left_the_group_of_a_listening_target_are_ended(
    habit: str, scheme: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:  # its path is short enough for a socket
        found = judged(habit, Path(folder, "scratch"), scheme)
    assert (found["verdict"], found["message"]) == ("pass", None)


def test_processes_of_a_binary_that_is_asked_for_its_schema_are_ended(tmp_path: Path) -> None:
    binary = tmp_path / "codex"
    binary.write_text(
        f"#!{sys.executable}\n"
        f"import sys\nsys.path.append({str(HERE)!r})\n"
        "import hostile\nhostile.fork_away()\nprint('codex-cli 0.1.0')\n"
    )
    binary.chmod(0o755)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "codex_conformance", "spec", "diff", "--", str(binary)],
        env=os.environ | {"TMPDIR": str(scratch)},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS_LIMIT,
    )
    assert done.returncode == 2, done.stdout
    assert processes_with(str(scratch)) == []


AGENT = '"userAgent":"codex/1 \\u001b[2J\\u001b]0;owned\\u0007<script>alert(1)</script>../../x"'


def test_reports_of_a_hostile_target_are_safe(tmp_path: Path) -> None:
    script = tmp_path / "target.py"
    script.write_text(
        "import sys, json\n"
        "for line in sys.stdin:\n"
        "    message = json.loads(line)\n"
        "    if 'id' in message:\n"
        f"        result = json.loads({'{' + AGENT + '}'!r})\n"
        "        result |= {'account': None, 'thread': {'id': '../../t'}, 'turn': {'id': 't'}}\n"
        "        print(json.dumps({'id': message['id'], 'result': result}), flush=True)\n"
        "        if message['method'] == 'turn/start':\n"
        "            done = {'threadId': '../../t', 'turn': {'id': 't', 'status': 'failed'}}\n"
        "            print(json.dumps({'method': 'turn/completed', 'params': done}), flush=True)\n"
    )
    results = tmp_path / "results.json"
    command = [sys.executable, "-m", "codex_conformance", "check", "--revision", "0.169"]
    command += [
        "--jobs",
        "1",
        "--case",
        "logout/nobody",
        "--json",
        str(results),
        "--junit",
        f"{results}.xml",
    ]
    done = subprocess.run(
        [*command, "--", sys.executable, str(script)],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS_LIMIT,
    )
    assert done.returncode == 1, done.stderr
    assert "\x1b" not in done.stdout + done.stderr + results.read_text()
    assert "<script>" not in Path(f"{results}.xml").read_text()
    written = {path.name for path in tmp_path.rglob("*")}
    assert written >= {"results.json", "results.json.d", "target.py"}
    assert not Path(tmp_path.parent, "x").exists()
