"""Faults of framing and envelope."""

import json
import re
from typing import Any

import anyio
import msgspec
import pytest
from codex_reference_server import connection, transports
from codex_reference_server.auth import Auth
from codex_reference_server.connection import Clients, Connection, Outbox
from codex_reference_server.dispatch import Dispatcher, Route
from codex_reference_server.messages import INVALID_PARAMS, METHOD_NOT_FOUND, Answer, Refusal
from codex_reference_server.transports import Lines
from mutant import around, instances, mutant


@mutant("WIRE-1", "WIRE-4")
def jsonrpc_member_unwelcome(patch: pytest.MonkeyPatch) -> None:
    """A message with the member jsonrpc is dropped."""

    @around(patch, Connection, "receive")
    def receive(real: Any, self: Any, line: bytes) -> None:
        if b'"jsonrpc"' not in line:
            real(self, line)


@mutant("WIRE-1", "WIRE-2", "WIRE-4")
def says_latin_1(patch: pytest.MonkeyPatch) -> None:
    """What is said is in Latin-1."""

    @around(patch, Outbox, "put")
    def put(real: Any, self: Any, line: bytes) -> None:
        real(self, line.decode().encode("latin-1", "replace"))


@mutant("WIRE-2", "WIRE-4")
def numeric_text_id_as_number(patch: pytest.MonkeyPatch) -> None:
    """A string id that reads as a number comes back as that number."""

    @around(patch, connection, "Response")
    def respond(real: Any, request_id: Any, result: Any) -> Any:
        numeric = isinstance(request_id, str) and request_id.isdecimal()
        return real(int(request_id) if numeric else request_id, result)


@mutant("WIRE-2", "WIRE-4")
def id_through_float(patch: pytest.MonkeyPatch) -> None:
    """A large id loses its last digits, as in a double."""

    @around(patch, connection, "Response")
    def respond(real: Any, request_id: Any, result: Any) -> Any:
        return real(int(float(request_id)) if isinstance(request_id, int) else request_id, result)


@mutant("WIRE-3", "WIRE-4")
def request_under_pending_id_is_its_answer(patch: pytest.MonkeyPatch) -> None:
    """A client request under the id of a pending server request is taken for the answer to it."""

    @around(patch, Connection, "_answer")
    def answer(real: Any, self: Any, request_id: Any, method: str, params: Any) -> None:
        if request_id in self._clients._asked:
            self._clients.answered(connection.Incoming(id=request_id))
        else:
            real(self, request_id, method, params)


@mutant("WIRE-4")
def text_id_answered_twice(patch: pytest.MonkeyPatch) -> None:
    """A request under a string gets its response twice."""

    @around(patch, Outbox, "put")
    def put(real: Any, self: Any, line: bytes) -> None:
        real(self, line)
        if line.startswith(b'{"id":"'):
            real(self, line)


@mutant("WIRE-2", "WIRE-4")
def unknown_notification_answered(patch: pytest.MonkeyPatch) -> None:
    """A notification that is not known gets an error response."""

    @around(patch, Connection, "receive")
    def receive(real: Any, self: Any, line: bytes) -> None:
        real(self, line)
        if b'"method"' in line and b'"id"' not in line and b'"initialized"' not in line:
            self.outbox.put(b'{"id":0,"error":{"code":-32601,"message":"unknown notification"}}')


def _when_unknown(patch: pytest.MonkeyPatch, act: Any) -> None:
    @around(patch, Dispatcher, "dispatch")
    def dispatch(real: Any, self: Any, *args: Any) -> Any:
        try:
            return real(self, *args)
        except Refusal as refusal:
            if refusal.code == METHOD_NOT_FOUND:
                return act()
            raise


@mutant("WIRE-5")
def unknown_method_succeeds(patch: pytest.MonkeyPatch) -> None:
    """A request for an unknown method gets an empty result."""
    _when_unknown(patch, lambda: Answer({}))


@mutant("WIRE-6")
def number_is_text(patch: pytest.MonkeyPatch) -> None:
    """A number passes for an API key."""

    @around(patch, Route, "_decode")
    def decode(real: Any, self: Any, raw: Any) -> Any:
        return real(self, msgspec.Raw(re.sub(rb'"apiKey":(\d+)', rb'"apiKey":"\1"', bytes(raw))))


