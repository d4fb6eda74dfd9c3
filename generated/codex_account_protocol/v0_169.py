"""Models of revision 0.169, written by generated/generate.py.

To change them, edit spec/0.169/ and run `make generate`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType, convert, field

AbsolutePathBuf: TypeAlias = str


class ApiKeyAccount(Struct, kw_only=True, tag_field="type", tag="apiKey"):
    """An API key."""


class AmazonBedrockAccount(Struct, kw_only=True, tag_field="type", tag="amazonBedrock"):
    """Amazon Bedrock."""

    uses_codex_managed_credentials: bool | UnsetType = field(
        name="usesCodexManagedCredentials", default=UNSET
    )


class GcpAccount(Struct, kw_only=True, tag_field="type", tag="gcp"):
    """Google Cloud."""


AccountRoutingOverride: TypeAlias = Literal["NO_CONSTRAINT", "us", "us_cr"]


class AccountSecuritySetupAction(Struct, kw_only=True):
    """The button below a reminder."""

    label: str
    url: str


class AccountSecuritySetupNotice(Struct, kw_only=True):
    """A reminder, for the account that asked and no other."""

    account_id: str = field(name="accountId")
    user_id: str = field(name="userId")
    title: str
    description: str
    action: AccountSecuritySetupAction


AccountSessionWorkspaceKind: TypeAlias = Literal["personal", "workspace"]


class AccountSessionsListParams(Struct, kw_only=True):
    """Ask for the logins that the server keeps side by side."""

    refresh_workspace_metadata: bool | UnsetType = field(
        name="refreshWorkspaceMetadata", default=UNSET
    )


class AccountSessionsSwitchParams(Struct, kw_only=True):
    """Use another login, or another workspace of the same."""

    session_id: str = field(name="sessionId")
    account_id: str = field(name="accountId")
    allow_browser_login: bool | UnsetType = field(name="allowBrowserLogin", default=UNSET)


class BrowserLoginAccountSessionsSwitchResponse(Struct, kw_only=True):
    """A login in the browser has to come first; `account/login/completed` tells of its end."""

    auth_url: str
    login_id: str


class AccountTokenUsageDailyBucket(Struct, kw_only=True):
    """The use of one day."""

    start_date: str = field(name="startDate")
    tokens: int


class AccountTokenUsageSummary(Struct, kw_only=True):
    """The account's use since its beginning; null stands for what the backend does not say."""

    lifetime_tokens: int | None | UnsetType = field(name="lifetimeTokens", default=UNSET)
    peak_daily_tokens: int | None | UnsetType = field(name="peakDailyTokens", default=UNSET)
    longest_running_turn_sec: int | None | UnsetType = field(
        name="longestRunningTurnSec", default=UNSET
    )
    current_streak_days: int | None | UnsetType = field(name="currentStreakDays", default=UNSET)
    longest_streak_days: int | None | UnsetType = field(name="longestStreakDays", default=UNSET)


AddCreditsNudgeCreditType: TypeAlias = Literal["credits", "usage_limit"]


AddCreditsNudgeEmailStatus: TypeAlias = Literal["sent", "cooldown_active"]


class AgentMessageDeltaNotification(Struct, kw_only=True):
    """The agent's message has grown."""

    thread_id: str = field(name="threadId")
    turn_id: str = field(name="turnId")
    item_id: str = field(name="itemId")
    delta: str


ApprovalsReviewer: TypeAlias = Literal["user", "auto_review", "guardian_subagent"]


AskForApproval: TypeAlias = str | dict[str, Any]


AuthMode: TypeAlias = Literal["apikey", "chatgpt", "chatgptAuthTokens", "headers", "agentIdentity", "personalAccessToken", "bedrockApiKey", "bedrockAccessKeys"]


AwsCredentialType: TypeAlias = Literal["accessKeys", "bedrockApiKey"]


class BedrockAwsProfile(Struct, kw_only=True):
    """A profile of the AWS configuration."""

    name: str
    region: str | None | UnsetType = UNSET


class BedrockCheckGovCloudRequirementsParams(Struct, kw_only=True):
    """Ask whether Amazon Bedrock, as it is set up, needs care."""


class BedrockCheckGovCloudRequirementsResponse(Struct, kw_only=True):
    """Advice on the set-up of Amazon Bedrock as it is now; it certifies nothing."""

    is_gov_cloud: bool = field(name="isGovCloud")
    should_warn: bool = field(name="shouldWarn")


class BedrockDiscoverParams(Struct, kw_only=True):
    """Look for AWS credentials on the server's machine."""


class BedrockEnvironmentCredential(Struct, kw_only=True):
    """A credential in the server's environment."""

    type: AwsCredentialType
    region: str | None | UnsetType = UNSET


