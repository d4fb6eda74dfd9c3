"""The issuer of managed logins, as the mock backend plays it: codes, tokens, device codes.

It knows which codes and refresh tokens it has given out and which of them are spent, and refuses
any other, as issuers do. There is no page to log in on: `consent` is what a user does there.
"""

import base64
import hashlib
import json
from dataclasses import dataclass
from itertools import count
from typing import Any, TypeVar
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import anyio

from codex_conformance.replies import Reply, Request, Script, json_reply
from codex_conformance.tokens import ALPHA, ExternalTokens, Mint

T = TypeVar("T")

TOKEN = "/oauth/token"  # noqa: S105 - the paths of the issuer
REVOKE = "/oauth/revoke"
_DEVICE = "/api/accounts/deviceauth"
USER_CODE = f"{_DEVICE}/usercode"
DEVICE_TOKEN = f"{_DEVICE}/token"
_DEVICE_REDIRECT = "/deviceauth/callback"
_PENDING = 403  # what the issuer says to a device whose user has not decided yet

REMEMBERED = 1024
"""Of what it gave out and was asked, of each kind; the oldest are forgotten first."""

POLL_INTERVAL = 1
"""Seconds that a device is told to leave between two polls, unless a case says otherwise."""


@dataclass(frozen=True)
class ManagedLogin:
    """What the issuer gave out in one answer."""

    tokens: ExternalTokens
    refresh_token: str

    @property
    def body(self) -> dict[str, Any]:
        """The answer of the token endpoint."""
        return {
            "id_token": self.tokens.id_token,
            "access_token": self.tokens.access_token,
            "refresh_token": self.refresh_token,
            "token_type": "Bearer",
            "expires_in": 864_000,
        }


@dataclass(frozen=True)
class _Grant:
    """What a code stands for."""

    account: str
    client_id: str
    redirect_uri: str
    challenge: str


@dataclass
class _Device:
    """A device that waits for its user; `code` is there once the user has agreed."""

    user_code: str
    client_id: str
    account: str = ALPHA
    code: str | None = None


