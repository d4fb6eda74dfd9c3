"""What may happen to the streams between parent and server."""

import json
from dataclasses import dataclass
from typing import Self

from codex_conformance.case import expect, not_applicable
from codex_conformance.judge_parent.answers import now
from codex_conformance.judge_parent.app import STARTING, App
from codex_conformance.judge_parent.conversation import LOGIN
from codex_conformance.judge_parent.scenario import (
    expect_answered,
    expect_like_any_other,
    need,
    scenario,
)

FLOOD = 1024 * 1024  # bytes on stderr; a pipe holds 64 KiB
DEAF = 2.0  # seconds
NOTICED = 10.0  # seconds that a parent has to notice that its server is gone
AT_WORK = 5.0  # seconds that a parent has to ask its issuer, and a codex to be gone
AFTERMATH = 2.0  # seconds after its word in which a parent may end yet


@scenario("stream/request-in-pieces", "PARENT-3")
async def request_in_pieces(app: App) -> None:
    """A request that comes in many writes is read as one."""
    await app.logged_in()
    asked = app.ask_refresh(piece=7)
    answer = await app.answer(asked)
    expected = "an answer within 10 s to a request that comes in pieces"
    expect_answered(app, "PARENT-3", answer, expected)


@scenario("stream/requests-in-one-write", "PARENT-3")
async def requests_in_one_write(app: App) -> None:
    """A notification and a request in one write are two messages."""
    await app.logged_in()
    note = {"method": "account/rateLimits/updated", "params": {"rateLimits": {}}}
    asked = app.ask_refresh(ahead=json.dumps(note).encode() + b"\n")
    answer = await app.answer(asked)
    expected = "an answer within 10 s to a request that comes in one write with another message"
    expect_answered(app, "PARENT-3", answer, expected)


@scenario("stream/stderr-flood", "PARENT-3")
async def stderr_flood(app: App) -> None:
    """A server that writes much to stderr is not left to block on it."""
    await app.logged_in()
    need(app.owner.peer.has_stderr, "a codex that was started as a process", "a WebSocket")
    line = b"codex: a line of a log that somebody has set to trace, as people do\n"
    app.owner.complain(line * (FLOOD // len(line)))
    answer = await app.refreshed()
    expected = f"an answer within 10 s, after {FLOOD // 1024} KiB on the stderr of codex"
    expect_like_any_other(app, "PARENT-3", answer, expected)


@scenario("stream/server-reads-late", "PARENT-9", waits=DEAF)
async def server_reads_late(app: App) -> None:
    """A server that reads nothing for a while has its answers when it reads on."""
    await app.logged_in()
    app.owner.stop_reading()
    asked = [app.ask_refresh() for _ in range(3)]
    await app.quiet(DEAF)
    app.owner.read_on()
    for one in asked:
        answer = await app.answer(one)
        expect_like_any_other(app, "PARENT-9", answer, "an answer when the server reads again")


@dataclass(frozen=True)
class _Before:
    """What a parent had done before its server ended."""

    conversations: int
    said: int
    at: float

    @classmethod
    def of(cls, app: App) -> Self:
        return cls(len(app.conversations), app.application.said, now())


async def _expect_noticed(app: App, when: str, since: _Before | None = None) -> None:
    """Expect that the parent ends, says something, or starts codex again; and no crash."""
    before = since or _Before.of(app)

    def noticed() -> bool | None:
        said = app.application.said > before.said
        return said or len(app.conversations) > before.conversations or None

    told = await app.until(noticed, "the parent to notice", NOTICED)
    expected = f"a word, a new codex, or the end of the parent, once codex has ended {when}"
    nothing = f"nothing within {now() - before.at:.0f} s; {app.state()}"
    expect("PARENT-15", bool(told) or app.application.status is not None, expected, nothing)
    # An error that nobody catches is told first, and ends the parent then.
    await app.quiet(NOTICED if app.application.uncaught() else AFTERMATH)
    survives = app.application.crash() is None
    expect("PARENT-15", survives, f"a parent that survives the end of codex {when}", app.state())


@scenario("stream/closed", "PARENT-15")
async def closed(app: App) -> None:
    """The end of the server, when nothing is under way, is noticed."""
    await app.logged_in()
    await app.at_rest()
    app.owner.end(0)
    await _expect_noticed(app, "after a login")


@scenario("stream/closed-by-a-crash", "PARENT-15")
async def closed_by_a_crash(app: App) -> None:
    """A server that crashes is noticed."""
    await app.logged_in()
    await app.at_rest()
    app.owner.end(101)
    await _expect_noticed(app, "with exit status 101")


@scenario("stream/closed-in-mid-refresh", "PARENT-15")
async def closed_in_mid_refresh(app: App) -> None:
    """The end of the server while a refresh is under way is noticed, and breaks nothing."""
    login = await app.logged_in()
    await app.at_rest()
    before, requests = _Before.of(app), app.issuer.requests
    app.issuer.holds()
    asked = app.ask_refresh()

    def at_work() -> bool | None:
        return app.issuer.requests > requests or bool(asked.answers) or None

    if app.issuer.issues(login.tokens.access_token):
        await app.until(at_work, "the parent to ask its issuer", AT_WORK)
    app.owner.end(0)
    await app.until(lambda: app.owner.gone or None, "the end of codex", AT_WORK)
    app.issuer.lets_go()  # so that whatever the parent answers is written to a codex that is gone
    await _expect_noticed(app, "in the middle of a refresh", before)


@scenario("stream/closed-in-mid-login", "PARENT-15")
async def closed_in_mid_login(app: App) -> None:
    """A server that ends in place of an answer to the login leaves nobody waiting."""
    app.end_at(LOGIN)
    ended = await app.until(lambda: app.logins or None, "a login", STARTING)
    need(bool(ended), "a login with chatgptAuthTokens", app.state())
    await _expect_noticed(app, "in the middle of the login")


@scenario("stream/closed-in-mid-initialize", "PARENT-15")
async def closed_in_mid_initialize(app: App) -> None:
    """A server that ends in place of an answer to `initialize` leaves nobody waiting."""
    app.end_at("initialize")
    began = await app.until(lambda: app.conversations or None, "a conversation", STARTING)
    need(bool(began), "a parent that starts codex", app.state())
    ended = await app.until(lambda: app.conversations[0].ended or None, "initialize", STARTING)
    need(bool(ended), "initialize", app.state())
    await _expect_noticed(app, "in the middle of initialize")


@scenario("stream/started-again", "PARENT-15", waits=3)
async def started_again(app: App) -> None:
    """A parent that starts codex again logs in again, with the newest token that it has."""
    await app.logged_in()
    answer = await app.refreshed()
    newest = answer.tokens
    app.owner.end(101)
    again = await app.until(lambda: app.logins[1:] or None, "another login", NOTICED)
    if not again:
        not_applicable(f"the parent starts no other codex within {NOTICED:g} s")
    await app.quiet(2.0)
    logins = len(app.logins)
    expect("PARENT-15", logins < 20, "fewer than 20 logins, one for each codex", f"{logins}")
    if newest is not None:
        same = again[0].params.get("accessToken") == newest.access_token
        seen = "the newest token" if same else "another token than the newest handed over"
        app.observations.add("PARENT-15", f"a codex that is started again is given {seen}")