class ProfileBedrockSetupParams(Struct, kw_only=True, tag_field="type", tag="profile"):
    """Those of a profile."""

    profile: str
    region: str


class EnvironmentBedrockSetupParams(Struct, kw_only=True, tag_field="type", tag="environment"):
    """Those in the environment."""

    region: str


BedrockSetupParams: TypeAlias = ProfileBedrockSetupParams | EnvironmentBedrockSetupParams


class BedrockSetupResponse(Struct, kw_only=True):
    """Amazon Bedrock is set up."""


class CancelLoginAccountParams(Struct, kw_only=True):
    """Give up a pending login."""

    login_id: str = field(name="loginId")


CancelLoginAccountStatus: TypeAlias = Literal["canceled", "notFound"]


ChatgptAuthTokensRefreshReason: TypeAlias = Literal["unauthorized"]


class ChatgptAuthTokensRefreshResponse(Struct, kw_only=True):
    """The client's new tokens."""

    access_token: str = field(name="accessToken")
    chatgpt_account_id: str = field(name="chatgptAccountId")
    chatgpt_plan_type: str | None | UnsetType = field(name="chatgptPlanType", default=UNSET)


class ClientInfo(Struct, kw_only=True):
    """The program at the client's end."""

    name: str
    version: str
    title: str | None | UnsetType = UNSET


CodexErrorInfo: TypeAlias = str | dict[str, Any]


ConsumeAccountRateLimitResetCreditOutcome: TypeAlias = Literal["reset", "nothingToReset", "noCredit", "alreadyRedeemed"]


class ConsumeAccountRateLimitResetCreditParams(Struct, kw_only=True):
    """Use a credit to set used limits back."""

    idempotency_key: str = field(name="idempotencyKey")
    credit_id: str | None | UnsetType = field(name="creditId", default=UNSET)


class ConsumeAccountRateLimitResetCreditResponse(Struct, kw_only=True):
    """What became of the attempt."""

    outcome: ConsumeAccountRateLimitResetCreditOutcome


class CreditsSnapshot(Struct, kw_only=True):
    """The credits of an account."""

    has_credits: bool = field(name="hasCredits")
    unlimited: bool
    balance: str | None | UnsetType = UNSET


DesktopOnboardingEntrypoint: TypeAlias = Literal["life_sciences"]


class GatewayOAuthCancelResponse(Struct, kw_only=True):
    """The login to the gateway is given up."""


class GatewayOAuthLoginParams(Struct, kw_only=True):
    """Begin the login to a gateway; the params, or null in their place, may be left out."""

    device_auth: bool | UnsetType = field(name="deviceAuth", default=UNSET)
    model_provider: str | None | UnsetType = field(name="modelProvider", default=UNSET)


class GatewayOAuthPrompt(Struct, kw_only=True):
    """How the user goes on, on another device."""

    login_id: str = field(name="loginId")
    user_code: str = field(name="userCode")
    verification_url: str = field(name="verificationUrl")


class GatewayOAuthReadParams(Struct, kw_only=True):
    """Which gateway is meant; the params, or null in their place, may be left out."""

    model_provider: str | None | UnsetType = field(name="modelProvider", default=UNSET)


GatewayOAuthStatus: TypeAlias = Literal["notReady", "started", "succeeded", "failed"]


class GcpSetupParams(Struct, kw_only=True):
    """Use Google Cloud."""

    project_id: str = field(name="projectId")
    credential_file: str | None | UnsetType = field(name="credentialFile", default=UNSET)
    location: str | None | UnsetType = UNSET


class GcpSetupResponse(Struct, kw_only=True):
    """Google Cloud is set up."""


class GetAccountParams(Struct, kw_only=True):
    """Ask who is logged in."""

    refresh_token: bool | UnsetType = field(name="refreshToken", default=UNSET)


class GetAccountRateLimitsParams(Struct, kw_only=True):
    """What the client makes of the limits; the params, or null in their place, may be left out."""

    exclude_reset_credit_details: bool | UnsetType = field(
        name="excludeResetCreditDetails", default=UNSET
    )
    supports_luna_reserve: bool | UnsetType = field(name="supportsLunaReserve", default=UNSET)


class GetAccountSecuritySetupResponse(Struct, kw_only=True):
    """Whether the user should be reminded to secure the account."""

    notice: AccountSecuritySetupNotice | None | UnsetType = UNSET


class GetAccountTokenUsageParams(Struct, kw_only=True):
    """Whose use is asked for; the params, or null in their place, may be left out."""

    thread_id: str | None | UnsetType = field(name="threadId", default=UNSET)


