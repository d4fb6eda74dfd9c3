"""Who may connect over TCP: no web page, and with a token only who has it."""

from collections.abc import Sequence
from hashlib import sha256
from hmac import compare_digest
from http import HTTPStatus
from pathlib import Path
from string import hexdigits

import msgspec

CAPABILITY = "capability-token"
DIGEST_LENGTH = 64
PROBES = ("/readyz", "/healthz")


class GateError(Exception):
    """The flags of the gate make no sense; the message says which, and never the token."""


class Gate(msgspec.Struct, frozen=True):
    """Looks at the request that is to become a connection.

    Attributes:
        digest: SHA-256 of the token that is asked for, in hexadecimal; None asks for none.
    """

    digest: str | None = None

    def answer(
        self, path: str, origins: Sequence[str], authorizations: Sequence[str]
    ) -> tuple[HTTPStatus, str] | None:
        """Status and body for a request that does not become a connection, None for one that does.

        Args:
            path: what is asked for, with its query.
            origins: values of the header `Origin`, which a browser sends and no other client does.
            authorizations: values of the header `Authorization`.
        """
        if origins:
            return HTTPStatus.FORBIDDEN, ""
        if path in PROBES:
            return HTTPStatus.OK, ""
        if self.digest is None or any(self._is_token(each) for each in authorizations):
            return None
        return HTTPStatus.UNAUTHORIZED, "expected Authorization: Bearer with the right token\n"

    def _is_token(self, authorization: str) -> bool:
        scheme, _, token = authorization.partition(" ")
        given = sha256(token.strip().encode()).hexdigest()
        return scheme.lower() == "bearer" and compare_digest(given, self.digest or "")


def open_gate(mode: str | None, token_file: str | None, token_sha256: str | None) -> Gate:
    """The gate that `--ws-auth`, `--ws-token-file` and `--ws-token-sha256` ask for.

    Raises:
        GateError: they do not go together, or the file holds no token.
    """
    if mode is None:
        if token_file is not None or token_sha256 is not None:
            raise GateError(f"--ws-token-file and --ws-token-sha256 need --ws-auth {CAPABILITY}")
        return Gate()
    if mode != CAPABILITY:
        raise GateError(f"--ws-auth is {mode!r}, expected {CAPABILITY}")
    if (token_file is None) == (token_sha256 is None):
        raise GateError(
            f"--ws-auth {CAPABILITY} needs one of --ws-token-file and --ws-token-sha256"
        )
    return Gate(_digest(token_sha256) if token_file is None else _digest_of_file(Path(token_file)))


def _digest(text: str | None) -> str:
    if text is None or len(text) != DIGEST_LENGTH or not set(hexdigits).issuperset(text):
        raise GateError(f"--ws-token-sha256 is no SHA-256: expected {DIGEST_LENGTH} hex digits")
    return text.lower()


def _digest_of_file(file: Path) -> str:
    try:
        token = file.read_bytes().strip()
    except OSError as error:
        raise GateError(f"--ws-token-file {file} cannot be read: {error.strerror}") from None
    if not token:
        raise GateError(f"--ws-token-file {file} is empty, expected a token")
    return sha256(token).hexdigest()
