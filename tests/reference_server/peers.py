"""A client and a model provider for the reference server, in this process, on a virtual clock."""

import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
import codex_reference_server
import httpx
import respx

ORIGIN = "http://backend.test"
ISSUER = "http://issuer.test"
ENVIRON = {"CODEX_APP_SERVER_LOGIN_ISSUER": ISSUER}
CLIENT = {"name": "peer", "title": None, "version": "1"}
REFRESH = "account/chatgptAuthTokens/refresh"
CONFIG = f"""
model = "mock-model"
model_provider = "mock"
chatgpt_base_url = "{ORIGIN}/backend-api/"
[model_providers.mock]
base_url = "{ORIGIN}/v1"
requires_openai_auth = true
"""


class Tokens:
    """External tokens that every revision takes; JWTs with `serial` in them."""

    def __init__(self, serial: int, account: str = "acc-1", plan: str | None = "pro") -> None:
        self.account = account
        self.email = f"{serial}@{account}.example"
        claims: dict[str, Any] = {
            "email": self.email,
            "https://api.openai.com/auth": {"chatgpt_account_id": account, "user_id": "u"}
            | ({} if plan is None else {"chatgpt_plan_type": plan}),
        }
        self.access = jwt(claims | {"jti": f"access-{serial}"})
        self.id = jwt(claims | {"jti": f"id-{serial}"})

    def members(self, revision: str) -> dict[str, Any]:
        """Params of a login or result of a refresh, in the shape of the revision."""
        if revision == "0.93":
            return {"accessToken": self.access, "idToken": self.id}
        return {"accessToken": self.access, "chatgptAccountId": self.account}


def jwt(claims: Any) -> str:
    """A JWT that nobody signed."""
    header, payload = (
        urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
        for part in ({"alg": "none"}, claims)
    )
    return f"{header}.{payload}.c2ln"


def stream(*events: dict[str, Any]) -> httpx.Response:
    """An event stream."""
    body = "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events)
    return httpx.Response(200, headers={"content-type": "text/event-stream"}, text=body)


def hello() -> httpx.Response:
    """A turn that says hello."""
    message = {"type": "message", "content": [{"type": "output_text", "text": "Hello"}]}
    return stream(
        {"type": "response.created", "response": {"id": "r"}},
        {"type": "response.output_text.delta", "delta": "Hel"},
        {"type": "response.output_text.delta", "delta": "lo"},
        {"type": "response.output_item.done", "item": message},
        {"type": "response.completed", "response": {"id": "r"}},
    )


class Issuer:
    """An issuer: what it answers to refreshes, the next first; then trouble."""

    def __init__(self) -> None:
        self.answers: list[httpx.Response | Exception] = []
        self.requests: list[httpx.Request] = []
        self.gate: anyio.Event | None = None

    @property
    def asked(self) -> list[Any]:
        """What it was asked, decoded."""
        return [json.loads(request.content) for request in self.requests]

    def gives(self, **tokens: str) -> None:
        """The next answer has these tokens."""
        self.answers.append(httpx.Response(200, json=tokens))

    def refuses(self, status: int, body: Any) -> None:
        """The next answer is no."""
        self.answers.append(httpx.Response(status, json=body))

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if self.answers else httpx.Response(503)
        if self.gate is not None:
            await self.gate.wait()
        if isinstance(answer, Exception):
            raise answer
        return answer


class Provider:
    """A model provider: 401 to every token but the valid ones, else `answers` or hello."""

    def __init__(self) -> None:
        self.valid: set[str] = set()
        self.answers: list[Callable[[], httpx.Response]] = []
        self.requests: list[httpx.Request] = []
        self.gate: anyio.Event | None = None
        self.endpoints: dict[str, httpx.Response] = {}
        self.asked: list[httpx.Request] = []
        self.limits: httpx.Response | Exception = httpx.Response(200, json={})
        self.limits_asked: list[httpx.Request] = []
        self.issuer = Issuer()

    @property
    def bearers(self) -> list[str | None]:
        """The token of every request."""
        return [
            request.headers.get("authorization", "").removeprefix("Bearer ") or None
            for request in self.requests
        ]

    def answer_with_status(self, status: int, body: str = "") -> None:
        """The next request gets this status."""
        self.answers.append(lambda: httpx.Response(status, text=body))

    async def account(self, request: httpx.Request) -> httpx.Response:
        """What an account endpoint says: `endpoints` by path, the limits, or 404."""
        path = request.url.path.removeprefix("/backend-api/wham/")
        if path == "usage":
            return await self._usage(request)
        self.asked.append(request)
        return self.endpoints.get(path, httpx.Response(404))

    async def _usage(self, request: httpx.Request) -> httpx.Response:
        self.limits_asked.append(request)
        if self.gate is not None:
            await self.gate.wait()
        if isinstance(self.limits, Exception):
            raise self.limits
        return self.limits

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        bearer = self.bearers[-1]
        answer = self.answers.pop(0) if self.answers else None
        if self.gate is not None:
            await self.gate.wait()
        if answer is not None:
            return answer()
        return hello() if bearer in self.valid else httpx.Response(401, json={"error": bearer})