class InitializeCapabilities(Struct, kw_only=True):
    """What the client can do beyond the stable protocol."""

    experimental_api: bool | UnsetType = field(name="experimentalApi", default=UNSET)
    opt_out_notification_methods: list[str] | None | UnsetType = field(
        name="optOutNotificationMethods", default=UNSET
    )
    request_attestation: bool | UnsetType = field(name="requestAttestation", default=UNSET)
    mcp_server_openai_form_elicitation: bool | UnsetType = field(
        name="mcpServerOpenaiFormElicitation", default=UNSET
    )
    extensions: dict[str, Any] | None | UnsetType = UNSET
    explicit_gateway_oauth: bool | UnsetType = field(name="explicitGatewayOauth", default=UNSET)
    required_human_approval: bool | UnsetType = field(name="requiredHumanApproval", default=UNSET)


class InitializeParams(Struct, kw_only=True):
    """The client introduces itself; the first message of a connection."""

    client_info: ClientInfo = field(name="clientInfo")
    capabilities: InitializeCapabilities | None | UnsetType = UNSET


class InitializeResponse(Struct, kw_only=True):
    """The server introduces itself."""

    user_agent: str = field(name="userAgent")
    codex_home: AbsolutePathBuf = field(name="codexHome")
    platform_family: str = field(name="platformFamily")
    platform_os: str = field(name="platformOs")


class JSONRPCErrorError(Struct, kw_only=True):
    """Why a request was refused."""

    code: int
    message: str
    data: Any | UnsetType = UNSET


class JSONRPCNotification(Struct, kw_only=True):
    """A message that gets no response."""

    method: str
    params: Any | UnsetType = UNSET
    emitted_at_ms: int | UnsetType = field(name="emittedAtMs", default=UNSET)


class ApiKeyLoginAccountParams(Struct, kw_only=True, tag_field="type", tag="apiKey"):
    """Log in with an API key, which the server stores."""

    api_key: str = field(name="apiKey")


class ChatgptDeviceCodeLoginAccountParams(Struct, kw_only=True, tag_field="type", tag="chatgptDeviceCode"):
    """Start a login on another device, whose tokens the server manages."""


class ChatgptAuthTokensLoginAccountParams(Struct, kw_only=True, tag_field="type", tag="chatgptAuthTokens"):
    """Use tokens that the client owns; the server keeps them in memory only and asks the client to refresh them."""

    access_token: str = field(name="accessToken")
    chatgpt_account_id: str = field(name="chatgptAccountId")
    chatgpt_plan_type: str | None | UnsetType = field(name="chatgptPlanType", default=UNSET)


class AmazonBedrockLoginAccountParams(Struct, kw_only=True, tag_field="type", tag="amazonBedrock"):
    """Log in with an API key of Amazon Bedrock."""

    api_key: str = field(name="apiKey")
    region: str


class AmazonBedrockAccessKeysLoginAccountParams(Struct, kw_only=True, tag_field="type", tag="amazonBedrockAccessKeys"):
    """Log in to Amazon Bedrock with AWS access keys."""

    access_key_id: str = field(name="accessKeyId")
    secret_access_key: str = field(name="secretAccessKey")
    region: str
    session_token: str | None | UnsetType = field(name="sessionToken", default=UNSET)


class ApiKeyLoginAccountResponse(Struct, kw_only=True, tag_field="type", tag="apiKey"):
    """The key is stored."""


class ChatgptLoginAccountResponse(Struct, kw_only=True, tag_field="type", tag="chatgpt"):
    """The login waits for the browser."""

    login_id: str = field(name="loginId")
    auth_url: str = field(name="authUrl")


class ChatgptDeviceCodeLoginAccountResponse(Struct, kw_only=True, tag_field="type", tag="chatgptDeviceCode"):
    """The login waits for the other device."""

    login_id: str = field(name="loginId")
    verification_url: str = field(name="verificationUrl")
    user_code: str = field(name="userCode")


class ChatgptAuthTokensLoginAccountResponse(Struct, kw_only=True, tag_field="type", tag="chatgptAuthTokens"):
    """The tokens are taken."""


class AmazonBedrockLoginAccountResponse(Struct, kw_only=True, tag_field="type", tag="amazonBedrock"):
    """The key is stored; the answer to both Bedrock logins."""


LoginAccountResponse: TypeAlias = ApiKeyLoginAccountResponse | ChatgptLoginAccountResponse | ChatgptDeviceCodeLoginAccountResponse | ChatgptAuthTokensLoginAccountResponse | AmazonBedrockLoginAccountResponse


LoginAppBrand: TypeAlias = Literal["codex", "chatgpt"]


class LogoutAccountResponse(Struct, kw_only=True):
    """Nobody is logged in any more."""


Personality: TypeAlias = Literal["none", "friendly", "pragmatic"]


