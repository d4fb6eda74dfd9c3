"""Faults of the refresh that a 401 calls for."""

from itertools import repeat
from typing import Any

import anyio
import msgspec
import pytest
from abilities import runs_commands, tries_websocket_first
from codex_reference_server import backend
from codex_reference_server.account import Account
from codex_reference_server.auth import Auth
from codex_reference_server.backend import Backend
from codex_reference_server.connection import Clients
from codex_reference_server.credentials import read_claims
from codex_reference_server.messages import NULL, Refusal
from codex_reference_server.narration import Narration
from codex_reference_server.refresh import ExternalRefresher, Refresher
from mutant import answered_after_the_refresh, around, external, instances, mutant


def _asked_as(patch: pytest.MonkeyPatch, change: Any) -> None:
    """Change the params of refresh requests: the members that `change(params)` gives."""

    @around(patch, Clients, "ask")
    def ask(real: Any, self: Any, method: str, params: Any, answered: Any) -> Any:
        members = msgspec.to_builtins(params) | change(params)
        return real(self, method, members, answered)


def _refreshed_as(patch: pytest.MonkeyPatch, change: Any) -> None:
    """Change the login after a refresh: the members that `change(before, after)` gives."""

    @around(patch, Auth, "_take_external")
    def take(real: Any, self: Any, tokens: Any) -> None:
        before = self.credentials
        real(self, tokens)
        changed = change(before, self.credentials)
        self.credentials = msgspec.structs.replace(self.credentials, **changed)


@mutant("REFRESH-1", "WIRE-10")
def reason_invented(patch: pytest.MonkeyPatch) -> None:
    """A refresh request gives a reason of its own."""
    _asked_as(patch, lambda params: {"reason": "expired"})


@mutant("REFRESH-1")
def later_401_of_a_turn_stands(patch: pytest.MonkeyPatch) -> None:
    """A 401 for what follows the output of a command sends no refresh request."""
    runs_commands(patch, lambda _server: {})

    @around(patch, Backend, "_send")
    async def send(real: Any, self: Any, body: Any, login: Any) -> Any:
        response = await real(self, body, login)
        if response.status_code == backend.UNAUTHORIZED and len(body["input"]) > 1:
            response.status_code = 400
        return response


@mutant("REFRESH-2")
def previous_account_unnamed(patch: pytest.MonkeyPatch) -> None:
    """A refresh request names no previous account."""
    _asked_as(patch, lambda params: {"previousAccountId": None})


@mutant("REFRESH-2")
def previous_account_of_the_claim(patch: pytest.MonkeyPatch) -> None:
    """A refresh request names the account that the token claims, not the one in use."""

    @around(patch, ExternalRefresher, "_ask_client")
    def ask(real: Any, self: Any, rejected: Any) -> Any:
        claimed = read_claims(rejected.bearer, "accessToken").account_id
        return real(self, msgspec.structs.replace(rejected, account_id=claimed))


@mutant("REFRESH-3")
def retried_with_another_body(patch: pytest.MonkeyPatch) -> None:
    """The retry leaves out what the user said."""

    @around(patch, Backend, "_send")
    async def send(real: Any, self: Any, body: Any, login: Any) -> Any:
        response = await real(self, body, login)
        body["input"] = []
        return response


@mutant("REFRESH-4")
def second_401_asks_again(patch: pytest.MonkeyPatch) -> None:
    """A retry that meets a 401 is retried in its turn."""
    sent: list[Any] = []

    @around(patch, Backend, "_send")
    async def send(real: Any, self: Any, body: Any, login: Any) -> Any:
        response = await real(self, body, login)
        is_retry = any(each is body for each in sent)
        sent.append(body)
        if is_retry and response.status_code == backend.UNAUTHORIZED:
            renewed = await self._auth.renew(login)
            return response if renewed is None else await real(self, body, renewed)
        return response


@mutant("REFRESH-4")
def retry_is_sent_twice(patch: pytest.MonkeyPatch) -> None:
    """A retry that meets a 401 is sent once more as it is."""
    sent: list[Any] = []

    @around(patch, Backend, "_send")
    async def send(real: Any, self: Any, body: Any, login: Any) -> Any:
        response = await real(self, body, login)
        is_retry = any(each is body for each in sent)
        sent.append(body)
        rejected = response.status_code == backend.UNAUTHORIZED
        return await real(self, body, login) if is_retry and rejected else response


@mutant("REFRESH-4")
def second_401_not_told(patch: pytest.MonkeyPatch) -> None:
    """The error of a turn whose retry was rejected does not tell of the 401."""

    @around(patch, backend.UnexpectedStatus, "__init__")
    def init(real: Any, self: Any, status: int) -> None:
        real(self, 0)


