"""How a conversation begins."""

from codex_conformance.judge_parent.app import App
from codex_conformance.judge_parent.scenario import scenario


@scenario("handshake/order", "PARENT-1")
async def order(app: App) -> None:
    """`initialize` comes first, then `initialized`, then anything else, all as in the revision.

    The messages of every scenario are judged by this; here nothing else happens.
    """
    await app.logged_in()
    await app.quiet(0.5)


@scenario("handshake/capability", "PARENT-2")
async def capability(app: App) -> None:
    """`capabilities.experimentalApi` is declared before tokens are sent."""
    await app.logged_in()
