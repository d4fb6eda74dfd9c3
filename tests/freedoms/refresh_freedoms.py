"""What refresh requests leave open: their ids, who asks when, what odd answers come to."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import count
from typing import Any

import anyio
import pytest
from abilities import tries_websocket_first
from codex_reference_server.auth import Auth
from codex_reference_server.backend import UNAUTHORIZED, Backend
from codex_reference_server.connection import Clients
from codex_reference_server.credentials import EXTERNAL
from codex_reference_server.messages import (
    NULL,
    Notification,
    Refusal,
    RefusedByBackend,
    TurnFailure,
)
from codex_reference_server.refresh import ExternalRefresher
from codex_reference_server.turns import Turns
from freedom import freedom
from mutant import around, instances

ASKED = '"method":"account/chatgptAuthTokens/refresh"'
BAD = ("no ChatgptAuthTokensRefreshResponse", "no JWT", "another workspace")
STILL_OPEN = "the refresh request of another turn is still open"


def _ids(patch: pytest.MonkeyPatch, ids: Callable[[], Iterable[Any]]) -> None:
    @around(patch, Clients, "__init__")
    def init(real: Any, self: Any) -> None:
        real(self)
        self._ids = iter(ids())


@freedom(
    "REFRESH-14",
    "REFRESH-15",
    case="refresh/good-answer",
    says='"id":"refresh-0"',
    inapplicable=(
        "refresh/answer-under-id/other-type",
        "refresh/id-zero",
        "wire/equal-ids-in-flight",
    ),
)
def ids_are_texts(patch: pytest.MonkeyPatch) -> None:
    """The ids of refresh requests are texts."""
    _ids(patch, lambda: (f"refresh-{number}" for number in count()))


@freedom(
    "REFRESH-14",
    "REFRESH-15",
    case="refresh/good-answer",
    says='"id":"0"',
    inapplicable=("refresh/id-zero", "wire/equal-ids-in-flight"),
)
def ids_are_decimal_texts(patch: pytest.MonkeyPatch) -> None:
    """The ids of refresh requests are numbers, written as texts."""
    _ids(patch, lambda: map(str, count()))


@freedom(
    "REFRESH-14",
    "REFRESH-15",
    case="refresh/good-answer",
    says='"id":-1',
    inapplicable=("refresh/id-zero", "wire/equal-ids-in-flight"),
)
def ids_count_down(patch: pytest.MonkeyPatch) -> None:
    """The ids of refresh requests count down from -1."""
    _ids(patch, lambda: count(-1, -1))


@freedom(
    "REFRESH-14",
    "REFRESH-15",
    case="refresh/good-answer",
    says='"id":9223372036854775807',
    inapplicable=("refresh/id-zero", "wire/equal-ids-in-flight"),
)
def ids_are_the_largest(patch: pytest.MonkeyPatch) -> None:
    """The ids of refresh requests are the largest that there are."""
    _ids(patch, lambda: count(2**63 - 1, -1))


@freedom(
    "WIRE-3",
    "REFRESH-14",
    case="refresh/good-answer",
    says='<-- {"id":1000,"method"',
    inapplicable=("refresh/id-zero",),
)
def ids_of_the_client(patch: pytest.MonkeyPatch) -> None:
    """The ids of refresh requests are those that the client's own requests bear."""
    _ids(patch, lambda: count(1000))


@freedom("REFRESH-10", case="refresh/several-at-once/one-token", says=f'{{"id":3,{ASKED}')
def each_turn_asks(patch: pytest.MonkeyPatch) -> None:
    """Every turn that meets a 401 sends a refresh request of its own, at once."""
    asking: list[ExternalRefresher] = []

    @around(patch, ExternalRefresher, "refresh")
    async def refresh(real: Any, self: Any, rejected: Any) -> Any:
        own = ExternalRefresher(self._revision, self._ask, self._take)
        asking.append(own)
        return await real(own, rejected)

    @around(patch, ExternalRefresher, "login_changed")
    def login_changed(real: Any, self: Any) -> None:
        for own in asking:
            real(own)


