"""A managed login on another device: the user types a code there, while we wait."""

from typing import TYPE_CHECKING

import anyio

from codex_reference_server.config import IssuerConfig
from codex_reference_server.landing import Page, Visit, no_page
from codex_reference_server.pending import Ending, LoginFailure, new_login_id
from codex_reference_server.store import Tokens
from codex_reference_server.trade import trade_code

if TYPE_CHECKING:
    from codex_reference_server.issuer import DeviceCode
    from codex_reference_server.wiring import Wiring

VERIFICATION = "/codex/device"
REDIRECT = "/deviceauth/callback"
TIME_LIMIT = 900.0
"""Seconds that the user has."""


class DeviceLogin:
    """A login that waits for the user of another device.

    Args:
        wiring: from which a place is taken for the issuer's pages, if they are shown here.

    Attributes:
        verification_url: where the user is to go.
        user_code: what the user is to type there.

    Raises:
        OSError: there is no such place.
    """

    def __init__(self, issuer: IssuerConfig, wiring: "Wiring", code: "DeviceCode") -> None:
        self.login_id = new_login_id()
        self.user_code = code.user_code
        self._issuer = issuer
        self._wiring = wiring
        self._code = code
        self._landing = None if wiring.issuers_pages is None else wiring.take_landing()
        self._over = anyio.Event()
        own = self._landing and f"http://localhost:{self._landing.port}"
        self.verification_url = f"{own or issuer.origin}{VERIFICATION}"

    def close(self) -> None:
        """Give back what place there is."""
        if self._landing is not None:
            self._landing.close()

    async def follow(self, ending: Ending) -> None:
        """Ask the issuer until the user has agreed, or will not any more."""
        async with anyio.create_task_group() as tasks:
            if self._landing is not None:
                tasks.start_soon(self._landing.serve, self._receive, self._over)
            try:
                ending.succeed(await self._tokens())
            except LoginFailure as failure:
                ending.fail(str(failure))
            finally:
                self._over.set()
                self.close()

    async def _receive(self, visit: Visit) -> Page:
        pages = self._wiring.issuers_pages
        return (pages and pages(visit)) or no_page()

    async def _tokens(self) -> Tokens:
        from codex_reference_server.issuer import IssuerRefusal, IssuerTrouble, speaking_to

        grant = None
        try:
            with anyio.fail_after(TIME_LIMIT):
                async with speaking_to(self._issuer, self._wiring.http) as issuer:
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
        return await trade_code(self._issuer, self._wiring.http, code, redirect_uri, verifier)


async def start_device_login(issuer: IssuerConfig, wiring: "Wiring") -> DeviceLogin:
    """A new login, for which the issuer gives a code.

    Raises:
        LoginFailure: it gives none.
        OSError: there is no place to type it at.
    """
    from codex_reference_server.issuer import IssuerRefusal, IssuerTrouble, speaking_to

    try:
        async with speaking_to(issuer, wiring.http) as speaker:
            return DeviceLogin(issuer, wiring, await speaker.device_code())
    except (IssuerRefusal, IssuerTrouble) as trouble:
        raise LoginFailure(str(trouble)) from None
