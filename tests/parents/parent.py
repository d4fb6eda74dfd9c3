"""A parent application that keeps every PARENT clause, with nothing but the standard library.

It fetches its tokens from TOKEN_ISSUER_URL, starts codex, logs in, does one turn, and answers
refresh requests until codex ends. Where two connections are judged it uses the WebSocket.
"""

import itertools
import json
import os
import queue
import socket
import subprocess
import sys
import threading
import time

REFRESH = "account/chatgptAuthTokens/refresh"
ISSUER_PATIENCE = 5.0  # seconds; codex waits 10 s for the answer
ECHO = 2.0  # seconds in which a further request is about the token before the last one
MOST_REFRESHES = 10  # within a minute
OLD_SHAPE = (0, 99)  # releases before this one want idToken and accessToken


class RefreshError(Exception):
    """There are no new tokens; the message has no secret in it."""


class Issuer:
    """Where tokens come from."""

    def __init__(self, url):
        self.host, _, self.path = url.removeprefix("http://").partition("/")

    def fetch(self, account):
        """New tokens of an account, or of the current one."""
        status, tokens = self.post({"account": account})
        if status != 200:
            raise RefreshError(f"the token issuer refuses with {status}")
        if not isinstance(tokens, dict) or not tokens.get("access_token"):
            raise RefreshError("the token issuer has no tokens")
        return tokens

    def post(self, members):
        """By HTTP/1.0, since http.client takes longer to import than all the rest."""
        body = json.dumps(members)
        name, _, port = self.host.partition(":")
        try:
            with socket.create_connection((name, port), ISSUER_PATIENCE) as connection:
                head = f"POST /{self.path} HTTP/1.0\r\nContent-Length: {len(body)}\r\n\r\n"
                connection.sendall(f"{head}{body}".encode())
                with connection.makefile("rb") as answer:
                    head, _, content = answer.read().partition(b"\r\n\r\n")
            return int(head.split()[1]), json.loads(content)
        except (OSError, ValueError, IndexError):
            raise RefreshError("the token issuer cannot be reached") from None


class Tokens:
    """The newest tokens of one account: one rotation at a time, and the newest token wins."""

    def __init__(self, issuer):
        self.issuer = issuer
        self.lock = threading.Lock()
        self.newest = issuer.fetch(None)
        self.account = self.newest["account_id"]
        self.answered = 0.0
        self.times = []

    def fresh(self, previous, asked):
        """Tokens that are newer than the ones that were rejected.

        `asked` is when the request came: one that came before the last answer, or right after it,
        is about the token before.
        """
        if previous not in (None, self.account):
            raise RefreshError("this is not the account that is logged in")
        with self.lock:
            self.count()
            if self.answered and asked - self.answered < ECHO:
                return self.newest
            tokens = self.issuer.fetch(self.account)
            if tokens["account_id"] != self.account:
                raise RefreshError("the token issuer has tokens of another account")
            if tokens["access_token"] == self.newest["access_token"]:
                raise RefreshError("the token issuer has no newer tokens")
            self.newest = tokens
            self.answered = time.monotonic()
            return tokens

    def count(self):
        now = time.monotonic()
        self.times = [each for each in self.times if now - each < 60] + [now]
        if len(self.times) > MOST_REFRESHES:
            raise RefreshError("the tokens are rejected again and again: log in anew")


