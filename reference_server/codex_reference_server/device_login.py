"""A managed login on another device: the user types a code there, while we wait."""

from typing import TYPE_CHECKING

import anyio

from codex_reference_server.config import IssuerConfig
from codex_reference_server.pending import Ending, LoginFailure, new_login_id
from codex_reference_server.trade import trade_code

if TYPE_CHECKING:
    from codex_reference_server.http_client import Http
    from codex_reference_server.issuer import DeviceCode

VERIFICATION = "/codex/device"
REDIRECT = "/deviceauth/callback"
TIME_LIMIT = 900.0
"""Seconds that the user has."""


class DeviceLogin:
    """A login that waits for the user of another device.

    Attributes:
        verification_url: where the user is to go.
        user_code: what the user is to type there.
    """

    def __init__(self, issuer: IssuerConfig, http: "Http | None", code: "DeviceCode") -> None:
        self.login_id = new_login_id()
        self.verification_url = f"{issuer.origin}{VERIFICATION}"
        self.user_code = code.user_code
        self._issuer = issuer
        self._http = http
        self._code = code

    def __repr__(self) -> str:
        return f"DeviceLogin({self.login_id})"

    def close(self) -> None:
        """There is nothing to give back."""

    async def follow(self, ending: Ending) -> None:
        """Ask the issuer until the user has agreed, or will not any more."""
        from codex_reference_server.issuer import IssuerRefusal, IssuerTrouble, speaking_to

        grant = None
        try:
            with anyio.fail_after(TIME_LIMIT):
                async with speaking_to(self._issuer, self._http) as issuer:
                    while grant is None:
                        await anyio.sleep(self._code.pause)
                        grant = await issuer.grant(self._code)
        except TimeoutError:
            limit = f"{TIME_LIMIT / 60:g} minutes"
            raise LoginFailure(f"the code was not entered within {limit}") from None
        except (IssuerRefusal, IssuerTrouble) as trouble:
            raise LoginFailure(str(trouble)) from None
        redirect_uri = f"{self._issuer.origin}{REDIRECT}"
        code, verifier = grant.authorization_code, grant.code_verifier
        ending.succeed(await trade_code(self._issuer, self._http, code, redirect_uri, verifier))


async def start_device_login(issuer: IssuerConfig, http: "Http | None") -> DeviceLogin:
    """A new login, for which the issuer gives a code.

    Raises:
        LoginFailure: it gives none.
    """
    from codex_reference_server.issuer import IssuerRefusal, IssuerTrouble, speaking_to

    try:
        async with speaking_to(issuer, http) as speaker:
            return DeviceLogin(issuer, http, await speaker.device_code())
    except (IssuerRefusal, IssuerTrouble) as trouble:
        raise LoginFailure(str(trouble)) from None
