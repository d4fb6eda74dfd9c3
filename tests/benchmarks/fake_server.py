"""An app-server that answers what the benchmarks say, refreshes before each turn, and no more."""

import json
import sys


def say(**message: object) -> None:
    sys.stdout.write(json.dumps(message, separators=(",", ":")) + "\n")
    sys.stdout.flush()


def main() -> None:
    results = {"thread/start": {"thread": {"id": "t"}}, "account/read": {"account": None}}
    for line in sys.stdin:
        message = json.loads(line)
        method, number = message.get("method"), message.get("id")
        if method is None:
            say(method="turn/completed", params={"turn": {"status": "completed"}})
        elif number is not None:
            say(id=number, result=results.get(method, {}))
        if method == "account/login/start":
            say(method="account/login/completed", params={"success": True})
            say(method="account/updated", params={})
        if method == "turn/start":
            say(id=0, method="account/chatgptAuthTokens/refresh", params={})


main()
