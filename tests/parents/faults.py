"""The faults that a parent application may have.

Each is a function that patches the good parent, decorated with the exact set of clauses that the
kit must find broken. `faulty_parent` is started a thousand times: what only one of them needs is
imported there.
"""

import json
import os
import subprocess
import sys
import threading
import time

import parent
from parent import REFRESH, Codex, Issuer, Process, RefreshError, Tokens

FAULTS = {}


def breaks(*clauses):
    """Declare a function that patches the parent a fault."""

    def declare(fault):
        FAULTS[fault.__name__] = (frozenset(clauses), fault)
        return fault

    return declare


def around(owner, name):
    """Replace a function; the replacement gets the real one ahead."""
    real = getattr(owner, name)

    def put(replacement):
        setattr(owner, name, lambda *args, **kwargs: replacement(real, *args, **kwargs))
        return replacement

    return put


def in_answers(change):
    """Change every answer to a refresh request before it is sent."""

    @around(Codex, "send")
    def send(real, self, message):
        answers = "method" not in message
        real(self, change(message) if answers else message)


# PARENT-1 and -2: the handshake.


@breaks("PARENT-1")
def login_ahead_of_initialized():
    held = []

    @around(Codex, "send")
    def send(real, self, message):
        if message.get("method") == "initialized":
            held.append(message)
            return
        real(self, message)
        if message.get("method") == "account/login/start" and held:
            real(self, held.pop())


@breaks("PARENT-1")
def no_initialized():
    @around(Codex, "send")
    def send(real, self, message):
        if message.get("method") != "initialized":
            real(self, message)


@breaks("PARENT-1")
def account_read_ahead_of_initialize():
    @around(Codex, "greet")
    def greet(real, self):
        self.begin("account/read", {})
        real(self)


@breaks("PARENT-1")
def params_of_the_wrong_type():
    @around(Codex, "log_in")
    def log_in(real, self):
        real(self)
        self.begin("account/read", {"refreshToken": "no"})


@breaks("PARENT-1")
def log_lines_on_the_stdin_of_codex():
    @around(Codex, "log_in")
    def log_in(real, self):
        self.channel.write(b"logging in")
        real(self)


@breaks("PARENT-2")
def no_capabilities():
    @around(Codex, "send")
    def send(real, self, message):
        if message.get("method") == "initialize":
            del message["params"]["capabilities"]
        real(self, message)


# PARENT-3: exactly one answer, in time, in shape.


@breaks("PARENT-3")
def never_answers():
    Codex.refresh = lambda self, message, asked: None


@breaks("PARENT-3")
def answers_twice():
    @around(Codex, "send")
    def send(real, self, message):
        real(self, message)
        if "method" not in message:
            real(self, message)


@breaks("PARENT-3")
def answers_after_eleven_seconds():
    @around(Codex, "refresh")
    def refresh(real, self, message, asked):
        time.sleep(11)
        real(self, message, asked)


@breaks("PARENT-3")
def answers_in_the_shape_of_old():
    def old(message):
        if "result" in message:
            message["result"] = {"idToken": message["result"]["accessToken"]}
            message["result"]["accessToken"] = message["result"]["idToken"]
        return message

    in_answers(old)


@breaks("PARENT-3")
def a_json_document_for_a_token():
    def wrapped(message):
        if "result" in message:
            token = message["result"]["accessToken"]
            message["result"]["accessToken"] = json.dumps({"token": token})
        return message

    in_answers(wrapped)


@breaks("PARENT-3", "PARENT-10")
def an_empty_result_always():
    in_answers(lambda message: {"id": message["id"], "result": {}})


@breaks("PARENT-3", "PARENT-4")
def answers_under_the_id_as_text():
    in_answers(lambda message: message | {"id": str(message["id"])})


@breaks("PARENT-3")
def waits_for_the_issuer_for_fifteen_seconds():
    parent.ISSUER_PATIENCE = 15.0


@breaks("PARENT-3")
def lets_stderr_fill():
    real = subprocess.Popen
    parent.subprocess.Popen = lambda *args, **kwargs: real(
        *args, **kwargs | {"stderr": subprocess.PIPE}
    )


@breaks("PARENT-3")
def takes_what_it_reads_for_whole_lines():
    def lines(self):
        while chunk := os.read(self.process.stdout.fileno(), 65536):
            yield from chunk.split(b"\n")

    Process.lines = lines


@breaks("PARENT-3")
def never_recovers_from_a_failure():
    failed = []

    @around(Tokens, "fresh")
    def fresh(real, self, previous, asked):
        if failed:
            time.sleep(60)
        try:
            return real(self, previous, asked)
        except RefreshError as reason:
            if "refuses" in str(reason):
                failed.append(True)
            raise


# PARENT-4: ids.


def drops_requests(which):
    @around(Codex, "heed")
    def heed(real, self, message):
        if message.get("method") != REFRESH or not which(self, message):
            real(self, message)


@breaks("PARENT-4")
def id_zero_is_no_id():
    drops_requests(lambda self, message: not message.get("id"))


@breaks("PARENT-4")
def ids_are_numbers():
    drops_requests(lambda self, message: isinstance(message["id"], str))