class Peer:
    """A client: sends, and keeps what it hears in order."""

    def __init__(self, wire: anyio.abc.ObjectStream[bytes], revision: str) -> None:
        self.wire = wire
        self.revision = revision
        self.heard: list[dict[str, Any]] = []
        self.raw = b""
        self._ids = 0
        self._news = anyio.Event()
        self.over = False
        self.deaf: anyio.Event | None = None  # set it to hear again

    async def listen(self) -> None:
        rest = b""
        async for chunk in self.wire:
            self.raw += chunk
            *lines, rest = (rest + chunk).split(b"\n")
            self.heard += [json.loads(line) for line in lines]
            self._tell()
            if self.deaf is not None:
                await self.deaf.wait()
        assert rest == b""
        self.over = True
        self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._news = anyio.Event()

    async def until(self, matches: Callable[[dict[str, Any]], bool], after: int = 0) -> Any:
        """The first message that matches, from position `after` on."""
        while True:
            for message in self.heard[after:]:
                if matches(message):
                    return message
            assert not self.over, "the server has hung up"
            await self._news.wait()

    async def hung_up(self) -> None:
        """Wait until the server has ended its side."""
        while not self.over:
            await self._news.wait()

    async def say(self, *messages: dict[str, Any] | bytes) -> None:
        lines = [m if isinstance(m, bytes) else json.dumps(m).encode() for m in messages]
        await self.wire.send(b"\n".join([*lines, b""]))

    def call(self, method: str, params: Any = None) -> dict[str, Any]:
        """A request, not sent yet."""
        self._ids += 1
        request = {"id": self._ids, "method": method}
        return request if params is None else request | {"params": params}

    async def answer_to(self, request: dict[str, Any]) -> Any:
        return await self.until(lambda m: "method" not in m and m["id"] == request["id"])

    async def ask(self, method: str, params: Any = None) -> Any:
        """The response to a request."""
        request = self.call(method, params)
        await self.say(request)
        return await self.answer_to(request)

    async def told(self, method: str, after: int = 0) -> Any:
        """The params of a notification."""
        return (await self.until(lambda m: m.get("method") == method, after))["params"]

    def methods(self, after: int = 0) -> list[str]:
        """What was heard: methods of notifications and requests, `response` for responses."""
        return [message.get("method", "response") for message in self.heard[after:]]

    async def initialize(self, **capabilities: Any) -> Any:
        params = {"clientInfo": CLIENT, "capabilities": {"experimentalApi": True} | capabilities}
        return await self.ask("initialize", params)

    def login(self, tokens: Tokens, **more: Any) -> dict[str, Any]:
        """A login with external tokens, not sent yet."""
        members = tokens.members(self.revision) | more
        return self.call("account/login/start", {"type": "chatgptAuthTokens"} | members)

    async def log_in(self, tokens: Tokens, **more: Any) -> Any:
        request = self.login(tokens, **more)
        await self.say(request)
        return await self.answer_to(request)

    async def account(self) -> Any:
        return (await self.ask("account/read", {}))["result"]["account"]

    async def start_turn(self) -> "Turn":
        thread = (await self.ask("thread/start", {}))["result"]["thread"]["id"]
        return await self.start_turn_in(thread)

    async def start_turn_in(self, thread: str) -> "Turn":
        said = [{"type": "text", "text": "Say hello."}]
        response = await self.ask("turn/start", {"threadId": thread, "input": said})
        return Turn(self, thread, response["result"]["turn"]["id"])

    async def refresh_request(self, number: int = 1) -> dict[str, Any]:
        """The nth request for new tokens."""
        while len(self.refreshes) < number:
            await self._news.wait()
        return self.refreshes[number - 1]

    @property
    def refreshes(self) -> list[dict[str, Any]]:
        """Every request for new tokens."""
        return [message for message in self.heard if message.get("method") == REFRESH]

    def refreshed(self, request: dict[str, Any], tokens: Tokens) -> dict[str, Any]:
        """A good answer, not sent yet."""
        return {"id": request["id"], "result": tokens.members(self.revision)}


class Turn:
    """A turn under way."""

    def __init__(self, peer: Peer, thread: str, turn: str) -> None:
        self.peer = peer
        self.thread = thread
        self.id = turn

    async def end(self) -> Any:
        """The turn as it ended."""
        ended = await self.peer.until(
            lambda m: m.get("method") == "turn/completed" and m["params"]["turn"]["id"] == self.id
        )
        return ended["params"]["turn"]

    async def status(self) -> str:
        return str((await self.end())["status"])

    async def interrupt(self) -> Any:
        return await self.peer.ask("turn/interrupt", {"threadId": self.thread, "turnId": self.id})


@asynccontextmanager
async def connected(home: Path, revision: str, *arguments: str) -> AsyncIterator[Peer]:
    argv = ["--revision", revision, *arguments]
    async with codex_reference_server.in_memory(home, ENVIRON, argv) as wire:
        peer = Peer(wire, revision)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(peer.listen)
            yield peer
            await wire.send_eof()


@asynccontextmanager
async def provided() -> AsyncIterator[Provider]:
    provider = Provider()
    with respx.mock(assert_all_called=False) as router:
        router.post(f"{ORIGIN}/v1/responses").mock(side_effect=provider)
        router.route(url__startswith=f"{ISSUER}/").mock(side_effect=provider.issuer)
        router.route(url__startswith=f"{ORIGIN}/backend-api/wham/").mock(
            side_effect=provider.account
        )
        yield provider