PlanType: TypeAlias = Literal["free", "go", "plus", "pro", "prolite", "promax", "team", "self_serve_business_prolite", "self_serve_business_usage_based", "business", "ent26", "enterprise_cbp_automation", "enterprise_cbp_usage_based", "enterprise", "edu", "edu_plus", "edu_pro", "sci", "sci_plus", "unknown"]


RateLimitReachedType: TypeAlias = Literal["rate_limit_reached", "workspace_owner_credits_depleted", "workspace_member_credits_depleted", "workspace_owner_usage_limit_reached", "workspace_member_usage_limit_reached"]


RateLimitResetCreditStatus: TypeAlias = Literal["available", "redeeming", "redeemed", "unknown"]


RateLimitResetType: TypeAlias = Literal["codexRateLimits", "unknown"]


class RateLimitWindow(Struct, kw_only=True):
    """Use within a span of time that starts anew when it is over."""

    used_percent: int = field(name="usedPercent")
    window_duration_mins: int | None | UnsetType = field(name="windowDurationMins", default=UNSET)
    resets_at: int | None | UnsetType = field(name="resetsAt", default=UNSET)


ReasoningEffort: TypeAlias = Annotated[str, Meta(min_length=1)]


ReasoningSummary: TypeAlias = Literal["auto", "concise", "detailed", "none"]


RequestId: TypeAlias = str | int


SandboxMode: TypeAlias = Literal["read-only", "workspace-write", "danger-full-access"]


class SandboxPolicy(Struct, kw_only=True):
    """What commands may touch; further members depend on `type`."""

    type: str


class SendAddCreditsNudgeEmailParams(Struct, kw_only=True):
    """Ask the owner of the workspace by e-mail for more."""

    credit_type: AddCreditsNudgeCreditType = field(name="creditType")


class SendAddCreditsNudgeEmailResponse(Struct, kw_only=True):
    """What became of the e-mail."""

    status: AddCreditsNudgeEmailStatus


SessionSource: TypeAlias = str | dict[str, Any]


class SpendControlLimitSnapshot(Struct, kw_only=True):
    """What one member of a workspace may spend in a period."""

    limit: str
    used: str
    remaining_percent: int = field(name="remainingPercent")
    resets_at: int = field(name="resetsAt")


ThreadHistoryMode: TypeAlias = Literal["legacy", "paginated"]


class ThreadItem(Struct, kw_only=True):
    """Something that happened in a turn. The kinds that the suite needs are spelled out, any other is valid; further members depend on `type`."""

    type: str
    id: str
    content: Any | UnsetType = UNSET
    text: Any | UnsetType = UNSET
    client_id: Any | UnsetType = field(name="clientId", default=UNSET)
    started_at_ms: int | None | UnsetType = field(name="startedAtMs", default=UNSET)
    completed_at_ms: int | None | UnsetType = field(name="completedAtMs", default=UNSET)

    def __post_init__(self) -> None:
        if self.type == "userMessage":
            if self.content is UNSET:
                raise ValueError("expected content")
            convert(self.content, list[UserInput])
            if self.client_id is not UNSET:
                convert(self.client_id, str | None)
        if self.type == "agentMessage":
            if self.text is UNSET:
                raise ValueError("expected text")
            convert(self.text, str)


ThreadStartSource: TypeAlias = Literal["startup", "clear"]


class ThreadStatus(Struct, kw_only=True):
    """What a thread is doing; further members depend on `type`."""

    type: str


class ThreadUsageBreakdownGroup(Struct, kw_only=True):
    """The part of a thread's cost that one model had, at one effort and one speed."""

    estimated_usage_credits_micros: int = field(name="estimatedUsageCreditsMicros")
    model: str | None | UnsetType = UNSET
    reasoning_effort: str | None | UnsetType = field(name="reasoningEffort", default=UNSET)
    speed: str | None | UnsetType = UNSET
    net_new_input_tokens: int | None | UnsetType = field(name="netNewInputTokens", default=UNSET)
    cached_input_tokens: int | None | UnsetType = field(name="cachedInputTokens", default=UNSET)
    input_tokens: int | None | UnsetType = field(name="inputTokens", default=UNSET)
    output_tokens: int | None | UnsetType = field(name="outputTokens", default=UNSET)
    total_tokens: int | None | UnsetType = field(name="totalTokens", default=UNSET)


class TurnError(Struct, kw_only=True):
    """Why a turn failed."""

    message: str
    codex_error_info: CodexErrorInfo | None | UnsetType = field(
        name="codexErrorInfo", default=UNSET
    )
    additional_details: str | None | UnsetType = field(name="additionalDetails", default=UNSET)
    misalignment: dict[str, Any] | None | UnsetType = UNSET


