"""One refresh request at a time, and what it is answered with."""

from typing import Any

from codex_conformance.case import expect, not_applicable
from codex_conformance.judge_parent.app import App
from codex_conformance.judge_parent.scenario import (
    expect_answered,
    expect_like_any_other,
    need,
    need_tokens,
    scenario,
)
from codex_conformance.tokens import ALPHA, BETA, GAMMA

IN_TIME = "an answer within 10 s"
ANOTHER = "another token than the one that was rejected"
REJECTED_LATER = 6.0  # seconds after which a token that was just handed over may be rejected, too
MOST_ANSWERS, A_MINUTE = 20, 60.0
TURN = 5.0  # seconds after its login within which a parent that does turns has started one


@scenario("answers/good-answer", "PARENT-3", "PARENT-5")
async def good_answer(app: App) -> None:
    """A refresh request is answered within 10 s, with another token than the rejected one."""
    login = await app.logged_in()
    answer = await app.refreshed()
    expect_answered(app, "PARENT-3", answer, IN_TIME)
    handed = need_tokens(answer)
    expect("PARENT-5", handed.access_token != login.tokens.access_token, ANOTHER, answer)


@scenario("answers/in-a-turn", "PARENT-3", "PARENT-5")
async def in_a_turn(app: App) -> None:
    """A turn of the parent whose token the backend rejects is saved by its answer."""
    app.script.rejects_login = True
    app.backend.release()
    login = await app.logged_in()
    asked = await app.until(lambda: app.asked or None, "a turn with the rejected token", TURN)
    if not asked:
        not_applicable(f"the parent starts no turn within {TURN:g} s after its login")
    answer = await app.answer(asked[0])
    expect_answered(app, "PARENT-3", answer, f"{IN_TIME}, in its turn")
    handed = need_tokens(answer)
    expect("PARENT-5", handed.access_token != login.tokens.access_token, ANOTHER, answer)


@scenario("answers/rejected-again", "PARENT-5", waits=REJECTED_LATER)
async def rejected_again(app: App) -> None:
    """When the new token is rejected some time later, it is replaced in its turn."""
    await app.logged_in()
    first = need_tokens(await app.refreshed())
    await app.quiet(REJECTED_LATER)
    answer = await app.refreshed()
    second = need_tokens(answer)
    expect("PARENT-5", second.access_token != first.access_token, ANOTHER, answer)


async def _expect_account_kept(app: App, previous: Any, expected: str) -> None:
    login = await app.logged_in()
    asked = login.tokens.account if previous == "equal" else previous
    answer = await app.refreshed(previous=asked)
    if app.ordinary.tokens:
        expect("PARENT-6", answer.tokens is not None, f"a token of {expected}", answer)
    handed = need_tokens(answer)
    expect("PARENT-6", handed.belongs_to(login.tokens.account), expected, answer)


@scenario("answers/previous-account-equal", "PARENT-6")
async def previous_account_equal(app: App) -> None:
    """The account that the request names is the one that is answered with."""
    await _expect_account_kept(app, "equal", "the account that previousAccountId names")


@scenario("answers/previous-account-null", "PARENT-6")
async def previous_account_null(app: App) -> None:
    """When the request names null, the account of the login is answered with."""
    await _expect_account_kept(app, None, "the account of the login, as previousAccountId is null")


@scenario("answers/previous-account-absent", "PARENT-6")
async def previous_account_absent(app: App) -> None:
    """When the request names no account, the account of the login is answered with."""
    await _expect_account_kept(app, ..., "the account of the login, as none is named")


@scenario("answers/previous-account-unknown", "PARENT-6")
async def previous_account_unknown(app: App) -> None:
    """A request for an account that the parent has no tokens of is not answered with others."""
    await app.logged_in()
    answer = await app.refreshed(previous=GAMMA, clause="PARENT-10")
    handed = answer.tokens
    expected = f"an error, since {GAMMA} is nobody whom the parent knows"
    expect("PARENT-6", handed is None or handed.belongs_to(GAMMA), expected, answer)