@breaks("PARENT-4")
def ids_have_32_bits():
    drops_requests(lambda self, message: isinstance(message["id"], int) and message["id"] >> 31)


def takes_for_an_answer(match):
    @around(Codex, "heed")
    def heed(real, self, message):
        for key in list(self.pending):
            if "method" in message and match(key[1], message.get("id")):
                self.pending.pop(key)
                return
        real(self, message)


@breaks("PARENT-4")
def an_id_that_it_knows_is_an_answer():
    takes_for_an_answer(lambda own, other: type(own) is type(other) and own == other)


@breaks("PARENT-4")
def an_id_that_it_knows_is_an_answer_as_text_too():
    takes_for_an_answer(lambda own, other: str(own) == str(other))


# PARENT-5 and -6: whose token.


@breaks("PARENT-5")
def the_token_of_the_login_always():
    def fresh(self, previous, asked):
        if previous not in (None, self.account):
            raise RefreshError("unknown account")
        self.count()
        return self.newest

    Tokens.fresh = fresh


@breaks("PARENT-5")
def rotates_once_only():
    @around(Tokens, "fresh")
    def fresh(real, self, previous, asked):
        return self.newest if self.answered else real(self, previous, asked)


@breaks("PARENT-6")
def the_current_account_always():
    def fresh(self, previous, asked):
        with self.lock:
            self.count()
            if self.answered and asked - self.answered < parent.ECHO:
                return self.newest
            tokens = self.issuer.fetch(None)
            if tokens["access_token"] == self.newest["access_token"]:
                raise RefreshError("nothing newer")
            self.newest, self.answered = tokens, time.monotonic()
            return tokens

    Tokens.fresh = fresh


@breaks("PARENT-6")
def any_account_that_the_issuer_has():
    @around(Issuer, "fetch")
    def fetch(real, self, account):
        tokens = real(self, account)
        return tokens if account is None else tokens | {"account_id": account}


@breaks("PARENT-6")
def an_account_has_to_be_named():
    @around(Tokens, "fresh")
    def fresh(real, self, previous, asked):
        if previous is None:
            raise RefreshError("no account is named")
        return real(self, previous, asked)


# PARENT-7 and -8: rotations.


class NoLock:
    def __enter__(self):
        pass

    def __exit__(self, *error):
        pass


@breaks("PARENT-7")
def a_rotation_for_each_at_once():
    @around(Tokens, "__init__")
    def init(real, self, issuer):
        real(self, issuer)
        self.lock = NoLock()


@breaks("PARENT-7")
def one_at_a_time_and_no_other():
    busy = threading.Lock()

    @around(Codex, "refresh")
    def refresh(real, self, message, asked):
        if busy.acquire(blocking=False):
            try:
                real(self, message, asked)
            finally:
                busy.release()


@breaks("PARENT-8")
def a_rotation_for_each_request():
    parent.ECHO = 0.0


# PARENT-9 to -11: at any time.


@breaks("PARENT-9")
def answers_when_its_own_request_is_answered():
    @around(Codex, "refresh")
    def refresh(real, self, message, asked):
        while any(True for _ in self.pending) and hasattr(self, "in_a_turn"):
            time.sleep(0.05)
        real(self, message, asked)

    @around(Codex, "turn")
    def turn(real, self, text):
        self.in_a_turn = True
        real(self, text)


@breaks("PARENT-9")
def takes_its_time_over_each_notification():
    @around(Codex, "heed")
    def heed(real, self, message):
        if "id" not in message:
            time.sleep(0.03)
        real(self, message)


@breaks("PARENT-10", "PARENT-13")
def silent_when_it_cannot():
    @around(Codex, "send")
    def send(real, self, message):
        if "error" not in message:
            real(self, message)


@breaks("PARENT-10")
def an_empty_result_when_it_cannot():
    in_answers(lambda message: {"id": message["id"], "result": message.get("result", {})})


@breaks("PARENT-10")
def the_old_token_when_it_cannot():
    @around(Tokens, "fresh")
    def fresh(real, self, previous, asked):
        try:
            return real(self, previous, asked)
        except RefreshError as reason:
            if "account" in str(reason) or "again" in str(reason):
                raise
            return self.newest


@breaks("PARENT-11")
def a_handler_after_the_login():
    ready = []

    @around(Codex, "log_in")
    def log_in(real, self):
        real(self)
        ready.append(True)

    drops_requests(lambda self, message: not ready and self.pending)


# PARENT-12 and -13: bounds.


@breaks("PARENT-12")
def logs_in_without_end():
    def log_in(self):
        shaped = self.shaped(self.tokens.newest)
        while True:
            login = self.begin("account/login/start", {"type": "chatgptAuthTokens", **shaped})
            message = login.get()
            if "result" in message or self.closed:
                return
            print("trying again", file=sys.stderr, flush=True)
            time.sleep(0.2)

    Codex.log_in = log_in


@breaks("PARENT-12")
def crashes_when_it_is_refused():
    @around(Codex, "call")
    def call(real, self, method, params):
        if method != "account/login/start":
            return real(self, method, params)
        message = self.begin(method, params).get()
        if self.closed:
            sys.exit("codex has ended")
        return message["result"]