class TurnInterruptParams(Struct, kw_only=True):
    """Stop a turn that is under way."""

    thread_id: str = field(name="threadId")
    turn_id: str = field(name="turnId")


class TurnInterruptResponse(Struct, kw_only=True):
    """The turn will end."""


TurnItemsView: TypeAlias = Literal["notLoaded", "summary", "full"]


TurnStatus: TypeAlias = Literal["completed", "interrupted", "failed", "inProgress"]


class TextUserInput(Struct, kw_only=True, tag_field="type", tag="text"):
    """Words."""

    text: str
    text_elements: list[dict[str, Any]] | UnsetType = UNSET


class ImageUserInput(Struct, kw_only=True, tag_field="type", tag="image"):
    """An image, by address or as an uploaded file."""

    url: str | UnsetType = UNSET
    file_id: str | UnsetType = field(name="fileId", default=UNSET)
    detail: str | None | UnsetType = UNSET

    def __post_init__(self) -> None:
        if self.url is UNSET and self.file_id is UNSET:
            raise ValueError("expected url or fileId")


class LocalImageUserInput(Struct, kw_only=True, tag_field="type", tag="localImage"):
    """An image file."""

    path: str
    detail: str | None | UnsetType = UNSET


class AudioUserInput(Struct, kw_only=True, tag_field="type", tag="audio"):
    """A recording, by address or as an uploaded file."""

    url: str | UnsetType = UNSET
    file_id: str | UnsetType = field(name="fileId", default=UNSET)

    def __post_init__(self) -> None:
        if self.url is UNSET and self.file_id is UNSET:
            raise ValueError("expected url or fileId")


class LocalAudioUserInput(Struct, kw_only=True, tag_field="type", tag="localAudio"):
    """A sound file."""

    path: str


class SkillUserInput(Struct, kw_only=True, tag_field="type", tag="skill"):
    """A skill to use."""

    name: str
    path: str


class MentionUserInput(Struct, kw_only=True, tag_field="type", tag="mention"):
    """Something that the text mentions."""

    name: str
    path: str


UserInput: TypeAlias = TextUserInput | ImageUserInput | LocalImageUserInput | AudioUserInput | LocalAudioUserInput | SkillUserInput | MentionUserInput


class W3cTraceContext(Struct, kw_only=True):
    """Trace headers as the W3C Trace Context recommendation defines them."""

    traceparent: str | None | UnsetType = UNSET
    tracestate: str | None | UnsetType = UNSET


WorkspaceMessageType: TypeAlias = Literal["headline", "announcement", "unknown"]


class WorkspaceRouting(Struct, kw_only=True):
    """Where requests of a workspace go."""

    chatgpt_account_id: str = field(name="chatgptAccountId")
    backend_origin: str = field(name="backendOrigin")
    account_routing_override: AccountRoutingOverride = field(name="accountRoutingOverride")


class ChatgptAccount(Struct, kw_only=True, tag_field="type", tag="chatgpt"):
    """A ChatGPT account."""

    email: str | None
    plan_type: PlanType = field(name="planType")
    workspace_name: str | None | UnsetType = field(name="workspaceName", default=UNSET)


Account: TypeAlias = ApiKeyAccount | ChatgptAccount | AmazonBedrockAccount | GcpAccount


class AccountLoginCompletedNotification(Struct, kw_only=True):
    """A login has ended, well or not."""

    success: bool
    login_id: str | None | UnsetType = field(name="loginId", default=UNSET)
    error: str | None | UnsetType = UNSET
    onboarding_entrypoint: DesktopOnboardingEntrypoint | None | UnsetType = field(
        name="onboardingEntrypoint", default=UNSET
    )


class AccountSessionWorkspace(Struct, kw_only=True):
    """A workspace that a login may use."""

    account_id: str = field(name="accountId")
    name: str | None | UnsetType = UNSET
    image_url: str | None | UnsetType = field(name="imageUrl", default=UNSET)
    kind: AccountSessionWorkspaceKind | None | UnsetType = UNSET


class AccountUpdatedNotification(Struct, kw_only=True):
    """The active login has changed."""

    auth_mode: AuthMode | None | UnsetType = field(name="authMode", default=UNSET)
    plan_type: PlanType | None | UnsetType = field(name="planType", default=UNSET)


class BedrockDiscoverResponse(Struct, kw_only=True):
    """The AWS credentials that the server found; never the credentials themselves."""

    environment_credentials: list[BedrockEnvironmentCredential] = field(
        name="environmentCredentials"
    )
    profiles: list[BedrockAwsProfile]


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


