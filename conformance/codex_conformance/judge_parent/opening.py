"""The conversation before the first scenario: is this a parent at all?"""

from dataclasses import dataclass
from typing import Any

from codex_conformance.case import Broken, CaseSpec, Setup
from codex_conformance.errors import UnfitTargetError, leaves
from codex_conformance.judge_parent import places
from codex_conformance.judge_parent.app import STARTING, App
from codex_conformance.judge_parent.loopback import Loopback
from codex_conformance.judge_parent.rules import findings
from codex_conformance.judge_parent.stage import Judged, Ordinary
from codex_conformance.tokens import redact
from codex_conformance.wire import printable

SPEC = CaseSpec("opening/conversation", (), (), Setup(), 0)
_WHERE = (
    f"a `codex` was first on its PATH and in {', '.join(places.PATHS[:4])} and others, "
    f"a WebSocket in {places.ADDRESSES[0]}; --variable NAME adds a variable, --shim DIR a folder; "
    "it gets no terminal, and an empty standard input"
)
_METHODS = 10  # that are named of those that it sent
_WORDS = 60  # characters of what it said that identify rubbish


@dataclass(frozen=True)
class Introduction:
    """What a parent said of itself.

    Attributes:
        client: its `clientInfo`, "name/version".
        ordinary: what it made of an ordinary refresh request.
    """

    client: str | None
    ordinary: Ordinary


async def hold_opening(judged: Judged, loopback: Loopback) -> Introduction:
    """Start the parent, let it log in, and ask it for one refresh.

    Raises:
        UnfitTargetError: it cannot be judged; one sentence says why.
    """
    app = App(judged, SPEC, Ordinary())
    try:
        async with app.with_parent(loopback):
            return await _converse(app)
    except Exception as error:  # noqa: BLE001 - sorted here, raised again unless understood
        leaf = leaves(error)[0]
        if isinstance(leaf, OSError) and not app.conversations:
            what = f"{judged.command[0]}: {leaf.strerror}"
            raise UnfitTargetError(f"the parent cannot be started: {what}") from None
        if isinstance(leaf, UnfitTargetError):
            raise UnfitTargetError(redact(leaf.message, app.secrets()), leaf.hint) from None
        raise leaf from None


async def _converse(app: App) -> Introduction:
    await app.until(
        lambda: app.conversations or app.unstartable or None, "codex to be started", STARTING
    )
    if not app.conversations:
        raise UnfitTargetError(_never_started(app), "" if app.unstartable else _WHERE)
    try:
        await app.logged_in()
    except Broken as broken:
        raise _unfit(app, broken) from None
    answer = await app.refreshed()
    known = frozenset((finding.clause, finding.actual) for finding in findings(app))
    ordinary = Ordinary(answer.came, answer.tokens is not None, known)
    return Introduction(_client(app), ordinary)


def _client(app: App) -> str | None:
    first = app.owner.received[0]
    info = first.params.get("clientInfo")
    if not isinstance(info, dict):
        return None
    return printable(f"{info.get('name')}/{info.get('version')}")[:80]


def _never_started(app: App) -> str:
    if app.unstartable:
        return f"codex cannot start with what the parent gives it: {app.unstartable}"
    if app.started_as:
        ran = printable(" ".join(("codex", *app.started_as[-1])))
        return f"the parent ran `{ran}`, and never `codex app-server`"
    if app.application.status is not None:
        return f"the parent never started codex: {app.state()}"
    return f"the parent did not start codex within {STARTING:g} s: {app.state()}"


def _unfit(app: App, broken: Broken) -> UnfitTargetError:
    """Why there is nothing to judge, in one sentence."""
    received = app.owner.received
    rubbish = next((entry for entry in received if entry.problem), None)
    if rubbish is not None:
        said = printable(redact(rubbish.text, app.secrets())[:_WORDS])
        return UnfitTargetError(
            f"what the parent writes to codex is no JSON-RPC: '{said}' ({rubbish.problem})"
        )
    if app.owner.refusals:
        reason = next((f.actual for f in findings(app) if f.clause in ("PARENT-1", "PARENT-2")), "")
        hint = f"--revision {app.judged.revision} judges it; 0.93 is the shape with idToken"
        return UnfitTargetError(f"the parent's login is refused: {reason or broken.actual}", hint)
    other = next((entry.params.get("type") for entry in app.logins), None)
    if other is not None:
        told = f"the parent logs in with {other!r}, and never with its own tokens"
        return UnfitTargetError(f"{told} (chatgptAuthTokens); {app.state()}")
    ended = app.application.status is not None
    when = "ended without logging in" if ended else f"did not log in within {STARTING:g} s"
    sent = _methods(received)
    return UnfitTargetError(f"the parent started codex and {when}: it sent {sent}; {app.state()}")


def _methods(received: list[Any]) -> str:
    """What it sent, each method once."""
    names = list(dict.fromkeys(entry.method for entry in received if entry.method))
    more = f" and {len(names) - _METHODS} more" if len(names) > _METHODS else ""
    return printable(", ".join(names[:_METHODS])) + more or "nothing"
