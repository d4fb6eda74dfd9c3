"""What logins with external tokens and with API keys leave open."""

from pathlib import Path, PosixPath
from typing import Any

import anyio
import msgspec
import pytest
from codex_reference_server import account, store
from codex_reference_server.account import Account
from codex_reference_server.auth import Auth
from codex_reference_server.credentials import read_claims
from codex_reference_server.messages import Answer, Later, Notification, Refusal
from codex_reference_server.pending import Pending
from codex_reference_server.refresh import ExternalRefresher
from codex_reference_server.revision import Revision
from codex_reference_server.turns import Turns
from freedom import freedom
from mutant import around, external, instances

FROM_AUTH_JSON = (
    "apikey/over-managed-login",
    "init/gate-keeps-login",
    "init/request-before/logged-in",
    "logout/from/api-key",
    "logout/from/managed-login",
    "managed/logout-during-refresh",
    "managed/read-refreshes",
    "managed/read-refreshes-while-a-turn-waits",
    "managed/refresh",
    "managed/refresh-again",
    "managed/refresh-in-part",
    "managed/refresh-later/500",
    "managed/refresh-later/503",
    "managed/refresh-later/dropped",
    "managed/refresh-later/no-tokens",
    "managed/refresh-many",
    "managed/refresh-then-restart",
    "managed/refresh-token-many",
    "managed/refresh-token/expired",
    "managed/refresh-token/invalidated",
    "managed/refresh-token/reused",
    "managed/refreshed-elsewhere",
    "managed/signed-in-again",
    "mode/external-over/managed-login",
    "mode/external-over/stored-api-key",
    "other/security-setup",
    "rate/read/managed-login",
    "secret/external-over-managed-login",
    "secret/refused-managed-refresh/400",
    "secret/refused-managed-refresh/401",
    "secret/refused-managed-refresh/500",
)
"""Cases that begin with a login that somebody else has stored."""


@freedom(
    "LOGIN-2",
    "LOGIN-5",
    "APIKEY-1",
    "LOGOUT-1",
    "WIRE-10",
    case="login/accepted",
    says='"account/login/completed","params":{"success":true}}',
)
def null_left_out(patch: pytest.MonkeyPatch) -> None:
    """A member that would be null is left out, where the schema does not require it."""

    @around(patch, Revision, "make")
    def make(real: Any, self: Any, type_name: str, **members: Any) -> Any:
        made = real(self, type_name, **members)
        fields = msgspec.structs.fields(made)
        empty = [each for each in fields if getattr(made, each.name) is None and not each.required]
        return msgspec.structs.replace(made, **{each.name: msgspec.UNSET for each in empty})


@freedom("LOGIN-1", "LOGIN-4", "LOGIN-7", case="login/accepted", says="    3.000 <-- ")
def login_takes_its_time(patch: pytest.MonkeyPatch) -> None:
    """A login with external tokens that meets no refresh is answered after three seconds."""

    @around(patch, Account, "_log_in_external")
    def log_in(real: Any, self: Any, params: Any, session: Any) -> Any:
        async def answer() -> Any:
            await anyio.sleep(3)
            return real(self, params, session)

        is_asked = external(self._auth)._question is not None
        return real(self, params, session) if is_asked else Later(answer)


@freedom(
    "LOGIN-8",
    "LOGIN-11",
    case="login/odd-jwt",
    says="no usual tokens",
    inapplicable=("login/stated-account-id", "refresh/previous-account-as-announced"),
)
def odd_tokens_refused(patch: pytest.MonkeyPatch) -> None:
    """A login is refused for an empty or another account id, an unknown plan, or an odd JWT."""

    @around(patch, Auth, "log_in_external")
    def log_in(real: Any, self: Any, tokens: Any) -> None:
        claims = read_claims(tokens.access_token, "accessToken")
        plan = tokens.chatgpt_plan_type or claims.plan or "unknown"
        is_usual = (
            tokens.access_token.count(".") == 2
            and claims.account_id == tokens.chatgpt_account_id
            and plan in self._revision.plans
        )
        if not is_usual:
            raise Refusal("these are no usual tokens")
        real(self, tokens)


@freedom("LOGIN-11", case="login/empty-access-token", says="is empty", revision="0.93")
def empty_access_token_refused(patch: pytest.MonkeyPatch) -> None:
    """An empty access token, from which nothing is read, is refused."""

    @around(patch, Auth, "log_in_external")
    def log_in(real: Any, self: Any, tokens: Any) -> None:
        if not tokens.access_token:
            raise Refusal("accessToken is empty")
        real(self, tokens)


@freedom(
    "LOGIN-9",
    "MANAGED-7",
    case="login/over-browser-login",
    says='"acct-alpha"}}\n    0.000 <-- {"id":1002,"result":{"type":"chatgptAuthTokens"}}',
)
def pending_login_ends_without_a_word(patch: pytest.MonkeyPatch) -> None:
    """A pending login that tokens, a key or a logout end is not told as failed."""

    @around(patch, Pending, "abandon")
    def abandon(real: Any, self: Any, reason: str) -> None:
        if self.current is not None and reason != account.SUPERSEDED:
            self.cancel(self.current.login.login_id)
        real(self, reason)


