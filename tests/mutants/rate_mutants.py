"""Faults of rate limits and of the further account messages."""

from typing import Any

import msgspec
import pytest
from codex_reference_server import further, limits
from codex_reference_server.messages import Answer
from codex_reference_server.turns import Turns
from mutant import around, mutant


@mutant("RATE-1", "RATE-3")
def windows_swapped(patch: pytest.MonkeyPatch) -> None:
    """The primary window is shown as the secondary, and the other way round."""
    real = limits.snapshot

    def snapshot(revision: Any, usage: limits.Usage) -> Any:
        told = usage.rate_limit or limits.RateLimit()
        swapped = limits.RateLimit(told.secondary_window, told.primary_window)
        return real(revision, msgspec.structs.replace(usage, rate_limit=swapped))

    patch.setattr(limits, "snapshot", snapshot)


@mutant("RATE-1", revision="0.99")
def limits_of_nobody(patch: pytest.MonkeyPatch) -> None:
    """Limits without a ChatGPT login are empty instead of an error."""

    @around(patch, further.FurtherAccount, "_asking")
    def asking(real: Any, account: Any, method: str) -> Any:
        def handle(params: Any, session: Any) -> Any:
            credentials = account._auth.credentials
            if credentials is not None and credentials.mode != "apikey":
                return real(account, method)(params, session)
            shown = limits.snapshot(account._revision, limits.Usage())
            return Answer(account._revision.make("GetAccountRateLimitsResponse", rate_limits=shown))

        return handle


@mutant("RATE-3")
def limits_of_a_turn_untold(patch: pytest.MonkeyPatch) -> None:
    """Limits that come with a response are kept back."""
    patch.setattr(Turns, "_tell_limits", lambda *_: None)


@mutant("OTHER-1")
def security_setup_logs_out(patch: pytest.MonkeyPatch) -> None:
    """A question about the account ends its login."""
    real = further.FurtherAccount.read_security_setup

    def read(account: Any, params: Any, session: Any) -> Any:
        account._auth.log_out()
        return real(account, params, session)

    patch.setattr(further.FurtherAccount, "read_security_setup", read)
