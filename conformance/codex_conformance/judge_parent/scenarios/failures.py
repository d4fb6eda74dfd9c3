"""What a parent answers when it cannot get new tokens."""

from codex_conformance.case import expect
from codex_conformance.judge_parent.answers import Answer, Login
from codex_conformance.judge_parent.app import App
from codex_conformance.judge_parent.scenario import expect_answered, need, scenario
from codex_conformance.tokens import GAMMA

LATE = 30.0  # seconds after which an answer that is late is taken for none


async def _expect_error(app: App, login: Login, why: str) -> None:
    """Expect an error as the answer to a refresh that cannot be done."""
    before = app.issuer.requests
    answer = await app.refreshed(clause="PARENT-10")
    expect_answered(app, "PARENT-10", answer, f"an error within 10 s, since {why}")
    _expect_none(app, login, answer, why, before)


def _expect_none(app: App, login: Login, answer: Answer, why: str, before: int) -> None:
    """Expect no tokens, from a parent that has asked the issuer for some."""
    if answer.tokens is not None:
        asked = app.issuer.requests > before
        need(asked, "a parent that asks TOKEN_ISSUER_URL for new tokens", "no request to it")
        old = answer.tokens.access_token == login.tokens.access_token
        what = "the rejected token once more" if old else "a token"
        expect("PARENT-10", False, f"an error, since {why}, and not {what}", answer)
    expect("PARENT-10", answer.refused, f"an error, since {why}", answer)


@scenario("refusal/issuer-refuses", "PARENT-10")
async def issuer_refuses(app: App) -> None:
    """When the issuer says that the login has expired, the answer is an error."""
    login = await app.logged_in_from_issuer()
    app.issuer.refuses(403)
    await _expect_error(app, login, "the issuer refuses (403)")


@scenario("refusal/issuer-fails", "PARENT-10")
async def issuer_fails(app: App) -> None:
    """When the issuer fails, the answer is an error."""
    login = await app.logged_in_from_issuer()
    app.issuer.refuses(500, {"error": "internal"})
    await _expect_error(app, login, "the issuer fails (500)")


@scenario("refusal/issuer-answers-rubbish", "PARENT-10")
async def issuer_answers_rubbish(app: App) -> None:
    """When the issuer's answer has no tokens in it, the answer is an error."""
    login = await app.logged_in_from_issuer()
    app.issuer.answers_rubbish()
    await _expect_error(app, login, "the issuer's answer has no tokens in it")


@scenario("refusal/issuer-breaks-off", "PARENT-10")
async def issuer_breaks_off(app: App) -> None:
    """When the connection to the issuer ends in the middle, the answer is an error."""
    login = await app.logged_in_from_issuer()
    app.issuer.drops()
    await _expect_error(app, login, "the issuer's answer breaks off")


@scenario("refusal/issuer-repeats-itself", "PARENT-10")
async def issuer_repeats_itself(app: App) -> None:
    """When the issuer has nothing but the rejected token, that is no answer."""
    login = await app.logged_in_from_issuer()
    app.issuer.repeats()
    await _expect_error(app, login, "the issuer has the rejected token only")


@scenario("refusal/issuer-hangs", "PARENT-3", "PARENT-10", waits=5)
async def issuer_hangs(app: App) -> None:
    """When the issuer does not answer, the parent does, with an error within 10 s."""
    login = await app.logged_in_from_issuer()
    app.issuer.takes(60)
    before = app.issuer.requests
    asked = app.ask_refresh(clause="PARENT-10")
    why = "the issuer does not answer"
    answer = await app.answer(asked)
    if not answer.came:
        late = await app.answer(asked, within=LATE)
        expect_answered(app, "PARENT-10", late, f"an error within 10 s, since {why}")
        expect("PARENT-3", False, f"an error within 10 s, since {why}", late)
    _expect_none(app, login, answer, why, before)


@scenario("refusal/account-unknown", "PARENT-10")
async def account_unknown(app: App) -> None:
    """A refresh for an account that the parent does not know gets an error."""
    await app.logged_in()
    answer = await app.refreshed(previous=GAMMA, clause="PARENT-10")
    expected = f"an error, since {GAMMA} is unknown"
    expect_answered(app, "PARENT-10", answer, expected)
    if answer.tokens is None:
        expect("PARENT-10", answer.refused, expected, answer)