class GatewayOAuthChangedNotification(Struct, kw_only=True):
    """The login to a gateway goes on, or has ended."""

    provider_id: str = field(name="providerId")
    status: GatewayOAuthStatus
    auth_url: str | None | UnsetType = field(name="authUrl", default=UNSET)
    error: str | None | UnsetType = UNSET
    login_id: str | None | UnsetType = field(name="loginId", default=UNSET)


class GatewayOAuthLoginResponse(Struct, kw_only=True):
    """The login is under way; `account/gatewayOAuth/changed` tells how it goes on."""

    prompt: GatewayOAuthPrompt | None | UnsetType = UNSET


class GatewayOAuthReadResponse(Struct, kw_only=True):
    """Whether a model provider wants a login to its gateway, and where that login stands; never a credential."""

    required: bool
    provider_id: str = field(name="providerId")
    provider_name: str = field(name="providerName")
    status: GatewayOAuthStatus | None | UnsetType = UNSET
    error: str | None | UnsetType = UNSET
    supports_device_auth: bool | UnsetType = field(name="supportsDeviceAuth", default=UNSET)


class GetAccountResponse(Struct, kw_only=True):
    """Who is logged in."""

    requires_openai_auth: bool = field(name="requiresOpenaiAuth")
    account: Account | None | UnsetType = UNSET
    user_id: str | None | UnsetType = field(name="userId", default=UNSET)
    workspace_routing: WorkspaceRouting | None | UnsetType = field(
        name="workspaceRouting", default=UNSET
    )


class ItemCompletedNotification(Struct, kw_only=True):
    """An item is complete."""

    thread_id: str = field(name="threadId")
    turn_id: str = field(name="turnId")
    item: ThreadItem
    completed_at_ms: int = field(name="completedAtMs")
    content_token_count: Annotated[int, Meta(ge=0)] | None | UnsetType = field(
        name="contentTokenCount", default=UNSET
    )


class ItemStartedNotification(Struct, kw_only=True):
    """An item has begun."""

    thread_id: str = field(name="threadId")
    turn_id: str = field(name="turnId")
    item: ThreadItem
    started_at_ms: int = field(name="startedAtMs")


class JSONRPCError(Struct, kw_only=True):
    """The refusal of a request."""

    id: RequestId
    error: JSONRPCErrorError


class JSONRPCRequest(Struct, kw_only=True):
    """A message that asks for exactly one response. `jsonrpc` may be absent, or be "2.0"."""

    id: RequestId
    method: str
    params: Any | UnsetType = UNSET
    trace: W3cTraceContext | None | UnsetType = UNSET


class JSONRPCResponse(Struct, kw_only=True):
    """The good answer to a request."""

    id: RequestId
    result: Any


class ChatgptLoginAccountParams(Struct, kw_only=True, tag_field="type", tag="chatgpt"):
    """Start a login in the browser, whose tokens the server manages."""

    codex_streamlined_login: bool | UnsetType = field(name="codexStreamlinedLogin", default=UNSET)
    use_hosted_login_success_page: bool | UnsetType = field(
        name="useHostedLoginSuccessPage", default=UNSET
    )
    app_brand: LoginAppBrand | None | UnsetType = field(name="appBrand", default=UNSET)


LoginAccountParams: TypeAlias = ApiKeyLoginAccountParams | ChatgptLoginAccountParams | ChatgptDeviceCodeLoginAccountParams | ChatgptAuthTokensLoginAccountParams | AmazonBedrockLoginAccountParams | AmazonBedrockAccessKeysLoginAccountParams


class RateLimitResetCredit(Struct, kw_only=True):
    """A credit that sets used limits back once."""

    id: str
    reset_type: RateLimitResetType = field(name="resetType")
    status: RateLimitResetCreditStatus
    granted_at: int = field(name="grantedAt")
    expires_at: int | None | UnsetType = field(name="expiresAt", default=UNSET)
    title: str | None | UnsetType = UNSET
    description: str | None | UnsetType = UNSET


class RateLimitResetCreditsSummary(Struct, kw_only=True):
    """The credits that set used limits back."""

    available_count: int = field(name="availableCount")
    credits: list[RateLimitResetCredit] | None | UnsetType = UNSET


