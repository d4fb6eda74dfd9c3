"""Models of revision 0.93, written by generated/generate.py.

To change them, edit spec/0.93/ and run `make generate`.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from msgspec import UNSET, Struct, UnsetType, convert, field


class ApiKeyAccount(Struct, kw_only=True, tag_field="type", tag="apiKey"):
    """An API key."""


class AccountLoginCompletedNotification(Struct, kw_only=True):
    """A login has ended, well or not."""

    success: bool
    login_id: str | None | UnsetType = field(name="loginId", default=UNSET)
    error: str | None | UnsetType = UNSET


class AgentMessageDeltaNotification(Struct, kw_only=True):
    """The agent's message has grown."""

    thread_id: str = field(name="threadId")
    turn_id: str = field(name="turnId")
    item_id: str = field(name="itemId")
    delta: str


AskForApproval: TypeAlias = Literal["untrusted", "on-failure", "on-request", "never"]


AuthMode: TypeAlias = Literal["apikey", "chatgpt", "chatgptAuthTokens"]


class CancelLoginAccountParams(Struct, kw_only=True):
    """Give up a pending login."""

    login_id: str = field(name="loginId")


CancelLoginAccountStatus: TypeAlias = Literal["canceled", "notFound"]


ChatgptAuthTokensRefreshReason: TypeAlias = Literal["unauthorized"]


class ChatgptAuthTokensRefreshResponse(Struct, kw_only=True):
    """The client's new tokens."""

    access_token: str = field(name="accessToken")
    id_token: str = field(name="idToken")


class ClientInfo(Struct, kw_only=True):
    """The program at the client's end."""

    name: str
    version: str
    title: str | None | UnsetType = UNSET


CodexErrorInfo: TypeAlias = str | dict[str, Any]


class CreditsSnapshot(Struct, kw_only=True):
    """The credits of an account."""

    has_credits: bool = field(name="hasCredits")
    unlimited: bool
    balance: str | None | UnsetType = UNSET


class GetAccountParams(Struct, kw_only=True):
    """Ask who is logged in."""

    refresh_token: bool | UnsetType = field(name="refreshToken", default=UNSET)


class InitializeCapabilities(Struct, kw_only=True):
    """What the client can do beyond the stable protocol."""

    experimental_api: bool | UnsetType = field(name="experimentalApi", default=UNSET)


class InitializeParams(Struct, kw_only=True):
    """The client introduces itself; the first message of a connection."""

    client_info: ClientInfo = field(name="clientInfo")
    capabilities: InitializeCapabilities | None | UnsetType = UNSET


class InitializeResponse(Struct, kw_only=True):
    """The server introduces itself."""

    user_agent: str = field(name="userAgent")


class JSONRPCErrorError(Struct, kw_only=True):
    """Why a request was refused."""

    code: int
    message: str
    data: Any | UnsetType = UNSET


class JSONRPCNotification(Struct, kw_only=True):
    """A message that gets no response."""

    method: str
    params: Any | UnsetType = UNSET


class ApiKeyLoginAccountParams(Struct, kw_only=True, tag_field="type", tag="apiKey"):
    """Log in with an API key, which the server stores."""

    api_key: str = field(name="apiKey")


class ChatgptLoginAccountParams(Struct, kw_only=True, tag_field="type", tag="chatgpt"):
    """Start a login in the browser, whose tokens the server manages."""


class ChatgptAuthTokensLoginAccountParams(Struct, kw_only=True, tag_field="type", tag="chatgptAuthTokens"):
    """Use tokens that the client owns; the server keeps them in memory only and asks the client to refresh them."""

    access_token: str = field(name="accessToken")
    id_token: str = field(name="idToken")


LoginAccountParams: TypeAlias = ApiKeyLoginAccountParams | ChatgptLoginAccountParams | ChatgptAuthTokensLoginAccountParams


class ApiKeyLoginAccountResponse(Struct, kw_only=True, tag_field="type", tag="apiKey"):
    """The key is stored."""


class ChatgptLoginAccountResponse(Struct, kw_only=True, tag_field="type", tag="chatgpt"):
    """The login waits for the browser."""

    login_id: str = field(name="loginId")
    auth_url: str = field(name="authUrl")


class ChatgptAuthTokensLoginAccountResponse(Struct, kw_only=True, tag_field="type", tag="chatgptAuthTokens"):
    """The tokens are taken."""


LoginAccountResponse: TypeAlias = ApiKeyLoginAccountResponse | ChatgptLoginAccountResponse | ChatgptAuthTokensLoginAccountResponse


class LogoutAccountResponse(Struct, kw_only=True):
    """Nobody is logged in any more."""


Personality: TypeAlias = Literal["none", "friendly", "pragmatic"]


PlanType: TypeAlias = Literal["free", "go", "plus", "pro", "team", "business", "enterprise", "edu", "unknown"]


