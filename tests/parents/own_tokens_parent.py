"""The parent application with an issuer of its own, which nobody else can count or stop."""

import base64
import itertools
import json

import parent


class OwnIssuer:
    """Makes tokens by itself."""

    def __init__(self, url):
        self.numbers = itertools.count(1)

    def fetch(self, account):
        claims = {
            "jti": f"own-{next(self.numbers)}-{'x' * 20}",
            "https://api.openai.com/auth": {"chatgpt_account_id": "acct-own"},
        }
        parts = [json.dumps(part).encode() for part in ({"alg": "none"}, claims)]
        token = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
        return {"access_token": f"{token}.c2lnbmVk", "account_id": "acct-own", "plan_type": "pro"}


parent.Issuer = OwnIssuer

if __name__ == "__main__":
    parent.main()
