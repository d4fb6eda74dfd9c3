"""Several connections to one server."""

from codex_conformance.case import expect, not_applicable
from codex_conformance.judge_parent.app import App
from codex_conformance.judge_parent.scenario import scenario

SECOND = 3.0  # seconds after its login within which a parent opens a second connection
SILENCE = 2.0  # seconds in which a second connection would have answered


@scenario("connections/second-stays-silent", "PARENT-17", waits=SECOND + SILENCE)
async def second_stays_silent(app: App) -> None:
    """A connection that did not log in leaves refresh requests to the one that did.

    A server with several clients asks each of them, and the first answer, good or bad, counts.
    """
    await app.logged_in()
    await app.until(app.second_connection, "a second connection", SECOND)
    await app.at_rest()  # it may log in, too: then it answers like the first
    second = app.second_connection()
    if second is None:
        not_applicable(
            "the parent opens no second connection without a login of its own "
            f"within {SECOND:g} s after its login"
        )
    asked = app.ask_refresh(on=second)
    owners = app.ask_refresh(asked.id)
    await app.answer(owners)
    await app.quiet(SILENCE)
    expected = "silence on the connection that did not log in"
    told = asked.answers[0][1] if asked.answers else None
    expect("PARENT-17", told is None, expected, told)