class RateLimitWindow(Struct, kw_only=True):
    """Use within a span of time that starts anew when it is over."""

    used_percent: int = field(name="usedPercent")
    window_duration_mins: int | None | UnsetType = field(name="windowDurationMins", default=UNSET)
    resets_at: int | None | UnsetType = field(name="resetsAt", default=UNSET)


ReasoningEffort: TypeAlias = Literal["none", "minimal", "low", "medium", "high", "xhigh"]


ReasoningSummary: TypeAlias = Literal["auto", "concise", "detailed", "none"]


RequestId: TypeAlias = str | int


SandboxMode: TypeAlias = Literal["read-only", "workspace-write", "danger-full-access"]


class SandboxPolicy(Struct, kw_only=True):
    """What commands may touch; further members depend on `type`."""

    type: str


SessionSource: TypeAlias = str | dict[str, Any]


class ThreadItem(Struct, kw_only=True):
    """Something that happened in a turn. The kinds that the suite needs are spelled out, any other is valid; further members depend on `type`."""

    type: str
    id: str
    content: Any | UnsetType = UNSET
    text: Any | UnsetType = UNSET

    def __post_init__(self) -> None:
        if self.type == "userMessage":
            if self.content is UNSET:
                raise ValueError("expected content")
            convert(self.content, list[UserInput])
        if self.type == "agentMessage":
            if self.text is UNSET:
                raise ValueError("expected text")
            convert(self.text, str)


class ThreadStartParams(Struct, kw_only=True):
    """Begin a thread; an absent member is taken from the configuration."""

    model: str | None | UnsetType = UNSET
    model_provider: str | None | UnsetType = field(name="modelProvider", default=UNSET)
    cwd: str | None | UnsetType = UNSET
    approval_policy: AskForApproval | None | UnsetType = field(name="approvalPolicy", default=UNSET)
    sandbox: SandboxMode | None | UnsetType = UNSET
    config: dict[str, Any] | None | UnsetType = UNSET
    base_instructions: str | None | UnsetType = field(name="baseInstructions", default=UNSET)
    developer_instructions: str | None | UnsetType = field(
        name="developerInstructions", default=UNSET
    )
    personality: Personality | None | UnsetType = UNSET
    ephemeral: bool | None | UnsetType = UNSET
    experimental_raw_events: bool | UnsetType = field(name="experimentalRawEvents", default=UNSET)


class TurnError(Struct, kw_only=True):
    """Why a turn failed."""

    message: str
    codex_error_info: CodexErrorInfo | None | UnsetType = field(
        name="codexErrorInfo", default=UNSET
    )
    additional_details: str | None | UnsetType = field(name="additionalDetails", default=UNSET)


class TurnInterruptParams(Struct, kw_only=True):
    """Stop a turn that is under way."""

    thread_id: str = field(name="threadId")
    turn_id: str = field(name="turnId")


class TurnInterruptResponse(Struct, kw_only=True):
    """The turn will end."""


TurnStatus: TypeAlias = Literal["completed", "interrupted", "failed", "inProgress"]


class TextUserInput(Struct, kw_only=True, tag_field="type", tag="text"):
    """Words."""

    text: str
    text_elements: list[dict[str, Any]] | UnsetType = UNSET


class ImageUserInput(Struct, kw_only=True, tag_field="type", tag="image"):
    """An image."""

    url: str


class LocalImageUserInput(Struct, kw_only=True, tag_field="type", tag="localImage"):
    """An image file."""

    path: str


class SkillUserInput(Struct, kw_only=True, tag_field="type", tag="skill"):
    """A skill to use."""

    name: str
    path: str


class MentionUserInput(Struct, kw_only=True, tag_field="type", tag="mention"):
    """Something that the text mentions."""

    name: str
    path: str


UserInput: TypeAlias = TextUserInput | ImageUserInput | LocalImageUserInput | SkillUserInput | MentionUserInput


class ChatgptAccount(Struct, kw_only=True, tag_field="type", tag="chatgpt"):
    """A ChatGPT account."""

    email: str
    plan_type: PlanType = field(name="planType")


Account: TypeAlias = ApiKeyAccount | ChatgptAccount


class AccountUpdatedNotification(Struct, kw_only=True):
    """The active login has changed."""

    auth_mode: AuthMode | None | UnsetType = field(name="authMode", default=UNSET)


class CancelLoginAccountResponse(Struct, kw_only=True):
    """What became of the pending login."""

    status: CancelLoginAccountStatus


class ChatgptAuthTokensRefreshParams(Struct, kw_only=True):
    """The server asks the client for new tokens, and waits ten seconds."""

    reason: ChatgptAuthTokensRefreshReason
    previous_account_id: str | None | UnsetType = field(name="previousAccountId", default=UNSET)