@mutant("WIRE-6")
def missing_input_is_empty(patch: pytest.MonkeyPatch) -> None:
    """A turn without input begins."""

    @around(patch, Route, "_decode")
    def decode(real: Any, self: Any, raw: Any) -> Any:
        if self._name == "turn/start" and b'"input"' not in bytes(raw):
            raw = msgspec.Raw(bytes(raw)[:-1] + b',"input":[]}')
        return real(self, raw)


@mutant("LOGIN-8", "WIRE-6")
def bad_params_log_out(patch: pytest.MonkeyPatch) -> None:
    """Bad params get their error, and nobody is logged in after it."""
    auths = instances(patch, Auth)

    @around(patch, Route, "_decode")
    def decode(real: Any, self: Any, raw: Any) -> Any:
        try:
            return real(self, raw)
        except Refusal:
            auths[-1].credentials = None
            raise


@mutant("WIRE-7")
def unknown_member_refused(patch: pytest.MonkeyPatch) -> None:
    """Params with a member that the schema does not know are refused."""

    @around(patch, Route, "_decode")
    def decode(real: Any, self: Any, raw: Any) -> Any:
        params = real(self, raw)
        if params is not None:
            known = {"type", *params.__struct_encode_fields__}
            if not known.issuperset(msgspec.json.decode(raw)):
                raise Refusal("unknown member", INVALID_PARAMS)
        return params


@mutant("WIRE-4", "WIRE-8")
def read_ends_a_line(patch: pytest.MonkeyPatch) -> None:
    """A line ends where a read ends."""
    patch.setattr(Lines, "feed", lambda self, chunk: chunk.split(b"\n"))


@mutant("WIRE-2", "WIRE-4", "WIRE-8")
def reads_decoded_one_by_one(patch: pytest.MonkeyPatch) -> None:
    """A character that two reads share is lost."""

    @around(patch, Lines, "feed")
    def feed(real: Any, self: Any, chunk: bytes) -> Any:
        return real(self, chunk.decode("utf-8", "replace").encode())


@mutant("WIRE-4", "WIRE-8")
def carriage_return_spoils_a_line(patch: pytest.MonkeyPatch) -> None:
    """A line that ends in CRLF is dropped."""

    @around(patch, Connection, "receive")
    def receive(real: Any, self: Any, line: bytes) -> None:
        if not line.endswith(b"\r"):
            real(self, line)


@mutant("WIRE-4", "WIRE-8")
def long_line_dropped(patch: pytest.MonkeyPatch) -> None:
    """A line of 64 KiB is too long."""
    patch.setattr(transports, "LINE_LIMIT", 64 * 1024)


@mutant("WIRE-9")
def deaf_after_no_json(patch: pytest.MonkeyPatch) -> None:
    """After a line that is no JSON the server heeds nothing more."""

    @around(patch, Connection, "receive")
    def receive(real: Any, self: Any, line: bytes) -> None:
        if vars(self).get("deaf"):
            return
        try:
            json.loads(line.strip() or b"{}")
        except UnicodeDecodeError:
            pass
        except ValueError:
            self.deaf = True
        real(self, line)


@mutant("REFRESH-14", "WIRE-9")
def stray_response_logs_out(patch: pytest.MonkeyPatch) -> None:
    """A response to nothing that was asked logs out."""
    auths = instances(patch, Auth)

    @around(patch, Clients, "answered")
    def answered(real: Any, self: Any, response: Any) -> None:
        if response.id not in range(next(self._ids)):
            auths[-1].credentials = None
        real(self, response)


@mutant("WIRE-10")
def delta_misspelt(patch: pytest.MonkeyPatch) -> None:
    """A notification of the agent's message lacks a member that is required."""

    @around(patch, Outbox, "put")
    def put(real: Any, self: Any, line: bytes) -> None:
        real(self, line.replace(b'"delta":', b'"text":'))


@mutant("WIRE-11")
def lingers(patch: pytest.MonkeyPatch) -> None:
    """The server goes on for a while when its input has ended."""

    @around(patch, transports, "_receive")
    async def receive(real: Any, *args: Any) -> None:
        await real(*args)
        await anyio.sleep(5)


@mutant("WIRE-11")
def lingers_with_a_refresh(patch: pytest.MonkeyPatch) -> None:
    """The server goes on for a while when its input ends with a refresh request open."""
    clients = instances(patch, Clients)

    @around(patch, transports, "_receive")
    async def receive(real: Any, *args: Any) -> None:
        await real(*args)
        if clients[-1]._asked:
            await anyio.sleep(5)