@scenario("answers/account-switched", "PARENT-6")
async def account_switched(app: App) -> None:
    """When the user has switched the account meanwhile, the old one's token is still its own."""
    login = await app.logged_in_from_issuer()
    app.issuer.switches_to(BETA)
    answer = await app.refreshed(previous=login.tokens.account)
    handed = answer.tokens
    expected = f"a token of {login.tokens.account}, or an error"
    fits = handed is None or handed.belongs_to(login.tokens.account)
    expect("PARENT-6", fits, expected, answer)


@scenario("answers/account-switched-for-good", "PARENT-6")
async def account_switched_for_good(app: App) -> None:
    """When the issuer has tokens of another account only, none of them is handed over."""
    login = await app.logged_in_from_issuer()
    app.issuer.switches_to(BETA if login.tokens.account == ALPHA else ALPHA, only=True)
    answer = await app.refreshed(previous=login.tokens.account, clause="PARENT-10")
    handed = answer.tokens
    expected = f"an error, since there is no token of {login.tokens.account} any more"
    fits = handed is None or handed.belongs_to(login.tokens.account)
    expect("PARENT-6", fits, expected, answer)


@scenario("answers/before-login-response", "PARENT-11")
async def before_login_response(app: App) -> None:
    """A request that comes ahead of the response to the login is answered."""
    app.hold("account/login/start")
    await app.login_sent()
    answer = await app.refreshed()
    expected = f"{IN_TIME}, although the login is unanswered"
    expect_answered(app, "PARENT-11", answer, expected)


@scenario("answers/while-its-request-is-unanswered", "PARENT-9")
async def while_its_request_is_unanswered(app: App) -> None:
    """A request is answered while one of the parent's own is unanswered."""
    await app.logged_in()
    app.hold("*")
    waiting = await app.until(lambda: app.owner.in_flight or None, "a request", TURN)
    if not waiting:
        not_applicable(f"the parent sends no request within {TURN:g} s after its login")
    answer = await app.refreshed()
    expected = f"{IN_TIME}, although its {waiting[0][1]} is unanswered"
    expect_like_any_other(app, "PARENT-9", answer, expected)


@scenario("answers/while-notifications-flow", "PARENT-9")
async def while_notifications_flow(app: App) -> None:
    """A request in the middle of many notifications is answered."""
    await app.logged_in()
    note = {"method": "account/rateLimits/updated", "params": {"rateLimits": {}}}
    for _ in range(500):
        app.owner.say(note)
    asked = app.ask_refresh()
    for _ in range(500):
        app.owner.say(note)
    answer = await app.answer(asked)
    expect_like_any_other(app, "PARENT-9", answer, f"{IN_TIME}, among 1000 notifications")


@scenario("answers/again-and-again", "PARENT-13")
async def again_and_again(app: App) -> None:
    """A parent that is asked without end gives up after 20 answers within 60 s at most."""
    await app.logged_in()
    need_tokens(await app.refreshed())
    spent = 0.0
    for _ in range(MOST_ANSWERS):
        answer = await app.refreshed(clause="PARENT-10")
        spent += answer.elapsed
        if answer.tokens is None or spent > A_MINUTE:
            visibly = answer.came or app.is_gone
            expect("PARENT-13", visibly, "an error, or the end of the conversation", answer)
            return
    expected = f"the parent to give up after {MOST_ANSWERS} answers in {A_MINUTE:g} s at most"
    expect("PARENT-13", False, expected, f"answer {MOST_ANSWERS + 1} after {spent:.1f} s")


@scenario("answers/good-after-failure", "PARENT-3")
async def good_after_failure(app: App) -> None:
    """A refresh that could not be done keeps no later request from being answered."""
    await app.logged_in_from_issuer()
    app.issuer.refuses(503, {"error": "temporarily_unavailable"})
    need((await app.refreshed(clause="PARENT-10")).came, "an answer while the issuer fails", "none")
    app.issuer.recovers()
    await app.quiet(1.5)
    answer = await app.refreshed()
    expect("PARENT-3", answer.came, f"{IN_TIME}, after a refresh that could not be done", answer)
