"""What holds after every case, whatever it was about."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from codex_conformance.exchange import Replacement, short
from codex_conformance.home import Home
from codex_conformance.mock_backend import MockBackend
from codex_conformance.mock_parent import MockParent
from codex_conformance.replies import Request
from codex_conformance.schema import judge_line, law
from codex_conformance.sink import Sink
from codex_conformance.tokens import Needles
from codex_conformance.wire import Entry


@dataclass(frozen=True)
class Finding:
    """A clause that a case found broken, whether or not it is about it."""

    clause: str
    expected: str
    actual: str
    wrong: int | None = None


@dataclass(frozen=True)
class Evidence:
    """Everything that a case left behind.

    Attributes:
        parents: the case's own, then those that it connected beside it.
    """

    parents: tuple[MockParent, ...]
    backend: MockBackend
    home: Home
    sink: Sink | None
    diagnostics: bytes
    arguments: bytes
    secrets: dict[str, str]
    forgiven: frozenset[str]


def _received(evidence: Evidence) -> Iterator[Entry]:
    for parent in evidence.parents:
        yield from parent.transcript.received()


def each_request_is_answered_once(evidence: Evidence) -> Iterator[Finding]:
    """WIRE-4: a request gets exactly one response, a notification none."""
    for parent in evidence.parents:
        yield from _answered_once(parent)


def _answered_once(parent: MockParent) -> Iterator[Finding]:
    asked = Counter(_identity(entry) for entry in parent.transcript.sent() if entry.is_request)
    halves = {_identity(entry) for entry in parent.transcript.sent() if _is_half(entry)}
    answered = Counter[tuple[str, str]]()
    for entry in parent.transcript.received():
        if not entry.is_response:
            continue
        identity = _identity(entry)
        if identity in halves and "error" in (entry.message or {}):
            continue
        answered[identity] += 1
        if identity not in asked:
            yield Finding(
                "WIRE-2",
                "every response to carry the id of a request, same value and same type",
                f"a response under the id {identity[1]}, which no request has",
                entry.index,
            )
        elif answered[identity] > asked[identity]:
            yield Finding(
                "WIRE-4",
                "one response to a request",
                f"another one under the id {identity[1]}",
                entry.index,
            )
    unanswered = asked - answered
    if unanswered and not parent.abandoned:
        ids = ", ".join(identity[1] for identity in sorted(unanswered))
        yield Finding("WIRE-4", "a response to every request", f"none for the request id {ids}")


def _is_half(entry: Entry) -> bool:
    """Whether it bears an id and nothing else: a bad request, to those who answer such."""
    message = entry.message or {}
    return "id" in message and message.keys().isdisjoint({"method", "result", "error"})


def _identity(entry: Entry) -> tuple[str, str]:
    """The type of the id that an entry bears, and the id as JSON."""
    identity = (entry.message or {}).get("id")
    return type(identity).__name__, short(identity)


def every_line_is_a_message(evidence: Evidence) -> Iterator[Finding]:
    """WIRE-1: one JSON object a line, UTF-8."""
    for entry in _received(evidence):
        if entry.problem:
            yield Finding("WIRE-1", "one JSON object a line, in UTF-8", entry.problem, entry.index)
            return


def server_messages_validate(evidence: Evidence) -> Iterator[Finding]:
    """WIRE-10: what the target sends validates against the revision."""
    for parent in evidence.parents:
        yield from _valid(parent)


def _valid(parent: MockParent) -> Iterator[Finding]:
    asked: dict[tuple[str, str], str | None] = {}
    for entry in parent.transcript.own():
        if entry.direction == "to-target" and entry.is_request:
            asked[_identity(entry)] = entry.method
        if entry.direction != "from-target" or entry.message is None:
            continue
        for type_name, value in _types_of(parent.revision, entry, asked):
            fault, growth = judge_line(parent.revision, type_name, value, entry.text)
            if growth is not None:
                parent.observe("WIRE-10", f"newer than the revision: {growth}")
            if fault is not None:
                yield Finding("WIRE-10", "a message that validates", fault, entry.index)


def _types_of(
    revision: str, entry: Entry, asked: dict[tuple[str, str], str | None]
) -> Iterator[tuple[str, object]]:
    """What a message from the target has to be valid as: type name and value."""
    message = entry.message or {}
    methods = law(revision).methods
    if entry.is_response:
        yield ("JSONRPCError" if "error" in message else "JSONRPCResponse"), message
        known = methods.get(asked.get(_identity(entry)) or "")
        if known and known["result"] and "result" in message:
            yield known["result"], message["result"]
    else:
        yield ("JSONRPCRequest" if "id" in message else "JSONRPCNotification"), message
        known = methods.get(entry.method or "")
        if known and known["params"]:
            yield known["params"], message.get("params")


def no_secret_in_what_it_says(evidence: Evidence) -> Iterator[Finding]:
    """SECRET-2: no token in messages, on stderr, in process arguments."""
    needles = Needles({s: n for s, n in evidence.secrets.items() if s not in evidence.forgiven})
    expected = "no token in anything that the target says"
    lines = [(entry, entry.text.encode()) for entry in _received(evidence)]
    if needles.find(b"\n".join(line for _, line in lines)) is not None:  # all at once is quick
        leaks = ((entry, found) for entry, line in lines if (found := needles.find(line)))
        for entry, found in islice(leaks, 1):
            yield Finding("SECRET-2", expected, f"{found} in a message", entry.index)
    if (found := needles.find(evidence.diagnostics)) is not None:
        yield Finding("SECRET-2", expected, f"{found} on stderr")
    if (found := needles.find(evidence.arguments)) is not None:
        yield Finding("SECRET-2", expected, f"{found} in process arguments")


def no_secret_in_a_file(evidence: Evidence) -> Iterator[Finding]:
    """SECRET-1: external tokens live in memory only."""
    stored = {s: n for s, n in evidence.secrets.items() if n.startswith("tokens-")}
    managed = evidence.backend.issuer.secrets
    needles = Needles({s: n for s, n in stored.items() if s not in managed})
    if (found := evidence.home.leak(needles)) is not None:
        expected = "no external token in any file under CODEX_HOME or the working directory"
        yield Finding("SECRET-1", expected, found)


def no_secret_to_another_host(evidence: Evidence) -> Iterator[Finding]:
    """SECRET-3: tokens go to the configured hosts only."""
    needles = Needles(evidence.secrets)
    heads = [head for _host, head in evidence.backend.foreign_requests]
    if evidence.sink is not None:
        heads += evidence.sink.heads
    for head in heads:
        if (found := needles.find(head)) is not None:
            expected = "no token to any host but the configured ones"
            line = head.split(b"\r\n")[0].decode("latin-1")
            yield Finding("SECRET-3", expected, f"{found} in {line}")
            return


def replaced_tokens_stay_unused(evidence: Evidence) -> Iterator[Finding]:
    """LOGIN-7, REFRESH-5, LOGOUT-3: no request begun with a token that has been replaced."""
    for old in [old for parent in evidence.parents for old in parent.replaced]:
        for request in evidence.backend.requests_with(old.bearer):
            if _used_after(request, old, evidence.parents[0].clock.slack):
                yield Finding(
                    old.clause,
                    "no request with a token that has been replaced",
                    f"{request.method} {request.path} with it, {request.at - old.at:.2f} s later",
                    request.index,
                )
                break


def _used_after(request: Request, old: Replacement, slack: float) -> bool:
    if old.clause != "LOGOUT-3" and not request.is_to_provider:
        return False
    return request.index >= old.index and request.at >= old.at + slack


Invariant = Callable[[Evidence], Iterator[Finding]]

INVARIANTS: tuple[Invariant, ...] = (
    every_line_is_a_message,
    each_request_is_answered_once,
    server_messages_validate,
    no_secret_in_what_it_says,
    no_secret_in_a_file,
    no_secret_to_another_host,
    replaced_tokens_stay_unused,
)


def findings(evidence: Evidence) -> list[Finding]:
    """What the invariants found, the first of each clause."""
    found: dict[str, Finding] = {}
    for invariant in INVARIANTS:
        for finding in invariant(evidence):
            found.setdefault(finding.clause, finding)
    return list(found.values())
