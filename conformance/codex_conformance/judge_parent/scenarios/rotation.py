"""What refresh requests cost the issuer of the tokens."""

from codex_conformance.case import expect
from codex_conformance.judge_parent.answers import Answer
from codex_conformance.judge_parent.app import App
from codex_conformance.judge_parent.scenario import (
    expect_answered,
    need,
    need_tokens,
    scenario,
)

AT_ONCE = 5  # requests
BUSY = 0.7  # seconds that the issuer takes, so that requests overlap


@scenario("answers/several-at-once", "PARENT-7")
async def several_at_once(app: App) -> None:
    """Several requests at once are answered each, by one rotation."""
    await app.logged_in_from_issuer()
    app.issuer.takes(BUSY)
    before = len(app.issuer.issued)
    answers = await _all(app, AT_ONCE)
    need(any(one.came for one in answers), "an answer to any of them", answers[0])
    for answer in answers:
        expect("PARENT-7", answer.came, f"an answer to each of {AT_ONCE} at once", answer)
    await app.quiet(0.3)
    cost = len(app.issuer.issued) - before
    expect("PARENT-7", cost <= 1, f"one rotation for {AT_ONCE} at once", f"{cost} rotations")


async def _all(app: App, count: int) -> list[Answer]:
    asked = [app.ask_refresh() for _ in range(count)]
    return [await app.answer(one) for one in asked]


@scenario("answers/late-after-rotation", "PARENT-8")
async def late_after_rotation(app: App) -> None:
    """A request on the heels of an answer is about the old token: the newer one is the answer.

    An app-server that runs several turns asks one after the other for the same rejected token.
    """
    await app.logged_in()
    first = need_tokens(await app.refreshed())
    before = len(app.issuer.issued)
    answer = await app.refreshed()
    second = need_tokens(answer)
    same = second.access_token == first.access_token
    expect("PARENT-8", same, "the token of the answer just given, once more", answer)
    cost = len(app.issuer.issued) - before
    expect("PARENT-8", cost == 0, "no rotation for it", f"{cost} more")


@scenario("answers/another-meanwhile", "PARENT-7")
async def another_meanwhile(app: App) -> None:
    """A request that comes while another is being answered shares its token."""
    await app.logged_in_from_issuer()
    app.issuer.takes(BUSY)
    before = len(app.issuer.issued)
    first = app.ask_refresh()
    await app.quiet(BUSY / 2)
    second = app.ask_refresh()
    answers = [await app.answer(first), await app.answer(second)]
    for answer in answers:
        expect_answered(app, "PARENT-7", answer, "an answer to each")
        need_tokens(answer)
    cost = len(app.issuer.issued) - before
    expect("PARENT-7", cost <= 1, "one rotation for both", f"{cost} rotations")
