"""A parent application that obeys the case: it speaks, listens, and judges nothing by itself."""

from collections.abc import Callable
from typing import Any

import anyio

from codex_conformance.announcements import owed
from codex_conformance.case import Observations, not_applicable, require
from codex_conformance.clock import Clock
from codex_conformance.conversation import ABSENT, Conversation, encode
from codex_conformance.exchange import (
    METHOD_NOT_FOUND,
    REFRESH,
    Outcome,
    RefreshRequest,
    Replacement,
    Response,
    Turn,
    refused_alike,
    was_unknown,
)
from codex_conformance.pulse import Pulse
from codex_conformance.targets import Channel
from codex_conformance.tokens import ExternalTokens, redact
from codex_conformance.wire import Entry, Transcript

__all__ = ["ABSENT", "MockParent", "encode"]

CLIENT = {"name": "codex-conformance", "title": "codex-conformance", "version": "1.0.0"}
MADE_UP = "noSuchName"
Policy = Callable[[RefreshRequest], ExternalTokens]


class MockParent(Conversation):
    """A conversation in the words of the protocol.

    Attributes:
        revision: the one whose shapes it speaks.
        refreshes: the refresh requests of the target, in order.
        replaced: bearers that must not be used any more, with the moment and the clause.
        observations: what the case saw where several behaviours are allowed.
        forgiven: secrets that the case itself put where they may be repeated.
    """

    def __init__(
        self,
        revision: str,
        clock: Clock,
        pulse: Pulse,
        transcript: Transcript,
        secrets: dict[str, str],
    ) -> None:
        super().__init__(clock, pulse, transcript)
        self.revision = revision
        self.refreshes: list[RefreshRequest] = []
        self.replaced: list[Replacement] = []
        self.observations = Observations()
        self.forgiven: set[str] = set()
        self._secrets = secrets
        self._taken = 0
        self._thread: str | None = None
        self._completed: dict[tuple[str, str], Entry] = {}
        self._policy: Policy | None = None
        self._heeded = True
        self._bearer: str | None = None
        self._settled = 0

    def attach(self, channel: Channel) -> None:
        """Talk to `channel` from now on; nothing of an earlier connection is pending any more."""
        super().attach(channel)
        self._thread = None
        self._completed.clear()
        self._taken = len(self.refreshes)

    async def heed(self, entry: Entry, message: dict[str, Any]) -> None:
        """Keep refresh requests and ends of turns; refuse what a parent does not know."""
        if entry.is_request and entry.method == REFRESH:
            request = RefreshRequest(self, entry, message["id"], anyio.current_time())
            self.refreshes.append(request)
            if self._policy is not None:
                self._taken = len(self.refreshes)
                answer = request.answer if self._heeded else request.answer_unheeded
                await answer(self._policy(request))
        elif entry.is_request:
            refusal = {"code": -32601, "message": "the mock parent does not know this method"}
            await self.send({"id": message["id"], "error": refusal})
        elif entry.method == "turn/completed":
            turn = entry.params.get("turn")
            turn_id = turn.get("id") if isinstance(turn, dict) else None
            self._completed.setdefault((str(entry.params.get("threadId")), str(turn_id)), entry)

    async def settle(self) -> None:
        """Return when all that follows from what was said so far has arrived.

        What an accepted login or logout is followed by may come a moment after its response.
        """

        def told() -> bool | None:
            return not owed(self.transcript.own(), self._settled) or None

        await self.until(told, "what follows a login or logout", self.clock.soon)
        self._settled = self.mark()
        await super().settle()

    # The account.

    def initialize_params(
        self, *, experimental: bool = True, opt_out: tuple[str, ...] = (), **info: Any
    ) -> dict[str, Any]:
        """The params of `initialize`; `info` replaces members of `clientInfo`."""
        capabilities: dict[str, Any] = {"experimentalApi": True} if experimental else {}
        if opt_out:
            capabilities["optOutNotificationMethods"] = list(opt_out)
        return {"clientInfo": CLIENT | info, "capabilities": capabilities}

    async def initialize(self, **settings: Any) -> Response:
        """Send `initialize`, and `initialized` after a result; as `initialize_params`."""
        response = await self.call("initialize", self.initialize_params(**settings))
        if response.ok:
            await self.notify("initialized")
        return response

    def login_params(self, tokens: ExternalTokens) -> dict[str, Any]:
        """The params of a login with external tokens, in the shape of the revision."""
        return {"type": "chatgptAuthTokens"} | tokens.members(self.revision)

    async def try_login(self, tokens: ExternalTokens) -> Response:
        """Log in with external tokens, whatever comes of it."""
        pending = await self.begin("account/login/start", self.login_params(tokens))
        response = await self.answer_to(pending)
        if response.ok:
            self.use_bearer(tokens.access_token, "LOGIN-7")
        return response

    async def login(self, tokens: ExternalTokens) -> Response:
        """Log in with external tokens, which the case needs, and let it settle."""
        response = await self.try_login(tokens)
        require("LOGIN-1", response.ok, "the login to be accepted", response)
        await self.settle()
        return response

    async def login_and_read(self, tokens: ExternalTokens) -> Response:
        """Log in with external tokens and read their account, both of which the case needs."""
        await self.login(tokens)
        read = await self.read_account()
        require("LOGIN-5", read.names(tokens), "account/read to name the account", read)
        return read

    async def login_api_key(self, key: str) -> Response:
        """Log in with an API key, which the case needs; not applicable where it is not offered."""
        params = {"type": "apiKey", "apiKey": key}
        response = self.offered(await self.call("account/login/start", params), "apiKey login")
        require("APIKEY-1", response.ok, "the login with an API key to be accepted", response)
        self.use_bearer(key, "LOGIN-7")
        await self.settle()
        return response

    async def begin_browser_login(self) -> Response:
        """Start a browser login, which the case needs; not applicable where it is not offered."""
        response = await self.call("account/login/start", {"type": "chatgpt"})
        self.offered(response, "chatgpt login")
        has_id = isinstance(response.member("loginId"), str)
        require("MANAGED-1", has_id, "a browser login to start and to name its loginId", response)
        return response

    async def try_logout(self) -> Response:
        """Log out, whatever comes of it."""
        response = await self.call("account/logout")
        if response.ok:
            self.use_bearer(None, "LOGOUT-3")
        return response

    async def logout(self) -> Response:
        """Log out, which the case needs, and let it settle."""
        response = await self.try_logout()
        require("LOGOUT-1", response.ok, "the logout to be accepted", response)
        await self.settle()
        return response

    async def cancel_login(self, login_id: Any) -> Response:
        """Cancel a pending login, where that is offered."""
        response = await self.call("account/login/cancel", {"loginId": login_id})
        return self.offered(response, "account/login/cancel")

    async def read_account(self, refresh_token: bool | None = None) -> Response:
        """Ask for the account."""
        params = {} if refresh_token is None else {"refreshToken": refresh_token}
        return await self.call("account/read", params)

    async def account(self) -> Any:
        """The account that the target reports now, None when nobody is logged in."""
        response = await self.read_account()
        require("READ-1", response.ok, "account/read to be answered", response)
        return response.member("account")

    def offered(self, response: Response, what: str) -> Response:
        """The response, unless it says that the target does not know what was asked for."""
        if was_unknown(response):
            not_applicable(f"the target does not offer {what}: {response.error_message}")
        return response

    async def knows(self, response: Response, name: str) -> bool:
        """Whether the target refuses a method or login type otherwise than what nobody knows."""
        if response.error_code == METHOD_NOT_FOUND:
            return False
        if not was_unknown(response):
            return True
        request = (MADE_UP,) if "/" in name else ("account/login/start", {"type": MADE_UP})
        return not refused_alike(response, name, await self.call(*request), MADE_UP)

    async def known(self, response: Response, name: str) -> Response:
        """The response, be it a refusal; not applicable where the target does not know `name`."""
        if not await self.knows(response, name):
            not_applicable(f"the target does not offer {name}: {response.error_message}")
        return response

    def use_bearer(self, bearer: str | None, clause: str) -> None:
        """From now on `bearer` is the one to use; a later use of the one before breaks `clause`."""
        if self._bearer not in (None, bearer):
            now = anyio.current_time()
            self.replaced.append(
                Replacement(self._bearer, now, len(self.transcript.entries), clause)
            )
        self._bearer = bearer
        self.replaced = [old for old in self.replaced if old.bearer != bearer]

    # Refresh.

    async def next_refresh(self, within: float | None = None) -> RefreshRequest:
        """The next refresh request, which the case needs."""
        request = await self.refresh_if_any(within)
        got = f"none; {self.state()}" if request is None else "one"
        require("REFRESH-1", request is not None, "a refresh request from the target", got)
        assert request is not None
        return request

    async def refresh_if_any(self, within: float | None = None) -> RefreshRequest | None:
        """The next refresh request, or None when none comes."""

        def look() -> RefreshRequest | None:
            return self.refreshes[self._taken] if len(self.refreshes) > self._taken else None

        request = await self.until(look, f"the request {REFRESH}", within)
        if request is not None:
            self._taken += 1
        assert request is None or isinstance(request, RefreshRequest)
        return request

    async def refresh_in(self, turn: Turn) -> RefreshRequest | None:
        """The next refresh request, or None when the turn ends without one."""

        def look() -> RefreshRequest | Entry | None:
            if len(self.refreshes) > self._taken:
                return self.refreshes[self._taken]
            return self.completion_of(turn.thread, turn.id)

        found = await self.until(look, f"the request {REFRESH}, or turn/completed")
        if not isinstance(found, RefreshRequest):
            return None
        self._taken += 1
        return found

    async def answer_refresh(self, tokens: ExternalTokens) -> RefreshRequest:
        """Wait for the next refresh request and answer it well."""
        request = await self.next_refresh()
        await request.answer(tokens)
        return request

    async def refreshed_turn(self, tokens: ExternalTokens) -> Outcome:
        """A turn whose token is refused and refreshed with `tokens`; how it ended."""
        turn = await self.start_turn()
        await self.answer_refresh(tokens)
        return await turn.outcome()

    async def refused_turn(self) -> tuple[Turn, RefreshRequest]:
        """A turn whose token is refused, and its refresh request, which the case needs."""
        turn = await self.start_turn()
        return turn, await self.next_refresh()

    def answer_every_refresh(self, policy: Policy | None, *, heeded: bool = True) -> None:
        """Answer refresh requests by themselves as they come; None ends it.

        Args:
            policy: gives the tokens of each answer.
            heeded: whether each answer replaces the one before, as a server has to take them.
        """
        self._policy = policy
        self._heeded = heeded

    # Turns.

    async def start_thread(self) -> str:
        """A new thread, which the case needs; its id."""
        thread = await self._ask_for_thread()
        require(None, isinstance(thread, str), "a thread to start", thread)
        assert isinstance(thread, str)
        return thread

    async def _ask_for_thread(self) -> str | Response:
        response = await self.call("thread/start", {"model": "mock-model"})
        thread = response.member("thread")
        thread_id = thread.get("id") if isinstance(thread, dict) else None
        return thread_id if isinstance(thread_id, str) else response

    async def start_turn(self, thread: str | None = None) -> Turn:
        """A new turn, which the case needs, on `thread` or on the case's own thread."""
        turn = await self._ask_for_turn(thread)
        what = "turn" if isinstance(turn, Turn) else turn.method.partition("/")[0]
        require(None, isinstance(turn, Turn), f"a {what} to start", turn)
        assert isinstance(turn, Turn)
        return turn

    async def try_turn(self) -> Outcome | None:
        """Start a turn and wait for its end; None where not even a thread or the turn starts."""
        turn = await self._ask_for_turn(None)
        return await turn.outcome() if isinstance(turn, Turn) else None

    async def _ask_for_turn(self, thread: str | None) -> Turn | Response:
        if thread is None:
            if self._thread is None:
                begun = await self._ask_for_thread()
                if isinstance(begun, Response):
                    return begun
                self._thread = begun
            thread = self._thread
        prompt = [{"type": "text", "text": "Say hello."}]
        response = await self.call("turn/start", {"threadId": thread, "input": prompt})
        turn = response.member("turn")
        turn_id = turn.get("id") if isinstance(turn, dict) else None
        if not isinstance(turn_id, str):
            return response
        return Turn(self, thread, turn_id, anyio.current_time())

    async def run_turn(self, thread: str | None = None) -> Outcome:
        """Start a turn and wait for its end."""
        return await (await self.start_turn(thread)).outcome()

    def completion_of(self, thread: str, turn: str) -> Entry | None:
        """The `turn/completed` of a turn, where it came; turn ids may repeat across threads."""
        return self._completed.get((thread, turn))

    # Looking back.

    def account_notifications(self, since: int = 0) -> list[Entry]:
        """Every `account/login/completed` and `account/updated` that came since `since`."""
        wanted = ("account/login/completed", "account/updated")
        received = self.transcript.received(since)
        return [entry for entry in received if entry.is_notification and entry.method in wanted]

    def observe(self, clause: str, sentence: str) -> None:
        """Record what was seen where several behaviours are allowed; fails nobody."""
        self.observations.add(clause, redact(sentence, self._secrets))