def ignores_the_answer_to_the_login(go_on):
    @around(Codex, "call")
    def call(real, self, method, params):
        if method != "account/login/start":
            return real(self, method, params)
        message = self.begin(method, params).get()
        if "result" not in message and not go_on:
            self.reader.join()
        if self.closed:
            sys.exit("codex has ended")
        return None


@breaks("PARENT-12")
def goes_on_as_if_it_were_logged_in():
    ignores_the_answer_to_the_login(True)


@breaks("PARENT-12")
def keeps_a_refused_login_to_itself():
    ignores_the_answer_to_the_login(False)


@breaks("PARENT-13")
def never_gives_up():
    Tokens.count = lambda self: None


# PARENT-14: what is new.


@breaks("PARENT-14")
def dies_of_an_unknown_notification():
    known = (
        "account/login/",
        "account/updated",
        "account/rateLimits/",
        "thread/",
        "turn/",
        "item/",
    )

    @around(Codex, "heed")
    def heed(real, self, message):
        if "id" not in message and not message["method"].startswith(known):
            print(f"unknown: {message['method']}", file=sys.stderr, flush=True)
            os._exit(1)
        real(self, message)


@breaks("PARENT-14")
def refuses_unknown_members():
    @around(Codex, "heed")
    def heed(real, self, message):
        if message.get("method") == REFRESH and set(message["params"]) - {
            "reason",
            "previousAccountId",
        }:
            return
        real(self, message)


@breaks("PARENT-14")
def knows_every_mode():
    @around(Codex, "heed")
    def heed(real, self, message):
        mode = (message.get("params") or {}).get("authMode")
        if mode not in (None, "apikey", "chatgpt", "chatgptAuthTokens"):
            self.close()
            raise ValueError(mode)
        real(self, message)


@breaks("PARENT-14")
def forgets_requests_at_a_logout():
    gone = []

    @around(Codex, "heed")
    def heed(real, self, message):
        params = message.get("params") or {}
        if message.get("method") == "account/updated" and params["authMode"] is None:
            gone.append(True)
        real(self, message)

    @around(Codex, "send")
    def send(real, self, message):
        if not gone or "method" in message:
            real(self, message)


# PARENT-15: the end of codex.


@breaks("PARENT-15")
def does_not_notice_the_end():
    @around(Codex, "turn")
    def turn(real, self, text):
        real(self, text)
        threading.Event().wait()


@breaks("PARENT-15")
def waits_for_an_answer_of_a_dead_codex():
    Codex.close = lambda self: None


@breaks("PARENT-15")
def crashes_when_it_writes_to_a_dead_codex():
    def send(self, message):
        with self.writing:
            self.channel.write(json.dumps(message).encode())

    @around(Process, "ended")
    def ended(real, self):
        for thread in threading.enumerate():  # those that are at work on a refresh
            if thread is not threading.current_thread():
                thread.join()
        return real(self)

    Codex.send = send


# PARENT-16: secrets.


def with_tokens(use):
    @around(Codex, "log_in")
    def log_in(real, self):
        use(self.tokens.newest["access_token"])
        real(self)


@breaks("PARENT-16")
def prints_the_token():
    with_tokens(lambda token: print(f"logging in with {token}", flush=True))


@breaks("PARENT-16")
def logs_the_token_in_base64():
    import base64

    def use(token):
        print(base64.b64encode(f"login:{token}".encode()).decode(), file=sys.stderr, flush=True)

    with_tokens(use)


@breaks("PARENT-16")
def starts_codex_with_the_token_in_its_arguments():
    tokens = []

    @around(Tokens, "__init__")
    def init(real, self, issuer):
        real(self, issuer)
        tokens.append(self.newest["access_token"])

    real = subprocess.Popen
    parent.subprocess.Popen = lambda argv, **kwargs: real([*argv, "-c", f"t={tokens[0]}"], **kwargs)


@breaks("PARENT-16")
def keeps_the_token_in_codex_home():
    from pathlib import Path

    def use(token):
        Path(os.environ["CODEX_HOME"], "auth.json").write_text(json.dumps({"token": token}))

    with_tokens(use)


@breaks("PARENT-16")
def passes_on_what_the_issuer_says():
    def fetch(self, account):
        _, said = self.post({"account": account})
        if not said.get("access_token"):
            raise RefreshError(f"the token issuer says {said.get('error_description', 'no')}")
        return said

    Issuer.fetch = fetch


@breaks("PARENT-16")
def a_placeholder_on_the_wire():
    def hidden(message):
        if "result" in message:
            message["result"]["accessToken"] = "***"
        return message

    in_answers(hidden)


# PARENT-17: connections.


@breaks("PARENT-17")
def refuses_on_a_connection_that_only_watches():
    @around(Codex, "heed")
    def heed(real, self, message):
        if message.get("method") == REFRESH and self.tokens is None:
            error = {"code": -32601, "message": "not mine"}
            self.send({"id": message["id"], "error": error})
            return
        real(self, message)
