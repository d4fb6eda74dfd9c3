"""What the backend is asked about an account, and what the client is told of its answer.

The backend's words are structs here; members of the protocol bear the same names, so that most of
an answer is converted by name. This module is imported with the first question.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

import msgspec
from msgspec import UNSET

from codex_reference_server.credentials import Credentials
from codex_reference_server.limits import CODEX, Usage, limits_by_id
from codex_reference_server.messages import INTERNAL_ERROR, Refusal, RefusedByBackend
from codex_reference_server.revision import Revision

FORBIDDEN = 403
NOT_FOUND = 404
TOO_MANY_REQUESTS = 429

SUMMARY = "RateLimitResetCreditsSummary"

T = TypeVar("T")

Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]

Fetch = Callable[[Credentials, str, dict[str, Any] | None], Awaitable[bytes]]
"""Ask the backend at a path, posting what is given; gives the body or raises `Refusal`."""


class Question(msgspec.Struct, frozen=True):
    """A request of a client that the backend is to answer.

    Attributes:
        fetch: what the backend says at a path, under `chatgpt_base_url`, to whoever asks.
        credentials: those that are asked with.
        params: of the request, as the revision's model; None if there are none.
    """

    fetch: Fetch
    revision: Revision
    credentials: Credentials
    params: Any

    async def ask(self, path: str, kind: type[T], body: dict[str, Any] | None = None) -> T:
        """The backend's answer; a body is posted.

        Raises:
            Refusal: there was none, or none of this kind.
        """
        content = await self.fetch(self.credentials, path, body)
        try:
            return msgspec.json.decode(content, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass
        raise Refusal(f"the backend's answer at {path} is not as expected", INTERNAL_ERROR)


class Day(msgspec.Struct, frozen=True):
    """The use of one day."""

    start_date: str
    tokens: Int64


class TokenUsage(msgspec.Struct, frozen=True):
    """The use of an account since its beginning."""

    lifetime_tokens: Int64 | None = None
    peak_daily_tokens: Int64 | None = None
    longest_running_turn_sec: Int64 | None = None
    current_streak_days: Int64 | None = None
    longest_streak_days: Int64 | None = None
    daily_usage_buckets: list[Day] | None = None


class Profile(msgspec.Struct, frozen=True):
    """The answer of `wham/profiles/me`."""

    stats: TokenUsage


class CostShare(msgspec.Struct, frozen=True):
    """The part of a thread's cost that one model had, at one effort and one speed."""

    estimated_usage_credits_micros: Int64
    model: str | None = None
    reasoning_effort: str | None = None
    speed: str | None = None
    net_new_input_tokens: Int64 | None = None
    cached_input_tokens: Int64 | None = None
    input_tokens: Int64 | None = None
    output_tokens: Int64 | None = None
    total_tokens: Int64 | None = None


class ThreadCost(msgspec.Struct, frozen=True):
    """What a thread has cost."""

    thread_id: str
    estimated_usage_credits_micros: Int64
    groups: list[CostShare]
    estimated_usage_usd_micros: Int64 | None = None
    native_usage_usd_micros: Int64 | None = None


class ThreadCosts(msgspec.Struct, frozen=True):
    """The answer of `wham/usage/thread_usage/query`."""

    threads: list[ThreadCost]


class Redemption(msgspec.Struct, frozen=True):
    """The answer of `wham/rate-limit-reset-credits/consume`."""

    code: Literal["reset", "nothing_to_reset", "no_credit", "already_redeemed"]


class ResetCredit(msgspec.Struct, frozen=True):
    """A credit that sets used limits back once."""

    id: str
    reset_type: str
    status: str
    granted_at: Moment
    expires_at: Moment | None = None
    title: str | None = None
    description: str | None = None


class ResetCredits(msgspec.Struct, frozen=True):
    """The answer of `wham/rate-limit-reset-credits`."""

    available_count: Int64
    credits: list[ResetCredit]


