"""What passes between the stand-in and the parent, as values that a scenario can ask about."""

import json
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import anyio
import jwt

from codex_conformance.exchange import REFRESH, short
from codex_conformance.wire import Entry

LIMIT = 10.0  # seconds that an app-server waits for the answer to a refresh request
SLACK = 0.3  # seconds that a message may take between the parent and the judge
_AUTH_CLAIM = "https://api.openai.com/auth"
Id = int | str


@dataclass(frozen=True)
class Handed:
    """Tokens that the parent handed over, in a login or in an answer.

    Attributes:
        id_token: in 0.93 there is one.
        account: the account that it says they belong to: the id token's claim in 0.93.
        claimed: the account that the token itself names; None where it names none.
    """

    access_token: str
    id_token: str | None
    account: str | None
    claimed: str | None

    @classmethod
    def read(cls, members: Any) -> "Handed | None":
        """The tokens in the params of a login or in the result of a refresh, if there are any."""
        if not isinstance(members, dict) or not isinstance(members.get("accessToken"), str):
            return None
        access = members["accessToken"]
        identity = members["idToken"] if isinstance(members.get("idToken"), str) else None
        claimed = _account_claimed(access if identity is None else identity)
        stated = members.get("chatgptAccountId")
        return cls(access, identity, stated if isinstance(stated, str) else claimed, claimed)

    def belongs_to(self, account: str | None) -> bool:
        """Whether it is stated, and not denied by the token itself, that this is the account."""
        return self.account == account and self.claimed in (None, account)


def _account_claimed(token: str) -> str | None:
    claims = claims_of(token) or {}
    auth = claims.get(_AUTH_CLAIM)
    account = auth.get("chatgpt_account_id") if isinstance(auth, dict) else None
    return account if isinstance(account, str) else None


@lru_cache(maxsize=1000)
def claims_of(token: str) -> dict[str, Any] | None:
    """The claims of a JWT, unverified; None if it is none."""
    try:
        claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        return None
    return claims


@dataclass
class Asked:
    """A refresh request that the parent was sent.

    Attributes:
        clause: the clause that judges under which id it is answered.
        server_id: the id that the server behind the scenario gave it; None if it did not send it.
        at: seconds of the run's clock when it was sent.
        answers: every answer under its id.
        misnumbered: answers that mean it, but whose id is of another type.
    """

    id: Id
    params: dict[str, Any]
    index: int
    at: float
    clause: str = "PARENT-3"
    server_id: int | None = None
    answers: list[tuple[float, Entry]] = field(default_factory=list)
    misnumbered: list[Entry] = field(default_factory=list)

    def __str__(self) -> str:
        return short({"id": self.id, "method": REFRESH, "params": self.params})


@dataclass(frozen=True)
class Answer:
    """What the parent answered to a refresh request, if it did.

    Attributes:
        entry: the answer; None if there is none.
        elapsed: seconds from the request to the answer, or to the end of waiting.
        state: what is known of the parent, where there is none.
    """

    asked: Asked
    entry: Entry | None
    elapsed: float
    state: str

    @property
    def came(self) -> bool:
        """Whether there is one, a result or an error."""
        return self.entry is not None

    @property
    def refused(self) -> bool:
        """Whether it is an error object."""
        return self.entry is not None and isinstance((self.entry.message or {}).get("error"), dict)

    @property
    def tokens(self) -> Handed | None:
        """The tokens that it hands over, if it does."""
        return None if self.entry is None else Handed.read((self.entry.message or {}).get("result"))

    @property
    def index(self) -> int | None:
        """Position in the transcript, None where there is no answer."""
        return None if self.entry is None else self.entry.index

    def __str__(self) -> str:
        if self.entry is None:
            waited = f"{self.elapsed:.0f}" if self.elapsed >= LIMIT else f"{self.elapsed:.1f}"
            return f"no answer to {self.asked} within {waited} s; {self.state}"
        message = self.entry.message or {}
        body = {name: message[name] for name in ("result", "error") if name in message}
        # Whole, since a token that is cut off is harder to recognize; the report cuts it.
        return f"{json.dumps(body, ensure_ascii=False)} after {self.elapsed:.1f} s"


@dataclass(frozen=True)
class Login:
    """The login of a parent, as it was accepted."""

    tokens: Handed
    entry: Entry
    at: float


def now() -> float:
    """Seconds of the run's clock."""
    return anyio.current_time()