class RateLimitSnapshot(Struct, kw_only=True):
    """What is left of one limit at one moment."""

    primary: RateLimitWindow | None | UnsetType = UNSET
    secondary: RateLimitWindow | None | UnsetType = UNSET
    credits: CreditsSnapshot | None | UnsetType = UNSET
    plan_type: PlanType | None | UnsetType = field(name="planType", default=UNSET)
    limit_id: str | None | UnsetType = field(name="limitId", default=UNSET)
    limit_name: str | None | UnsetType = field(name="limitName", default=UNSET)
    rate_limit_reached_type: RateLimitReachedType | None | UnsetType = field(
        name="rateLimitReachedType", default=UNSET
    )
    individual_limit: SpendControlLimitSnapshot | None | UnsetType = field(
        name="individualLimit", default=UNSET
    )
    spend_control_reached: bool | None | UnsetType = field(
        name="spendControlReached", default=UNSET
    )
    normal_model_slug: str | None | UnsetType = field(name="normalModelSlug", default=UNSET)


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
    approvals_reviewer: ApprovalsReviewer | None | UnsetType = field(
        name="approvalsReviewer", default=UNSET
    )
    service_name: str | None | UnsetType = field(name="serviceName", default=UNSET)
    service_tier: str | None | UnsetType = field(name="serviceTier", default=UNSET)
    session_start_source: ThreadStartSource | None | UnsetType = field(
        name="sessionStartSource", default=UNSET
    )
    thread_source: str | None | UnsetType = field(name="threadSource", default=UNSET)


class ThreadUsage(Struct, kw_only=True):
    """What a thread has cost, as an estimate; null stands for what is not known, never for zero."""

    thread_id: str = field(name="threadId")
    estimated_usage_credits_micros: int = field(name="estimatedUsageCreditsMicros")
    groups: list[ThreadUsageBreakdownGroup]
    estimated_usage_usd_micros: int | None | UnsetType = field(
        name="estimatedUsageUsdMicros", default=UNSET
    )
    native_usage_usd_micros: int | None | UnsetType = field(
        name="nativeUsageUsdMicros", default=UNSET
    )


class Turn(Struct, kw_only=True):
    """What follows from one thing that the user said."""

    id: str
    items: list[ThreadItem]
    status: TurnStatus
    error: TurnError | None | UnsetType = UNSET
    items_view: TurnItemsView | UnsetType = field(name="itemsView", default=UNSET)
    root_turn_id: str | None | UnsetType = field(name="rootTurnId", default=UNSET)
    started_at: int | None | UnsetType = field(name="startedAt", default=UNSET)
    completed_at: int | None | UnsetType = field(name="completedAt", default=UNSET)
    duration_ms: int | None | UnsetType = field(name="durationMs", default=UNSET)


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
    approvals_reviewer: ApprovalsReviewer | None | UnsetType = field(
        name="approvalsReviewer", default=UNSET
    )
    service_tier: str | None | UnsetType = field(name="serviceTier", default=UNSET)
    service_tier_for_turn: str | None | UnsetType = field(name="serviceTierForTurn", default=UNSET)
    client_user_message_id: str | None | UnsetType = field(
        name="clientUserMessageId", default=UNSET
    )
    parent_turn_id: str | None | UnsetType = field(name="parentTurnId", default=UNSET)
    root_turn_id: str | None | UnsetType = field(name="rootTurnId", default=UNSET)
    turn_trigger: str | None | UnsetType = field(name="turnTrigger", default=UNSET)
    disabled_plugin_ids: list[str] | None | UnsetType = field(
        name="disabledPluginIds", default=UNSET
    )
    tool_output: dict[str, Any] | None | UnsetType = field(name="toolOutput", default=UNSET)


class TurnStartResponse(Struct, kw_only=True):
    """The turn is under way."""

    turn: Turn


class TurnStartedNotification(Struct, kw_only=True):
    """A turn has begun."""

    thread_id: str = field(name="threadId")
    turn: Turn


class WorkspaceMessage(Struct, kw_only=True):
    """One message of a workspace."""

    message_id: str = field(name="messageId")
    message_type: WorkspaceMessageType = field(name="messageType")
    message_body: str = field(name="messageBody")
    created_at: int | None | UnsetType = field(name="createdAt", default=UNSET)
    archived_at: int | None | UnsetType = field(name="archivedAt", default=UNSET)


class AccountRateLimitsUpdatedNotification(Struct, kw_only=True):
    """Limits that came with a response of the backend. They may be partial: a null or absent member says nothing, and what was known of it before still holds."""

    rate_limits: RateLimitSnapshot = field(name="rateLimits")


class AccountSession(Struct, kw_only=True):
    """One of several logins."""

    session_id: str = field(name="sessionId")
    is_active: bool = field(name="isActive")
    last_used_at: int = field(name="lastUsedAt")
    workspaces: list[AccountSessionWorkspace]
    display_name: str | None | UnsetType = field(name="displayName", default=UNSET)
    email: str | None | UnsetType = UNSET
    image_url: str | None | UnsetType = field(name="imageUrl", default=UNSET)
    selected_workspace_account_id: str | None | UnsetType = field(
        name="selectedWorkspaceAccountId", default=UNSET
    )
    user_id: str | None | UnsetType = field(name="userId", default=UNSET)


class AccountSessionsResponse(Struct, kw_only=True):
    """The logins that the server keeps."""

    sessions: list[AccountSession]
    active_session_id: str | None | UnsetType = field(name="activeSessionId", default=UNSET)


