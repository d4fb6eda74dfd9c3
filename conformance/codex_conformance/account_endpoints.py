"""The account endpoints of the backend, as far as a target is known to ask for them."""

from codex_conformance.limits import ACCOUNT_LIMITS
from codex_conformance.replies import Reply, Request, Script, json_reply


def account_endpoint(path: str) -> Script | None:
    """What plays an account endpoint, or None; what is not served is no matter of tokens."""
    return next(
        (play for suffix, play in _ACCOUNT_ENDPOINTS.items() if path.endswith(suffix)), None
    )


def _accounts_check(request: Request) -> Reply:
    account = request.account_id or ""
    workspace = {
        "id": account,
        "workspace_backend_origin": "https://chatgpt.com",
        "account_routing_override": "NO_CONSTRAINT",
        "name": account,
    }
    return json_reply(200, {"accounts": [workspace], "account_ordering": [account]})


def _empty(_request: Request) -> Reply:
    return json_reply(200, {})


def _usage(_request: Request) -> Reply:
    windows = {f"{which}_window": window.served for which, window in ACCOUNT_LIMITS.items()}
    limit = {"allowed": True, "limit_reached": False} | windows
    return json_reply(200, {"plan_type": "pro", "rate_limit": limit})


_ACCOUNT_ENDPOINTS: dict[str, Script] = {
    "/wham/accounts/check": _accounts_check,
    "/wham/config/bundle": _empty,
    "/wham/config/requirements": _empty,
    "/wham/usage": _usage,
}
