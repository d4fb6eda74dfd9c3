"""A parent application on the official Python SDK, with the handler that it has by default."""

import json
import os
import sys
import urllib.request

from openai_codex.client import CodexClient, CodexConfig


def main():
    body = json.dumps({"account": None}).encode()
    with urllib.request.urlopen(os.environ["TOKEN_ISSUER_URL"], body) as answer:
        tokens = json.load(answer)
    with CodexClient(CodexConfig(codex_bin=os.environ["CODEX_BIN"])) as codex:
        codex.initialize()
        codex.account_login_start(
            {
                "type": "chatgptAuthTokens",
                "accessToken": tokens["access_token"],
                "chatgptAccountId": tokens["account_id"],
            }
        )
        thread = codex.thread_start({}).thread.id
        turn = codex.turn_start(thread, "Say hello.").turn.id
        codex.wait_for_turn_completed(turn)


if __name__ == "__main__":
    try:
        main()
    except Exception as error:  # noqa: BLE001 - an application says what went wrong, and ends
        sys.exit(f"{type(error).__name__}: {error}")