class ErrorNotification(Struct, kw_only=True):
    """Something went wrong during a turn."""

    thread_id: str = field(name="threadId")
    turn_id: str = field(name="turnId")
    error: TurnError
    will_retry: bool = field(name="willRetry")


class GetAccountResponse(Struct, kw_only=True):
    """Who is logged in."""

    requires_openai_auth: bool = field(name="requiresOpenaiAuth")
    account: Account | None | UnsetType = UNSET


class ItemCompletedNotification(Struct, kw_only=True):
    """An item is complete."""

    thread_id: str = field(name="threadId")
    turn_id: str = field(name="turnId")
    item: ThreadItem


class ItemStartedNotification(Struct, kw_only=True):
    """An item has begun."""

    thread_id: str = field(name="threadId")
    turn_id: str = field(name="turnId")
    item: ThreadItem


class JSONRPCError(Struct, kw_only=True):
    """The refusal of a request."""

    id: RequestId
    error: JSONRPCErrorError


class JSONRPCRequest(Struct, kw_only=True):
    """A message that asks for exactly one response. `jsonrpc` may be absent, or be "2.0"."""

    id: RequestId
    method: str
    params: Any | UnsetType = UNSET


class JSONRPCResponse(Struct, kw_only=True):
    """The good answer to a request."""

    id: RequestId
    result: Any


class RateLimitSnapshot(Struct, kw_only=True):
    """What is left of one limit at one moment."""

    primary: RateLimitWindow | None | UnsetType = UNSET
    secondary: RateLimitWindow | None | UnsetType = UNSET
    credits: CreditsSnapshot | None | UnsetType = UNSET
    plan_type: PlanType | None | UnsetType = field(name="planType", default=UNSET)


class Turn(Struct, kw_only=True):
    """What follows from one thing that the user said."""

    id: str
    items: list[ThreadItem]
    status: TurnStatus
    error: TurnError | None | UnsetType = UNSET


class TurnCompletedNotification(Struct, kw_only=True):
    """A turn has ended: completed, interrupted or failed."""

    thread_id: str = field(name="threadId")
    turn: Turn


class TurnStartParams(Struct, kw_only=True):
    """The user speaks; an absent setting stays as it was."""

    thread_id: str = field(name="threadId")
    input: list[UserInput]
    model: str | None | UnsetType = UNSET
    effort: ReasoningEffort | None | UnsetType = UNSET
    summary: ReasoningSummary | None | UnsetType = UNSET
    cwd: str | None | UnsetType = UNSET
    approval_policy: AskForApproval | None | UnsetType = field(name="approvalPolicy", default=UNSET)
    sandbox_policy: SandboxPolicy | None | UnsetType = field(name="sandboxPolicy", default=UNSET)
    personality: Personality | None | UnsetType = UNSET
    output_schema: Any | UnsetType = field(name="outputSchema", default=UNSET)
    collaboration_mode: dict[str, Any] | None | UnsetType = field(
        name="collaborationMode", default=UNSET
    )


class TurnStartResponse(Struct, kw_only=True):
    """The turn is under way."""

    turn: Turn


class TurnStartedNotification(Struct, kw_only=True):
    """A turn has begun."""

    thread_id: str = field(name="threadId")
    turn: Turn


class AccountRateLimitsUpdatedNotification(Struct, kw_only=True):
    """Limits that came with a response of the backend. They may be partial: a null or absent member says nothing, and what was known of it before still holds."""

    rate_limits: RateLimitSnapshot = field(name="rateLimits")


class GetAccountRateLimitsResponse(Struct, kw_only=True):
    """The limits of the login as the backend tells them."""

    rate_limits: RateLimitSnapshot = field(name="rateLimits")


JSONRPCMessage: TypeAlias = JSONRPCRequest | JSONRPCNotification | JSONRPCResponse | JSONRPCError


class Thread(Struct, kw_only=True):
    """A conversation."""

    id: str
    preview: str
    model_provider: str = field(name="modelProvider")
    created_at: int = field(name="createdAt")
    updated_at: int = field(name="updatedAt")
    cwd: str
    cli_version: str = field(name="cliVersion")
    source: SessionSource
    turns: list[Turn]
    path: str | None | UnsetType = UNSET
    git_info: dict[str, Any] | None | UnsetType = field(name="gitInfo", default=UNSET)


class ThreadStartResponse(Struct, kw_only=True):
    """The thread and the settings that it got."""

    thread: Thread
    model: str
    model_provider: str = field(name="modelProvider")
    cwd: str
    approval_policy: AskForApproval = field(name="approvalPolicy")
    sandbox: SandboxPolicy
    reasoning_effort: ReasoningEffort | None | UnsetType = field(
        name="reasoningEffort", default=UNSET
    )


class ThreadStartedNotification(Struct, kw_only=True):
    """A thread has begun."""

    thread: Thread