def _asking_in_turn(patch: pytest.MonkeyPatch) -> None:
    """Let nobody be asked for a login before it is known what became of the request before."""

    @around(patch, Auth, "renew")
    async def renew(real: Any, self: Any, rejected: Any) -> Any:
        async with vars(self).setdefault("asking", anyio.Lock()):
            return await real(self, rejected)


@freedom("REFRESH-10", case="refresh/several-unanswered", says=f'{{"id":1,{ASKED}')
def turns_ask_in_turn(patch: pytest.MonkeyPatch) -> None:
    """A turn that meets a 401 while another one asks sends its refresh request after that."""
    _asking_in_turn(patch)


@freedom(
    "REFRESH-10",
    "REFRESH-12",
    case="refresh/several-at-once/one-token",
    says="  600.000 ",
    inapplicable=("refresh/late-401-after-refresh",),
)
def turns_wait_for_each_other(patch: pytest.MonkeyPatch) -> None:
    """One turn at a time is under way, on whatever thread; the others wait for it."""

    @around(patch, Turns, "_talk")
    async def talk(real: Any, self: Any, turn: Any) -> None:
        async with vars(self).setdefault("talking", anyio.Lock()):
            await real(self, turn)


@freedom("REFRESH-16", "REFRESH-20", case="refresh/other-account", says="of another account")
def other_account_refused(patch: pytest.MonkeyPatch) -> None:
    """A turn whose refresh is answered with another account fails."""

    @around(patch, Auth, "_take_external")
    def take(real: Any, self: Any, tokens: Any) -> None:
        if self._checked(tokens).account_id != self.credentials.account_id:
            raise Refusal("the tokens are those of another account")
        real(self, tokens)


@freedom(
    "REFRESH-19",
    "LOGIN-4",
    case="refresh/updated-after-change-of/plan",
    says='"account/updated","params":{"authMode":"chatgptAuthTokens","planType":"plus"}',
)
def refresh_announced(patch: pytest.MonkeyPatch) -> None:
    """`account/updated` follows every refresh."""
    clients = instances(patch, Clients)

    @around(patch, Auth, "_take_external")
    def take(real: Any, self: Any, tokens: Any) -> None:
        real(self, tokens)
        login = self.credentials
        told = {"auth_mode": login.mode, "plan_type": self._revision.plan(login.plan)}
        clients[-1].notify(self._revision.notification("account/updated", **told))


@freedom("REFRESH-13", case="refresh/odd-answer/both", says='"status":"completed"')
def both_is_a_result(patch: pytest.MonkeyPatch) -> None:
    """An answer with both result and error is a result."""

    @around(patch, Clients, "answered")
    def answered(real: Any, self: Any, response: Any) -> None:
        if response.result != NULL:
            response.error = NULL
        real(self, response)


@freedom("REFRESH-13", case="refresh/half-answer/neither", says="no answer within 10 seconds")
def neither_is_no_answer(patch: pytest.MonkeyPatch) -> None:
    """An answer with both result and error, or with neither, is none."""

    @around(patch, Clients, "answered")
    def answered(real: Any, self: Any, response: Any) -> None:
        if (response.result == NULL) != (response.error == NULL):
            real(self, response)


@freedom("REFRESH-13", "WORKSPACE-3", case="refresh/invalid-answer/empty", says="   10.000")
def bad_answer_ends_at_the_limit(patch: pytest.MonkeyPatch) -> None:
    """A turn whose refresh is answered with what does not validate fails at the limit."""

    @around(patch, ExternalRefresher, "_settle")
    def settle(real: Any, self: Any, question: Any, failure: str | None = None) -> None:
        if failure is not None and any(bad in failure for bad in BAD):
            question.forget()
        else:
            real(self, question, failure)