class Message(msgspec.Struct, frozen=True):
    """What a workspace tells its members."""

    message_id: str
    message_type: str
    message_body: str
    created_at: Moment | None = None
    archived_at: Moment | None = None


class Messages(msgspec.Struct, frozen=True):
    """The answer of `wham/workspace-messages`."""

    messages: list[Message] = []


class NoticeAction(msgspec.Struct, frozen=True):
    """Where a notice leads."""

    label: str
    url: str


class Notice(msgspec.Struct, frozen=True):
    """A reminder to secure the account."""

    title: str
    description: str
    action: NoticeAction


class SecuritySetup(msgspec.Struct, frozen=True):
    """The answer of `wham/security-setup`."""

    notice: Notice | None = None


_OUTCOMES = {
    "reset": "reset",
    "nothing_to_reset": "nothingToReset",
    "no_credit": "noCredit",
    "already_redeemed": "alreadyRedeemed",
}
_RESET_TYPES = {"codex_rate_limits": "codexRateLimits"}
_CREDIT_STATUSES = ("available", "redeeming", "redeemed")
_MESSAGE_TYPES = ("headline", "announcement")
UNKNOWN = "unknown"
"""What stands for a value that the protocol has no word for."""


async def read_limits(question: Question) -> Any:
    """`account/rateLimits/read`: the limits, and the credits that set them back."""
    revision, login = question.revision, question.credentials
    usage = await question.ask("wham/usage", Usage)
    limits = limits_by_id(revision, usage)
    is_of_login = (usage.account_id, usage.user_id) == (login.account_id, login.user_id)
    allowed = usage.rate_limit.allowed if usage.rate_limit else None
    return revision.make(
        "GetAccountRateLimitsResponse",
        rate_limits=limits[CODEX],
        rate_limits_by_limit_id=limits,
        rate_limit_reset_credits=await _reset_credits(question, usage),
        account_id=usage.account_id,
        ordinary_usage_allowed=allowed if is_of_login else None,
        rate_limit_upsell=usage.rate_limit_upsell if is_of_login else UNSET,
    )


async def _reset_credits(question: Question, usage: Usage) -> Any:
    """The credits that set limits back; their number alone if they are not told one by one."""
    revision = question.revision
    if not hasattr(revision.models, SUMMARY):
        return None
    if getattr(question.params, "exclude_reset_credit_details", UNSET) is not True:
        with suppress(Refusal):
            told = await question.ask("wham/rate-limit-reset-credits", ResetCredits)
            credits_told = [_show_credit(revision, each) for each in told.credits]
            return revision.make(
                SUMMARY, available_count=told.available_count, credits=credits_told
            )
    counted = usage.rate_limit_reset_credits
    return counted and revision.make(SUMMARY, available_count=counted.available_count, credits=None)


def _show_credit(revision: Revision, credit: ResetCredit) -> Any:
    return revision.make(
        "RateLimitResetCredit",
        id=credit.id,
        reset_type=_RESET_TYPES.get(credit.reset_type, UNKNOWN),
        status=credit.status if credit.status in _CREDIT_STATUSES else UNKNOWN,
        granted_at=_seconds(credit.granted_at),
        expires_at=_seconds(credit.expires_at),
        title=credit.title,
        description=credit.description,
    )


async def read_usage(question: Question) -> Any:
    """`account/usage/read`: the tokens of the account, or the cost of the thread asked for."""
    models = question.revision.models
    thread = question.params.thread_id if question.params else None
    cost, usage = None, TokenUsage()
    if thread:
        cost = await _thread_cost(question, thread)
    else:
        usage = (await question.ask("wham/profiles/me", Profile)).stats
    days = usage.daily_usage_buckets
    return models.GetAccountTokenUsageResponse(
        summary=_as(models.AccountTokenUsageSummary, usage),
        daily_usage_buckets=days and [_as(models.AccountTokenUsageDailyBucket, d) for d in days],
        thread_usage=cost and _as(models.ThreadUsage, cost),
    )


