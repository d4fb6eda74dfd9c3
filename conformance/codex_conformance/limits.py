"""The rate limits that the mock backend has, in the forms that it tells them in."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Window:
    """How much of a limit is used, in the words of `RateLimitWindow`.

    Attributes:
        resets_at: seconds since the epoch; fixed, so that runs are identical.
    """

    used_percent: int
    minutes: int
    resets_at: int

    @property
    def shown(self) -> dict[str, int]:
        """The window as a client is told of it."""
        return {
            "usedPercent": self.used_percent,
            "windowDurationMins": self.minutes,
            "resetsAt": self.resets_at,
        }

    @property
    def served(self) -> dict[str, int]:
        """The window as `wham/usage` has it."""
        return {
            "used_percent": self.used_percent,
            "limit_window_seconds": self.minutes * 60,
            "reset_after_seconds": 3600,
            "reset_at": self.resets_at,
        }

    def headers(self, which: str) -> dict[str, str]:
        """The window as the head of a turn's response has it."""
        return {
            f"x-codex-{which}-used-percent": f"{self.used_percent}.0",
            f"x-codex-{which}-window-minutes": str(self.minutes),
            f"x-codex-{which}-reset-at": str(self.resets_at),
        }


ACCOUNT_LIMITS = {
    "primary": Window(42, 300, 2_000_003_600),
    "secondary": Window(17, 10_080, 2_000_500_000),
}
"""What the account endpoint says of limits."""

TURN_LIMITS = {
    "primary": Window(63, 300, 2_000_003_600),
    "secondary": Window(24, 10_080, 2_000_500_000),
}
"""What a `limited_turn` says of limits."""
