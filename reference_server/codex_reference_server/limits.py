"""What the backend says about rate limits, and how the clients are told.

This module is imported with the first request to the backend.
"""

import math
from collections.abc import Mapping
from typing import Annotated, Any, get_args

import msgspec
from msgspec import UNSET

from codex_reference_server.revision import Revision

CODEX = "codex"
"""The limit that every login has."""

SECONDS_PER_MINUTE = 60

Percent = Annotated[float, msgspec.Meta(ge=0, le=2**31 - 1)]
Whole = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class Window(msgspec.Struct, frozen=True):
    """Use within a span of time, as the backend writes it."""

    used_percent: Percent
    limit_window_seconds: Whole | None = None
    reset_at: Whole | None = None


class RateLimit(msgspec.Struct, frozen=True):
    """The windows of one limit."""

    primary_window: Window | None = None
    secondary_window: Window | None = None
    allowed: bool | None = None


class OtherLimit(msgspec.Struct, frozen=True):
    """A limit beside the one that every login has."""

    metered_feature: str
    limit_name: str | None = None
    rate_limit: RateLimit | None = None
    normal_model_slug: str | None = None


class Credits(msgspec.Struct, frozen=True):
    """What can be used beyond the limits."""

    has_credits: bool
    unlimited: bool
    balance: str | None = None


class SpendLimit(msgspec.Struct, frozen=True):
    """What one member of a workspace may spend in a period."""

    limit: str
    used: str
    remaining_percent: Percent
    reset_at: Whole


class SpendControl(msgspec.Struct, frozen=True):
    """Whether spending is limited, and has come to its limit."""

    reached: bool | None = None
    individual_limit: SpendLimit | None = None


class Reached(msgspec.Struct, frozen=True):
    """Which limit stops the account."""

    type: str


class ResetCreditCount(msgspec.Struct, frozen=True):
    """How many credits there are that set used limits back."""

    available_count: Whole


class Usage(msgspec.Struct, frozen=True):
    """The answer of `wham/usage`, as far as this server heeds it."""

    plan_type: str | None = None
    rate_limit: RateLimit | None = None
    credits: Credits | None = None
    account_id: str | None = None
    user_id: str | None = None
    additional_rate_limits: list[OtherLimit] | None = None
    spend_control: SpendControl | None = None
    rate_limit_reached_type: Reached | None = None
    rate_limit_reset_credits: ResetCreditCount | None = None
    rate_limit_upsell: Any = UNSET


def usage_in_headers(headers: Mapping[str, str]) -> Usage | None:
    """The limits that came with a response to a turn; None if there are none to be read."""
    primary, secondary = (
        _window(headers, f"x-codex-{which}") for which in ("primary", "secondary")
    )
    if primary is None and secondary is None:
        return None
    return Usage(rate_limit=RateLimit(primary, secondary))


def _window(headers: Mapping[str, str], prefix: str) -> Window | None:
    minutes = _number(headers.get(f"{prefix}-window-minutes"), Whole)
    percent = _number(headers.get(f"{prefix}-used-percent"), Percent)
    if percent is None or not math.isfinite(percent):
        return None
    seconds = None if minutes is None else minutes * SECONDS_PER_MINUTE
    return Window(percent, seconds, _number(headers.get(f"{prefix}-reset-at"), Whole))


def _number(text: str | None, kind: Any) -> Any:
    if text is None:
        return None
    try:
        return msgspec.convert(text, kind, strict=False)
    except msgspec.ValidationError:
        return None


def snapshot(revision: Revision, usage: Usage) -> Any:
    """The limit that every login has; null is what the backend did not say."""
    credits_told, control = usage.credits, usage.spend_control or SpendControl()
    return _snapshot(
        revision,
        usage,
        usage.rate_limit,
        limit_id=CODEX,
        limit_name=None,
        credits=credits_told
        and revision.models.CreditsSnapshot(
            has_credits=credits_told.has_credits,
            unlimited=credits_told.unlimited,
            balance=credits_told.balance,
        ),
        rate_limit_reached_type=_reached(revision, usage),
        individual_limit=_show_spending(revision, control.individual_limit),
        spend_control_reached=control.reached,
        normal_model_slug=None,
    )


def limits_by_id(revision: Revision, usage: Usage) -> dict[str, Any]:
    """Every limit by its `limitId`, the one of every login first."""
    shown = {CODEX: snapshot(revision, usage)}
    for limit in usage.additional_rate_limits or ():
        shown[limit.metered_feature] = _snapshot(
            revision,
            usage,
            limit.rate_limit,
            limit_id=limit.metered_feature,
            limit_name=limit.limit_name,
            credits=None,
            rate_limit_reached_type=None,
            individual_limit=None,
            spend_control_reached=None,
            normal_model_slug=limit.normal_model_slug,
        )
    return shown


def _snapshot(revision: Revision, usage: Usage, limit: RateLimit | None, **members: Any) -> Any:
    limit = limit or RateLimit()
    return revision.make(
        "RateLimitSnapshot",
        primary=_show(revision, limit.primary_window),
        secondary=_show(revision, limit.secondary_window),
        plan_type=None if usage.plan_type is None else revision.plan(usage.plan_type),
        **members,
    )


def _reached(revision: Revision, usage: Usage) -> str | None:
    """Which limit stops the account, where the revision has a word for it."""
    words = get_args(getattr(revision.models, "RateLimitReachedType", None))
    told = usage.rate_limit_reached_type
    return told.type if told is not None and told.type in words else None


def _show_spending(revision: Revision, limit: SpendLimit | None) -> Any:
    if limit is None or not hasattr(revision.models, "SpendControlLimitSnapshot"):
        return None
    return revision.models.SpendControlLimitSnapshot(
        limit=limit.limit,
        used=limit.used,
        remaining_percent=round(limit.remaining_percent),
        resets_at=limit.reset_at,
    )


def _show(revision: Revision, window: Window | None) -> Any:
    if window is None:
        return None
    seconds = window.limit_window_seconds
    return revision.models.RateLimitWindow(
        used_percent=round(window.used_percent),
        window_duration_mins=None if seconds is None else -(-seconds // SECONDS_PER_MINUTE),
        resets_at=window.reset_at,
    )
