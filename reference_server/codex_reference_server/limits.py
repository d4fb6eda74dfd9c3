"""What the backend says about rate limits, and how the clients are told.

This module is imported with the first request to the backend.
"""

import math
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

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


class Credits(msgspec.Struct, frozen=True):
    """What can be used beyond the limits."""

    has_credits: bool
    unlimited: bool
    balance: str | None = None


class Usage(msgspec.Struct, frozen=True):
    """The answer of `wham/usage`, as far as this server heeds it."""

    plan_type: str | None = None
    rate_limit: RateLimit | None = None
    credits: Credits | None = None


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
    """The limits as a `RateLimitSnapshot`; null is what the backend did not say."""
    limit = usage.rate_limit or RateLimit()
    return revision.make(
        "RateLimitSnapshot",
        limit_id=CODEX,
        limit_name=None,
        primary=_show(revision, limit.primary_window),
        secondary=_show(revision, limit.secondary_window),
        credits=usage.credits
        and revision.models.CreditsSnapshot(
            has_credits=usage.credits.has_credits,
            unlimited=usage.credits.unlimited,
            balance=usage.credits.balance,
        ),
        plan_type=None if usage.plan_type is None else revision.plan(usage.plan_type),
        rate_limit_reached_type=None,
        individual_limit=None,
        spend_control_reached=None,
        normal_model_slug=None,
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
