"""Canary tokens: JWTs that nobody else uses, so that any trace of one is a finding.

A case mints what it needs. The texts derive from the case's id alone: two runs mint the same
tokens, two cases never share one.
"""

import base64
import hashlib
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Self

ALPHA = "acct-alpha"
BETA = "acct-beta"
GAMMA = "acct-gamma"

_AUTH_CLAIM = "https://api.openai.com/auth"
_ISSUED_AT = 1_760_000_000  # seconds since the epoch; fixed, so that runs are identical
_EXPIRES_AT = 4_102_444_800  # the year 2100: only the backend decides when a token expires
CUT = "…"  # stands where a text was cut
_TELLING = 6  # characters that are not there by chance
_ANY_KEY = "nobody verifies the signature of a canary token"


@dataclass(frozen=True)
class ExternalTokens:
    """What a parent application hands over in one login or refresh.

    Attributes:
        id_token: JWT that carries the claims in revision 0.93.
        access_token: bearer for the backend; a JWT with the same claims.
        account_id: the ChatGPT workspace that the tokens belong to.
        plan: `chatgpt_plan_type` in the claims; None leaves the claim out.
        stated_plan: `chatgptPlanType` of the message, from 0.99 on; None leaves it out.
    """

    name: str
    id_token: str
    access_token: str
    account_id: str
    email: str
    plan: str | None
    stated_plan: str | None = None

    @property
    def account(self) -> dict[str, Any]:
        """The account that `account/read` names after a login with them."""
        plan = self.stated_plan or self.plan or "unknown"
        return {"type": "chatgpt", "email": self.email, "planType": plan}

    def members(self, revision: str) -> dict[str, Any]:
        """The members of a login or of a refresh answer in the shape of `revision`."""
        if revision == "0.93":
            return {"idToken": self.id_token, "accessToken": self.access_token}
        members = {"accessToken": self.access_token, "chatgptAccountId": self.account_id}
        return (
            members if self.stated_plan is None else members | {"chatgptPlanType": self.stated_plan}
        )

    def stating(self, plan: str) -> Self:
        """The same tokens, handed over with `chatgptPlanType`."""
        return replace(self, stated_plan=plan)

    def announced_as(self, account_id: str) -> Self:
        """The same tokens, handed over under another account id than their claim's."""
        return replace(self, account_id=account_id)

    def with_access_token(self, text: str) -> Self:
        """The same login with another text in place of the access token."""
        return replace(self, access_token=text)

    def with_id_token(self, text: str) -> Self:
        """The same login with another text in place of the id token."""
        return replace(self, id_token=text)

    def claims_replaced(self, revision: str, text: str) -> Self:
        """`text` in place of the token that `revision` reads claims from."""
        return self.with_id_token(text) if revision == "0.93" else self.with_access_token(text)


class Mint:
    """Issues the tokens of one case, and knows every secret text that it issued.

    Args:
        remembers: how many secrets at most, where it issues without end; the newest are known.
    """

    def __init__(self, case_id: str, remembers: int | None = None) -> None:
        self._seed = case_id
        self._remembers = remembers
        self._count = 0
        self.secrets: dict[str, str] = {}  # secret text -> name for reports

    def mint(
        self,
        account: str = ALPHA,
        *,
        email: str | None = None,
        plan: str | None = "pro",
        extra: dict[str, Any] | None = None,
    ) -> ExternalTokens:
        """New tokens for `account`, valid at the backend until a case expires them."""
        self._count += 1
        name = f"tokens-{self._count}"
        address = email or f"user{self._count}@{account}.example"
        return ExternalTokens(
            name=name,
            id_token=self._jwt(f"{name}-id", account, address, plan, extra),
            access_token=self._jwt(f"{name}-access", account, address, plan, extra),
            account_id=account,
            email=address,
            plan=plan,
        )

    def api_key(self) -> str:
        """A new API key, valid at the backend until a case expires it."""
        self._count += 1
        name = f"api-key-{self._count}"
        return self._keep(f"sk-{self._canary(name)}", name)

    def refresh_token(self) -> str:
        """A refresh token of a managed login."""
        self._count += 1
        name = f"refresh-token-{self._count}"
        return self._keep(f"rt-{self._canary(name)}", name)

    def code(self) -> str:
        """An authorization code of the issuer."""
        self._count += 1
        name = f"code-{self._count}"
        return self._keep(f"ac-{self._canary(name)}", name)

    def opaque(self) -> str:
        """A secret text that is no JWT."""
        self._count += 1
        name = f"opaque-{self._count}"
        return self._keep(f"opaque-{self._canary(name)}", name)

    def keep(self, text: str) -> str:
        """Declare a text that a case made itself as secret, unless it is empty, and return it."""
        if not text:
            return text
        self._count += 1
        return self._keep(text, f"text-{self._count}")

    def _jwt(
        self, name: str, account: str, email: str, plan: str | None, extra: dict[str, Any] | None
    ) -> str:
        user = user_of(account)
        auth = {
            "chatgpt_account_id": account,
            "chatgpt_user_id": user,
            "user_id": user,
        } | ({} if plan is None else {"chatgpt_plan_type": plan})
        claims = {
            "jti": self._canary(name),
            "iat": _ISSUED_AT,
            "exp": _EXPIRES_AT,
            "email": email,
            _AUTH_CLAIM: auth,
        } | (extra or {})
        import jwt

        return self._keep(jwt.encode(claims, _ANY_KEY, algorithm="HS256"), name)

    def _canary(self, name: str) -> str:
        return hashlib.sha256(f"{self._seed}/{name}".encode()).hexdigest()[:32]

    def _keep(self, text: str, name: str) -> str:
        self.secrets[text] = name
        if self._remembers is not None and len(self.secrets) > self._remembers:
            del self.secrets[next(iter(self.secrets))]
        return text


