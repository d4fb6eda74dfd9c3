"""Where tokens must not be found."""

from codex_conformance.judge_parent.app import STARTING, App
from codex_conformance.judge_parent.conversation import LOGIN
from codex_conformance.judge_parent.scenario import need, scenario


@scenario("secret/after-refreshes", "PARENT-16")
async def after_refreshes(app: App) -> None:
    """After a login and refreshes, good and bad, no token lies where it does not belong.

    The traces of every scenario are judged by this.
    """
    await app.logged_in()
    await app.refreshed()
    app.issuer.refuses(500, {"error": "internal"})
    await app.quiet(1.5)
    await app.refreshed(clause="PARENT-10")
    await app.quiet(0.5)


@scenario("secret/issuer-repeats-the-token-in-its-error", "PARENT-16")
async def issuer_repeats_the_token(app: App) -> None:
    """An error of the issuer that quotes the token is not passed on as it is."""
    login = await app.logged_in_from_issuer()
    quoted = f"the session of {login.tokens.access_token} has ended"
    app.issuer.refuses(403, {"error": "invalid_grant", "error_description": quoted})
    await app.refreshed(clause="PARENT-10")
    await app.quiet(0.5)


@scenario("secret/login-refused", "PARENT-16")
async def login_refused(app: App) -> None:
    """A parent that reports a refused login does not print what it sent."""
    app.refuse(LOGIN, "the login is refused for this scenario")
    refused = await app.until(lambda: app.refusals or None, "the refusal", STARTING)
    need(bool(refused), "a login with chatgptAuthTokens", app.state())
    await app.quiet(1.0)


@scenario("secret/server-crashed", "PARENT-16")
async def server_crashed(app: App) -> None:
    """A parent that reports the end of its server does not print tokens."""
    await app.logged_in()
    app.owner.end(101)
    await app.quiet(1.0)