async def _thread_cost(question: Question, thread: str) -> ThreadCost | None:
    """What a thread has cost; None if the backend cannot tell."""
    try:
        thread = str(UUID(thread))
    except ValueError:
        raise Refusal("threadId is no UUID: expected one that thread/start gave") from None
    body = {"thread_ids": [thread]}
    try:
        told = await question.ask("wham/usage/thread_usage/query", ThreadCosts, body)
    except RefusedByBackend as answer:
        if answer.status not in (FORBIDDEN, NOT_FOUND):
            raise
        return None
    return next((each for each in told.threads if each.thread_id == thread), None)


async def redeem(question: Question) -> Any:
    """`account/rateLimitResetCredit/consume`: what became of it; the key makes a retry harmless."""
    params = question.params
    if not params.idempotency_key:
        raise Refusal("idempotencyKey is empty: expected a text that is new for each credit")
    body = {"redeem_request_id": params.idempotency_key}
    if params.credit_id:
        body["credit_id"] = params.credit_id
    told = await question.ask("wham/rate-limit-reset-credits/consume", Redemption, body)
    return question.revision.make(
        "ConsumeAccountRateLimitResetCreditResponse", outcome=_OUTCOMES[told.code]
    )


async def send_nudge(question: Question) -> Any:
    """`account/sendAddCreditsNudgeEmail`: whether it was sent, or was sent lately."""
    status = "sent"
    body = {"credit_type": question.params.credit_type}
    path = "wham/accounts/send_add_credits_nudge_email"
    try:
        await question.fetch(question.credentials, path, body)
    except RefusedByBackend as answer:
        if answer.status != TOO_MANY_REQUESTS:
            raise
        status = "cooldown_active"
    return question.revision.make("SendAddCreditsNudgeEmailResponse", status=status)


async def read_messages(question: Question) -> Any:
    """`account/workspaceMessages/read`: the messages; a backend without any says 404."""
    try:
        told = (await question.ask("wham/workspace-messages", Messages)).messages
        offered = True
    except RefusedByBackend as answer:
        if answer.status != NOT_FOUND:
            raise
        told, offered = [], False
    return question.revision.make(
        "GetWorkspaceMessagesResponse",
        feature_enabled=offered,
        messages=[_show_message(question.revision, each) for each in told],
    )


def _show_message(revision: Revision, message: Message) -> Any:
    is_known = message.message_type in _MESSAGE_TYPES
    return revision.make(
        "WorkspaceMessage",
        message_id=message.message_id,
        message_type=message.message_type if is_known else UNKNOWN,
        message_body=message.message_body,
        created_at=_seconds(message.created_at),
        archived_at=_seconds(message.archived_at),
    )


async def read_security_setup(question: Question) -> Any:
    """`account/securitySetup/read`: the reminder; that none can be fetched is told to nobody."""
    models, login = question.revision.models, question.credentials
    notice = None
    with suppress(Refusal):
        notice = (await question.ask("wham/security-setup", SecuritySetup)).notice
    return models.GetAccountSecuritySetupResponse(
        notice=notice
        and models.AccountSecuritySetupNotice(
            account_id=login.account_id or "",
            user_id=login.user_id or "",
            title=notice.title,
            description=notice.description,
            action=_as(models.AccountSecuritySetupAction, notice.action),
        )
    )


def _as(kind: Any, told: Any) -> Any:
    """What the backend told, as a type of the protocol whose members bear the same names."""
    return msgspec.convert(told, kind, from_attributes=True)


def _seconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())


QUESTIONS: Mapping[str, Callable[[Question], Awaitable[Any]]] = {
    "account/rateLimits/read": read_limits,
    "account/usage/read": read_usage,
    "account/rateLimitResetCredit/consume": redeem,
    "account/sendAddCreditsNudgeEmail": send_nudge,
    "account/workspaceMessages/read": read_messages,
    "account/securitySetup/read": read_security_setup,
}
"""A method to what gives its result."""