@freedom(
    "APIKEY-1",
    "LOGOUT-1",
    "MANAGED-7",
    case="managed/device-superseded/logout",
    says='{"id":1005,"result":{"status":"canceled"}}',
)
def pending_login_outlives_key_and_logout(patch: pytest.MonkeyPatch) -> None:
    """A login that is pending can still be completed after a login with a key and a logout."""

    @around(patch, Pending, "abandon")
    def abandon(real: Any, self: Any, reason: str) -> None:
        if reason in (account.SUPERSEDED, "the login was superseded by external tokens"):
            real(self, reason)


@freedom("LOGIN-12", case="login/during-refresh/same-account", says="somebody has logged in or out")
def turn_fails_where_somebody_logs_in(patch: pytest.MonkeyPatch) -> None:
    """A turn that waits for a refresh when somebody logs in or out fails, and is not retried."""

    @around(patch, ExternalRefresher, "login_changed")
    def changed(real: Any, self: Any) -> None:
        if self._question is not None:
            self._settle(self._question, "somebody has logged in or out")


@freedom(
    "LOGIN-12",
    "LOGIN-7",
    "LOGOUT-4",
    case="login/during-refresh/same-account",
    says="(Bearer <tokens-2-access",
)
def retry_carries_the_answer(patch: pytest.MonkeyPatch) -> None:
    """Where somebody logs in during a refresh, its answer is still used, for that retry alone."""
    auths = instances(patch, Auth)
    asked: dict[int, str] = {}
    answers: dict[str, Any] = {}

    @around(patch, ExternalRefresher, "_ask_client")
    def ask(real: Any, self: Any, rejected: Any) -> Any:
        question = real(self, rejected)
        asked[id(question)] = rejected.bearer
        return question

    @around(patch, ExternalRefresher, "login_changed")
    def changed(real: Any, self: Any) -> None:
        if auths[-1].is_external:
            self._question = None
        else:
            real(self)

    @around(patch, ExternalRefresher, "_answered")
    def answered(real: Any, self: Any, question: Any, result: Any) -> None:
        if question is self._question:
            real(self, question, result)
        elif not question.settled.is_set():
            if result is not None:
                answers[asked[id(question)]] = auths[-1]._checked(self._decoder.decode(result))
            question.settled.set()

    @around(patch, Auth, "renew")
    async def renew(real: Any, self: Any, rejected: Any) -> Any:
        newer = await real(self, rejected)
        return newer and answers.pop(rejected.bearer, newer)


@freedom(
    "LOGIN-7",
    "LOGOUT-3",
    case="login/again-during-turn",
    says='"status":"interrupted"',
    inapplicable=("refresh/late-401-after-login",),
)
def turns_end_with_their_login(patch: pytest.MonkeyPatch) -> None:
    """A login and a logout interrupt the turns that are under way."""
    every = instances(patch, Turns)

    @around(patch, Auth, "_change")
    def change(real: Any, self: Any, login: Any) -> None:
        real(self, login)
        for turn in every[-1]._under_way.values():
            turn.scope.cancel()


class _Enciphered(PosixPath):
    """A file of which nothing can be read without its key."""

    def read_bytes(self) -> bytes:
        return _mixed(super().read_bytes())


def _mixed(content: bytes) -> bytes:
    return bytes(byte ^ 0x5A for byte in content)


def _kept_enciphered(patch: pytest.MonkeyPatch) -> None:
    """Keep logins in a file of the server's own."""
    patch.setattr(store, "auth_file", lambda home: _Enciphered(home, "state", "logins.db"))

    @around(patch, store, "_write")
    def write(real: Any, home: Path, content: Any) -> None:
        target = store.auth_file(home)
        target.parent.mkdir(exist_ok=True)
        real(home, content)
        target.write_bytes(target.read_bytes())


@freedom(
    "APIKEY-4",
    "MANAGED-2",
    "MANAGED-4",
    "SECRET-1",
    case="logout/from/api-key",
    says='{"id":1001,"result":{"requiresOpenaiAuth":true,"account":null',
    inapplicable=FROM_AUTH_JSON,
)
def logins_in_a_file_of_its_own(patch: pytest.MonkeyPatch) -> None:
    """Logins are kept enciphered, in a file that is not auth.json."""
    _kept_enciphered(patch)


@freedom(
    "APIKEY-4",
    "MANAGED-4",
    "MANAGED-5",
    "SECRET-1",
    case="managed/refresh",
    says='"method":"account/store/moved"',
)
def login_moved_out_of_auth_json(patch: pytest.MonkeyPatch) -> None:
    """What lies in auth.json is moved to an enciphered file, where logins are kept from then on."""
    _kept_enciphered(patch)
    moved: list[Path] = []

    @around(patch, store, "_read")
    def read(real: Any, home: Path) -> Any:
        found = home / "auth.json"
        if found.exists():
            store._write(home, msgspec.json.decode(found.read_bytes()))
            found.unlink()
            moved.append(found)
        return real(home)

    @around(patch, Account, "read")
    def read_account(real: Any, self: Any, params: Any, session: Any) -> Any:
        answer = real(self, params, session)
        if not moved or not isinstance(answer, Answer):
            return answer
        told = Notification("account/store/moved", {"from": str(moved.pop())})
        return msgspec.structs.replace(answer, then=(told, *answer.then))
