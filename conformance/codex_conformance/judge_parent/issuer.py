"""Where a parent may fetch its tokens: an issuer that counts, and fails when it is told to."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import anyio

from codex_conformance.pulse import Pulse
from codex_conformance.replies import JSON, DropConnection, Reply, json_reply
from codex_conformance.tokens import ALPHA, BETA, ExternalTokens, Mint
from codex_conformance.wire import Transcript

ACCOUNTS = (ALPHA, BETA)
HANGS = 60.0  # seconds; nobody waits as long


@dataclass(frozen=True)
class Issue:
    """One handing out of tokens.

    Attributes:
        asked: the account that the parent named; None if it named none.
    """

    asked: str | None
    tokens: ExternalTokens


class TokenIssuer:
    """Answers `POST {"account"}` with new tokens, unless a scenario wants it otherwise.

    Args:
        mint: makes the tokens.
        pulse: beaten at every request and at every answer.
        transcript: where both are noted.

    Attributes:
        issued: what was handed out, in order.
        requests: how many requests came.
    """

    def __init__(self, mint: Mint, pulse: Pulse, transcript: Transcript) -> None:
        self.issued: list[Issue] = []
        self.requests = 0
        self._mint = mint
        self._pulse = pulse
        self._transcript = transcript
        self._current = ALPHA
        self._only: str | None = None
        self._delay = 0.0
        self._holding = False
        self._refusal: Reply | None = None
        self._repeats = False

    # What a scenario says.

    def refuses(self, status: int = 403, body: object = None) -> None:
        """From now on every request gets this status, and new tokens get nobody."""
        self._refusal = json_reply(status, body or {"error": "refresh_token_expired"})

    def answers_rubbish(self) -> None:
        """From now on every request gets 200 and no tokens."""
        self._refusal = json_reply(200, {})

    def drops(self) -> None:
        """From now on the connection ends in the middle of every answer."""
        self._refusal = Reply(200, JSON, _broken_off)

    def recovers(self) -> None:
        """From now on it answers as ever."""
        self._refusal = None

    def takes(self, seconds: float) -> None:
        """From now on every answer takes as long."""
        self._delay = seconds

    def holds(self) -> None:
        """From now on every request waits for its answer until `lets_go`."""
        self._holding = True

    def lets_go(self) -> None:
        """Answer what was held, and hold nothing more."""
        self._holding = False
        self._pulse.beat()

    def repeats(self) -> None:
        """From now on it hands out the tokens of the last time once more."""
        self._repeats = True

    def switches_to(self, account: str, *, only: bool = False) -> None:
        """The user has switched the account.

        Whoever names no account gets this one's tokens; with `only` everybody else does, too.
        """
        self._current = account
        self._only = account if only else None

    def issue(self, account: str | None = None) -> ExternalTokens:
        """New tokens of an account, by default the current one, without a request."""
        if self._repeats and self.issued:
            return self.issued[-1].tokens
        tokens = self._mint.mint(self._only or account or self._current)
        self.issued.append(Issue(account, tokens))
        return tokens

    def issues(self, access_token: str) -> bool:
        """Whether it has handed out this access token."""
        return any(one.tokens.access_token == access_token for one in self.issued)

    # How it answers.

    async def __call__(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Reply:
        """Answer one request to the issuer."""
        del path, headers
        self.requests += 1
        shown = body.decode("utf-8", "replace")[:200]
        self._transcript.add("note", f"the token issuer is asked: {method} {shown or 'nothing'}")
        self._pulse.beat()
        if self._delay:
            await anyio.sleep(self._delay)
        await self._pulse.until(lambda: not self._holding or None, "the issuer to let go", HANGS)
        reply, said = self._reply(method, body)
        self._transcript.add("note", f"the token issuer answers {reply.status}: {said}")
        self._pulse.beat()
        return reply

    def release(self) -> None:
        """Nothing is held: what is late is ended with its scenario."""

    def _reply(self, method: str, body: bytes) -> tuple[Reply, str]:
        if self._refusal is not None:
            reply = self._refusal
            broken_off = not isinstance(reply.body, bytes)
            return reply, "broken off" if broken_off else reply.body.decode()  # type: ignore[union-attr]
        account, fault = _account_in(body)
        if method != "POST" or fault:
            return _refusal(400 if method == "POST" else 405, fault or "expected POST")
        if account is not None and account not in ACCOUNTS:
            return _refusal(404, f"no account {account!r}; there are {', '.join(ACCOUNTS)}")
        tokens = self.issue(account)
        members = {
            "access_token": tokens.access_token,
            "id_token": tokens.id_token,
            "account_id": tokens.account_id,
            "plan_type": tokens.plan,
        }
        number = len(self.issued)
        return json_reply(200, members), f"{tokens.name} of {tokens.account_id} (issue {number})"


def _account_in(body: bytes) -> tuple[str | None, str]:
    """The account that a request names, and what is wrong with the request."""
    try:
        members = json.loads(body or b"{}")
    except ValueError:
        return None, 'expected a JSON object such as {"account": "acct-alpha"}'
    account = members.get("account") if isinstance(members, dict) else members
    if account is None or isinstance(account, str):
        return account, ""
    return None, "expected account to be a string, or null"


def _refusal(status: int, error: str) -> tuple[Reply, str]:
    return json_reply(status, {"error": error}), error


async def _broken_off() -> AsyncIterator[bytes]:
    yield b'{"access_'
    raise DropConnection