@mutant("REFRESH-5", "REFRESH-10")
def rejected_token_comes_back(patch: pytest.MonkeyPatch) -> None:
    """The second request after the retry bears the rejected token once more."""

    @around(patch, Auth, "_take_external")
    def take(real: Any, self: Any, tokens: Any) -> None:
        self.coming = [None, None, self.credentials]
        real(self, tokens)

    @around(patch, Backend, "_send")
    def send(real: Any, self: Any, body: Any, login: Any) -> Any:
        coming = vars(self._auth).get("coming")
        return real(self, body, (coming.pop(0) if coming else None) or login)


@mutant("REFRESH-6")
def plan_before_the_refresh_shown(patch: pytest.MonkeyPatch) -> None:
    """account/read shows the plan from before the refresh."""
    _refreshed_as(patch, lambda before, after: {"plan": before.plan})


@mutant("REFRESH-6")
def stated_plan_of_a_refresh_ignored(patch: pytest.MonkeyPatch) -> None:
    """The plan after a refresh is the claim, even where the client gave another."""
    _refreshed_as(patch, lambda _, after: {"plan": read_claims(after.bearer, "accessToken").plan})


def _asks_for(patch: pytest.MonkeyPatch, mode: str) -> None:
    @around(patch, Auth, "__init__")
    def init(real: Any, self: Any, *args: Any) -> None:
        real(self, *args)
        self._refreshers[mode] = external(self)


@mutant("APIKEY-2", "REFRESH-7")
def asks_for_an_api_key(patch: pytest.MonkeyPatch) -> None:
    """A 401 for an API key sends a refresh request."""
    _asks_for(patch, "apikey")


@mutant("MANAGED-4", "MANAGED-6", "REFRESH-7")
def asks_for_a_managed_login(patch: pytest.MonkeyPatch) -> None:
    """A 401 for a managed login sends a refresh request."""
    _asks_for(patch, "chatgpt")


@mutant("REFRESH-8")
def asks_after_403(patch: pytest.MonkeyPatch) -> None:
    """A 403 sends a refresh request like a 401."""

    @around(patch, Backend, "_send")
    async def send(real: Any, self: Any, body: Any, login: Any) -> Any:
        response = await real(self, body, login)
        if response.status_code == 403:
            response.status_code = 401
        return response


@mutant("REFRESH-8")
def asks_after_a_drop(patch: pytest.MonkeyPatch) -> None:
    """A connection that is dropped sends a refresh request."""

    @around(patch, Backend, "_relay")
    async def relay(real: Any, self: Any, response: Any, take: Any) -> None:
        try:
            await real(self, response, take)
        except backend.StreamBroken:
            await self._auth.renew(self._auth.credentials)
            raise


@mutant("REFRESH-9")
def reading_asks(patch: pytest.MonkeyPatch) -> None:
    """account/read with refreshToken sends a refresh request."""

    @around(patch, Account, "read")
    def read(real: Any, self: Any, params: Any, session: Any) -> Any:
        if self._auth.is_external and params is not None and params.refresh_token is True:
            external(self._auth)._ask_client(self._auth.credentials)
        return real(self, params, session)


@mutant("REFRESH-9")
def reading_with_refresh_refused(patch: pytest.MonkeyPatch) -> None:
    """account/read with refreshToken is refused while external tokens are active."""

    @around(patch, Account, "read")
    def read(real: Any, self: Any, params: Any, session: Any) -> Any:
        if self._auth.is_external and params is not None and params.refresh_token is True:
            raise Refusal("external tokens cannot be refreshed by this server")
        return real(self, params, session)


@mutant("REFRESH-10")
def second_waiter_forgotten(patch: pytest.MonkeyPatch) -> None:
    """A turn that meets a 401 while a refresh request is open never ends."""

    @around(patch, ExternalRefresher, "refresh")
    async def ask(real: Any, self: Any, rejected: Any) -> Any:
        if self._question is not None:
            await anyio.sleep_forever()
        return await real(self, rejected)


@mutant("REFRESH-11")
def replaced_token_asks_again(patch: pytest.MonkeyPatch) -> None:
    """A 401 for a token that has been replaced meanwhile sends a refresh request."""

    @around(patch, Auth, "renew")
    async def renew(real: Any, self: Any, rejected: Any) -> Any:
        if self.is_external and rejected is not None and rejected != self.credentials:
            await external(self).refresh(self.credentials)
        return await real(self, rejected)


@mutant("REFRESH-11")
def replaced_token_fails(patch: pytest.MonkeyPatch) -> None:
    """A 401 for a token that has been replaced meanwhile stands."""

    @around(patch, Auth, "renew")
    async def renew(real: Any, self: Any, rejected: Any) -> Any:
        return await real(self, rejected) if rejected == self.credentials else None


@mutant("REFRESH-12")
def thread_waits_for_the_refresh(patch: pytest.MonkeyPatch) -> None:
    """thread/start is answered when no refresh request is open any more."""
    answered_after_the_refresh(patch, "thread/start")


def _after_bad_answer(patch: pytest.MonkeyPatch, act: Any) -> None:
    @around(patch, ExternalRefresher, "_answered")
    def answered(real: Any, self: Any, question: Any, result: Any) -> None:
        real(self, question, result)
        if result is not None and question.failure is not None:
            act(self, question)


