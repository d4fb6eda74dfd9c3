"""What a parent does not know yet."""

from typing import Any

from codex_conformance.case import expect
from codex_conformance.exchange import REFRESH
from codex_conformance.judge_parent.app import App
from codex_conformance.judge_parent.scenario import expect_like_any_other, scenario
from codex_conformance.judge_parent.script import Message

NOTIFICATIONS: tuple[Message, ...] = (
    {"method": "account/somethingNew", "params": {"reason": "tomorrow"}},
    {"method": "item/quantum/delta", "params": {"threadId": "t", "delta": {"bits": [0, 1]}}},
    {"method": "server/heartbeat"},
    {"method": "account/chatgptAuthTokens/expiring", "params": {"inSeconds": 60}},
    {"method": "windows/worldWritableWarning", "params": None},
)


async def _expect_unharmed(app: App, what: str) -> None:
    """Expect that the parent goes on, and answers."""
    answer = await app.refreshed()
    survives = app.application.crash() is None
    expect("PARENT-14", survives, f"a parent that survives {what}", app.state())
    expect_like_any_other(app, "PARENT-14", answer, f"an answer within 10 s, after {what}")


@scenario("tolerance/unknown-notifications", "PARENT-14")
async def unknown_notifications(app: App) -> None:
    """Notifications that the parent does not know do it no harm."""
    await app.logged_in()
    for notification in NOTIFICATIONS:
        app.owner.say(notification)
    await _expect_unharmed(app, "notifications that it does not know")


@scenario("tolerance/unknown-members", "PARENT-14")
async def unknown_members(app: App) -> None:
    """Members that the parent does not know, at whatever level, do it no harm."""
    app.changing(lambda message, _method: _grown(message))
    await app.logged_in()
    await _expect_unharmed(app, "members that it does not know")


def _grown(value: Any, depth: int = 0) -> Any:
    """The value with a member more in every object; the envelope stays as it is."""
    if isinstance(value, list):
        return [_grown(each, depth + 1) for each in value]
    if not isinstance(value, dict):
        return value
    more = {"somethingNew": {"since": [0, 171]}} if depth else {}
    return {name: _grown(each, depth + 1) for name, each in value.items()} | more


@scenario("tolerance/unknown-values", "PARENT-14")
async def unknown_values(app: App) -> None:
    """Values of `authMode` and `planType` that the parent does not know do it no harm."""
    app.changing(lambda message, _method: _modern(message))
    await app.logged_in()
    params = {"authMode": "passkey", "planType": "galactic"}
    app.owner.say({"method": "account/updated", "params": params})
    await _expect_unharmed(app, "values of authMode and planType that it does not know")


def _modern(value: Any) -> Any:
    """The value with the names of tomorrow's modes and plans."""
    if isinstance(value, list):
        return [_modern(each) for each in value]
    if not isinstance(value, dict):
        return value
    tomorrow = {"authMode": "passkey", "planType": "galactic"}
    return {
        name: tomorrow[name] if name in tomorrow and isinstance(each, str) else _modern(each)
        for name, each in value.items()
    }


@scenario("tolerance/logout-in-mid-refresh", "PARENT-14")
async def logout_in_mid_refresh(app: App) -> None:
    """A logout that is announced while a refresh is under way leaves no request unanswered."""
    await app.logged_in()
    app.issuer.takes(0.5)
    asked = app.ask_refresh()
    app.owner.say({"method": "account/updated", "params": {"authMode": None, "planType": None}})
    answer = await app.answer(asked)
    survives = app.application.crash() is None
    expect("PARENT-14", survives, "a parent that survives a logout in mid-refresh", app.state())
    if app.ordinary.came:
        expected = f"tokens or an error for {REFRESH}, although a logout was announced meanwhile"
        expect("PARENT-14", answer.came, expected, answer)
