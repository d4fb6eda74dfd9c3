"""A code for tokens: how every managed login ends that does not fail."""

from typing import TYPE_CHECKING

from codex_reference_server.config import IssuerConfig
from codex_reference_server.credentials import NotAJwt, read_claims
from codex_reference_server.pending import LoginFailure
from codex_reference_server.store import Tokens

if TYPE_CHECKING:
    from codex_reference_server.http_client import Http


async def trade_code(
    config: IssuerConfig, http: "Http | None", code: str, redirect_uri: str, verifier: str
) -> Tokens:
    """The tokens that the issuer gives for an authorization code.

    Raises:
        LoginFailure: it gives none.
    """
    from codex_reference_server.issuer import IssuerRefusal, IssuerTrouble, speaking_to

    try:
        async with speaking_to(config, http) as issuer:
            issued = await issuer.exchange(code, redirect_uri, verifier)
    except IssuerRefusal:
        raise LoginFailure("the issuer did not take the code") from None
    except IssuerTrouble as trouble:
        raise LoginFailure(str(trouble)) from None
    if not (issued.id_token and issued.access_token and issued.refresh_token):
        raise LoginFailure("the answer of the issuer is of no use")
    try:
        account_id = read_claims(issued.id_token, "id_token").account_id
    except NotAJwt:
        raise LoginFailure("the id token of the issuer's answer is no JWT") from None
    return Tokens(issued.id_token, issued.access_token, issued.refresh_token, account_id)