class Process:
    """A codex that is started here; a message per line."""

    def __init__(self):
        self.process = subprocess.Popen(
            [os.environ.get("CODEX_BIN", "codex"), "app-server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def lines(self):
        """What comes, to the end."""
        return self.process.stdout

    def write(self, line):
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def ended(self):
        return f"its exit status is {self.process.wait()}"


class Codex:
    """A conversation with an app-server; without tokens it only watches."""

    def __init__(self, channel, tokens=None):
        self.channel = channel
        self.tokens = tokens
        self.ids = itertools.count()
        self.pending = {}
        self.closed = False
        self.writing = threading.Lock()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        """Take in messages, and never wait for anything else: answers come from other threads."""
        for line in self.channel.lines():
            try:
                message = json.loads(line)
            except ValueError:
                continue
            self.heed(message)
        self.close()

    def close(self):
        """Tell everybody who waits for an answer that none will come."""
        self.closed = True
        for answer in list(self.pending.values()):
            answer.put({"error": {"message": "codex has ended"}})

    def heed(self, message):
        """A message with a method is codex's own, whatever its id; one without is an answer."""
        if "method" not in message:
            answer = self.pending.pop(self.key(message.get("id")), None)
            if answer:
                answer.put(message)
        elif message["method"] == REFRESH:
            if self.tokens is None:
                return  # whoever owns the tokens answers, and the first answer counts
            asked = time.monotonic()
            threading.Thread(target=self.refresh, args=(message, asked), daemon=True).start()
        elif "id" in message:
            error = {"code": -32601, "message": "this application does not do that"}
            self.send({"id": message["id"], "error": error})

    def refresh(self, message, asked):
        """Answer one refresh request, with tokens or with an error, in any case."""
        params = message.get("params") or {}
        try:
            tokens = self.tokens.fresh(params.get("previousAccountId"), asked)
            answer = {"result": self.shaped(tokens)}
        except RefreshError as reason:
            print(f"cannot refresh: {reason}", file=sys.stderr, flush=True)
            answer = {"error": {"code": -32000, "message": str(reason)}}
        except Exception:  # noqa: BLE001 - whatever it is, codex gets an answer
            answer = {"error": {"code": -32603, "message": "the refresh went wrong"}}
        self.send({"id": message["id"], **answer})

    def shaped(self, tokens):
        """Tokens as this release of codex wants them."""
        if self.release < OLD_SHAPE:
            return {"idToken": tokens["id_token"], "accessToken": tokens["access_token"]}
        return {
            "accessToken": tokens["access_token"],
            "chatgptAccountId": tokens["account_id"],
            "chatgptPlanType": tokens["plan_type"],
        }

    def key(self, request_id):
        return type(request_id), request_id

    def send(self, message):
        try:
            with self.writing:
                self.channel.write(json.dumps(message).encode())
        except OSError:
            pass  # codex has ended; whoever waits for an answer is told by the reader

    def begin(self, method, params):
        request_id, answer = next(self.ids), queue.Queue()
        self.pending[self.key(request_id)] = answer
        self.send({"id": request_id, "method": method, "params": params})
        if self.closed:
            self.close()
        return answer

    def call(self, method, params):
        """The result of a request; ends the application if there is none."""
        message = self.begin(method, params).get()
        if "result" not in message:
            sys.exit(f"{method} failed: {message['error']['message']}")
        return message["result"]

    def greet(self):
        """The handshake."""
        client = {"name": "example-parent", "title": "Example", "version": "1.0"}
        capabilities = {"experimentalApi": True}
        greeting = self.call("initialize", {"clientInfo": client, "capabilities": capabilities})
        version = greeting["userAgent"].partition("/")[2].split(" ")[0]
        self.release = tuple(int(part) for part in version.split(".")[:2])
        self.send({"method": "initialized"})

    def log_in(self):
        """Hand over the tokens."""
        self.call(
            "account/login/start", {"type": "chatgptAuthTokens", **self.shaped(self.tokens.newest)}
        )

    def turn(self, text):
        """Start a turn."""
        thread = self.call("thread/start", {})["thread"]["id"]
        self.call("turn/start", {"threadId": thread, "input": [{"type": "text", "text": text}]})


def main():
    try:
        tokens = Tokens(Issuer(os.environ["TOKEN_ISSUER_URL"]))
    except RefreshError as reason:
        sys.exit(f"cannot log in: {reason}")
    several = os.environ.get("CODEX_CONFORMANCE_SCENARIO", "").startswith("connections/")
    codex = Codex(connect() if several else Process(), tokens)
    codex.greet()
    codex.log_in()
    if several:
        Codex(connect()).greet()
    codex.turn("Say hello.")
    codex.reader.join()
    sys.exit(f"codex has ended: {codex.channel.ended()}")


def connect():
    from websocket_client import WebSocket

    return WebSocket(os.environ["CODEX_APP_SERVER_URL"])


if __name__ == "__main__":
    main()
