"""The parent application with an issuer of its own, which nobody else can count or stop.

`one-token`: it has one token only, and hands that over again and again.
"""

import base64
import itertools
import json
import sys

import parent


class OwnIssuer:
    """Makes tokens by itself."""

    def __init__(self, url):
        self.numbers = itertools.count(1)

    def fetch(self, account):
        claims = {
            "jti": f"own-{next(self.numbers)}-{'x' * 500}",
            "https://api.openai.com/auth": {"chatgpt_account_id": "acct-own"},
        }
        parts = [json.dumps(part).encode() for part in ({"alg": "none"}, claims)]
        token = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
        own = {"account_id": "acct-own", "plan_type": "pro"}
        return own | {"access_token": f"{token}.c2lnbmVk", "id_token": f"{token}.aWRlbnRpdHk"}


parent.Issuer = OwnIssuer
if "one-token" in sys.argv:
    parent.Tokens.fresh = lambda self, previous, asked: self.newest

if __name__ == "__main__":
    parent.main()
