"""What a crash looks like, and what a placeholder is."""

import pytest
from codex_conformance.judge_parent.application import CRASHES
from codex_conformance.judge_parent.rules import PLACEHOLDER

CRASHED = {
    "a Python traceback": b'Traceback (most recent call last):\n  File "x.py", line 1\n',
    "an uncaught JavaScript error": b"TypeError: no function\n    at x\n\nNode.js v20.1.0\n",
    "a Go panic": b"panic: runtime error: invalid memory address\n\ngoroutine 1 [running]:\n",
    "a Rust panic": b"\nthread 'main' (1) panicked at src/main.rs:1:5:\n",
    "a Swift trap": b"app/main.swift:3: Fatal error: Index out of range\n",
    "an unhandled exception": b"Unhandled exception. System.Exception: x\n   at Main\n",
}


@pytest.mark.parametrize("name", CRASHED)
def test_crash_is_recognized_by_what_its_runtime_says(name: str) -> None:
    assert [kind for kind, pattern in CRASHES if pattern.search(CRASHED[name])] == [name]


@pytest.mark.parametrize("said", [b"", b"codex has ended: exit status 101\n", b"error: no panic\n"])
def test_plain_words_are_no_crash(said: bytes) -> None:
    assert [kind for kind, pattern in CRASHES if pattern.search(said)] == []


@pytest.mark.parametrize("text", ["***", "[REDACTED]", "<hidden>", "eyJh…", "••••", "xxxxxxxx"])
def test_placeholder_is_recognized(text: str) -> None:
    assert PLACEHOLDER.search(text)
