"""Lines, messages, transcripts."""

import pytest
from codex_conformance.wire import LineReader, decode, printable


def lines(*chunks: bytes, limit: int = 100) -> list[bytes]:
    reader = LineReader(limit)
    return [line for chunk in chunks for line in reader.feed(chunk)]


def test_reader_puts_lines_together_from_any_chunks() -> None:
    whole = b'{"a":1}\n{"b":2}\n'
    assert lines(*(whole[i : i + 1] for i in range(len(whole)))) == [b'{"a":1}', b'{"b":2}']
    assert lines(whole) == [b'{"a":1}', b'{"b":2}']


def test_reader_takes_crlf_and_blank_lines() -> None:
    assert lines(b"{}\r\n\r\n\n{}\n") == [b"{}", b"", b"", b"{}"]


def test_reader_cuts_a_line_over_the_limit_and_goes_on_with_the_next() -> None:
    assert lines(b"x" * 250, b"y" * 50 + b"\n{}\n", limit=100) == [b"x" * 100, b"{}"]


def test_reader_keeps_what_has_no_end_of_line() -> None:
    reader = LineReader()
    assert list(reader.feed(b"{}\n{")) == [b"{}"]
    assert reader.rest() == b"{"
    assert reader.rest() == b""


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"y", "not JSON"),
        (b"[1]", "not a JSON object"),
        (b"{}", "neither a method nor an id"),
        (b'"\xff"', "not UTF-8"),
        (b"[" * 100_000, "nested too deep"),
    ],
)
def test_line_that_is_no_message_says_why(line: bytes, problem: str) -> None:
    message, why = decode(line)
    assert message is None
    assert why.startswith(problem)


def test_message_is_decoded() -> None:
    assert decode('{"id":"ü","result":null}'.encode()) == ({"id": "ü", "result": None}, "")


def test_terminal_sequences_are_spelled_out() -> None:
    assert printable("a\x1b[2Jb\x07\u202e") == "a\\x1b[2Jb\\x07\\x202e"
