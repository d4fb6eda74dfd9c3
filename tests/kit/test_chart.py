"""The conversation as steps, and as a sequence chart of text."""

import json
from pathlib import Path

import pytest
from codex_conformance.reports.chart import chart_lines
from codex_conformance.sequence import (
    MOST_STORED,
    Step,
    abridged,
    read_steps,
    steps_of,
    write_transcript,
)
from codex_conformance.wire import Direction, Entry, decode

SECRET = "eyJhbGciOiJ.secret.signature"


def conversation(*said: tuple[Direction, str]) -> list[Step]:
    """Steps, a millisecond apart."""
    entries = []
    for index, (direction, text) in enumerate(said):
        message, problem = (None, "")
        if direction in ("to-target", "from-target"):
            message, problem = decode(text.encode("utf-8", "surrogatepass"))
        entries.append(Entry(index, index / 1000, direction, text, message, problem))
    return list(steps_of(entries, {SECRET: "tokens-1-access"}))


def drawn(steps: list[Step]) -> list[tuple[str | None, str | None, str, str]]:
    return [(step.source, step.target, step.kind, step.label) for step in steps]


def talk() -> list[Step]:
    return conversation(
        ("to-target", '{"id":1,"method":"account/login/start","params":{}}'),
        ("from-target", '{"id":1,"result":{}}'),
        ("from-target", '{"method":"account/updated","params":{}}'),
        ("http", "POST /v1/responses (Bearer x, account acct-alpha)"),
        ("http", "401 to POST /v1/responses"),
        ("from-target", '{"id":1,"method":"account/chatgptAuthTokens/refresh","params":{}}'),
        ("to-target", '{"id":1,"error":{"code":-32000,"message":"no"}}'),
        ("note", "the parent closes the target's input"),
        ("from-target", "{oops"),
    )


def test_steps_are_told_from_and_to_whom_and_answers_what_they_answer() -> None:
    assert drawn(talk()) == [
        ("parent", "server", "request", "account/login/start"),
        ("server", "parent", "result", "result of account/login/start"),
        ("server", "parent", "notification", "account/updated"),
        ("server", "backend", "http", "POST /v1/responses"),
        ("backend", "server", "status", "401"),
        ("server", "parent", "request", "account/chatgptAuthTokens/refresh"),
        ("parent", "server", "error", "error of account/chatgptAuthTokens/refresh"),
        (None, None, "note", "the parent closes the target's input"),
        (
            "server",
            "parent",
            "rubbish",
            "not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        ),
    ]


def test_response_under_an_id_of_another_type_answers_nobody() -> None:
    steps = conversation(
        ("to-target", '{"id":1,"method":"account/read"}'), ("from-target", '{"id":"1","result":{}}')
    )
    assert steps[1].label == "result of a request that nobody made"


@pytest.mark.parametrize("hostile", ["\\u001b[31m", "\\u202e", "\\u0000", "\\ud800"])
def test_nothing_in_a_step_can_drive_a_terminal(hostile: str, tmp_path: Path) -> None:
    steps = conversation(
        ("from-target", json.dumps({"method": json.loads(f'"{hostile}"')}, ensure_ascii=False))
    )
    assert steps[0].label.isprintable()
    assert steps[0].text.isprintable()
    write_transcript(tmp_path, "a/b", steps)
    assert all(line.isprintable() for line in chart_lines(steps))


def test_secret_is_a_fingerprint_even_as_a_method() -> None:
    steps = conversation(("from-target", json.dumps({"method": SECRET})))
    assert steps[0].label.startswith("<tokens-1-access ")
    assert SECRET not in steps[0].text


def test_chart_has_a_column_a_speaker_and_marks_what_is_wrong() -> None:
    assert chart_lines(talk(), {2}, width=78)[:5] == [
        "            parent                                server               backend",
        "   0.000       │─ account/login/start ──────────────▶│                      │",
        "   0.001       │◀╌╌╌╌ result of account/login/start ╌│                      │",
        "   0.002 wrong │◀────────────────── account/updated ─│                      │",
        "   0.003       │                                     │─ POST /v1/responses ▶│",
    ]


def test_chart_of_nothing_is_nothing() -> None:
    assert chart_lines([]) == []


def test_chart_without_the_backend_has_no_column_for_it() -> None:
    head, only = chart_lines(
        conversation(("to-target", '{"id":1,"method":"initialize"}')), width=60
    )
    assert head.split() == ["parent", "server"]
    assert only == f"   0.000       │─ initialize {'─' * 28}▶│"


def test_chart_in_ascii_is_ascii() -> None:
    assert all(line.isascii() for line in chart_lines(talk(), {2}, ascii_only=True))


def many(count: int) -> list[Step]:
    return conversation(
        *[("to-target", json.dumps({"id": i, "method": "a"})) for i in range(count)]
    )


def test_steps_that_are_too_many_are_counted_the_wrong_and_the_last_ones_kept() -> None:
    few = abridged(many(100), 10, {50})
    assert [step.label if step.kind == "gap" else step.index for step in few] == [
        0,
        1,
        "46 more",
        48,
        49,
        50,
        51,
        52,
        "44 more",
        97,
        98,
        99,
    ]


def test_transcript_is_written_whole_for_people_and_bounded_for_charts(tmp_path: Path) -> None:
    steps = many(MOST_STORED + 10)
    name = write_transcript(tmp_path, "wire/a/b", steps)
    assert name == "wire.a.b.txt"
    lines = tmp_path.joinpath(name).read_text().splitlines()
    assert lines == [
        f"{i / 1000:9.3f} --> {json.dumps({'id': i, 'method': 'a'})}" for i in range(1010)
    ]
    assert read_steps(tmp_path / name) == abridged(steps, MOST_STORED)


@pytest.mark.parametrize("content", [None, "", "{}\n", "nonsense\n", '{"index":0}\n'])
def test_chart_that_cannot_be_read_is_none(content: str | None, tmp_path: Path) -> None:
    if content is not None:
        tmp_path.joinpath("a.jsonl").write_text(content)
    assert read_steps(tmp_path / "a.txt") == ()


def test_chart_says_how_many_steps_are_left_out() -> None:
    lines = chart_lines(abridged(many(100), 10, {50}))
    assert [line.strip() for line in lines if "more" in line] == ["⋮ 46 more", "⋮ 44 more"]
