"""What a parent makes of a login that is refused."""

from codex_conformance.case import expect
from codex_conformance.judge_parent.app import STARTING, App
from codex_conformance.judge_parent.conversation import LOGIN
from codex_conformance.judge_parent.scenario import need, scenario
from codex_conformance.tokens import GAMMA

WATCHED = 5.0  # seconds after the refusal in which the parent is looked at
STORM = 5  # logins in that time that are more than trying again
_TURNS = ("thread/start", "thread/resume", "turn/start")


async def _expect_noticed(app: App, why: str) -> None:
    """Expect that the parent neither crashes, nor tries without end, nor goes on as if."""
    refused = await app.until(lambda: app.refusals or None, "the refusal", STARTING)
    need(bool(refused), "a login with chatgptAuthTokens", app.state())
    said = app.application.said
    await app.quiet(WATCHED)
    survives = app.application.crash() is None
    expected = f"a parent that survives a login refused ({why})"
    expect("PARENT-12", survives, expected, app.state())
    logins = len(app.logins)
    storm = f"{logins} logins within {WATCHED:g} s"
    expect("PARENT-12", logins < STORM, f"fewer than {STORM} logins within {WATCHED:g} s", storm)
    started = [entry for entry in app.owner.received if entry.method in _TURNS]
    late = [entry for entry in started if entry.index > app.refusals[-1].index]
    expected = f"no turn as if it were logged in, after a login refused ({why})"
    expect("PARENT-12", not late, expected, late[0] if late else None)
    told = app.is_gone or app.application.said > said or logins > 1
    expected = f"a word about the login refused ({why}), another login, or the end of the parent"
    expect("PARENT-12", told, expected, f"nothing within {WATCHED:g} s; {app.state()}")


@scenario("login/refused-for-the-workspace", "PARENT-12", forced_workspace=GAMMA, waits=WATCHED)
async def refused_for_the_workspace(app: App) -> None:
    """A login that is refused for its workspace is noticed."""
    await _expect_noticed(app, "another workspace is forced")


@scenario("login/refused-for-the-mode", "PARENT-12", forced_login_method="api", waits=WATCHED)
async def refused_for_the_mode(app: App) -> None:
    """A login that is refused since only API keys are allowed is noticed."""
    await _expect_noticed(app, "only API keys are allowed")


@scenario("login/refused-for-the-capability", "PARENT-12", waits=WATCHED)
async def refused_for_the_capability(app: App) -> None:
    """A login that is refused for a capability is noticed."""
    app.refuse(LOGIN, f"{LOGIN}.chatgptAuthTokens requires experimentalApi capability")
    await _expect_noticed(app, "a capability is missing")
