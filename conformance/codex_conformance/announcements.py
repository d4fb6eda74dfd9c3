"""What a target has yet to tell of the logins and logouts that it has accepted."""

from collections import Counter
from collections.abc import Iterable

from codex_conformance.wire import Entry

COMPLETED, UPDATED = "account/login/completed", "account/updated"
AT_ONCE = ("chatgptAuthTokens", "apiKey")  # types of login that the response ends


def owed(own: Iterable[Entry], since: int) -> Counter[str]:
    """The notifications that are still to come, by method, each with how many.

    Args:
        own: what passed over one connection, in order.
        since: position in the transcript; a response that came before it owes nothing any more.
    """
    asked: dict[tuple[str, object], Entry] = {}
    silenced: list[str] = []
    due = Counter[str]()
    for entry in own:
        message = entry.message or {}
        if entry.direction == "to-target" and entry.is_request:
            asked[_identity(entry)] = entry
        elif entry.direction == "from-target" and entry.is_response and "result" in message:
            request = asked.get(_identity(entry))
            if request is not None and request.method == "initialize":
                silenced = _opted_out(request)
            elif request is not None and entry.index >= since:
                due.update(_followers(request))
        elif entry.direction == "from-target" and entry.params.get("loginId") is None:
            due -= Counter({entry.method or "": 1})
    return Counter({method: count for method, count in due.items() if method not in silenced})


def _identity(entry: Entry) -> tuple[str, object]:
    identity = (entry.message or {}).get("id")
    return type(identity).__name__, str(identity)


def _opted_out(initialize: Entry) -> list[str]:
    capabilities = initialize.params.get("capabilities")
    named = capabilities.get("optOutNotificationMethods") if isinstance(capabilities, dict) else ()
    return [str(method) for method in named or ()]


def _followers(request: Entry) -> tuple[str, ...]:
    if request.method == "account/login/start" and request.params.get("type") in AT_ONCE:
        return COMPLETED, UPDATED
    return (UPDATED,) if request.method == "account/logout" else ()