def _login_leaves_the_request_open(patch: pytest.MonkeyPatch, dropped: Any) -> None:
    """Let a turn wait on when somebody logs in or out meanwhile: `dropped(answer)` at the end."""

    def put_aside(self: Any) -> None:
        self._question = None

    patch.setattr(ExternalRefresher, "login_changed", put_aside)

    @around(patch, ExternalRefresher, "_settle")
    def settle(real: Any, self: Any, question: Any, failure: str | None = None) -> None:
        if not question.settled.is_set():
            latest, self._question = self._question, question
            real(self, question, failure)
            self._question = None if latest is question else latest

    @around(patch, ExternalRefresher, "_answered")
    def answered(real: Any, self: Any, question: Any, result: Any) -> None:
        if question is self._question or result is None:
            real(self, question, result)
        else:
            dropped(self, result)
            self._settle(question)


@freedom(
    "LOGIN-12",
    "LOGOUT-4",
    case="login/during-refresh-late-answer",
    says="no answer within 10 seconds",
)
def turn_waits_for_an_answer_that_is_dropped(patch: pytest.MonkeyPatch) -> None:
    """After a login a turn waits for the answer to its refresh, and goes on as the new login."""
    _login_leaves_the_request_open(patch, lambda refresher, result: None)


@freedom("REFRESH-21", case="refresh/turn-after-interrupt", says=STILL_OPEN)
def request_outlives_its_turn(patch: pytest.MonkeyPatch) -> None:
    """The refresh request of an interrupted turn stays open; the next turn waits for it, too."""
    clients = instances(patch, Clients)

    @around(patch, ExternalRefresher, "_settle")
    def settle(real: Any, self: Any, question: Any, failure: str | None = None) -> None:
        is_abandoned = failure is None and not question.waiting
        is_late = anyio.current_time() >= question.deadline
        if not is_abandoned or is_late:
            real(self, question, failure)

    @around(patch, ExternalRefresher, "_answered")
    def answered(real: Any, self: Any, question: Any, result: Any) -> None:
        real(self, question, result if question.waiting else None)

    @around(patch, ExternalRefresher, "refresh")
    async def refresh(real: Any, self: Any, rejected: Any) -> Any:
        question = self._question
        if question is not None and anyio.current_time() >= question.deadline:
            self._settle(question)
        elif question is not None:
            clients[-1].notify(Notification("warning", {"message": STILL_OPEN}))
        return await real(self, rejected)


@freedom("REFRESH-1", "REFRESH-3", case="refresh/good-answer", says="    2.000 ")
def slow_before_and_after(patch: pytest.MonkeyPatch) -> None:
    """A second goes by between a 401 and the refresh request, and between answer and retry."""

    @around(patch, Auth, "renew")
    async def renew(real: Any, self: Any, rejected: Any) -> Any:
        await anyio.sleep(1)
        renewed = await real(self, rejected)
        await anyio.sleep(1)
        return renewed and self._current_in(renewed.mode)


@freedom(
    "REFRESH-3", "REFRESH-6", case="refresh/good-answer", says="GET /backend-api/wham/accounts"
)
def new_tokens_are_tried_first(patch: pytest.MonkeyPatch) -> None:
    """The tokens of an answer count once the account endpoints have let them in."""
    turns = instances(patch, Turns)
    _asking_in_turn(patch)

    @around(patch, Auth, "_take_external")
    def take(real: Any, self: Any, tokens: Any) -> None:
        self.coming = self._checked(tokens)

    @around(patch, Auth, "renew")
    async def renew(real: Any, self: Any, rejected: Any) -> Any:
        before, self.coming = self.credentials, None
        renewed = await real(self, rejected)
        if self.coming is None:
            return renewed
        await turns[-1].open_backend().fetch(self.coming, "wham/accounts/check")
        if self.credentials is before:
            self.credentials = self.coming
        return self._current_in(EXTERNAL)


