"""The issuer of managed logins, over HTTP: codes and refresh tokens are traded for tokens.

This module is imported with the first use, since httpx takes longer to import than all the rest.
What the issuer says is never repeated: it may have secrets in it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import anyio
import httpx
import msgspec

from codex_reference_server.config import IssuerConfig
from codex_reference_server.http_client import Http, new_client

T = TypeVar("T")

OK = 200
REFUSALS = (400, 401, 403, 404, 410)
UNDECIDED = (403, 404)
"""What the issuer says to a device whose user has not decided yet."""

DEFAULT_PAUSE = 5.0
LEAST_PAUSE = 1.0

DEVICE = "/api/accounts/deviceauth"
PATIENCE = 30.0
"""Seconds that the issuer has for an answer."""


class Issued(msgspec.Struct, frozen=True):
    """What the issuer gives; what it leaves out stays as it was."""

    id_token: str | None = None
    access_token: str | None = None
    refresh_token: str | None = None

    def __repr__(self) -> str:
        return "Issued()"


class DeviceCode(msgspec.Struct, frozen=True):
    """What the issuer gives a device to begin with.

    Attributes:
        interval: seconds to leave between two polls, as a number or as text.
    """

    device_auth_id: str
    user_code: str
    interval: float | str = DEFAULT_PAUSE

    def __repr__(self) -> str:
        return "DeviceCode()"

    @property
    def pause(self) -> float:
        """Seconds to leave between two polls; never so few that it is a storm."""
        try:
            pause = float(self.interval)
        except ValueError:
            return DEFAULT_PAUSE
        return max(LEAST_PAUSE, pause)  # in this order, since no NaN is more than anything


class Grant(msgspec.Struct, frozen=True):
    """What the issuer gives a device whose user has agreed."""

    authorization_code: str
    code_verifier: str

    def __repr__(self) -> str:
        return "Grant()"


class IssuerTrouble(Exception):  # noqa: N818 - an outcome, not a fault of the program
    """The issuer has not said yes or no; it may be asked again."""


class IssuerRefusal(Exception):  # noqa: N818 - an outcome, not a fault of the program
    """The issuer has said no.

    Attributes:
        code: of the error, empty if it names none.
    """

    def __init__(self, status: int, code: str) -> None:
        super().__init__(f"the issuer refused with status {status}")
        self.status = status
        self.code = code


class _Detail(msgspec.Struct):
    code: str = ""


class _Error(msgspec.Struct):
    """What is wrong, in either of the two forms that issuers give it."""

    error: _Detail | str = ""


@asynccontextmanager
async def speaking_to(config: IssuerConfig, http: Http | None) -> AsyncIterator["Issuer"]:
    """The issuer, for as long as there is something to ask."""
    async with new_client(http, config.origin, config.refresh_url, config.revoke_url) as client:
        yield Issuer(config, client)


class Issuer:
    """Whoever issues the tokens of managed logins; each question is asked once."""

    def __init__(self, config: IssuerConfig, client: httpx.AsyncClient) -> None:
        self._config = config
        self._client = client

    async def refresh(self, refresh_token: str) -> Issued:
        """Newer tokens for a refresh token, which may be used up by that.

        Raises:
            IssuerRefusal: the refresh token is of no use.
            IssuerTrouble: there was no answer, or no good one.
        """
        question = {
            "client_id": self._config.client_id,
            "grant_type": "refresh_token",
            "refresh_token": refresh_token,
        }
        return _decode(await self._post(self._config.refresh_url, json=question), Issued)

    async def revoke(self, refresh_token: str) -> None:
        """Give a refresh token back, which is of no use from then on.

        Raises:
            IssuerRefusal: the issuer does not take it.
            IssuerTrouble: there was no answer, or no good one.
        """
        question = {
            "client_id": self._config.client_id,
            "token": refresh_token,
            "token_type_hint": "refresh_token",
        }
        await self._post(self._config.revoke_url, json=question)

    async def exchange(self, code: str, redirect_uri: str, verifier: str) -> Issued:
        """Tokens for an authorization code, which is used up by that.

        Raises:
            IssuerRefusal: the code is of no use.
            IssuerTrouble: there was no answer, or no good one.
        """
        question = {
            "grant_type": "authorization_code",
            "client_id": self._config.client_id,
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        return _decode(
            await self._post(f"{self._config.origin}/oauth/token", data=question), Issued
        )

    async def device_code(self) -> DeviceCode:
        """A code for the user of another device to type.

        Raises:
            IssuerRefusal: it gives none.
            IssuerTrouble: there was no answer, or no good one.
        """
        question = {"client_id": self._config.client_id}
        url = f"{self._config.origin}{DEVICE}/usercode"
        return _decode(await self._post(url, json=question), DeviceCode)

    async def grant(self, code: DeviceCode) -> Grant | None:
        """What to trade in, once the user has typed the code; None if that has yet to happen.

        Raises:
            IssuerRefusal: it will not happen any more.
            IssuerTrouble: there was no answer, or no good one.
        """
        question = {"device_auth_id": code.device_auth_id, "user_code": code.user_code}
        url = f"{self._config.origin}{DEVICE}/token"
        try:
            return _decode(await self._post(url, json=question), Grant)
        except IssuerRefusal as refusal:
            if refusal.status in UNDECIDED:
                return None
            raise

    async def _post(self, url: str, **body: Any) -> bytes:
        """The content of a good answer."""
        try:
            with anyio.fail_after(PATIENCE):
                response = await self._client.post(
                    url, headers={"Accept": "application/json"}, **body
                )
        except (httpx.HTTPError, httpx.InvalidURL):
            raise IssuerTrouble("the connection to the issuer failed") from None
        except TimeoutError:
            raise IssuerTrouble(f"the issuer did not answer within {PATIENCE:g} s") from None
        if response.status_code in REFUSALS:
            raise IssuerRefusal(response.status_code, _code_in(response.content))
        if response.status_code != OK:
            raise IssuerTrouble(f"unexpected status {response.status_code} from the issuer")
        return response.content


def _decode(content: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    raise IssuerTrouble("the answer of the issuer is of no use")


def _code_in(content: bytes) -> str:
    try:
        error = msgspec.json.decode(content, type=_Error).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    return error if isinstance(error, str) else error.code
