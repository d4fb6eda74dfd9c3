"""The control interface: makes things happen to a stand-in, by HTTP on loopback.

Whoever can reach it can log nobody in and read no token; still it takes no request of a web page.
"""

import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from codex_conformance.errors import UsageError
from codex_conformance.loopback import served
from codex_conformance.stand_in.composition import NotNowError, StandIn

HOSTS = ("127.0.0.1", "::1", "localhost")
BODY_LIMIT = 64 * 1024
"""Bytes of a command that are read."""
_METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]
_NAMES = {"::1": "[::1]"}


class _Refused(Exception):  # noqa: N818 - an answer, no mishap
    """A request that is not heeded: the status, and why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """A command without members."""


class Revoke(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /revoke`."""

    revoked: bool = True


class SignIn(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """`POST /sign-in`: of a browser login its page, of a device login nothing."""

    auth_url: str | None = None


class Workspaces(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /workspaces`."""

    ids: list[str]


class Delay(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /delay`."""

    seconds: float


class Fail(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /fail`."""

    status: int
    times: int = 1


class Line(JSONResponse):
    """JSON that ends its line, since people read it in a terminal."""

    def render(self, content: Any) -> bytes:
        """The body."""
        return super().render(content) + b"\n"


Do = Callable[[StandIn, Any], Awaitable[Any]]


async def _expire(stand_in: StandIn, _command: Nothing) -> Any:
    return {"expired": stand_in.expire_token()}


async def _revoke(stand_in: StandIn, command: Revoke) -> Any:
    stand_in.revoke(command.revoked)
    return stand_in.state


async def _sign_in(stand_in: StandIn, command: SignIn) -> Any:
    if command.auth_url is not None:
        return {"redirect": stand_in.sign_in(command.auth_url)}
    stand_in.approve_devices()
    return {"redirect": None}


async def _workspaces(stand_in: StandIn, command: Workspaces) -> Any:
    stand_in.force_workspaces(*command.ids)
    return stand_in.state


async def _delay(stand_in: StandIn, command: Delay) -> Any:
    if not 0 <= command.seconds <= 3600:
        raise _Refused(400, f"seconds is {command.seconds}, expected a number from 0 to 3600")
    stand_in.delay_answers(command.seconds)
    return stand_in.state


async def _fail(stand_in: StandIn, command: Fail) -> Any:
    if not 400 <= command.status <= 599:
        raise _Refused(400, f"status is {command.status}, expected one from 400 to 599")
    if not 0 <= command.times <= 1000:
        raise _Refused(400, f"times is {command.times}, expected a number from 0 to 1000")
    stand_in.fail_turns(command.status, command.times)
    return stand_in.state


async def _refresh(stand_in: StandIn, _command: Nothing) -> Any:
    reason = await stand_in.refresh_now()
    return {"refreshed": reason is None, "reason": reason}


VERBS: dict[str, tuple[Any, Do]] = {
    "expire": (Nothing, _expire),
    "revoke": (Revoke, _revoke),
    "sign-in": (SignIn, _sign_in),
    "workspaces": (Workspaces, _workspaces),
    "delay": (Delay, _delay),
    "fail": (Fail, _fail),
    "refresh": (Nothing, _refresh),
}
"""What `POST /<verb>` takes, and what it does."""


@asynccontextmanager
async def controlled(
    stand_in: StandIn, address: tuple[str, int], file: str | None
) -> AsyncIterator[None]:
    """Listen for commands; tell the address on stderr, and in a file if one is named.

    Raises:
        UsageError: nobody can listen there, or the file cannot be written.
    """
    host, port = address
    try:
        async with served(application(stand_in), host, port) as bound:
            url = f"http://{_NAMES.get(host, host)}:{bound}"
            sys.stderr.write(f"control: {url}\n")
            sys.stderr.flush()
            with _written(file, f"{url}\n"):
                yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"control cannot listen on {host}:{port}: {reason}") from None


@contextmanager
def _written(file: str | None, text: str) -> Iterator[None]:
    """A file that is there, whole, until the end."""
    if file is None:
        yield
        return
    path = Path(file)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from None
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def application(stand_in: StandIn) -> Starlette:
    """The control interface as an ASGI application."""

    async def answer(request: Request) -> Response:
        try:
            _require_a_program(request)
            return await _answer(stand_in, request)
        except _Refused as refused:
            return Line({"error": refused.message}, refused.status)
        except NotNowError as error:
            return Line({"error": error.message}, 409)

    return Starlette(routes=[Route("/{path:path}", answer, methods=_METHODS)])


async def _answer(stand_in: StandIn, request: Request) -> Response:
    path = request.url.path.strip("/")
    if request.method == "POST" and path in VERBS:
        members, do = VERBS[path]
        try:
            command = msgspec.json.decode(await _body(request), type=members)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise _Refused(400, str(error)) from None
        return Line(await do(stand_in, command))
    if request.method == "GET" and path == "":
        return Line({**stand_in.state, "commands": sorted(VERBS)})
    if request.method == "GET" and path == "traffic":
        return _traffic(stand_in, request.query_params.get("after", "0"))
    if path in VERBS or path in ("", "traffic"):
        raise _Refused(405, "commands are POST, / and /traffic are GET")
    raise _Refused(404, f"no such path; there are GET / and /traffic, POST /{', /'.join(VERBS)}")


def _traffic(stand_in: StandIn, after: str) -> Response:
    if not after.isdecimal():
        raise _Refused(400, f"after is {after!r}, expected the number of an entry")
    assert stand_in.traffic is not None
    lines = b"".join(stand_in.traffic.lines(int(after)))
    return Response(lines, media_type="application/jsonl")


async def _body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT:
            raise _Refused(413, f"a command has at most {BODY_LIMIT} bytes")
    return body or b"{}"


def _require_a_program(request: Request) -> None:
    """Refuse web pages: they say their origin, or came by a name that only they were told."""
    if "origin" in request.headers:
        raise _Refused(403, "requests of web pages are not heeded: there is an Origin header")
    try:
        host = urlsplit(f"//{request.headers.get('host', '')}").hostname
    except ValueError:
        host = None
    if host not in HOSTS:
        raise _Refused(403, f"the Host header names no loopback address: {', '.join(HOSTS)}")
