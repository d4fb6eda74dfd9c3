"""A parent application that obeys the case: it speaks, listens, and judges nothing by itself."""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import anyio

from codex_conformance.case import Observations, not_applicable, require
from codex_conformance.clock import Clock
from codex_conformance.exchange import (
    REFRESH,
    Exit,
    Outcome,
    Pending,
    RefreshRequest,
    Replacement,
    Response,
    Turn,
    was_unknown,
)
from codex_conformance.pulse import Pulse
from codex_conformance.targets import Channel
from codex_conformance.tokens import ExternalTokens, redact
from codex_conformance.wire import (
    RUBBISH_LIMIT,
    STREAM_LIMIT,
    Entry,
    LineReader,
    Transcript,
    decode,
)

ABSENT: Any = object()  # params that are not sent at all
CLIENT = {"name": "codex-conformance", "title": "codex-conformance", "version": "1.0.0"}
Policy = Callable[[RefreshRequest], ExternalTokens]


class MockParent:
    """One connection to a target, in the words of the protocol.

    Attributes:
        transcript: everything that was said.
        refreshes: the refresh requests of the target, in order.
        replaced: bearers that must not be used any more, with the moment and the clause.
        observations: what the case saw where several behaviours are allowed.
        forgiven: secrets that the case itself put where they may be repeated.
        abandoned: whether the case hung up with requests unanswered.
        dress: what a message goes through before it is written.
        cut: the writes that a line, with its end, becomes.
    """

    def __init__(
        self,
        revision: str,
        clock: Clock,
        pulse: Pulse,
        transcript: Transcript,
        secrets: dict[str, str],
    ) -> None:
        self.revision = revision
        self.clock = clock
        self.transcript = transcript
        self.refreshes: list[RefreshRequest] = []
        self.replaced: list[Replacement] = []
        self.observations = Observations()
        self.forgiven: set[str] = set()
        self.abandoned = False
        self.input_closed = False
        self.output_ended = False
        self.dress: Callable[[dict[str, Any]], dict[str, Any]] = lambda message: message
        self.cut: Callable[[bytes], Sequence[bytes]] = lambda line: (line,)
        self._unfinished = b""
        self._pulse = pulse
        self._secrets = secrets
        self._channel: Channel | None = None
        self._next_id = 1
        self._taken = 0
        self._thread: str | None = None
        self._completed: dict[tuple[str, str], Entry] = {}
        self._responses: dict[tuple[type, Any], Entry] = {}
        self._policy: Policy | None = None
        self._heeded = True
        self._bearer: str | None = None

    # The connection.

    def attach(self, channel: Channel) -> None:
        """Talk to `channel` from now on; nothing of an earlier connection is pending any more."""
        self._channel = channel
        self._thread = None
        self._completed.clear()
        self._responses.clear()
        self._taken = len(self.refreshes)
        self._unfinished = b""
        self.input_closed = self.output_ended = False

    async def listen(self) -> None:
        """Read what the target says until its output ends or is no protocol any more."""
        reader, size, rubbish = LineReader(), 0, 0
        with suppress(anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
            while size <= STREAM_LIMIT and rubbish <= RUBBISH_LIMIT:
                chunk = await self.channel.receive()
                size += len(chunk)
                for line in reader.feed(chunk):
                    rubbish += await self._received(line)
                    if rubbish > RUBBISH_LIMIT:
                        break
        if rest := reader.rest():
            self.transcript.add(
                "from-target", _text(rest), None, "the output ended within this line"
            )
        if size > STREAM_LIMIT or rubbish > RUBBISH_LIMIT:
            self.transcript.add("note", "the target floods its output: nobody listens any more")
        self.output_ended = True
        self._pulse.beat()

    async def _received(self, line: bytes) -> bool:
        """Take in one line; whether it was rubbish."""
        if not line:
            return False
        message, problem = decode(line)
        entry = self.transcript.add("from-target", _text(line), message, problem)
        if message is not None:
            await self._sort(entry, message)
        self._pulse.beat()
        return message is None

    async def _sort(self, entry: Entry, message: dict[str, Any]) -> None:
        if entry.is_response:
            identity = message["id"]
            if isinstance(identity, str | int):
                self._responses.setdefault((type(identity), identity), entry)
        elif entry.is_request and entry.method == REFRESH:
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

    @property
    def channel(self) -> Channel:
        """The running target."""
        assert self._channel is not None, "no target has been started"
        return self._channel

    async def hang_up(self) -> None:
        """End the target's input; what is unanswered may stay so."""
        self.abandoned = self.input_closed = True
        self.transcript.add("note", "the parent closes the target's input")
        await self.channel.close_input()

    async def exit(self, within: float) -> Exit:
        """Wait until the target has ended by itself; in process, until its output has."""
        began, status, ended = anyio.current_time(), None, False
        with anyio.move_on_after(within):
            status = await self.channel.exited()
            ended = status is not None or await self.ended(within)
        return Exit(ended, status, anyio.current_time() - began)

    async def ended(self, within: float) -> bool:
        """Wait until the target's output has ended; whether it did."""
        await self.until(lambda: None, "the end of the target's output", within)
        return self.output_ended

    # Speaking.

    async def send_bytes(self, *pieces: bytes) -> None:
        """Write bytes as they are, a write per piece; the transcript shows the lines they end."""
        *lines, self._unfinished = b"".join((self._unfinished, *pieces)).split(b"\n")
        for line in lines:
            if line:
                self.transcript.add("to-target", _text(line), decode(line)[0])
        for piece in pieces:
            try:
                await self.channel.send(piece)
            except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                self.transcript.add("note", "the target does not read its input any more")
                return

    async def send(self, message: dict[str, Any]) -> None:
        """Write one message."""
        await self.send_bytes(*self.cut(encode(self.dress(message))))

    def request(self, method: str, params: Any = ABSENT, request_id: Any = None) -> dict[str, Any]:
        """A request with the next id, or with the given one, not sent yet."""
        if request_id is None:
            request_id = self._next_id
            self._next_id += 1
        self._responses.pop((type(request_id), request_id), None)  # of an earlier request
        message = {"id": request_id, "method": method}
        return message if params is ABSENT else message | {"params": params}

    async def call(self, method: str, params: Any = ABSENT, request_id: Any = None) -> Response:
        """Send a request and wait for what comes back."""
        return await self.answer_to(await self.begin(method, params, request_id))

    async def begin(self, method: str, params: Any = ABSENT, request_id: Any = None) -> Pending:
        """Send a request without waiting."""
        message = self.request(method, params, request_id)
        pending = Pending(message["id"], method, anyio.current_time())
        await self.send(message)
        return pending

    def expecting(self, request_id: Any, method: str) -> Pending:
        """A request that the case wrote by itself, as something to wait for."""
        return Pending(request_id, method, anyio.current_time())

    async def answer_to(self, pending: Pending, within: float | None = None) -> Response:
        """Wait for the response to a request; an unanswered one reads as such."""
        key = (type(pending.id), pending.id)
        entry = await self.until(
            lambda: self._responses.get(key), f"the response to {pending.method}", within
        )
        elapsed = anyio.current_time() - pending.at
        message = (entry.message if entry else None) or {}
        return Response(pending.method, message, elapsed, entry, self.clock, self.state())

    async def notify(self, method: str, params: Any = ABSENT) -> None:
        """Send a notification."""
        await self.send({"method": method} | ({} if params is ABSENT else {"params": params}))

    async def until(self, look: Callable[[], Any], what: str, within: float | None = None) -> Any:
        """What `look()` finds before the target's output ends or patience does, else None."""
        patience = self.clock.patience if within is None else within

        def found_or_over() -> Any:
            found = look()
            return (found,) if found is not None or self.output_ended else None

        seen = await self._pulse.until(found_or_over, what, patience)
        return seen[0] if seen else None

    async def wait(self, seconds: float) -> None:
        """Let the run's clock pass; only what a limit is about may need it."""
        with anyio.move_on_after(seconds):
            await anyio.sleep_forever()

    async def settle(self) -> None:
        """Return when all that follows from what was said so far has arrived.

        In process nothing can happen any more then. Against a command `account/read` is the
        fence: it is answered behind whatever changed the account.
        """
        if self.clock.virtual:
            await anyio.wait_all_tasks_blocked()
        elif not self.output_ended and not self.input_closed:
            await self.call("account/read", {})

    def state(self) -> str:
        """Why nothing may come any more, for a report."""
        return "the target's output has ended" if self.output_ended else "the target is running"

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
        response = await self.call("thread/start", {"model": "mock-model"})
        thread = response.member("thread")
        thread_id = thread.get("id") if isinstance(thread, dict) else None
        require(None, isinstance(thread_id, str), "a thread to start", response)
        assert isinstance(thread_id, str)
        return thread_id

    async def start_turn(self, thread: str | None = None) -> Turn:
        """A new turn, which the case needs, on `thread` or on the case's own thread."""
        turn = await self._ask_for_turn(thread)
        require(None, isinstance(turn, Turn), "a turn to start", turn)
        assert isinstance(turn, Turn)
        return turn

    async def try_turn(self) -> Outcome | None:
        """Start a turn and wait for its end; None where the target does not even start it."""
        turn = await self._ask_for_turn(None)
        return await turn.outcome() if isinstance(turn, Turn) else None

    async def _ask_for_turn(self, thread: str | None) -> Turn | Response:
        if thread is None:
            if self._thread is None:
                self._thread = await self.start_thread()
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

    def mark(self) -> int:
        """The present, to look back to."""
        return len(self.transcript.entries)

    def notifications(self, method: str, since: int = 0) -> list[Entry]:
        """The notifications of one method that came since `since`."""
        received = self.transcript.received(since)
        return [entry for entry in received if entry.is_notification and entry.method == method]

    def account_notifications(self, since: int = 0) -> list[Entry]:
        """Every `account/login/completed` and `account/updated` that came since `since`."""
        wanted = ("account/login/completed", "account/updated")
        received = self.transcript.received(since)
        return [entry for entry in received if entry.is_notification and entry.method in wanted]

    def observe(self, clause: str, sentence: str) -> None:
        """Record what was seen where several behaviours are allowed; fails nobody."""
        self.observations.add(clause, redact(sentence, self._secrets))


def encode(message: dict[str, Any]) -> bytes:
    """A message as a line."""
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def _text(line: bytes) -> str:
    return line.decode("utf-8", "backslashreplace")
