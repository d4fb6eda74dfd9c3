"""What the mock backend knows about an account: as it serves it, and as a client is told of it."""

from dataclasses import dataclass
from typing import Any

from codex_conformance.limits import ACCOUNT_LIMITS, Window

NEW_YEAR = 1_798_761_600  # 2027-01-01T00:00:00Z; every moment here is fixed, so runs are identical
MAY_DAY = 1_809_129_600  # 2027-05-01T00:00:00Z


@dataclass(frozen=True)
class Told:
    """One piece of data.

    Attributes:
        served: the body of the backend's answer.
        shown: the members that a client has to find in the result.
    """

    served: Any
    shown: dict[str, Any]


TOKEN_USAGE = Told(
    served={
        "stats": {
            "lifetime_tokens": 9_000_000_001,
            "peak_daily_tokens": 700_002,
            "longest_running_turn_sec": 303,
            "current_streak_days": 4,
            "longest_streak_days": 55,
            "daily_usage_buckets": [
                {"start_date": "2027-04-29", "tokens": 6006},
                {"start_date": "2027-04-30", "tokens": 7007},
            ],
        }
    },
    shown={
        "summary": {
            "lifetimeTokens": 9_000_000_001,
            "peakDailyTokens": 700_002,
            "longestRunningTurnSec": 303,
            "currentStreakDays": 4,
            "longestStreakDays": 55,
        },
        "dailyUsageBuckets": [
            {"startDate": "2027-04-29", "tokens": 6006},
            {"startDate": "2027-04-30", "tokens": 7007},
        ],
    },
)

THREAD = "11111111-1111-4111-8111-111111111111"

THREAD_USAGE = Told(
    served={
        "threads": [
            {
                "thread_id": THREAD,
                "estimated_usage_credits_micros": 1_000_001,
                "estimated_usage_usd_micros": 2002,
                "native_usage_usd_micros": 3003,
                "groups": [
                    {
                        "model": "mock-model",
                        "reasoning_effort": "high",
                        "speed": "fast",
                        "estimated_usage_credits_micros": 1_000_001,
                        "net_new_input_tokens": 11,
                        "cached_input_tokens": 12,
                        "input_tokens": 23,
                        "output_tokens": 14,
                        "total_tokens": 37,
                    }
                ],
            }
        ]
    },
    shown={
        "threadUsage": {
            "threadId": THREAD,
            "estimatedUsageCreditsMicros": 1_000_001,
            "estimatedUsageUsdMicros": 2002,
            "nativeUsageUsdMicros": 3003,
            "groups": [
                {
                    "model": "mock-model",
                    "reasoningEffort": "high",
                    "speed": "fast",
                    "estimatedUsageCreditsMicros": 1_000_001,
                    "netNewInputTokens": 11,
                    "cachedInputTokens": 12,
                    "inputTokens": 23,
                    "outputTokens": 14,
                    "totalTokens": 37,
                }
            ],
        }
    },
)

MESSAGES = Told(
    served={
        "messages": [
            {
                "message_id": "message-1",
                "message_type": "headline",
                "message_body": "Maintenance on Sunday.",
                "created_at": "2027-01-01T00:00:00Z",
                "archived_at": "2027-05-01T00:00:00Z",
            },
            {
                "message_id": "message-2",
                "message_type": "announcement",
                "message_body": "Welcome.",
                "created_at": "2027-01-01T01:00:00+01:00",
            },
        ]
    },
    shown={
        "featureEnabled": True,
        "messages": [
            {
                "messageId": "message-1",
                "messageType": "headline",
                "messageBody": "Maintenance on Sunday.",
                "createdAt": NEW_YEAR,
                "archivedAt": MAY_DAY,
            },
            {
                "messageId": "message-2",
                "messageType": "announcement",
                "messageBody": "Welcome.",
                "createdAt": NEW_YEAR,
            },
        ],
    },
)

RESET_CREDITS = Told(
    served={
        "available_count": 1,
        "credits": [
            {
                "id": "credit-1",
                "reset_type": "codex_rate_limits",
                "status": "available",
                "granted_at": "2027-01-01T00:00:00Z",
                "expires_at": "2027-05-01T00:00:00Z",
                "title": "A fresh start",
                "description": "Sets the limits back once.",
            },
        ],
    },
    shown={
        "availableCount": 1,
        "credits": [
            {
                "id": "credit-1",
                "resetType": "codexRateLimits",
                "status": "available",
                "grantedAt": NEW_YEAR,
                "expiresAt": MAY_DAY,
                "title": "A fresh start",
                "description": "Sets the limits back once.",
            }
        ],
    },
)

NOTICE = Told(
    served={
        "notice": {
            "title": "Secure your account",
            "description": "Add a second factor.",
            "action": {"label": "Set up", "url": "https://chatgpt.com/security"},
        }
    },
    shown={
        "notice": {
            "title": "Secure your account",
            "description": "Add a second factor.",
            "action": {"label": "Set up", "url": "https://chatgpt.com/security"},
        }
    },
)

OUTCOMES = {
    "reset": "reset",
    "nothing_to_reset": "nothingToReset",
    "no_credit": "noCredit",
    "already_redeemed": "alreadyRedeemed",
}
"""What can become of a credit: as the backend says it, and as a client is told."""

EXTRA_LIMIT = Window(88, 1440, 2_000_086_400)


def every_limit(account_id: str, user_id: str) -> Told:
    """All that the backend can say about limits, as those of this user in this account."""
    windows = {f"{which}_window": window.served for which, window in ACCOUNT_LIMITS.items()}
    served = {
        "account_id": account_id,
        "user_id": user_id,
        "plan_type": "pro",
        "rate_limit": {"allowed": True, "limit_reached": False} | windows,
        "credits": {"has_credits": True, "unlimited": False, "balance": "12.5"},
        "additional_rate_limits": [
            {
                "limit_name": "Extra",
                "metered_feature": "extra",
                "rate_limit": {
                    "allowed": True,
                    "limit_reached": False,
                    "primary_window": EXTRA_LIMIT.served,
                    "secondary_window": None,
                },
            }
        ],
        "spend_control": {
            "reached": True,
            "individual_limit": {
                "limit": "100.00",
                "used": "30.00",
                "remaining": "70.00",
                "used_percent": 30,
                "remaining_percent": 70,
                "reset_after_seconds": 3600,
                "reset_at": 2_000_003_600,
                "source": "workspace",
            },
        },
        "rate_limit_reached_type": {"type": "workspace_member_credits_depleted"},
        "rate_limit_upsell": {"title": "More of everything"},
        "rate_limit_reset_credits": {"available_count": 1},
    }
    limit = {which: window.shown for which, window in ACCOUNT_LIMITS.items()} | {
        "planType": "pro",
        "credits": {"hasCredits": True, "unlimited": False, "balance": "12.5"},
        "limitId": "codex",
        "individualLimit": {
            "limit": "100.00",
            "used": "30.00",
            "remainingPercent": 70,
            "resetsAt": 2_000_003_600,
        },
        "spendControlReached": True,
        "rateLimitReachedType": "workspace_member_credits_depleted",
    }
    extra = {
        "limitId": "extra",
        "limitName": "Extra",
        "planType": "pro",
        "primary": EXTRA_LIMIT.shown,
    }
    shown = {
        "rateLimits": limit,
        "rateLimitsByLimitId": {"codex": limit, "extra": extra},
        "rateLimitResetCredits": RESET_CREDITS.shown,
        "accountId": account_id,
        "ordinaryUsageAllowed": True,
        "rateLimitUpsell": {"title": "More of everything"},
    }
    return Told(served, shown)
