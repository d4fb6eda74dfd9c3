"""Whatever a target says, the kit comes to a verdict: it never breaks itself."""

import json
from typing import Any

import matrix
from anyio.abc import ObjectReceiveStream, ObjectSendStream
from codex_account_protocol import methods
from codex_conformance.bench import Judged, judge_case
from codex_conformance.exchange import REFRESH
from codex_conformance.targets import DirectTarget
from control import Factory, target
from from_schema import JSON, broken, valid
from hypothesis import given, settings
from hypothesis import strategies as st

NEWEST = "0.169"
CLOSE = None  # what a target does last
Say = list[bytes] | None
ROWS = methods(NEWEST)


def said() -> st.SearchStrategy[Say]:
    """What a target says for one message that it gets; `ID` stands for the id of a request."""
    return st.none() | st.lists(_line(), max_size=4)


def _line() -> st.SearchStrategy[bytes]:
    results = [row.result for row in ROWS if row.result]
    told = [row for row in ROWS if row.kind == "notification" and row.params]
    answers = st.sampled_from(results).flatmap(lambda name: _value(name))
    ids = st.just("ID") | JSON
    return st.one_of(
        st.builds(lambda key, result: {"id": key, "result": result}, ids, answers).map(_encoded),
        st.builds(lambda key, error: {"id": key, "error": error}, ids, JSON).map(_encoded),
        st.sampled_from(told).flatmap(
            lambda row: _value(row.params or "").map(
                lambda params: _encoded({"method": row.method, "params": params})
            )
        ),
        st.builds(
            lambda key, params: {"id": key, "method": REFRESH, "params": params}, JSON, JSON
        ).map(_encoded),
        st.dictionaries(st.sampled_from(["id", "method", "params", "result", "error"]), JSON).map(
            _encoded
        ),
        st.binary(max_size=60),
    )


def _value(type_name: str) -> st.SearchStrategy[Any]:
    return valid(NEWEST, type_name) | broken(NEWEST, type_name)


def _encoded(message: Any) -> bytes:
    return json.dumps(message).encode()


def talker(script: list[Say]) -> Factory:
    """A target that says the next part of its script for every message; at first it greets."""

    async def talk(came: ObjectReceiveStream[bytes], said: ObjectSendStream[bytes]) -> None:
        parts = iter(script)
        async for chunk in came:
            for line in chunk.splitlines():
                lines = _greeting(line) or next(parts, [])
                if lines is CLOSE:
                    return
                for each in lines:
                    await said.send(each.replace(b'"ID"', _id_in(line)) + b"\n")

    return target(talk)


def _id_in(line: bytes) -> bytes:
    try:
        return json.dumps(json.loads(line)["id"]).encode()
    except (ValueError, RecursionError, KeyError, TypeError):
        return b"0"


def _greeting(line: bytes) -> list[bytes] | None:
    if b'"method":"initialize"' not in line:
        return None
    result = {"userAgent": "a/1", "codexHome": "/", "platformFamily": "unix", "platformOs": "x"}
    return [_encoded({"id": "ID", "result": result})]


@settings(max_examples=150)
@given(script=st.lists(said(), max_size=8), number=st.integers(0, 10**6))
def test_any_target_gets_a_verdict(script: list[Say], number: int) -> None:
    cases = matrix.cases(NEWEST)
    spec, body = cases[number % len(cases)]
    result = judge_case(Judged(DirectTarget(talker(script), ()), NEWEST), spec, body)
    assert result.verdict != "error", f"{spec.id}: {result.message}"


@settings(max_examples=100)
@given(script=st.lists(st.lists(_line(), max_size=4), min_size=1, max_size=8))
def test_any_answer_to_a_login_and_a_turn_gets_a_verdict(script: list[Say]) -> None:
    case = matrix.by_id(NEWEST)["refresh/good-answer"]
    result = judge_case(Judged(DirectTarget(talker(script), ()), NEWEST), *case)
    assert result.verdict != "error", result.message
    assert result.verdict != "pass"