@mutant("REFRESH-13", "WORKSPACE-4", "WORKSPACE-5")
def bad_answer_logs_out(patch: pytest.MonkeyPatch) -> None:
    """After an answer that does not validate nobody is logged in."""
    auths = instances(patch, Auth)

    def act(*_: Any) -> None:
        auths[-1].credentials = None

    _after_bad_answer(patch, act)


@mutant("REFRESH-13", "WORKSPACE-4")
def asks_no_more_after_bad_answer(patch: pytest.MonkeyPatch) -> None:
    """After an answer that does not validate the client is not asked again."""
    auths = instances(patch, Auth)

    def act(*_: Any) -> None:
        auths[-1]._refreshers["chatgptAuthTokens"] = Refresher()

    _after_bad_answer(patch, act)


@mutant("REFRESH-13")
def answer_of_the_other_revision_taken(patch: pytest.MonkeyPatch) -> None:
    """An answer without account id, as in 0.93, keeps the account id from before."""
    auths = instances(patch, Auth)

    @around(patch, ExternalRefresher, "_answered")
    def answered(real: Any, self: Any, question: Any, result: Any) -> None:
        if result is not None and b"idToken" in bytes(result):
            now = {"chatgptAccountId": auths[-1].credentials.account_id}
            result = msgspec.Raw(msgspec.json.encode(now | msgspec.json.decode(result)))
        real(self, question, result)


@mutant("REFRESH-14")
def text_id_answers(patch: pytest.MonkeyPatch) -> None:
    """An answer under the id as a string counts."""

    @around(patch, Clients, "answered")
    def answered(real: Any, self: Any, response: Any) -> None:
        if isinstance(response.id, str) and response.id.isdecimal():
            response.id = int(response.id)
        real(self, response)


@mutant("REFRESH-14", "REFRESH-17")
def second_answer_taken(patch: pytest.MonkeyPatch) -> None:
    """A second answer under the same id replaces the first."""
    auths, asked = instances(patch, Auth), set()

    @around(patch, Clients, "answered")
    def answered(real: Any, self: Any, response: Any) -> None:
        is_open = response.id in self._asked
        real(self, response)
        if is_open:
            asked.add(response.id)
        elif response.id in asked and response.error == NULL and auths[-1].is_external:
            auths[-1]._take_external(external(auths[-1])._decoder.decode(response.result))


@mutant("LOGIN-12", "REFRESH-15", "TIMEOUT-4")
def same_id_every_time(patch: pytest.MonkeyPatch) -> None:
    """Every refresh request has the same id."""

    @around(patch, Clients, "__init__")
    def init(real: Any, self: Any) -> None:
        real(self)
        self._ids = repeat(7)


@mutant("REFRESH-18")
def asks_for_json_401_only(patch: pytest.MonkeyPatch) -> None:
    """A 401 whose body is no JSON stands."""

    @around(patch, Backend, "_send")
    async def send(real: Any, self: Any, body: Any, login: Any) -> Any:
        response = await real(self, body, login)
        is_json = response.headers.get("content-type") == "application/json"
        if response.status_code == backend.UNAUTHORIZED and not is_json:
            response.status_code = 400
        return response


@mutant("REFRESH-18")
def refused_upgrade_is_posted(patch: pytest.MonkeyPatch) -> None:
    """A 401 on the WebSocket upgrade leads to a POST, and only a 401 on that asks the client."""
    tries_websocket_first(patch, heeded=())


@mutant("REFRESH-20")
def account_id_stays_at_refresh(patch: pytest.MonkeyPatch) -> None:
    """A refresh replaces the token, but not the account id."""
    _refreshed_as(patch, lambda before, after: {"account_id": before.account_id})


@mutant("REFRESH-20")
def retry_with_the_rejected_account_id(patch: pytest.MonkeyPatch) -> None:
    """The retry bears the new token with the account id of the rejected one."""

    @around(patch, Auth, "renew")
    async def renew(real: Any, self: Any, rejected: Any) -> Any:
        renewed = await real(self, rejected)
        return renewed and msgspec.structs.replace(renewed, account_id=rejected.account_id)


@mutant("REFRESH-21", "WIRE-11")
def interrupt_waits_for_the_refresh(patch: pytest.MonkeyPatch) -> None:
    """A turn that is interrupted ends when its refresh has ended."""

    @around(patch, ExternalRefresher, "refresh")
    async def ask(real: Any, self: Any, rejected: Any) -> Any:
        with anyio.CancelScope(shield=True):
            return await real(self, rejected)


@mutant("REFRESH-21")
def interrupted_turn_told_as_failed(patch: pytest.MonkeyPatch) -> None:
    """A turn that is interrupted is told as failed."""

    @around(patch, Narration, "end")
    def end(real: Any, self: Any, status: str, failure: Any) -> None:
        real(self, "failed" if status == "interrupted" else status, failure)
