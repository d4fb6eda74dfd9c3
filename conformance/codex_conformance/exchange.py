"""What passes between parent and target, as values that a case can ask questions of."""

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio

from codex_conformance.clock import Clock
from codex_conformance.tokens import ExternalTokens
from codex_conformance.wire import Entry

if TYPE_CHECKING:
    from codex_conformance.mock_parent import MockParent

REFRESH = "account/chatgptAuthTokens/refresh"
METHOD_NOT_FOUND = -32601
_UNKNOWN = re.compile(
    r"unknown (variant|method)|method not found|not (offered|supported)", re.IGNORECASE
)
_SIGN_IN = re.compile(
    r"\b(sign|log)(g?ing)?[ -]?(back )?in\b|\bre-?(authenticat|log)|authenticate again",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d+")
_WHO = ("type", "email", "planType")  # members of an account that tell whose it is
_ENCODER = json.JSONEncoder(ensure_ascii=False)
_SHOWN = 400  # characters of a message in a sentence


@dataclass(frozen=True)
class Pending:
    """A request under way."""

    id: Any
    method: str
    at: float


@dataclass(frozen=True)
class Replacement:
    """A bearer that must not be used any more; a later use breaks `clause`.

    Attributes:
        at: seconds of the run's clock from which on.
        index: position in the transcript from which on.
    """

    bearer: str
    at: float
    index: int
    clause: str


@dataclass(frozen=True)
class Response:
    """What came back for a request; nothing, when it stayed unanswered.

    Attributes:
        message: the whole message, empty when there is none.
        elapsed: seconds from the request to the response.
    """

    method: str
    message: dict[str, Any]
    elapsed: float
    entry: Entry | None
    clock: Clock
    state: str

    @property
    def answered(self) -> bool:
        """Whether anything came back."""
        return self.entry is not None

    @property
    def ok(self) -> bool:
        """Whether it is a result."""
        return "result" in self.message and "error" not in self.message

    @property
    def refused(self) -> bool:
        """Whether it is an error response."""
        return isinstance(self.message.get("error"), dict)

    @property
    def prompt(self) -> bool:
        """Whether it came at once."""
        return self.answered and self.elapsed <= self.clock.prompt

    @property
    def result(self) -> Any:
        """The result, None where there is none."""
        return self.message.get("result")

    def member(self, name: str) -> Any:
        """A member of the result, None where there is none."""
        return self.result.get(name) if isinstance(self.result, dict) else None

    @property
    def account(self) -> Any:
        """Whom an `account/read` names: type, email and planType; None where it names nobody."""
        account = self.member("account")
        if not isinstance(account, dict):
            return account
        return {name: account[name] for name in _WHO if name in account}

    def names(self, tokens: ExternalTokens) -> bool:
        """Whether it is an `account/read` that names the account of these tokens."""
        return isinstance(self.account, dict) and self.account.get("email") == tokens.email

    @property
    def nobody(self) -> bool:
        """Whether it is an `account/read` that says that nobody is logged in."""
        return self.ok and isinstance(self.result, dict) and self.account is None

    @property
    def error_message(self) -> str:
        """The message of the error, empty where there is none."""
        error = self.message.get("error")
        return str(error.get("message", "")) if isinstance(error, dict) else ""

    def error_mentions(self, text: str) -> bool:
        """Whether the error says `text` anywhere, be it in its data."""
        return text in json.dumps(self.message.get("error"), ensure_ascii=False)

    @property
    def error_code(self) -> Any:
        """The code of the error, None where there is none."""
        error = self.message.get("error")
        return error.get("code") if isinstance(error, dict) else None

    @property
    def index(self) -> int | None:
        """Position in the transcript."""
        return self.entry.index if self.entry else None

    def __str__(self) -> str:
        if not self.answered:
            return f"no response to {self.method} within {self.elapsed:.1f} s; {self.state}"
        late = "" if self.prompt else f", after {self.elapsed:.1f} s"
        body = {name: self.message[name] for name in ("result", "error") if name in self.message}
        return f"{short(body)}{late}"


def was_unknown(response: Response) -> bool:
    """Whether the target refused the method or login type as one that it does not know."""
    if not response.refused:
        return False
    return response.error_code == METHOD_NOT_FOUND or bool(_UNKNOWN.search(response.error_message))


def refused_alike(response: Response, name: str, twin: Response, made_up: str) -> bool:
    """Whether `name` was refused as `made_up` was, which nobody knows; numbers in it aside."""
    if response.error_code == METHOD_NOT_FOUND:
        return True
    words, alike = (
        _NUMBER.sub("", said)
        for said in (response.error_message, twin.error_message.replace(made_up, name))
    )
    return response.refused and twin.refused and words == alike


@dataclass(frozen=True)
class Outcome:
    """How a turn ended; `status` is None while it has not.

    Attributes:
        at: seconds of the run's clock at its end, or when waiting for it ended.
        elapsed: seconds since the turn was started.
    """

    status: str | None
    error: Any
    at: float
    elapsed: float
    index: int | None
    state: str

    @property
    def completed(self) -> bool:
        """Whether the turn did what it was asked to."""
        return self.status == "completed"

    @property
    def failed(self) -> bool:
        """Whether the turn ended as failed, with an error that says something."""
        return self.status == "failed" and bool(self.error_text)

    @property
    def ended(self) -> bool:
        """Whether it ended at all."""
        return self.status is not None

    @property
    def error_text(self) -> str:
        """`turn.error.message`, empty where there is none."""
        return str(self.error.get("message") or "") if isinstance(self.error, dict) else ""

    def mentions(self, text: str) -> bool:
        """Whether the turn's error says `text` anywhere."""
        return text in json.dumps(self.error)

    @property
    def says_to_sign_in(self) -> bool:
        """Whether the turn's error tells the user to sign in again."""
        return bool(_SIGN_IN.search(json.dumps(self.error)))

    def __str__(self) -> str:
        if self.status is None:
            return f"no turn/completed within {self.elapsed:.1f} s; {self.state}"
        error = "" if self.error is None else f", error {short(self.error)}"
        return f"turn {self.status}{error}"


@dataclass(frozen=True)
class Exit:
    """How a target ended.

    Attributes:
        ended: whether it did, by itself.
        status: its exit status; None in process, where there is none.
        elapsed: seconds that were waited for it.
    """

    ended: bool
    status: int | None
    elapsed: float

    def __str__(self) -> str:
        if not self.ended:
            return "a target that still runs"
        return "its end" if self.status is None else f"exit status {self.status}"


@dataclass(frozen=True)
class Turn:
    """A turn under way."""

    parent: "MockParent"
    thread: str
    id: str
    began: float

    async def outcome(self, within: float | None = None) -> Outcome:
        """Wait for its end, at most `within` seconds, by default as long as anybody would."""
        entry = await self.parent.until(
            lambda: self.parent.completion_of(self.thread, self.id), "turn/completed", within
        )
        now = anyio.current_time()
        turn = entry.params.get("turn", {}) if entry else {}
        return Outcome(
            status=turn.get("status"),
            error=turn.get("error"),
            at=now,
            elapsed=now - self.began,
            index=entry.index if entry else None,
            state=self.parent.state(),
        )

    async def interrupt(self) -> Response:
        """Ask the target to end it, where that is offered."""
        response = await self.parent.answer_to(await self.begin_interrupt())
        return self.parent.offered(response, "turn/interrupt")

    async def begin_interrupt(self) -> Pending:
        """Ask the target to end it, without waiting for the response."""
        params = {"threadId": self.thread, "turnId": self.id}
        return await self.parent.begin("turn/interrupt", params)


@dataclass(frozen=True)
class RefreshRequest:
    """One `account/chatgptAuthTokens/refresh`, waiting for its answer.

    Attributes:
        at: seconds of the run's clock when it came.
    """

    parent: "MockParent"
    entry: Entry
    id: Any
    at: float

    @property
    def index(self) -> int:
        """Position in the transcript."""
        return self.entry.index

    @property
    def params(self) -> dict[str, Any]:
        """What it asks for."""
        return self.entry.params

    async def answer(self, tokens: ExternalTokens) -> None:
        """Answer with tokens that the target is to use from now on."""
        self.parent.use_bearer(tokens.access_token, "REFRESH-5")
        await self.answer_unheeded(tokens)

    async def answer_unheeded(self, tokens: ExternalTokens) -> None:
        """Answer with tokens that the target must not, or need not, take."""
        await self.respond({"result": tokens.members(self.parent.revision)})

    async def fail(self, message: str = "the parent cannot refresh", **more: Any) -> None:
        """Answer with a JSON-RPC error; `data` and `code` may be given."""
        await self.respond({"error": {"code": -32000, "message": message} | more})

    async def respond(self, body: dict[str, Any], **other: Any) -> None:
        """Answer with any `result` or `error`; `id` may be given to answer under another one."""
        await self.parent.send({"id": self.id} | other | body)

    async def wait_until(self, seconds: float) -> None:
        """Let the clock reach `seconds` after the request."""
        await self.parent.wait(self.at + seconds - anyio.current_time())

    def __str__(self) -> str:
        return short(self.entry.message)


def short(value: Any) -> str:
    """A JSON value in one bounded line."""
    text = _ENCODER.encode(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text)} characters)"
