"""Faults of what the backend is asked about an account."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from codex_reference_server import questions
from codex_reference_server.auth import Auth
from codex_reference_server.further import FurtherAccount
from codex_reference_server.messages import Refusal, RefusedByBackend
from codex_reference_server.questions import Question
from mutant import around, mutant

LIMITS = "account/rateLimits/read"
USAGE = "account/usage/read"
CONSUME = "account/rateLimitResetCredit/consume"
NUDGE = "account/sendAddCreditsNudgeEmail"
MESSAGES = "account/workspaceMessages/read"


def replacing(patch: pytest.MonkeyPatch, method: str) -> Callable[[Any], Any]:
    """Replace what gives the result of a method; the replacement gets the real one ahead."""
    real = questions.QUESTIONS[method]

    def put(replacement: Any) -> Any:
        async def ask(question: Question) -> Any:
            return await replacement(real, question)

        patch.setitem(questions.QUESTIONS, method, ask)  # type: ignore[arg-type]
        return replacement

    return put


def changed(patch: pytest.MonkeyPatch, method: str, change: Callable[[Any], Any]) -> None:
    """Change the result of a method."""

    @replacing(patch, method)
    async def result(real: Any, question: Question) -> Any:
        return change(await real(question))


def without(name: str) -> Callable[[Any], Any]:
    """A result that has null for one member."""

    def change(result: Any) -> Any:
        setattr(result, name, None)
        return result

    return change


@mutant("OTHER-1")
def days_untold(patch: pytest.MonkeyPatch) -> None:
    """The use by the day is left out."""
    changed(patch, USAGE, without("daily_usage_buckets"))


@mutant("OTHER-1")
def usage_untold_is_nought(patch: pytest.MonkeyPatch) -> None:
    """What the backend does not say is zero."""

    def fill(result: Any) -> Any:
        for name in result.summary.__struct_fields__:
            if getattr(result.summary, name) is None:
                setattr(result.summary, name, 0)
        return result

    changed(patch, USAGE, fill)


@mutant("OTHER-1")
def cost_of_a_thread_untold(patch: pytest.MonkeyPatch) -> None:
    """No thread has a cost."""
    changed(patch, USAGE, without("thread_usage"))


@mutant("OTHER-1")
def every_credit_resets(patch: pytest.MonkeyPatch) -> None:
    """A credit that is not there has set the limits back, too."""

    def reset(result: Any) -> Any:
        result.outcome = "reset"
        return result

    changed(patch, CONSUME, reset)


@mutant("OTHER-1")
def credit_consumed_twice(patch: pytest.MonkeyPatch) -> None:
    """A credit is asked for once more under another key."""

    @replacing(patch, CONSUME)
    async def redeem(real: Any, question: Question) -> Any:
        await real(question)
        question.params.idempotency_key += "-again"
        return await real(question)


@mutant("OTHER-1")
def nudge_unsent(patch: pytest.MonkeyPatch) -> None:
    """The e-mail is said to be sent, and is not."""

    @replacing(patch, NUDGE)
    async def send(_real: Any, question: Question) -> Any:
        return question.revision.make("SendAddCreditsNudgeEmailResponse", status="sent")


@mutant("OTHER-1")
def nudge_too_soon_is_an_error(patch: pytest.MonkeyPatch) -> None:
    """A backend that has sent an e-mail lately counts as one in trouble."""
    patch.setattr(questions, "TOO_MANY_REQUESTS", 999)


@mutant("OTHER-1", "RATE-1")
def moments_in_milliseconds(patch: pytest.MonkeyPatch) -> None:
    """Moments are told in milliseconds."""
    real = questions._seconds
    patch.setattr(questions, "_seconds", lambda moment: moment and real(moment) * 1000)


@mutant("OTHER-1")
def archived_messages_left_out(patch: pytest.MonkeyPatch) -> None:
    """Some messages are kept back."""

    def cut(result: Any) -> Any:
        result.messages = [each for each in result.messages if each.archived_at is None]
        return result

    changed(patch, MESSAGES, cut)


@mutant("OTHER-1")
def messages_not_offered_are_an_error(patch: pytest.MonkeyPatch) -> None:
    """A backend without messages counts as one in trouble."""
    patch.setattr(questions, "NOT_FOUND", 999)


@mutant("OTHER-1")
def notice_for_nobody(patch: pytest.MonkeyPatch) -> None:
    """A managed login is not reminded of anything."""
    changed(patch, "account/securitySetup/read", without("notice"))


@mutant("OTHER-1", "RATE-1")
def trouble_is_no_data(patch: pytest.MonkeyPatch) -> None:
    """Whatever the backend answers with, there is nothing to tell."""

    @around(patch, Question, "ask")
    async def ask(real: Any, self: Question, path: str, kind: Any, body: Any = None) -> Any:
        try:
            return await real(self, path, kind, body)
        except RefusedByBackend:
            raise
        except Refusal:
            return msgspec.convert({"threads": [], "stats": {}, "code": "reset"}, kind)


@mutant("OTHER-1")
def status_of_the_backend_unseen(patch: pytest.MonkeyPatch) -> None:
    """Messages that the backend refuses are none."""

    @replacing(patch, MESSAGES)
    async def read(real: Any, question: Question) -> Any:
        try:
            return await real(question)
        except RefusedByBackend:
            make = question.revision.make
            return make("GetWorkspaceMessagesResponse", feature_enabled=False, messages=[])


@mutant("OTHER-1", "RATE-1")
def backend_asked_with_any_login(patch: pytest.MonkeyPatch) -> None:
    """An API key is sent to where only ChatGPT logins are known."""

    def asking(account: FurtherAccount, method: str) -> Any:
        def handle(params: Any, _session: Any) -> Any:
            login = account._auth.credentials
            if login is None:
                raise Refusal("nobody is logged in")
            return account._ask(method, login, params)

        return handle

    patch.setattr(FurtherAccount, "_asking", asking)


@mutant("OTHER-1")
def backend_asked_with_the_first_login(patch: pytest.MonkeyPatch) -> None:
    """The backend is asked as whoever logged in first."""
    first: dict[int, Any] = {}

    @around(patch, Auth, "log_in_external")
    def log_in(real: Any, self: Auth, tokens: Any) -> None:
        real(self, tokens)
        first.setdefault(id(self), self.credentials)

    @around(patch, FurtherAccount, "_ask")
    def ask(real: Any, self: FurtherAccount, method: str, login: Any, params: Any) -> Any:
        return real(self, method, first.get(id(self._auth), login), params)


@mutant("RATE-1")
def other_limits_untold(patch: pytest.MonkeyPatch) -> None:
    """Only the limit that every login has is told."""
    changed(patch, LIMITS, without("rate_limits_by_limit_id"))


@mutant("RATE-1")
def reset_credits_uncounted(patch: pytest.MonkeyPatch) -> None:
    """Credits that are not told one by one are none."""

    def forget(result: Any) -> Any:
        credits_told = result.rate_limit_reset_credits
        if credits_told is not None and credits_told.credits is None:
            result.rate_limit_reset_credits = None
        return result

    changed(patch, LIMITS, forget)


@mutant("RATE-1", revision="0.93")
def plan_of_the_limits_unknown(patch: pytest.MonkeyPatch) -> None:
    """The limits are those of nobody knows which plan."""

    def forget(result: Any) -> Any:
        result.rate_limits.plan_type = "unknown"
        return result

    changed(patch, LIMITS, forget)
