"""What the further requests of an account leave open: its limits, errors, and what is told."""

from contextlib import suppress
from typing import Any

import anyio
import msgspec
import pytest
from codex_reference_server.account import Account
from codex_reference_server.backend import Backend
from codex_reference_server.connection import Connection
from codex_reference_server.further import FurtherAccount
from codex_reference_server.limits import Usage, snapshot
from codex_reference_server.messages import (
    METHOD_NOT_FOUND,
    Answer,
    Later,
    Refusal,
    RefusedByBackend,
)
from codex_reference_server.turns import Turns
from freedom import freedom
from mutant import around, instances


@freedom(
    "OTHER-1",
    case="other/usage",
    says="not for this account",
    inapplicable=(
        "other/consume-credit/already-redeemed",
        "other/consume-credit/no-credit",
        "other/consume-credit/nothing-to-reset",
        "other/consume-credit/reset",
        "other/login-replaced/consume-credit",
        "other/login-replaced/messages",
        "other/login-replaced/nudge",
        "other/login-replaced/usage",
        "other/login-replaced/usage-of-thread",
        "other/messages",
        "other/messages-not-offered",
        "other/nudge-too-soon",
        "other/nudge/credits",
        "other/nudge/usage_limit",
        "other/security-setup",
        "other/usage",
        "other/usage-not-told",
        "other/usage-of-thread",
    ),
)
def further_requests_are_refused(patch: pytest.MonkeyPatch) -> None:
    """Every request of an account beyond its logins and limits is refused."""

    @around(patch, FurtherAccount, "_ask")
    def ask(real: Any, self: Any, method: str, login: Any, params: Any) -> Any:
        if method != "account/rateLimits/read":
            raise Refusal("this is not for this account")
        return real(self, method, login, params)


@freedom("RATE-2", "RATE-1", case="rate/read-unauthorized", says='"reason":"unauthorized"')
def limits_are_worth_a_refresh(patch: pytest.MonkeyPatch) -> None:
    """A 401 for the limits leads to a refresh, and to one more attempt."""

    @around(patch, Backend, "fetch")
    async def fetch(real: Any, self: Any, credentials: Any, *asked: Any) -> Any:
        try:
            return await real(self, credentials, *asked)
        except RefusedByBackend as answer:
            newer = await self._auth.renew(credentials) if answer.status == 401 else None
            if newer is None:
                raise
            return await real(self, newer, *asked)


@freedom("RATE-3", "LOGIN-4", case="login/accepted", says='"method":"account/rateLimits/updated"')
def limits_are_told_with_every_login(patch: pytest.MonkeyPatch) -> None:
    """Limits are told whenever the login changes, though nothing is known of them yet."""

    @around(patch, Account, "_updated")
    def updated(real: Any, self: Any) -> Any:
        limits = snapshot(self._revision, Usage())
        told = self._revision.notification("account/rateLimits/updated", rate_limits=limits)
        self._notify(told)
        return real(self)


@freedom(
    "LOGIN-1",
    "LOGIN-4",
    "LOGIN-7",
    "SECRET-3",
    case="login/accepted",
    says="GET /backend-api/wham/accounts/check",
)
def backend_is_asked_after_a_login(patch: pytest.MonkeyPatch) -> None:
    """Who has logged in with ChatGPT is looked up at the backend before the login is answered."""
    turns = instances(patch, Turns)

    @around(patch, Account, "_log_in_external")
    def log_in(real: Any, self: Any, params: Any, session: Any) -> Any:
        answer = real(self, params, session)

        async def later() -> Any:
            login = self._auth.credentials
            if login is not None and login.account_id:
                with suppress(Refusal):
                    await turns[-1].open_backend().fetch(login, "wham/accounts/check")
            return answer

        return Later(later)


@freedom(
    "WIRE-5",
    "MODE-1",
    "MODE-2",
    "RATE-1",
    "WORKSPACE-1",
    case="mode/browser-login",
    says="not supported here: ",
)
def refusals_say_not_supported(patch: pytest.MonkeyPatch) -> None:
    """Every refusal says that what was asked for is not supported then, with a code of its own."""

    @around(patch, Connection, "_refuse")
    def refuse(real: Any, self: Any, request_id: Any, refusal: Any) -> None:
        if refusal.code != METHOD_NOT_FOUND:
            refusal = Refusal(f"not supported here: {refusal.message}", -32050)
        real(self, request_id, refusal)


@freedom(
    "LOGIN-1", "APIKEY-1", "LOGOUT-1", "LOGIN-5", case="logout/from/api-key", says='"seen":true'
)
def account_says_more(patch: pytest.MonkeyPatch) -> None:
    """Results and accounts have one member more than the revision knows."""

    @around(patch, Connection, "_respond")
    def respond(real: Any, self: Any, request_id: Any, answer: Answer) -> None:
        result = msgspec.to_builtins(answer.result)
        if isinstance(result, dict):
            result["seen"] = True
            if isinstance(result.get("account"), dict):
                result["account"]["seen"] = True
        real(self, request_id, msgspec.structs.replace(answer, result=result))


@freedom(
    "APIKEY-1",
    "MANAGED-2",
    case="apikey/accepted",
    says='/updated","params":{"authMode":"apikey","planType":null}}\n    0.000 <-- {"method"',
)
def login_is_told_as_updated_again(patch: pytest.MonkeyPatch) -> None:
    """account/updated comes twice after a login that is not one with external tokens."""

    @around(patch, Account, "_logged_in")
    def logged_in(real: Any, self: Any, response: Any) -> Answer:
        answer: Answer = real(self, response)
        more = () if self._auth.is_external else (self._updated(),)
        return msgspec.structs.replace(answer, then=(*answer.then, *more))

    @around(patch, Account, "succeeded")
    def succeeded(real: Any, self: Any, *login: Any) -> None:
        real(self, *login)
        self._notify(self._updated())


@freedom(
    "REFRESH-19",
    "LOGIN-4",
    case="apikey/bearer",
    says='"durationMs":0}}}\n    0.000 <-- {"method":"account/updated"',
)
def account_is_told_after_every_turn(patch: pytest.MonkeyPatch) -> None:
    """account/updated follows every turn of a login."""
    accounts = instances(patch, Account)

    @around(patch, Turns, "_run")
    async def run(real: Any, self: Any, turn: Any) -> None:
        await real(self, turn)
        if self._auth.credentials is not None:
            accounts[-1]._notify(accounts[-1]._updated())


@freedom("READ-1", "REFRESH-12", case="read/nobody/auth-required", says="    1.000 <-- ")
def account_is_read_at_leisure(patch: pytest.MonkeyPatch) -> None:
    """account/read is answered after a second."""

    @around(patch, Account, "read")
    def read(real: Any, self: Any, params: Any, session: Any) -> Any:
        answer = real(self, params, session)

        async def later() -> Any:
            await anyio.sleep(1)
            return answer

        return Later(later) if isinstance(answer, Answer) else answer
