"""Everything that is said, as JSON Lines: both sides of the conversation, and of HTTP.

Tokens are learned from the members and headers that carry them, and are shown as fingerprints
wherever they occur from then on. What reads like a JWT or an API key is never shown.
"""

import json
import os
import re
import time
from collections import OrderedDict, deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from codex_conformance.errors import UsageError
from codex_conformance.replies import Reply, Request
from codex_conformance.tokens import fingerprint

KEPT = 1000
"""Entries that are kept in memory."""
_REMEMBERED = 1024
"""Secrets that are looked for; those learned first go first."""
_SHORT = 8
"""Characters below which a text may stand elsewhere for something else."""

_CARRIERS = frozenset(
    name.lower()
    for name in (
        *("accessToken", "idToken", "apiKey", "authToken", "refreshToken"),
        *("access_token", "id_token", "refresh_token", "api_key", "OPENAI_API_KEY", "token"),
        *("authorization", "code", "code_verifier", "device_auth_id"),
        *("http_headers", "experimental_bearer_token"),
    )
)
_LOOKS_SECRET = re.compile(r"eyJ[\w-]{5,}\.[\w-]*(?:\.[\w-]*)*|\b(?:sk|rt)-[\w-]{8,}")


class Redaction:
    """Knows what has to stay secret."""

    def __init__(self) -> None:
        self._secrets: OrderedDict[str, str] = OrderedDict()

    def learn(self, value: Any, *, is_secret: bool = False) -> None:
        """Find the secrets in a decoded message, by the names of the members that hold them."""
        if isinstance(value, dict):
            for name, member in value.items():
                self.learn(member, is_secret=is_secret or str(name).lower() in _CARRIERS)
        elif isinstance(value, list):
            for each in value:
                self.learn(each, is_secret=is_secret)
        elif is_secret and isinstance(value, str):
            self._keep(value.removeprefix("Bearer "))

    def _keep(self, secret: str) -> None:
        if len(secret) >= _SHORT:
            self._secrets[secret] = shown(secret)
            if len(self._secrets) > _REMEMBERED:
                self._secrets.popitem(last=False)

    def redacted(self, value: Any, *, is_secret: bool = False) -> Any:
        """A decoded message with every secret replaced."""
        if isinstance(value, dict):
            return {
                self._text(str(name)): self.redacted(
                    member, is_secret=is_secret or str(name).lower() in _CARRIERS
                )
                for name, member in value.items()
            }
        if isinstance(value, list):
            return [self.redacted(each, is_secret=is_secret) for each in value]
        if isinstance(value, str):
            return shown(value) if is_secret and value else self._text(value)
        return value

    def _text(self, text: str) -> str:
        for secret in sorted(self._secrets, key=len, reverse=True):
            if secret in text:
                text = text.replace(secret, self._secrets[secret])
        return _LOOKS_SECRET.sub(lambda found: shown(found[0]), text)


def shown(secret: str) -> str:
    """How a secret is shown."""
    return f"<secret {fingerprint(secret)}>"


class Traffic:
    """Keeps what was said last, and writes all of it to a file if there is one.

    Raises:
        UsageError: the file cannot be written.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._redaction = Redaction()
        self._kept: deque[tuple[int, bytes]] = deque(maxlen=KEPT)
        self._count = 0
        self._began = time.monotonic()
        self._file = None if path is None else _open(path)

    def lines(self, after: int = 0) -> Iterator[bytes]:
        """The entries that are kept, but for the first `after` that there ever were."""
        return (line for number, line in self._kept if number > after)

    def watch(self, speaker: str, line: bytes) -> None:
        """Note a line of the conversation."""
        if not line.strip():
            return
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            self._add({"from": speaker, "no_message": f"{len(line)} bytes"})
            return
        self._redaction.learn(message)
        self._add({"from": speaker, "message": message})

    def exchanged(self, request: Request, reply: Reply) -> None:
        """Note a request to the backend and its answer."""
        self._redaction.learn({"token": request.token})
        self._add(
            {
                "http": f"{request.method} {request.path}",
                "token": request.token,
                "account_id": request.account_id,
                "request": _decoded(request.body),
                "status": reply.status,
            }
        )

    def _add(self, entry: dict[str, Any]) -> None:
        self._count += 1
        entry = {"number": self._count, "at": round(time.monotonic() - self._began, 4), **entry}
        line = json.dumps(self._redaction.redacted(entry)).encode() + b"\n"
        self._kept.append((self._count, line))
        if self._file is not None:
            os.write(self._file, line)


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except (ValueError, RecursionError):
        return f"{len(body)} bytes"


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from None