class SessionsAccountSessionsSwitchResponse(Struct, kw_only=True):
    """The login in use is the one asked for."""

    sessions: list[AccountSession]
    active_session_id: str | None | UnsetType = field(name="activeSessionId", default=UNSET)


AccountSessionsSwitchResponse: TypeAlias = SessionsAccountSessionsSwitchResponse | BrowserLoginAccountSessionsSwitchResponse


class GetAccountRateLimitsResponse(Struct, kw_only=True):
    """The limits of the login as the backend tells them."""

    rate_limits: RateLimitSnapshot = field(name="rateLimits")
    rate_limits_by_limit_id: dict[str, RateLimitSnapshot] | None | UnsetType = field(
        name="rateLimitsByLimitId", default=UNSET
    )
    rate_limit_reset_credits: RateLimitResetCreditsSummary | None | UnsetType = field(
        name="rateLimitResetCredits", default=UNSET
    )
    account_id: str | None | UnsetType = field(name="accountId", default=UNSET)
    ordinary_usage_allowed: bool | None | UnsetType = field(
        name="ordinaryUsageAllowed", default=UNSET
    )
    rate_limit_upsell: Any | UnsetType = field(name="rateLimitUpsell", default=UNSET)


class GetAccountTokenUsageResponse(Struct, kw_only=True):
    """How many tokens were used."""

    summary: AccountTokenUsageSummary
    daily_usage_buckets: list[AccountTokenUsageDailyBucket] | None | UnsetType = field(
        name="dailyUsageBuckets", default=UNSET
    )
    thread_usage: ThreadUsage | None | UnsetType = field(name="threadUsage", default=UNSET)


class GetWorkspaceMessagesResponse(Struct, kw_only=True):
    """What the workspace tells its members."""

    feature_enabled: bool = field(name="featureEnabled")
    messages: list[WorkspaceMessage]


JSONRPCMessage: TypeAlias = JSONRPCRequest | JSONRPCNotification | JSONRPCResponse | JSONRPCError


class Thread(Struct, kw_only=True):
    """A conversation."""

    id: str
    preview: str
    model_provider: str = field(name="modelProvider")
    created_at: int = field(name="createdAt")
    updated_at: int = field(name="updatedAt")
    cwd: AbsolutePathBuf
    cli_version: str = field(name="cliVersion")
    source: SessionSource
    turns: list[Turn]
    session_id: str = field(name="sessionId")
    ephemeral: bool
    status: ThreadStatus
    project_id: str | None = field(name="projectId")
    path: str | None | UnsetType = UNSET
    git_info: dict[str, Any] | None | UnsetType = field(name="gitInfo", default=UNSET)
    name: str | None | UnsetType = UNSET
    model: str | None | UnsetType = UNSET
    reasoning_effort: ReasoningEffort | None | UnsetType = field(
        name="reasoningEffort", default=UNSET
    )
    history_mode: ThreadHistoryMode | UnsetType = field(name="historyMode", default=UNSET)
    thread_source: str | None | UnsetType = field(name="threadSource", default=UNSET)
    originator: str | None | UnsetType = UNSET
    forked_from_id: str | None | UnsetType = field(name="forkedFromId", default=UNSET)
    parent_thread_id: str | None | UnsetType = field(name="parentThreadId", default=UNSET)
    agent_nickname: str | None | UnsetType = field(name="agentNickname", default=UNSET)
    agent_role: str | None | UnsetType = field(name="agentRole", default=UNSET)
    recency_at: int | None | UnsetType = field(name="recencyAt", default=UNSET)
    section: dict[str, Any] | None | UnsetType = UNSET
    section_entered_at: int | None | UnsetType = field(name="sectionEnteredAt", default=UNSET)


class ThreadStartResponse(Struct, kw_only=True):
    """The thread and the settings that it got."""

    thread: Thread
    model: str
    model_provider: str = field(name="modelProvider")
    cwd: AbsolutePathBuf
    approval_policy: AskForApproval = field(name="approvalPolicy")
    sandbox: SandboxPolicy
    approvals_reviewer: ApprovalsReviewer = field(name="approvalsReviewer")
    reasoning_effort: ReasoningEffort | None | UnsetType = field(
        name="reasoningEffort", default=UNSET
    )
    service_tier: str | None | UnsetType = field(name="serviceTier", default=UNSET)
    instruction_sources: list[str] | UnsetType = field(name="instructionSources", default=UNSET)
    disabled_plugin_ids: list[str] | UnsetType = field(name="disabledPluginIds", default=UNSET)


class ThreadStartedNotification(Struct, kw_only=True):
    """A thread has begun."""

    thread: Thread
