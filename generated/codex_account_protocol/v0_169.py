"""Models of revision 0.169, written by generated/generate.py.

To change them, edit spec/0.169/ and run `make generate`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType, field

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


class AgentMessageDeltaNotification(Struct, kw_only=True):
    """The agent's message has grown."""

    thread_id: str = field(name="threadId")
    turn_id: str = field(name="turnId")
    item_id: str = field(name="itemId")
    delta: str


ApprovalsReviewer: TypeAlias = Literal["user", "auto_review", "guardian_subagent"]


AskForApproval: TypeAlias = str | dict[str, Any]


AuthMode: TypeAlias = Literal["apikey", "chatgpt", "chatgptAuthTokens", "headers", "agentIdentity", "personalAccessToken", "bedrockApiKey", "bedrockAccessKeys"]


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


DesktopOnboardingEntrypoint: TypeAlias = Literal["life_sciences"]


class GetAccountParams(Struct, kw_only=True):
    """Ask who is logged in."""

    refresh_token: bool | UnsetType = field(name="refreshToken", default=UNSET)


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


ReasoningEffort: TypeAlias = Annotated[str, Meta(min_length=1)]


ReasoningSummary: TypeAlias = Literal["auto", "concise", "detailed", "none"]


RequestId: TypeAlias = str | int


SandboxMode: TypeAlias = Literal["read-only", "workspace-write", "danger-full-access"]


class SandboxPolicy(Struct, kw_only=True):
    """What commands may touch; further members depend on `type`."""

    type: str


SessionSource: TypeAlias = str | dict[str, Any]


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


ThreadStartSource: TypeAlias = Literal["startup", "clear"]


class ThreadStatus(Struct, kw_only=True):
    """What a thread is doing; further members depend on `type`."""

    type: str


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


class LocalImageUserInput(Struct, kw_only=True, tag_field="type", tag="localImage"):
    """An image file."""

    path: str
    detail: str | None | UnsetType = UNSET


class AudioUserInput(Struct, kw_only=True, tag_field="type", tag="audio"):
    """A recording, by address or as an uploaded file."""

    url: str | UnsetType = UNSET
    file_id: str | UnsetType = field(name="fileId", default=UNSET)


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


class AccountUpdatedNotification(Struct, kw_only=True):
    """The active login has changed."""

    auth_mode: AuthMode | None | UnsetType = field(name="authMode", default=UNSET)
    plan_type: PlanType | None | UnsetType = field(name="planType", default=UNSET)


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
