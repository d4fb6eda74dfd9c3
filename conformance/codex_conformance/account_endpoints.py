"""The account endpoints of the backend, as far as a target is known to ask for them."""

from typing import Any

from codex_conformance.account_data import (
    MESSAGES,
    NOTICE,
    RESET_CREDITS,
    THREAD_USAGE,
    TOKEN_USAGE,
)
from codex_conformance.limits import ACCOUNT_LIMITS
from codex_conformance.replies import Reply, Request, Script, json_reply

LIMITS = "/wham/usage"
PROFILE = "/wham/profiles/me"
THREAD_COSTS = "/wham/usage/thread_usage/query"
REDEEM = "/wham/rate-limit-reset-credits/consume"
CREDITS = "/wham/rate-limit-reset-credits"
NUDGE = "/wham/accounts/send_add_credits_nudge_email"
MESSAGE_BOARD = "/wham/workspace-messages"
SECURITY = "/wham/security-setup"


def account_endpoint(path: str) -> Script | None:
    """What plays an account endpoint, or None; what is not served is no matter of tokens."""
    return next(
        (play for suffix, play in _ACCOUNT_ENDPOINTS.items() if path.endswith(suffix)), None
    )


def serving(value: Any) -> Script:
    """Answer with this as JSON."""

    def script(_request: Request) -> Reply:
        return json_reply(200, value)

    return script


def _accounts_check(request: Request) -> Reply:
    account = request.account_id or ""
    workspace = {
        "id": account,
        "workspace_backend_origin": "https://chatgpt.com",
        "account_routing_override": "NO_CONSTRAINT",
        "name": account,
    }
    return json_reply(200, {"accounts": [workspace], "account_ordering": [account]})


_WINDOWS = {f"{which}_window": window.served for which, window in ACCOUNT_LIMITS.items()}

_ACCOUNT_ENDPOINTS: dict[str, Script] = {
    "/wham/accounts/check": _accounts_check,
    "/wham/config/bundle": serving({}),
    "/wham/config/requirements": serving({}),
    LIMITS: serving(
        {
            "plan_type": "pro",
            "rate_limit": {"allowed": True, "limit_reached": False} | _WINDOWS,
        }
    ),
    PROFILE: serving(TOKEN_USAGE.served),
    THREAD_COSTS: serving(THREAD_USAGE.served),
    REDEEM: serving({"code": "reset"}),
    CREDITS: serving(RESET_CREDITS.served),
    NUDGE: serving({}),
    MESSAGE_BOARD: serving(MESSAGES.served),
    SECURITY: serving(NOTICE.served),
}
