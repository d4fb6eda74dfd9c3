"""REFRESH: answers that are none, or not good ones."""

from collections.abc import Callable
from typing import Any

import pytest

from codex_conformance.case import case, expect, not_applicable, require, since
from codex_conformance.exchange import RefreshRequest
from codex_conformance.expectations import account_meanwhile
from codex_conformance.mock_backend import MockBackend
from codex_conformance.mock_parent import MockParent
from codex_conformance.tokens import NO_JWT, ExternalTokens, Mint

Answer = Callable[[ExternalTokens, str], Any]  # tokens and revision to the result of an answer


def _without(place: int) -> Answer:
    """Without the first or the second required member."""

    def answer(tokens: ExternalTokens, revision: str) -> Any:
        members = tokens.members(revision)
        del members[_required(tokens, revision)[place]]
        return members

    return answer


def _with(place: int, value: Any) -> Answer:
    """With another value in place of the first or the second required member."""
    return lambda tokens, revision: (
        tokens.members(revision) | {_required(tokens, revision)[place]: value}
    )


def _required(tokens: ExternalTokens, revision: str) -> list[str]:
    """The members that an answer has to have: the access token first."""
    return sorted(tokens.members(revision), key=lambda name: name != "accessToken")


def _other_revision(tokens: ExternalTokens, revision: str) -> Any:
    return tokens.members("0.99" if revision == "0.93" else "0.93")


INVALID: dict[str, Answer] = {
    "null": lambda _tokens, _revision: None,
    "empty": lambda _tokens, _revision: {},
    "text": lambda _tokens, _revision: "refreshed",
    "number": lambda _tokens, _revision: 1,
    "boolean": lambda _tokens, _revision: True,
    "other-revision": _other_revision,
    "access-token-missing": _without(0),
    "access-token-null": _with(0, None),
    "access-token-number": _with(0, 5),
    "access-token-object": _with(0, {"token": "x"}),
    "second-member-missing": _without(1),
    "second-member-null": _with(1, None),
    "second-member-number": _with(1, 5),
    "second-member-array": _with(1, ["x"]),
}


async def judge_invalid(
    parent: MockParent, backend: MockBackend, tokens: Mint, answer: Answer
) -> None:
    """Answer a refresh with what does not validate; judge the turn, the tokens, the next turn."""
    old, bad, good = tokens.mint(), tokens.mint(), tokens.mint()
    await parent.login(old)
    before = await parent.account()
    backend.expire(old)
    turn, request = await parent.refused_turn()
    await request.respond({"result": answer(bad, parent.revision)})
    outcome = await turn.outcome()
    after = await parent.account()

    expect("REFRESH-13", outcome.failed, "the turn to fail with an error", outcome)
    expect("REFRESH-13", after == before, f"the account from before, {before}", after)
    for sent in backend.requests:
        known = sent.token in (None, old.access_token)
        expect("REFRESH-13", known, "nothing of the answer to be sent", sent)

    turn = await parent.start_turn()
    asked = await parent.refresh_if_any()
    expect("REFRESH-13", asked is not None, "the next turn to ask again", await turn.outcome(0))
    assert asked is not None
    await asked.answer(good)
    outcome = await turn.outcome()
    require("REFRESH-3", outcome.completed, "the next turn to complete when answered", outcome)


@pytest.mark.parametrize("what", INVALID)
@case("refresh/invalid-answer", "REFRESH-13")
async def test_refresh_answer_that_does_not_validate_fails_the_turn(
    parent: MockParent, backend: MockBackend, tokens: Mint, what: str
) -> None:
    """An answer that does not validate fails the turn, keeps the tokens; the next turn asks."""
    await judge_invalid(parent, backend, tokens, INVALID[what])