@freedom(
    "REFRESH-1",
    "REFRESH-4",
    case="refresh/good-answer",
    says="GET /backend-api/wham/usage",
    inapplicable=("refresh/retry-repeats-the-request",),
)
def account_is_asked_before_each_turn(patch: pytest.MonkeyPatch) -> None:
    """Before a turn the limits are asked for, and it is a 401 for these that calls for tokens."""

    @around(patch, Turns, "_talk")
    async def talk(real: Any, self: Any, turn: Any) -> None:
        login, fetch = self._auth.credentials, self.open_backend().fetch
        if self._auth.is_external:
            try:
                await fetch(login, "wham/usage")
            except RefusedByBackend as refusal:
                if refusal.status == UNAUTHORIZED and (newer := await self._auth.renew(login)):
                    await fetch(newer, "wham/usage")
        await real(self, turn)


@freedom("REFRESH-18", case="refresh/401-on-websocket-upgrade", says="GET /v1/responses")
def websocket_comes_first(patch: pytest.MonkeyPatch) -> None:
    """Where the provider takes WebSocket, that is asked for before anything is posted."""
    tries_websocket_first(patch, (UNAUTHORIZED,))


@freedom("REFRESH-4", "REFRESH-10", case="refresh/second-401", says="thread/name/updated")
def thread_gets_a_title(patch: pytest.MonkeyPatch) -> None:
    """While the model answers it is asked, with the same token, for a title of the thread."""

    async def take(_event: Any) -> None:
        pass

    @around(patch, Turns, "_talk")
    async def talk(real: Any, self: Any, turn: Any) -> None:
        def tell_limits(usage: Any) -> None:
            self._tell_limits(turn.thread, usage)

        async def ask_for_title() -> None:
            body = {"model": turn.thread.model, "input": [], "instructions": "Give it a title."}
            with suppress(TurnFailure):
                await self.open_backend().respond(body, take, tell_limits)
            named = {"threadId": turn.thread.id, "threadName": "Hello"}
            self._narrate(turn.thread.id, Notification("thread/name/updated", named))

        failure = None
        async with anyio.create_task_group() as group:
            group.start_soon(ask_for_title)
            try:
                await real(self, turn)
            except TurnFailure as reason:
                failure = reason
        if failure is not None:
            raise failure


@freedom("REFRESH-14", "TIMEOUT-1", case="refresh/good-answer", says="serverRequest/resolved")
def end_of_a_request_is_told(patch: pytest.MonkeyPatch) -> None:
    """A notification tells that a refresh request needs no answer any more."""

    @around(patch, Clients, "ask")
    def ask(real: Any, self: Any, *args: Any) -> Any:
        forget = real(self, *args)
        request_id = next(reversed(self._asked))

        def forget_and_tell() -> None:
            forget()
            self.notify(Notification("serverRequest/resolved", {"requestId": request_id}))

        return forget_and_tell


@freedom("REFRESH-3", "LOGIN-7", case="refresh/good-answer", says="    1.000 ~~~ POST")
def requests_take_a_second(patch: pytest.MonkeyPatch) -> None:
    """A request to the model is a second on its way, and so is its answer."""

    @around(patch, Backend, "_send")
    async def send(real: Any, self: Any, body: Any, login: Any) -> Any:
        await anyio.sleep(1)
        response = await real(self, body, login)
        await anyio.sleep(1)
        return response


@freedom("REFRESH-16", "REFRESH-20", case="refresh/other-account", says="(Bearer <tokens-3")
def other_account_for_one_retry(patch: pytest.MonkeyPatch) -> None:
    """Tokens of another account serve the retry that they were asked for, and nothing else."""

    @around(patch, Auth, "_take_external")
    def take(real: Any, self: Any, tokens: Any) -> None:
        answer = self._checked(tokens)
        if answer.account_id == self.credentials.account_id:
            real(self, tokens)
        else:
            self.lent = answer

    @around(patch, Auth, "renew")
    async def renew(real: Any, self: Any, rejected: Any) -> Any:
        self.lent = None
        renewed = await real(self, rejected)
        return self.lent or renewed
