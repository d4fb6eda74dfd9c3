"""The conversation before the first case: why it fails is one sentence."""

import json
from typing import Any, ClassVar

import pytest
from codex_conformance.bench import Judged
from codex_conformance.errors import UnfitTargetError
from codex_conformance.opening import converse, introduce
from codex_conformance.targets import DirectTarget

from .odd_servers import GREETING, odd_server

LOGIN = "account/login/start"
REFUSED: dict[str, Any] = {"error": {"code": -32600, "message": "no such login"}}
TAKEN: dict[str, Any] = {"result": {"type": "chatgptAuthTokens"}}
THREAD: dict[str, Any] = {"result": {"thread": {"id": "t-1"}}}
NOBODY: dict[str, Any] = {"result": {"account": None, "requiresOpenaiAuth": True}}


def judged(**answers: dict[str, Any]) -> Judged:
    return Judged(odd_server(**{"initialize": GREETING} | answers), "0.99")


@pytest.mark.parametrize(
    ("answers", "message", "hint"),
    [
        (
            {"initialize": {}},
            "the target's answer to initialize is neither a result nor an error",
            "",
        ),
        ({}, f"the target did not answer {LOGIN} within 10 s; it sent this instead: ", ""),
        (
            {"account_login_start": REFUSED},
            "the target accepts a login with external tokens in no revision's shape",
            f"shape of 0.93: {json.dumps(REFUSED)}\n  shape of 0.99: {json.dumps(REFUSED)}",
        ),
    ],
)
def test_target_whose_revision_cannot_be_told_is_unfit(
    answers: dict[str, Any], message: str, hint: str
) -> None:
    with pytest.raises(UnfitTargetError) as unfit:
        introduce(judged(**answers), None)
    assert unfit.value.message.startswith(message)
    assert unfit.value.hint.startswith(hint)


@pytest.mark.parametrize(
    ("turn", "message"),
    [
        (
            {"result": {"turn": {"id": "turn-1"}}},
            "a turn with valid tokens does not end: ",
        ),
        ({"result": {"turn": {}}}, "the opening conversation fails: "),
    ],
)
def test_target_that_ends_no_turn_is_unfit(turn: dict[str, Any], message: str) -> None:
    answers = {"account_login_start": TAKEN, "account_read": NOBODY, "thread_start": THREAD}
    with pytest.raises(UnfitTargetError) as unfit:
        converse(judged(**answers, turn_start=turn))
    assert unfit.value.message.startswith(message)


class Running(DirectTarget):
    """A server that somebody else has started, so that nobody may be logged in on it."""

    is_ours: ClassVar = False


@pytest.mark.parametrize(
    ("why", "revision"),
    [("requires experimentalApi", "0.99"), ("idToken is missing", "0.93"), (None, None)],
)
def test_revision_of_a_running_server_is_told_by_what_it_refuses(
    why: str | None, revision: str | None
) -> None:
    login = TAKEN if why is None else {"error": {"code": -32600, "message": why}}
    unknown = {"error": {"code": -32601, "message": "unknown method"}}
    target = odd_server(
        initialize=GREETING, account_login_start=login, account_securitySetup_read=unknown
    )
    running = Judged(Running(target.factory, ()), "0.99")
    if revision is None:
        with pytest.raises(UnfitTargetError, match=r"the running server cannot be told$"):
            introduce(running, None)
    else:
        assert introduce(running, None).revision == revision


@pytest.mark.parametrize(("words", "revision"), [("Nein.", "0.99"), ("log in first", "0.169")])
def test_method_refused_like_one_that_there_is_not_is_unknown(words: str, revision: str) -> None:
    target = odd_server(
        initialize=GREETING,
        account_login_start={"error": {"code": 7, "message": "requires experimentalApi"}},
        account_securitySetup_read={"error": {"code": 7, "message": words}},
        noSuchName={"error": {"code": 7, "message": "Nein."}},
    )
    assert introduce(Judged(Running(target.factory, ()), "0.99"), None).revision == revision