@case("refresh/invalid-answer-plan", "REFRESH-13", revisions=since("0.99"))
async def test_refresh_answer_with_a_plan_of_the_wrong_type_fails_the_turn(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """A `chatgptPlanType` that is no text makes the whole answer invalid."""
    await judge_invalid(
        parent, backend, tokens, lambda bad, rev: bad.members(rev) | {"chatgptPlanType": 5}
    )


@pytest.mark.parametrize("what", [name for name in NO_JWT if name != "empty"])
@case("refresh/answer-no-jwt", "REFRESH-13")
async def test_refresh_answer_with_no_jwt_fails_the_turn(
    parent: MockParent, backend: MockBackend, tokens: Mint, what: str
) -> None:
    """A text that is no JWT where claims are read from fails the turn and is never sent."""
    text = tokens.keep(NO_JWT[what](tokens.mint().access_token))

    def answer(bad: ExternalTokens, revision: str) -> Any:
        return bad.claims_replaced(revision, text).members(revision)

    await judge_invalid(parent, backend, tokens, answer)


def _array(tokens: ExternalTokens, revision: str) -> Any:
    """The members in the order of the schema, without their names."""
    absent_plan = [] if revision == "0.93" else [None]
    return {"result": [*tokens.members(revision).values(), *absent_plan]}


ODD: dict[str, Callable[[ExternalTokens, str], dict[str, Any]]] = {
    "empty-access-token": lambda new, revision: {"result": _with(0, "")(new, revision)},
    "empty-second-member": lambda new, revision: {"result": _with(1, "")(new, revision)},
    "array": _array,
    "both": lambda new, revision: {
        "result": new.members(revision),
        "error": {"code": -32000, "message": "both"},
    },
}
HALF: dict[str, dict[str, Any]] = {"neither": {}, "error-null": {"error": None}}


@pytest.mark.parametrize("what", ODD)
@case("refresh/odd-answer", "REFRESH-13")
async def test_refresh_answered_oddly_ends_the_turn_somehow(
    parent: MockParent, backend: MockBackend, tokens: Mint, what: str
) -> None:
    """Empty texts, an array, both result and error: the turn ends in one way or another."""
    await observe_answer(parent, backend, tokens, what, ODD[what](tokens.mint(), parent.revision))


@pytest.mark.parametrize("what", HALF)
@case("refresh/half-answer", "REFRESH-13", waits=10)
async def test_refresh_answered_by_half_ends_the_turn_somehow(
    parent: MockParent, backend: MockBackend, tokens: Mint, what: str
) -> None:
    """Neither result nor error is no answer, or a bad one: the turn ends in one way or another."""
    await observe_answer(parent, backend, tokens, what, HALF[what])


async def observe_answer(
    parent: MockParent, backend: MockBackend, tokens: Mint, what: str, body: dict[str, Any]
) -> None:
    """Answer a refresh with `body`, and note what becomes of the turn."""
    old = tokens.mint()
    await parent.login(old)
    backend.expire(old)
    turn, request = await parent.refused_turn()
    await request.respond(body)
    outcome, when = await turn.outcome(parent.clock.prompt), "at once"
    if not outcome.ended:
        outcome, when = await turn.outcome(), "after the limit"
    how = "completes" if outcome.completed else "fails"
    said = f"the turn {how} {when}" if outcome.ended else "the turn does not end"
    parent.observe("REFRESH-13", f"answered with {what.replace('-', ' ')}, {said}")


def _foreign(request: RefreshRequest) -> Any:
    if isinstance(request.id, int):
        return _another(request, 987_654)
    return f"{request.id}-foreign"


def _another(request: RefreshRequest, number: int) -> int:
    """This number, or the one below where the target itself has come upon it."""
    return number if request.id != number else number - 1


def _retyped(request: RefreshRequest) -> Any:
    if isinstance(request.id, int):
        return str(request.id)
    if not request.id.isdecimal():
        not_applicable("the id of the refresh request has no equal of another type")
    return int(request.id)


STRAY_IDS: dict[str, Callable[[RefreshRequest], Any]] = {
    "foreign": _foreign,
    "foreign-text": lambda _request: "nobody's",
    "negative": lambda request: _another(request, -1),
    "other-type": _retyped,
    "null": lambda _request: None,
}


@pytest.mark.parametrize("what", STRAY_IDS)
@case("refresh/answer-under-id", "REFRESH-14")
async def test_refresh_answered_under_another_id_stays_pending(
    parent: MockParent, backend: MockBackend, tokens: Mint, what: str
) -> None:
    """An answer under another id, or the id as another type, is none; the right one still is."""
    old, stray, new = tokens.mint(), tokens.mint(), tokens.mint()
    await parent.login(old)
    before = await parent.account()
    backend.expire(old)
    turn, request = await parent.refused_turn()
    members = stray.members(parent.revision)
    await request.respond({"result": members}, id=STRAY_IDS[what](request))
    account = await account_meanwhile(parent)
    early = await turn.outcome(0)

    expect("REFRESH-14", not early.ended, "the turn to go on waiting", early)
    expect("REFRESH-14", account == before, f"the account from before, {before}", account)
    await request.answer(new)
    outcome = await turn.outcome()
    expect("REFRESH-14", outcome.completed, "the right answer to be taken after it", outcome)
    sent = backend.requests_with(stray)
    expect("REFRESH-14", not sent, "no request with the stray tokens", [*map(str, sent)])


@pytest.mark.parametrize("what", ["error", "other-tokens"])
@case("refresh/second-answer", "REFRESH-14")
async def test_refresh_answered_twice_heeds_the_first_answer(
    parent: MockParent, backend: MockBackend, tokens: Mint, what: str
) -> None:
    """A second answer to the same request changes nothing, right after the first or later."""
    old, new, second = tokens.mint(), tokens.mint(), tokens.mint()
    await parent.login(old)
    backend.expire(old)
    turn, request = await parent.refused_turn()

    async def answer_again() -> None:
        await (request.fail() if what == "error" else request.answer_unheeded(second))

    await request.answer(new)
    await answer_again()
    outcome = await turn.outcome()
    await answer_again()

    expect("REFRESH-14", outcome.completed, "the turn to complete by the first answer", outcome)
    account = await parent.account()
    mail = account.get("email") if isinstance(account, dict) else None
    expect("REFRESH-14", mail == new.email, f"the account of the first answer, {new.email}", mail)
    later = await parent.run_turn()
    expect("REFRESH-14", later.completed, "a later turn to complete", later)
    last = backend.turn_requests[-1]
    expect("REFRESH-14", last.token == new.access_token, "the first answer's token in it", last)
    expect("REFRESH-14", not backend.requests_with(second), "no use of the second", last)


@case("refresh/answer-after-error", "REFRESH-14")
async def test_refresh_answered_with_tokens_after_an_error_heeds_the_error(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """Tokens under an id that was answered with an error before change nothing."""
    old, second = tokens.mint(), tokens.mint()
    await parent.login(old)
    before = await parent.account()
    backend.expire(old)
    turn, request = await parent.refused_turn()
    await request.fail()
    await request.answer_unheeded(second)
    outcome = await turn.outcome()
    account = await parent.account()

    expect("REFRESH-14", outcome.failed, "the turn to fail by the first answer", outcome)
    expect("REFRESH-14", account == before, f"the account from before, {before}", account)
    sent = backend.requests_with(second)
    expect("REFRESH-14", not sent, "no request with the second answer", [*map(str, sent)])


@case("refresh/new-id-every-time", "REFRESH-15")
async def test_refresh_has_an_id_that_none_had_before(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """Every refresh request bears a new id, whether the ones before were answered well or not."""
    current = tokens.mint()
    await parent.login(current)
    for answered_well in (True, False, True, True):
        backend.expire(current)
        turn, request = await parent.refused_turn()
        if answered_well:
            current = tokens.mint()
            await request.answer(current)
        else:
            await request.fail()
        await turn.outcome()
    ids = [request.id for request in parent.refreshes]

    distinct = len({(type(identity), identity) for identity in ids}) == len(ids)
    expect("REFRESH-15", distinct, "an id of its own for every refresh request", ids)


@case("refresh/id-zero", "REFRESH-15")
async def test_refresh_under_id_zero_is_answered_like_any_other(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """Where the server uses the id 0, the answer under it is taken."""
    old, new = tokens.mint(), tokens.mint()
    await parent.login(old)
    backend.expire(old)
    turn, request = await parent.refused_turn()
    if request.id != 0:
        not_applicable("the target's first refresh request bears another id than 0")
    await request.answer(new)
    outcome = await turn.outcome()

    expect("REFRESH-15", outcome.completed, "the answer under the id 0 to be taken", outcome)