class MockIssuer:
    """An issuer that obeys the case.

    Attributes:
        given: the logins that it gave out, in order.
        requests: the requests to it, in order.
        poll_interval: seconds that a device is told to leave between two polls.
    """

    def __init__(self, mint: Mint) -> None:
        self.given: list[ManagedLogin] = []
        self.requests: list[Request] = []
        self.held = 0
        self.poll_interval = POLL_INTERVAL
        self._mint = mint
        self._grants: dict[str, _Grant] = {}
        self._refresh_tokens: dict[str, str] = {}  # the good ones -> account
        self._refresh_script: Script | None = None
        self._exchange_script: Script | None = None
        self._device_script: Script | None = None
        self._devices: dict[str, _Device] = {}  # by the id that the device polls with
        self._user_codes = count(1)
        self._gate: anyio.Event | None = None

    # What a case says.

    def know(self, login: ManagedLogin) -> None:
        """Take back, one day, a refresh token that was not given out here."""
        _keep(self._refresh_tokens, login.refresh_token, login.tokens.account_id)
        _note(self.given, login)

    def consent(self, auth_url: str, account: str = ALPHA) -> str:
        """A user logs in on the page at `auth_url`; where the browser is sent to."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(auth_url).query).items()}
        code = self._mint.code()
        grant = _Grant(
            account,
            asked.get("client_id", ""),
            asked.get("redirect_uri", ""),
            asked.get("code_challenge", ""),
        )
        _keep(self._grants, code, grant)
        return callback(auth_url, code=code)

    def approve_devices(self, account: str = ALPHA) -> None:
        """A user enters the codes of all devices that wait."""
        for device in list(self._devices.values()):
            self.approve_device(device.user_code, account)

    def approve_device(self, user_code: str, account: str = ALPHA) -> bool:
        """A user enters the code of a device; False if none waits with it."""
        for device in self._devices.values():
            if device.user_code == user_code and device.code is None:
                device.account, device.code = account, self._mint.code()
                return True
        return False

    def answer_refreshes(self, script: Script | None) -> None:
        """Every attempt to refresh is answered by this; None ends it."""
        self._refresh_script = script

    def answer_exchanges(self, script: Script) -> None:
        """Every attempt to trade a code in is answered by this."""
        self._exchange_script = script

    def answer_polls(self, script: Script) -> None:
        """Every poll of a device is answered by this."""
        self._device_script = script

    def hold(self) -> None:
        """Refreshes wait, their answer already decided, until `release`."""
        self._gate = anyio.Event()

    def release(self) -> None:
        """Let the held answers go out."""
        if self._gate is not None:
            self._gate.set()
            self._gate = None

    # What a case looks at.

    @property
    def newest(self) -> ManagedLogin:
        """The login that it gave out last."""
        return self.given[-1]

    @property
    def secrets(self) -> set[str]:
        """The tokens that it gave out, which a target may store."""
        tokens = [login.tokens for login in self.given]
        return {secret for one in tokens for secret in (one.id_token, one.access_token)}

    @property
    def refreshes(self) -> list[Request]:
        """The requests that brought a refresh token to trade in."""
        return [request for request in self.requests if _grant_type(request) == "refresh_token"]

    @property
    def exchanges(self) -> list[Request]:
        """The requests that brought a code to trade in."""
        return [
            request for request in self.requests if _grant_type(request) == "authorization_code"
        ]

    @property
    def polls(self) -> list[Request]:
        """The requests of devices that ask whether their user has agreed."""
        return [request for request in self.requests if request.path == DEVICE_TOKEN]

    # How it answers.

    def plays(self, request: Request) -> Script | None:
        """What plays the issuer for this request; None if it is not for the issuer."""
        return {
            TOKEN: self._token,
            REVOKE: self._revoked,
            USER_CODE: self._user_code,
            DEVICE_TOKEN: self._poll,
        }.get(request.path)

    async def wait_at_gate(self, request: Request) -> None:
        """Hold the answer to a refresh back, if the case wants that."""
        if self._gate is not None and _grant_type(request) == "refresh_token":
            self.held += 1
            await self._gate.wait()

    def _token(self, request: Request) -> Reply:
        _note(self.requests, request)
        asked = members(request)
        kind = asked.get("grant_type")
        if kind == "refresh_token":
            return (self._refresh_script or self._refreshed)(request)
        if kind == "authorization_code":
            return (self._exchange_script or self._exchanged)(request)
        return _refused(400, "unsupported_grant_type")

    def _refreshed(self, request: Request) -> Reply:
        asked = members(request)
        account = self._refresh_tokens.pop(str(asked.get("refresh_token")), None)
        if account is None:
            return _refused(401, "refresh_token_reused")
        return json_reply(200, self._issue(account).body)

    def _exchanged(self, request: Request) -> Reply:
        asked = members(request)
        verifier = self._mint.keep(str(asked.get("code_verifier", "")))
        grant = self._grants.pop(str(asked.get("code")), None)
        if grant is None or not _holds(grant, asked, verifier):
            return _refused(400, "invalid_grant")
        return json_reply(200, self._issue(grant.account).body)

    def _issue(self, account: str) -> ManagedLogin:
        login = ManagedLogin(self._mint.mint(account), self._mint.refresh_token())
        self.know(login)
        return login

    def _revoked(self, request: Request) -> Reply:
        _note(self.requests, request)
        self._refresh_tokens.pop(str(members(request).get("token")), None)
        return json_reply(200, {})

    def _user_code(self, request: Request) -> Reply:
        _note(self.requests, request)
        device_id = self._mint.opaque()
        user_code = f"ABCD-{next(self._user_codes):04}"
        client_id = str(members(request).get("client_id"))
        _keep(self._devices, device_id, _Device(user_code, client_id))
        return json_reply(
            200,
            {
                "device_auth_id": device_id,
                "user_code": user_code,
                "interval": str(self.poll_interval),
            },
        )

    def _poll(self, request: Request) -> Reply:
        _note(self.requests, request)
        if self._device_script is not None:
            return self._device_script(request)
        device = self._devices.get(str(members(request).get("device_auth_id")))
        if device is None or device.code is None:
            return _refused(_PENDING, "deviceauth_authorization_unknown")
        verifier = self._mint.opaque()
        challenge = challenge_of(verifier)
        grant = _Grant(device.account, device.client_id, _DEVICE_REDIRECT, challenge)
        _keep(self._grants, device.code, grant)
        answer = {"authorization_code": device.code, "code_verifier": verifier}
        return json_reply(200, answer | {"code_challenge": challenge})


def _note(those: list[T], one: T) -> None:
    those.append(one)
    del those[:-REMEMBERED]


def _keep(those: dict[str, T], key: str, one: T) -> None:
    those[key] = one
    if len(those) > REMEMBERED:
        del those[next(iter(those))]


def callback(auth_url: str, **query: str) -> str:
    """Where the browser is sent to from the page at `auth_url`, with its state unless given."""
    asked = {name: values[0] for name, values in parse_qs(urlsplit(auth_url).query).items()}
    stated = {"state": asked["state"]} if "state" in asked else {}
    return f"{asked.get('redirect_uri', '')}?{urlencode(stated | query)}"


def challenge_of(verifier: str) -> str:
    """The challenge of a verifier by the method S256 of RFC 7636."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def members(request: Request) -> dict[str, Any]:
    """What a request to the issuer says, as JSON or as a form."""
    try:
        body = json.loads(request.body)
    except ValueError:
        return dict(parse_qsl(request.body.decode("utf-8", "replace")))
    return body if isinstance(body, dict) else {}


def brought(refreshes: list[Request]) -> list[Any]:
    """The refresh tokens that these requests brought."""
    return [members(request).get("refresh_token") for request in refreshes]


def refusing(code: str, status: int = 401) -> Script:
    """Refuse with this error."""
    return lambda _request: _refused(status, code)


def _refused(status: int, code: str) -> Reply:
    return json_reply(status, {"error": {"message": f"the mock issuer says {code}", "code": code}})


def _grant_type(request: Request) -> Any:
    return members(request).get("grant_type") if request.path == TOKEN else None


def _holds(grant: _Grant, asked: dict[str, Any], verifier: str) -> bool:
    """Whether a code is traded in by whoever asked for it."""
    redirect = str(asked.get("redirect_uri"))
    same_place = (
        redirect.endswith(_DEVICE_REDIRECT)
        if grant.redirect_uri == _DEVICE_REDIRECT
        else redirect == grant.redirect_uri
    )
    same_client = asked.get("client_id") == grant.client_id
    return same_place and same_client and challenge_of(verifier) == grant.challenge
