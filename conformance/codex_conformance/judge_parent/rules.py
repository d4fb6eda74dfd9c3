"""What holds in every scenario, whatever it is about: order, shapes, ids, and secrets."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from codex_conformance.exchange import REFRESH, short
from codex_conformance.invariants import Finding
from codex_conformance.judge_parent.answers import Asked, claims_of
from codex_conformance.judge_parent.app import App
from codex_conformance.judge_parent.conversation import Conversation
from codex_conformance.schema import judge_line, law
from codex_conformance.tokens import Needles
from codex_conformance.wire import Entry

PLACEHOLDER = re.compile(r"\*{2,}|[•…]|redact|hidden|mask|censor|secret|x{4,}", re.IGNORECASE)
_FILES_SCANNED = 2_000
_FILE_LIMIT = 16 * 1024 * 1024  # bytes of one file that are searched


def findings(app: App) -> Iterator[Finding]:
    """Every rule that the parent broke, each clause once.

    What it did in the opening conversation already is told where a scenario is about it.
    """
    seen = set()
    own, known = app.spec.clauses, app.ordinary.known
    for finding in _findings(app):
        told = finding.clause not in own and (finding.clause, finding.actual) in known
        if finding.clause not in seen and not told:
            seen.add(finding.clause)
            yield finding


def _findings(app: App) -> Iterator[Finding]:
    for conversation in app.conversations:
        yield from _messages(conversation, app.judged.revision)
        yield from _order(conversation)
        yield from _capability(conversation, app.judged.revision)
        yield from _answers(conversation, app.judged.revision)
        yield from _placeholders(conversation)
    yield from _leaks(app)


def _messages(conversation: Conversation, revision: str) -> Iterator[Finding]:
    """PARENT-1: every message validates; answers are judged by what they answer."""
    for entry in conversation.received:
        if entry.problem:
            yield Finding("PARENT-1", "one JSON-RPC message a line", entry.problem, entry.index)
        elif entry.method is not None and (fault := _fault(entry, revision)):
            yield Finding("PARENT-1", f"{entry.method} as in {revision}", fault, entry.index)


def _fault(entry: Entry, revision: str) -> str | None:
    """What is wrong with a request or notification of the parent, if anything is."""
    kind = "JSONRPCRequest" if entry.is_request else "JSONRPCNotification"
    breaks, _ = judge_line(revision, kind, entry.message, entry.text)
    row = law(revision).methods.get(entry.method or "")
    if breaks or row is None or row["direction"] != "clientToServer":
        return breaks  # a method that the revision does not describe is not judged
    params = (entry.message or {}).get("params")
    if row["params"] is None or (params is None and not row["paramsRequired"]):
        return None
    breaks, _ = judge_line(revision, row["params"], params, entry.text)
    return breaks


def _order(conversation: Conversation) -> Iterator[Finding]:
    """PARENT-1: `initialize`, then `initialized`, then anything else."""
    said = [entry for entry in conversation.received if entry.method is not None]
    for entry, wanted in zip(said, ("initialize", "initialized"), strict=False):
        if entry.method != wanted:
            expected = f"{wanted} {'first' if wanted == 'initialize' else 'after initialize'}"
            yield Finding("PARENT-1", expected, f"{entry.method} in its place", entry.index)
            return


def _capability(conversation: Conversation, revision: str) -> Iterator[Finding]:
    """PARENT-2: the capability before tokens."""
    greeting = next((e for e in conversation.received if e.method == "initialize"), None)
    capabilities = greeting.params.get("capabilities") if greeting else None
    declared = isinstance(capabilities, dict) and capabilities.get("experimentalApi") is True
    sent = [e for e in conversation.logins if e.params.get("type") == "chatgptAuthTokens"]
    if sent and not declared and revision != "0.93":
        yield Finding(
            "PARENT-2",
            "capabilities.experimentalApi: true in initialize, since tokens are sent later",
            f"capabilities {short(capabilities)}",
            greeting.index if greeting else None,
        )


def _answers(conversation: Conversation, revision: str) -> Iterator[Finding]:
    """PARENT-3: exactly one answer, under the same id, of the right shape."""
    for entry in conversation.stray:
        answered = short((entry.message or {}).get("id"))
        yield Finding(
            "PARENT-3", "answers under the id of a request", f"one under {answered}", entry.index
        )
    for asked in conversation.asked:
        yield from _forms(asked, revision)


def _forms(asked: Asked, revision: str) -> Iterator[Finding]:
    wanted = short(asked.id)
    for entry in asked.misnumbered:
        got = short((entry.message or {}).get("id"))
        expected = f"the answer under the id {wanted}, of the same type"
        clause = "PARENT-4" if asked.clause == "PARENT-4" else "PARENT-3"
        yield Finding(clause, expected, f"the id {got}", entry.index)
    if len(asked.answers) > 1:
        again = asked.answers[1][1]
        expected = f"one answer to the request {wanted}"
        yield Finding("PARENT-3", expected, f"{len(asked.answers)} answers", again.index)
    clause = "PARENT-10" if asked.clause == "PARENT-10" else "PARENT-3"
    for _, entry in asked.answers[:1]:
        fault = _fault_of_answer(entry, revision)
        if fault:
            expected = f"a result of the shape of {revision}, or an error object"
            yield Finding(clause, expected, fault, entry.index)


def _fault_of_answer(entry: Entry, revision: str) -> str | None:
    message = entry.message or {}
    if "error" in message and "result" in message:
        return "a result and an error in one answer"
    if "error" in message:
        return judge_line(revision, "JSONRPCError", message, entry.text)[0]
    if "result" not in message:
        return "neither a result nor an error"
    shape = law(revision).methods[REFRESH]["result"]
    fault, _ = judge_line(revision, shape, message["result"], entry.text)
    if fault is not None:
        return fault
    name = "idToken" if revision == "0.93" else "accessToken"
    token = message["result"][name]
    if claims_of(token) is None and not _is_placeholder(token):
        return f"{name}: no JWT, so that an app-server can read no account from it"
    return None


def _is_placeholder(token: str) -> bool:
    """Whether a text was put in place of a token so that nobody sees it."""
    return claims_of(token) is None and bool(PLACEHOLDER.search(token))


def _placeholders(conversation: Conversation) -> Iterator[Finding]:
    """PARENT-16: no placeholder on the wire."""
    carriers: list[tuple[Entry, Any]] = [(entry, entry.params) for entry in conversation.logins]
    for asked in conversation.asked:
        for _, entry in asked.answers:
            carriers.append((entry, (entry.message or {}).get("result")))
    for entry, members in carriers:
        for name in ("accessToken", "idToken"):
            token = members.get(name) if isinstance(members, dict) else None
            if isinstance(token, str) and _is_placeholder(token):
                expected = "the token itself on the wire"
                yield Finding("PARENT-16", expected, f"{name}: {token[:40]!r}", entry.index)


def _leaks(app: App) -> Iterator[Finding]:
    """PARENT-16: no token where others may find it."""
    needles = Needles(app.secrets())
    places = {
        "its stdout": bytes(app.application.stdout),
        "its stderr": bytes(app.application.stderr),
        "its arguments": app.application.arguments,
        "the arguments of codex": "\0".join(" ".join(argv) for argv in app.started_as).encode(),
    }
    for place, content in places.items():
        if found := needles.find(content):
            yield Finding("PARENT-16", f"no token in {place}", f"{found} in {place}")
    for conversation in app.conversations:
        for entry in conversation.received:
            error = (entry.message or {}).get("error")
            if error is not None and (found := needles.find(entry.text.encode())):
                expected = "no token in an error object"
                yield Finding("PARENT-16", expected, f"{found} in it", entry.index)
    if leak := app.home.leak(needles) or _leak_elsewhere(app, needles):
        yield Finding("PARENT-16", "no token in a file under CODEX_HOME", leak)


def _leak_elsewhere(app: App, needles: Needles) -> str | None:
    """A token in a file of another CODEX_HOME that the parent gave to codex, written meanwhile."""
    for home in sorted(app.homes - {str(app.home.codex_home)}):
        for number, path in enumerate(Path(home).rglob("*")):
            if number > _FILES_SCANNED:
                break
            try:
                if path.is_file() and path.stat().st_mtime >= app.began_at:
                    with path.open("rb") as file:
                        found = needles.find(file.read(_FILE_LIMIT))
                    if found:
                        return f"{found} in {path}"
            except OSError:
                continue  # it has just gone, or is not ours to read
    return None
