"""Under which id a refresh request may come."""

from codex_conformance.case import not_applicable
from codex_conformance.judge_parent.answers import Id
from codex_conformance.judge_parent.app import App
from codex_conformance.judge_parent.scenario import expect_like_any_other, need, scenario

PATIENCE = 3.0  # seconds after its login within which a parent may send a request of its own
BEYOND_32_BITS = 2**53 - 1  # the greatest that JavaScript can tell from its neighbours


async def _expect_answered(app: App, request_id: Id, what: str) -> None:
    answer = await app.refreshed(request_id=request_id, clause="PARENT-4")
    expected = f"an answer under {what}, within 10 s"
    expect_like_any_other(app, "PARENT-4", answer, expected)


@scenario("answers/id-zero", "PARENT-4")
async def id_zero(app: App) -> None:
    """A request under the id 0 is answered, like any other."""
    await app.logged_in()
    await _expect_answered(app, 0, "the id 0")


@scenario("answers/id-text", "PARENT-4")
async def id_text(app: App) -> None:
    """A request whose id is a string is answered under that string."""
    await app.logged_in()
    await _expect_answered(app, "refresh-1", 'the string "refresh-1"')


@scenario("answers/id-digits", "PARENT-4")
async def id_digits(app: App) -> None:
    """A request whose id is a string of digits is answered under a string, not a number."""
    await app.logged_in()
    await _expect_answered(app, "7", 'the string "7"')


@scenario("answers/id-large", "PARENT-4")
async def id_large(app: App) -> None:
    """A request whose id needs more than 32 bits is answered under it."""
    await app.logged_in()
    await _expect_answered(app, BEYOND_32_BITS, f"the id {BEYOND_32_BITS}")


async def _own_request(app: App) -> tuple[Id, str]:
    """A request of the parent that is unanswered, and stays so."""
    await app.logged_in()
    app.hold("*")
    found = await app.until(lambda: app.owner.in_flight or None, "a request", PATIENCE)
    if not found:
        not_applicable(f"the parent sends no request within {PATIENCE:g} s after its login")
    ordinary = await app.refreshed()
    need(ordinary.came, f"an answer under an ordinary id, while its {found[0][1]} waits", ordinary)
    return found[0]


@scenario("answers/id-of-its-request-in-flight", "PARENT-4")
async def id_in_flight(app: App) -> None:
    """A request under the id of one of the parent's own that is in flight is no response to it."""
    request_id, method = await _own_request(app)
    await _expect_answered(app, request_id, f"the id {request_id!r}, which its {method} has, too")


@scenario("answers/id-of-its-request-as-the-other-type", "PARENT-4")
async def id_in_flight_as_the_other_type(app: App) -> None:
    """The id of a request in flight, as a string in place of a number, is yet another id."""
    request_id, method = await _own_request(app)
    if isinstance(request_id, str):
        not_applicable("the parent numbers its requests by strings")
    what = f'the string "{request_id}", while its {method} has the number'
    await _expect_answered(app, str(request_id), what)
