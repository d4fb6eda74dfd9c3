"""Faults of a refresh that nobody answers in time, or that is answered with an error."""

from itertools import count
from typing import Any

import msgspec
import pytest
from codex_reference_server import refresh
from codex_reference_server.auth import Auth
from codex_reference_server.connection import Clients
from codex_reference_server.messages import TurnFailure
from codex_reference_server.narration import Narration
from codex_reference_server.refresh import ExternalRefresher, Refresher, RefreshFailure
from mutant import around, instances, mutant

NO_ANSWER, ERROR = "no answer within", "answered with an error"


def _limit(patch: pytest.MonkeyPatch, seconds: float) -> None:
    patch.setattr(refresh, "REFRESH_LIMIT", seconds)


def _told_as(patch: pytest.MonkeyPatch, failure_has: str, status: str, failure: Any) -> None:
    """Tell turns that fail for a reason as if they ended otherwise."""

    @around(patch, Narration, "end")
    def end(real: Any, self: Any, was: str, why: Any = None) -> None:
        if why is not None and failure_has in why.message:
            real(self, status, failure)
        else:
            real(self, was, why)


def _once_failed(patch: pytest.MonkeyPatch, failure_has: str, act: Any) -> None:
    """Do something when a refresh request has failed for a reason: `act(refresher)`."""

    @around(patch, ExternalRefresher, "_settle")
    def settle(real: Any, self: Any, question: Any, failure: str | None = None) -> None:
        real(self, question, failure)
        if failure is not None and failure_has in failure:
            act(self)


def _asks_no_more(patch: pytest.MonkeyPatch, failure_has: str) -> None:
    auths = instances(patch, Auth)

    def act(_refresher: Any) -> None:
        auths[-1]._refreshers["chatgptAuthTokens"] = Refresher()

    _once_failed(patch, failure_has, act)


@mutant("TIMEOUT-1", "TIMEOUT-2")
def limit_a_little_early(patch: pytest.MonkeyPatch) -> None:
    """The client has a hundredth of a second less than ten."""
    _limit(patch, 9.99)


@mutant("TIMEOUT-1")
def limit_a_little_late(patch: pytest.MonkeyPatch) -> None:
    """The client has a hundredth of a second more than ten."""
    _limit(patch, 10.01)


@mutant("REFRESH-10", "TIMEOUT-1")
def no_answer_completes_the_turn(patch: pytest.MonkeyPatch) -> None:
    """A turn whose refresh request nobody answers is told as completed."""
    _told_as(patch, NO_ANSWER, "completed", None)


@mutant("TIMEOUT-2")
def answer_in_the_last_second_ignored(patch: pytest.MonkeyPatch) -> None:
    """An answer that comes in the last second does not count."""

    @around(patch, ExternalRefresher, "_answered")
    def answered(real: Any, self: Any, question: Any, result: Any) -> None:
        question.deadline -= 1
        real(self, question, result)
        question.deadline += 1


def _late_answers_count(patch: pytest.MonkeyPatch, when: Any) -> None:
    """Take answers that come after the limit, when `when(refresher)`."""

    @around(patch, ExternalRefresher, "_settle")
    def settle(real: Any, self: Any, question: Any, failure: str | None = None) -> None:
        if failure is not None and NO_ANSWER in failure:
            question.forget = lambda: None
        real(self, question, failure)

    @around(patch, ExternalRefresher, "_answered")
    def answered(real: Any, self: Any, question: Any, result: Any) -> None:
        if question.failure is None or NO_ANSWER not in question.failure:
            real(self, question, result)
        elif result is not None and when(self):
            self._take(self._decoder.decode(result))


@mutant("TIMEOUT-3", "TIMEOUT-4")
def late_answer_taken(patch: pytest.MonkeyPatch) -> None:
    """An answer that comes after the limit replaces the tokens."""
    _late_answers_count(patch, lambda refresher: True)


@mutant("TIMEOUT-4")
def late_answer_taken_while_asking_again(patch: pytest.MonkeyPatch) -> None:
    """A late answer counts while the request after it is open."""
    _late_answers_count(patch, lambda refresher: refresher._question is not None)


@mutant("TIMEOUT-4")
def asks_no_more_after_no_answer(patch: pytest.MonkeyPatch) -> None:
    """Once nobody has answered the client is not asked again."""
    _asks_no_more(patch, NO_ANSWER)


@mutant("TIMEOUT-4")
def same_id_after_no_answer(patch: pytest.MonkeyPatch) -> None:
    """The request after one that nobody has answered has its id."""
    clients = instances(patch, Clients)

    def act(_refresher: Any) -> None:
        clients[-1]._ids = count()

    _once_failed(patch, NO_ANSWER, act)


def _on_error(patch: pytest.MonkeyPatch, act: Any) -> None:
    """Answer errors otherwise: `act(refresher, question)`."""

    @around(patch, ExternalRefresher, "_answered")
    def answered(real: Any, self: Any, question: Any, result: Any) -> None:
        act(self, question) if result is None else real(self, question, result)


@mutant("ERROR-1", "ERROR-4")
def error_is_no_answer(patch: pytest.MonkeyPatch) -> None:
    """A refresh request that is answered with an error runs into the limit."""
    _on_error(patch, lambda refresher, question: None)


@mutant("ERROR-1", "ERROR-4", "REFRESH-14")
def error_without_a_word(patch: pytest.MonkeyPatch) -> None:
    """A turn whose refresh request is answered with an error fails with an empty message."""
    _told_as(patch, ERROR, "failed", TurnFailure(""))


@mutant("ERROR-2")
def asks_no_more_after_error(patch: pytest.MonkeyPatch) -> None:
    """After a refresh request that was answered with an error the client is not asked again."""
    _asks_no_more(patch, ERROR)


@mutant("ERROR-3")
def error_repeated_in_the_turn(patch: pytest.MonkeyPatch) -> None:
    """The error of the turn repeats what the client has put into its error."""
    said = []

    @around(patch, Clients, "answered")
    def answered(real: Any, self: Any, response: Any) -> None:
        said.append(bytes(response.error).decode())
        real(self, response)

    @around(patch, RefreshFailure, "__init__")
    def init(real: Any, self: Any, reason: str) -> None:
        real(self, f"{reason}: {said[-1]}" if ERROR in reason else reason)


@mutant("ERROR-4")
def malformed_error_is_no_answer(patch: pytest.MonkeyPatch) -> None:
    """An error without a message or with a code that is no integer is dropped."""

    @around(patch, Clients, "answered")
    def answered(real: Any, self: Any, response: Any) -> None:
        error = msgspec.json.decode(response.error)
        if error is None or (
            isinstance(error, dict)
            and isinstance(error.get("message"), str)
            and isinstance(error.get("code"), int)
        ):
            real(self, response)
