"""Faults of logins with external tokens."""

from typing import Any

import msgspec
import pytest
from codex_reference_server import auth, credentials
from codex_reference_server.account import Account
from codex_reference_server.auth import Auth
from codex_reference_server.backend import Backend
from codex_reference_server.messages import Answer, Refusal
from codex_reference_server.pending import Pending
from mutant import answered_after_the_refresh, around, mutant

SOME_ID = "11111111-1111-1111-1111-111111111111"


def _answer(patch: pytest.MonkeyPatch, change: Any) -> None:
    """Change the answer to an external login: `change(account, answer)`."""

    @around(patch, Account, "_log_in_external")
    def log_in(real: Any, self: Any, params: Any, session: Any) -> Any:
        return change(self, real(self, params, session))


def _taken_as(patch: pytest.MonkeyPatch, change: Any) -> None:
    """Change what tokens stand for: the members that `change(tokens, claims)` gives."""

    @around(patch, auth, "external_credentials")
    def taken(real: Any, tokens: Any, revision: Any) -> Any:
        try:
            claims = credentials.read_claims(tokens.access_token, "accessToken")
        except Refusal:
            return real(tokens, revision)
        return msgspec.structs.replace(real(tokens, revision), **change(tokens, claims))


@mutant("LOGIN-1")
def result_of_another_type(patch: pytest.MonkeyPatch) -> None:
    """The response names the type of another login."""
    _answer(patch, lambda self, answer: Answer({"type": "apiKey"}, answer.then))


@mutant("LOGIN-2")
def completed_without_success(patch: pytest.MonkeyPatch) -> None:
    """A login that went well is told as failed."""

    def change(self: Any, answer: Answer) -> Answer:
        return Answer(answer.result, (self._completed(None, "failed"), answer.then[1]))

    _answer(patch, change)


@mutant("LOGIN-3")
def updated_without_plan(patch: pytest.MonkeyPatch) -> None:
    """account/updated leaves out the plan."""

    def change(self: Any, answer: Answer) -> Answer:
        planless = msgspec.structs.replace(answer.then[1].params, plan_type=None)
        return Answer(answer.result, (answer.then[0], _updated(answer, planless)))

    _answer(patch, change)


def _updated(answer: Answer, params: Any) -> Any:
    return msgspec.structs.replace(answer.then[1], params=params)


@mutant("LOGIN-4")
def updated_before_completed(patch: pytest.MonkeyPatch) -> None:
    """The notifications of a login are swapped."""
    _answer(patch, lambda self, answer: Answer(answer.result, answer.then[::-1]))


@mutant("LOGIN-4")
def told_twice(patch: pytest.MonkeyPatch) -> None:
    """The notifications of a login come twice."""
    _answer(patch, lambda self, answer: Answer(answer.result, answer.then * 2))


@mutant("LOGIN-4")
def told_before_the_response(patch: pytest.MonkeyPatch) -> None:
    """The notifications of a login come ahead of its response."""

    def change(self: Any, answer: Answer) -> Answer:
        for notification in answer.then:
            self._notify(notification)
        return Answer(answer.result)

    _answer(patch, change)


@mutant("LOGIN-3", "LOGIN-5", "REFRESH-6")
def stated_plan_ignored(patch: pytest.MonkeyPatch) -> None:
    """The plan is the claim, even where the client gave another."""
    _taken_as(patch, lambda tokens, claims: {"plan": claims.plan})


@mutant("LOGIN-5")
def plan_free_where_unclaimed(patch: pytest.MonkeyPatch) -> None:
    """Without a plan given or claimed the plan is free."""

    @around(patch, Account, "_plan")
    def plan(real: Any, self: Any, login: Any) -> Any:
        return real(self, login) if login.plan else "free"


@mutant("LOGIN-5", revision="0.93")
def email_of_the_access_token(patch: pytest.MonkeyPatch) -> None:
    """The email is read from the access token, where that of the id token counts."""
    _taken_as(patch, lambda tokens, claims: {"email": claims.email})


@mutant("LOGIN-6", "REFRESH-2")
def account_id_of_the_claim(patch: pytest.MonkeyPatch) -> None:
    """The account id is the claim of the token, even where the client gave another."""
    _taken_as(patch, lambda tokens, claims: {"account_id": claims.account_id})


@mutant("LOGIN-6", revision="0.93")
def account_id_of_the_access_token(patch: pytest.MonkeyPatch) -> None:
    """The account id is read from the access token, where that of the id token counts."""
    _taken_as(patch, lambda tokens, claims: {"account_id": claims.account_id})


