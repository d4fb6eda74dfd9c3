"""What a case is written with: its declaration, its assertions, its ways to end."""

import dataclasses
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn

from codex_account_protocol import REVISIONS

Case = Callable[..., Coroutine[Any, Any, None]]


@dataclass(frozen=True)
class Setup:
    """How the target is configured and greeted before the case begins.

    Attributes:
        handshake: whether `initialize` and `initialized` are done before the case.
        experimental: `capabilities.experimentalApi` of that handshake.
        opt_out: `capabilities.optOutNotificationMethods` of that handshake.
        forced_workspace: `forced_chatgpt_workspace_id`, a string or a list of them.
        forced_login_method: `chatgpt` or `api`.
        requires_openai_auth: as the model provider has it.
        stored_login: what lies in `auth.json` when the target starts.
        sandbox: sandbox mode; only a case that lets the target run a command opens it.
        websockets: whether the model provider is declared to take WebSocket.
        browser_login: whether a browser login is begun; targets take turns, since codex wants one
            fixed port for it.
    """

    handshake: bool = True
    experimental: bool = True
    opt_out: tuple[str, ...] = ()
    forced_workspace: str | list[str] | None = None
    forced_login_method: Literal["chatgpt", "api"] | None = None
    requires_openai_auth: bool = True
    stored_login: Literal["managed", "apiKey"] | None = None
    sandbox: Literal["read-only", "danger-full-access"] = "read-only"
    websockets: bool = False
    browser_login: bool = False


@dataclass(frozen=True)
class CaseSpec:
    """The declaration of a case.

    Attributes:
        id: `area/what-it-does`; a parametrized case appends `/parameter`.
        clauses: the clauses that it judges.
        revisions: where it makes sense; empty = wherever one of its clauses holds.
        waits: seconds of real time that it has to wait by the nature of what it judges.
    """

    id: str
    clauses: tuple[str, ...]
    revisions: tuple[str, ...]
    setup: Setup
    waits: float


def since(revision: str) -> tuple[str, ...]:
    """A revision and every later one, for `case(revisions=...)`."""
    return REVISIONS[REVISIONS.index(revision) :]


def case(
    case_id: str,
    *clauses: str,
    revisions: tuple[str, ...] = (),
    waits: float = 0,
    setup: Setup | None = None,
    **settings: Any,
) -> Callable[[Case], Case]:
    """Declare a coroutine function a case that judges `clauses`.

    Args:
        case_id: stable id, `area/what-it-does`.
        clauses: ids of the ledger; the first is the one that the case is mainly about.
        revisions: revisions that it is limited to, beyond what its clauses say.
        waits: seconds that it waits against a real clock; long ones are started first.
        setup: how the target is configured, or
        settings: the same, as members of `Setup`.
    """
    chosen = dataclasses.replace(setup or Setup(), **settings)

    def declare(function: Case) -> Case:
        function.spec = CaseSpec(case_id, clauses, revisions, chosen, waits)  # type: ignore[attr-defined]
        return function

    return declare


class Broken(Exception):  # noqa: N818 - a verdict, not a mishap
    """The target did something else than a clause says.

    Attributes:
        clause: the one clause that this is about; None where the ledger has none (a turn that
            cannot even be started).
        prerequisite: the case only needed it; what it judges stays unknown then.
        wrong: index in the transcript of the first wrong message, where there is one.
    """

    def __init__(
        self,
        clause: str | None,
        expected: str,
        actual: str,
        *,
        prerequisite: bool = False,
        wrong: int | None = None,
    ) -> None:
        super().__init__(f"expected {expected}; got {actual}")
        self.clause = clause
        self.expected = expected
        self.actual = actual
        self.prerequisite = prerequisite
        self.wrong = wrong


class NotApplicable(Exception):  # noqa: N818
    """The target does not offer what the case is about."""


def expect(clause: str, holds: bool, expected: str, actual: object) -> None:
    """State a requirement of one clause; the case fails with it unless it holds.

    Args:
        clause: id of the ledger.
        holds: whether the target did as the clause says.
        expected: what the clause wants to see here, in the protocol's words.
        actual: what came; anything that prints well.
    """
    if not holds:
        raise Broken(clause, expected, describe(actual), wrong=_position(actual))


def require(clause: str | None, holds: bool, expected: str, actual: object) -> None:
    """State what the case needs before it can judge anything.

    In a case about that clause it is a failure like any other; elsewhere the case is untestable.
    """
    if not holds:
        raise Broken(
            clause,
            expected,
            describe(actual),
            prerequisite=True,
            wrong=_position(actual),
        )


def not_applicable(reason: str) -> NoReturn:
    """End the case: the target does not offer what it is about."""
    raise NotApplicable(reason)


def _position(value: object) -> int | None:
    """Where in the transcript something came from, if it did."""
    index = getattr(value, "index", None)
    return index if isinstance(index, int) else None


def describe(value: object) -> str:
    """A value in the words of a report."""
    if isinstance(value, str):
        return value
    if value is None:
        return "nothing"
    return str(value)


@dataclass
class Observations:
    """What a case saw where several behaviours are allowed: clause -> sentence."""

    seen: dict[str, str] = field(default_factory=dict)

    def add(self, clause: str, sentence: str) -> None:
        """Record `sentence` for `clause`; another one is appended, the same one is not."""
        before = self.seen.get(clause)
        if before is None:
            self.seen[clause] = sentence
        elif sentence not in before.split("; "):
            self.seen[clause] = f"{before}; {sentence}"