def user_of(account: str) -> str:
    """The user that tokens of an account name."""
    return f"user-{account}"


def jwt_part_replaced(position: int, text: str) -> Callable[[str], str]:
    """A JWT with another text in place of one of its parts."""

    def change(token: str) -> str:
        parts = token.split(".")
        return ".".join([*parts[:position], text, *parts[position + 1 :]])

    return change


def base64url(text: str) -> str:
    """A text as a part of a JWT."""
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


_UNDECODABLE = "!no-base64!"

NO_JWT: dict[str, Callable[[str], str]] = {
    "empty": lambda _token: "",
    "one-part": lambda token: token.replace(".", ""),
    "two-parts": lambda token: token.rpartition(".")[0],
    "undecodable-header": jwt_part_replaced(0, _UNDECODABLE),
    "undecodable-payload": jwt_part_replaced(1, _UNDECODABLE),
    "undecodable-signature": jwt_part_replaced(2, _UNDECODABLE),
    "payload-no-json": jwt_part_replaced(1, base64url("this is no JSON")),
}
"""Ways in which a token can be none: its name, and what it makes of a JWT."""


def fingerprint(secret: str) -> str:
    """A stable name for a secret that gives none of it away."""
    return hashlib.sha256(secret.encode()).hexdigest()[:8]


def redact(text: str, secrets: dict[str, str]) -> str:
    """`text` with every secret replaced by `<name fingerprint>`.

    What a cut, which `…` stands for, has left of a secret is replaced too.
    """
    for secret in sorted(secrets, key=len, reverse=True):
        if secret in text:
            text = text.replace(secret, f"<{secrets[secret]} {fingerprint(secret)}>")
    *cut, rest = text.split(CUT)
    return CUT.join([*(_without_beginning(part, secrets) for part in cut), rest])


def _without_beginning(text: str, secrets: dict[str, str]) -> str:
    """`text` without the beginning of a secret that it ends with."""
    for secret in secrets:
        start = text.rfind(secret[:_TELLING])
        if start >= 0 and secret.startswith(text[start:]):
            return f"{text[:start]}<the beginning of a secret>"
    return text


@lru_cache(maxsize=4096)
def encodings(secret: str) -> tuple[tuple[str, bytes], ...]:
    """The forms in which a leaked secret may lie around, each with its name.

    Base64 has three alignments: what is looked for is the part that does not depend on the
    neighbours.
    """
    return tuple(_encodings(secret))


def _encodings(secret: str) -> Iterator[tuple[str, bytes]]:
    raw = secret.encode()
    yield "plain", raw
    yield "hex", raw.hex().encode()
    yield "UTF-16", secret.encode("utf-16-le")
    yield "reversed", raw[::-1]
    yield "percent-encoded", urllib.parse.quote(secret, safe="").encode()
    for shift in range(3):
        whole = base64.b64encode(b"\0" * shift + raw)
        yield "base64", whole[4 if shift else 0 : -4]
        yield "base64url", base64.urlsafe_b64encode(b"\0" * shift + raw)[4 if shift else 0 : -4]


class Needles:
    """Looks for many secrets in many byte strings.

    What is shorter than a few bytes is not looked for: it lies everywhere by chance.
    """

    def __init__(self, secrets: dict[str, str]) -> None:
        self._needles = [
            (needle, name, encoding)
            for secret, name in secrets.items()
            for encoding, needle in encodings(secret)
            if len(needle) >= _TELLING
        ]

    def find(self, haystack: bytes) -> str | None:
        """`<name of the secret> (<encoding>)` of the first secret found, or None."""
        for needle, name, encoding in self._needles:
            if needle in haystack:
                return f"{name} ({encoding})"
        return None