@mutant("LOGIN-7", "REFRESH-11", "WORKSPACE-2", "WORKSPACE-6")
def login_counts_one_request_late(patch: pytest.MonkeyPatch) -> None:
    """The first request after a login on top of another bears the tokens from before."""

    @around(patch, Auth, "log_in_external")
    def log_in(real: Any, self: Any, tokens: Any) -> None:
        self.stale = self.credentials if self.is_external else None
        real(self, tokens)

    @around(patch, Backend, "_send")
    def send(real: Any, self: Any, body: Any, login: Any) -> Any:
        return real(self, body, vars(self._auth).pop("stale", None) or login)


@mutant("LOGIN-7", "REFRESH-11")
def login_during_a_request_ignored(patch: pytest.MonkeyPatch) -> None:
    """A login that meets a request to the backend under way is answered, but not taken."""

    @around(patch, Backend, "_send")
    async def send(real: Any, self: Any, body: Any, login: Any) -> Any:
        self._auth.is_busy = True
        try:
            return await real(self, body, login)
        finally:
            self._auth.is_busy = False

    @around(patch, Auth, "log_in_external")
    def log_in(real: Any, self: Any, tokens: Any) -> None:
        self._checked(tokens) if vars(self).get("is_busy") else real(self, tokens)


@mutant("LOGIN-8", "REFRESH-13")
def signature_not_looked_at(patch: pytest.MonkeyPatch) -> None:
    """A token of two parts passes for a JWT."""

    @around(patch, credentials, "read_claims")
    def read(real: Any, token: str, member: str) -> Any:
        return real(token + ".c2ln" if token.count(".") == 1 else token, member)


@mutant("LOGIN-8")
def refused_tokens_log_out(patch: pytest.MonkeyPatch) -> None:
    """After tokens that are no JWT nobody is logged in."""

    @around(patch, Auth, "log_in_external")
    def log_in(real: Any, self: Any, tokens: Any) -> None:
        try:
            real(self, tokens)
        except credentials.NotAJwt:
            self.credentials = None
            raise


@mutant("LOGIN-8")
def refusal_told(patch: pytest.MonkeyPatch) -> None:
    """A login that is refused for its token is told as completed, too."""

    @around(patch, Account, "_log_in_external")
    def log_in(real: Any, self: Any, params: Any, session: Any) -> Any:
        try:
            return real(self, params, session)
        except credentials.NotAJwt as refusal:
            self._notify(self._completed(None, refusal.message))
            raise


@mutant("LOGIN-1", revision="0.93")
def access_token_needs_to_be_a_jwt(patch: pytest.MonkeyPatch) -> None:
    """An opaque access token is refused, where claims are read from the id token."""

    @around(patch, Auth, "_checked")
    def checked(real: Any, self: Any, tokens: Any) -> Any:
        credentials.read_claims(tokens.access_token, "accessToken")
        return real(self, tokens)


@mutant("LOGIN-9", "MANAGED-3", "MANAGED-7")
def browser_login_goes_on(patch: pytest.MonkeyPatch) -> None:
    """A browser login is still pending after a login with tokens."""
    patch.setattr(Pending, "abandon", lambda self, reason: None)


@mutant("LOGIN-9")
def browser_login_told_as_done(patch: pytest.MonkeyPatch) -> None:
    """The browser login that a login with tokens has cancelled is told as a success."""

    @around(patch, Account, "failed")
    def failed(real: Any, self: Any, login_id: str, reason: str) -> None:
        if "external tokens" not in reason:
            return real(self, login_id, reason)
        self._notify(self._completed(login_id, None))
        return None


@mutant("LOGIN-10")
def forced_api_key_ignored(patch: pytest.MonkeyPatch) -> None:
    """External tokens are taken where only API keys are allowed."""

    @around(patch, Account, "_require_login_method")
    def require(real: Any, self: Any, method: str) -> None:
        if method != "chatgpt":
            real(self, method)


@mutant("LOGIN-12")
def login_leaves_the_refresh_open(patch: pytest.MonkeyPatch) -> None:
    """A login does not settle an open refresh request; the answer replaces the newer tokens."""

    @around(patch, Auth, "_change")
    def change(real: Any, self: Any, login: Any) -> None:
        if login is None:
            real(self, login)
        else:
            self.credentials = login


@mutant("LOGIN-12")
def login_waits_for_the_refresh(patch: pytest.MonkeyPatch) -> None:
    """A login that meets an open refresh request is answered when that has ended."""
    answered_after_the_refresh(patch, "account/login/start")
