"""The results file: its schema, what is refused, and that it can be told again."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from codex_conformance import results_file
from codex_conformance.errors import UsageError
from codex_conformance.ledger import load_ledger
from codex_conformance.results import (
    VERDICTS,
    Break,
    CaseResult,
    Plan,
    RunResult,
    Shard,
    Subject,
)
from codex_conformance.results_file import read_results, replay, results_schema, results_text
from codex_conformance.sequence import Step, write_transcript
from jsonschema import Draft202012Validator

STEPS = (
    Step(0, 0.0, "parent", "server", "request", "account/read", '{"id":1,"method":"account/read"}'),
    Step(1, 0.25, "server", "parent", "result", "result of account/read", '{"id":1,"result":7}'),
)
RUN = RunResult(
    subject=Subject("codex app-server", "kit/0.169.0 (Linux)", "0.169"),
    ledger=load_ledger(),
    cases=(
        CaseResult(
            "login/a",
            ("LOGIN-1",),
            "fail",
            (
                Break("WIRE-10", "an object", "7", "0.250 <-- …", 1),
                Break("WIRE-4", "one", "two", why="so"),
            ),
            message="expected an object; got 7",
            duration_s=0.25,
            target_cpu_s=0.125,
            transcript="login.a.txt",
            steps=STEPS,
        ),
        CaseResult("read/b", ("READ-1",), "pass", transcript="read.b.txt"),
        CaseResult(
            "refresh/c", ("REFRESH-10",), "observed", observations={"REFRESH-10": "1 request"}
        ),
    ),
    stale=("b.toml: gone",),
    wall_s=1.5,
    unexplained=("b.toml: line 3",),
    kit_version="1.2.3",
)


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """The run as it is stored, with its transcripts."""
    path = tmp_path / "r.json"
    folder = tmp_path / "r.json.d"
    folder.mkdir()
    write_transcript(folder, "login/a", STEPS)
    write_transcript(folder, "read/b", STEPS)
    path.write_text(results_text(RUN, folder.name))
    return path


def complaint(path: Path) -> str:
    with pytest.raises(UsageError) as refused:
        read_results(path)
    assert "\n" not in refused.value.message
    return refused.value.message.replace(str(path), "F")


def whole() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(results_text(RUN, "r.json.d"))
    return document


def test_file_fits_its_schema_with_and_without_a_shard() -> None:
    validator = Draft202012Validator(results_schema())
    validator.check_schema(results_schema())
    validator.validate(whole())
    validator.validate(whole() | {"shard": {"number": 1, "of": 2, "cases": ["login/a"]}})


def test_verdicts_of_the_schema_are_those_of_the_kit() -> None:
    schema = results_schema()
    assert schema["$defs"]["verdict"]["enum"] == list(VERDICTS)
    assert schema["properties"]["summary"]["required"] == list(VERDICTS)


def test_stored_run_is_the_run_that_was_stored(stored: Path) -> None:
    read = read_results(stored)
    assert read.run.cases == RUN.cases
    assert read.run.subject == RUN.subject
    assert results_text(read.run, "r.json.d") == stored.read_text()
    assert read.folder == stored.parent / "r.json.d"


def test_shard_is_stored(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    shard = Shard(1, 2, ("login/a",))
    path.write_text(json.dumps(whole() | {"shard": {"number": 1, "of": 2, "cases": ["login/a"]}}))
    assert read_results(path).run.shard == shard


def test_conversation_of_a_case_that_passed_is_read_only_if_asked_for(stored: Path) -> None:
    def steps(every: bool) -> list[int]:
        cases = read_results(stored, every_conversation=every).run.cases
        return [len(case.steps) for case in cases]

    assert steps(every=False) == [2, 0, 0]
    assert steps(every=True) == [2, 2, 0]


def test_run_without_its_transcripts_has_no_conversations(stored: Path) -> None:
    for file in stored.parent.joinpath("r.json.d").iterdir():
        file.unlink()
    assert all(case.steps == () for case in read_results(stored).run.cases)


@pytest.mark.parametrize(
    "path", ["../x.d/a.txt", "/etc/a.txt", "etc/a.txt", "a.txt", "a.d/b/c.txt", ""]
)
def test_transcript_is_read_from_a_folder_beside_the_file_or_not_at_all(
    path: str, tmp_path: Path
) -> None:
    document = whole()
    for case in document["cases"]:
        case["transcript"] = path
    tmp_path.joinpath("r.json").write_text(json.dumps(document))
    read = read_results(tmp_path / "r.json")
    assert read.folder is None
    assert {case.transcript for case in read.run.cases} == {None}


def test_reporters_hear_of_a_stored_run_what_they_hear_of_a_live_one(stored: Path) -> None:
    heard: list[Any] = []

    class Listener:
        def started(self, plan: Plan) -> None:
            heard.append(plan)

        def finished_case(self, result: CaseResult) -> None:
            heard.append(result)

        def finished(self, run: RunResult) -> None:
            heard.append(run.clauses())

    replay(read_results(stored).run, [Listener()])
    assert heard == [Plan(RUN.subject, 3, 1), *RUN.cases, RUN.clauses()]


def test_clause_that_only_the_file_knows_keeps_its_level_and_verdict(tmp_path: Path) -> None:
    text = results_text(RUN, None).replace("LOGIN-1", "NOVEL-1")
    path = tmp_path / "r.json"
    path.write_text(text)
    read = read_results(path).run
    assert (read.clauses()["NOVEL-1"].level, read.clauses()["NOVEL-1"].verdict) == (
        "MUST",
        "untestable",
    )
    assert read.ledger.clauses["NOVEL-1"].sentence == "This kit's ledger has no such clause."


def test_nothing_that_a_file_says_can_drive_a_terminal(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text(results_text(RUN, None).replace("expected an object", "\\u001b[31m\\u202e"))
    assert read_results(path).run.cases[0].message == "\\x1b[31m\\x202e; got 7"


@pytest.mark.parametrize(
    ("content", "got"),
    [
        (b"", "Input data was truncated"),
        (b'{"format": 1, "kit": {', "Input data was truncated"),
        (b"\xff\xfe", "JSON is malformed: invalid character (byte 0)"),
        (b"<testsuites/>", "JSON is malformed: invalid character (byte 0)"),
        (b"[]", "Expected `object`, got `array`"),
        (b"[" * 100_000, "Expected `object`, got `array`"),
        (b"{}", "Object missing required field `format`"),
        (b'{"format": 1}', "Object missing required field `kit`"),
        (b'{"format": "1"}', "Expected `int`, got `str` - at `$.format`"),
    ],
)
def test_file_that_is_none_is_refused_with_one_sentence(
    content: bytes, got: str, tmp_path: Path
) -> None:
    path = tmp_path / "r.json"
    path.write_bytes(content)
    assert complaint(path) == f"F: expected what `check --json` writes, got this: {got}"


def test_file_of_a_newer_format_is_refused_with_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text('{"format": 2}')
    said = "F: expected a results file of format 1 or older, got format 2"
    assert complaint(path) == said


def test_file_that_is_not_there_is_refused_with_one_sentence(tmp_path: Path) -> None:
    assert complaint(tmp_path / "none.json") == "F: No such file or directory"
    assert complaint(tmp_path).endswith(": Is a directory")


def _without(document: Any, *path: str | int) -> Any:
    changed = copy.deepcopy(document)
    place = changed
    for step in path[:-1]:
        place = place[step]
    del place[path[-1]]
    return changed


def _with(document: Any, value: Any, *path: str | int) -> Any:
    changed = copy.deepcopy(document)
    place = changed
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return changed


def _paths(value: Any, *path: str | int) -> Iterator[tuple[str | int, ...]]:
    yield path
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, part in items:
        yield from _paths(part, *path, key)


def test_reader_refuses_what_the_schema_refuses(tmp_path: Path) -> None:
    document = whole() | {"shard": {"number": 1, "of": 2, "cases": ["login/a"]}}
    validator = Draft202012Validator(results_schema())
    path = tmp_path / "r.json"
    refused = 0
    for place in list(_paths(document))[1:]:
        wrong = [_with(document, value, *place) for value in (None, 7.5, {"x": 1}, ["x"], "x")]
        for changed in [*wrong, _without(document, *place)]:
            if not validator.is_valid(changed):
                path.write_text(json.dumps(changed))
                assert complaint(path), place
                refused += 1
    assert refused > 200


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d["cases"].append(d["cases"][0]), "expected a case once, got login/a 2 times"),
        (lambda d: d["cases"][0]["breaks"].pop(), "login/a: broken and breaks name other clauses"),
        (lambda d: d["cases"].pop(), "the summary does not count the cases that the file has"),
    ],
)
def test_file_that_contradicts_itself_is_refused(change: Any, said: str, tmp_path: Path) -> None:
    document = whole()
    change(document)
    path = tmp_path / "r.json"
    path.write_text(json.dumps(document))
    assert complaint(path) == f"F: {said}"


def test_file_that_is_too_large_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results_file, "_LARGEST", 1000)
    path = tmp_path / "r.json"
    path.write_text(json.dumps(whole()))
    assert complaint(path) == "F: expected a results file, got more than 1000 bytes"
