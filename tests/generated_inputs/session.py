"""A session of any steps in any set-up, drawn for a revision, and how it is played."""

import json
from dataclasses import dataclass
from itertools import chain
from typing import Any

from codex_account_protocol import methods
from codex_conformance.bench import Bench, Judged, judge_case
from codex_conformance.case import CaseSpec, Setup
from codex_conformance.results import CaseResult
from codex_conformance.tokens import ALPHA, BETA, GAMMA, NO_JWT, ExternalTokens
from from_schema import JSON, broken, valid
from hypothesis import strategies as st
from model import Model, bearer, look
from steps import (
    FAULTS,
    OTHER_LOGINS,
    Ask,
    BeginBrowserLogin,
    CancelBrowserLogin,
    FinishBrowserLogin,
    LogIn,
    LogInBadly,
    LogInOverTokens,
    LogInWithKey,
    LogOut,
    ReadLimits,
    ReadRefreshed,
    Restart,
    Write,
)
from turns import (
    ANSWERS,
    DISTURBING,
    ELSEWHERE,
    IN_VAIN,
    MEANWHILE,
    TROUBLE,
    LogInUnderTurn,
    Refresh,
    TakeTurn,
    TakeTurnInTrouble,
    TakeTurnsAtOnce,
)

OF_STEPS = {"initialize", "account/login/start", "account/logout", "turn/start", "thread/start"}
FORCED = "forced workspace"
ROWS = [
    ("log out", "turn"),
    ("log out", "log in with a key", "turn"),
    ("log out", "begin a browser login", "end a browser login"),
    ("log out", "begin a browser login", "log in", "end a browser login"),
    ("log in under another account id", "turn"),
    ("log in", "turns at once", "turn"),
]
UNDECODABLE = {"undecodable-header", "undecodable-signature"}


@dataclass(frozen=True)
class Session:
    """What is configured, and the steps that are taken then."""

    setup: Setup
    steps: tuple[Any, ...]

    def __str__(self) -> str:
        return "\n".join(map(str, (self.setup, *self.steps)))


def sessions(
    revision: str, without: frozenset[str] = frozenset(), rows: int = 7
) -> st.SearchStrategy[Session]:
    """Sessions of a revision, of at most three times so many rows of one to four steps.

    Some steps come in a row that leads somewhere; the others follow each other by chance.

    Args:
        without: what is left out: kinds of steps, and forced workspaces.
    """
    kept = {kind: drawn for kind, drawn in _steps(revision).items() if kind not in without}
    often = [kind for kind in ("log in", "refresh", "refresh", "turn") if kind in kept]
    known = [row for row in ROWS if kept.keys() >= set(row)]
    drawn = st.sampled_from([*((kind,) for kind in [*kept, *often]), *known])
    row = drawn.flatmap(lambda names: st.tuples(*map(kept.get, names)))
    some = st.lists(row, min_size=1, max_size=rows)
    steps = st.tuples(some, some, some).map(lambda parts: tuple(chain(*chain(*parts))))
    return st.builds(Session, _setups(revision, without), steps)


def kinds(revision: str) -> set[str]:
    """What can be left out of the sessions of a revision."""
    return {*_steps(revision), FORCED}


def _setups(revision: str, without: frozenset[str]) -> st.SearchStrategy[Setup]:
    forced = [ALPHA, f" {ALPHA} ", [ALPHA, BETA]] if revision == "0.169" else [ALPHA]
    drawn = [
        st.just(Setup()),
        st.builds(Setup, stored_login=st.sampled_from(["managed", "apiKey"])),
        st.builds(Setup, forced_login_method=st.sampled_from(["chatgpt", "api"])),
    ]
    if FORCED not in without:
        drawn.append(st.builds(Setup, forced_workspace=st.sampled_from(forced)))
    return st.sampled_from(drawn).flatmap(lambda each: each)


def _steps(revision: str) -> dict[str, st.SearchStrategy[Any]]:
    bad = bad_answers(revision)
    odd = set(NO_JWT) - UNDECODABLE
    return {
        "log in": st.builds(
            LogIn,
            account=st.sampled_from([ALPHA, BETA, GAMMA]),
            plan=st.sampled_from(["pro", "plus", *([] if revision == "0.93" else [None])]),
            stated=st.sampled_from([None, "team"]),
            opaque=st.booleans(),
        ),
        "log in under another account id": st.just(LogIn(announced=BETA)),
        "log in badly": st.builds(
            LogInBadly, st.sampled_from(sorted(set(FAULTS) - UNDECODABLE)) | _members()
        ),
        "log in undecodably": st.builds(LogInBadly, st.sampled_from(sorted(UNDECODABLE))),
        "log in with a key": st.just(LogInWithKey()),
        "begin a browser login": st.just(BeginBrowserLogin()),
        "end a browser login": st.sampled_from([CancelBrowserLogin(), FinishBrowserLogin()]),
        "log in over tokens": st.builds(LogInOverTokens, st.sampled_from(OTHER_LOGINS)),
        "log out": st.just(LogOut()),
        "restart": st.just(Restart()),
        "turn": st.builds(TakeTurn, refused=st.booleans()),
        "refresh": st.builds(Refresh, st.sampled_from(ANSWERS), st.sampled_from(MEANWHILE)),
        "refresh in vain": st.builds(Refresh, st.just(IN_VAIN), st.sampled_from(MEANWHILE)),
        "refresh from elsewhere": st.just(Refresh(ELSEWHERE)),
        "refresh with a fault": st.builds(Refresh, st.sampled_from(sorted(odd)) | bad),
        "refresh undecodably": st.builds(Refresh, st.sampled_from(sorted(UNDECODABLE))),
        **{f"{kind} during a refresh": st.just(Refresh(meanwhile=kind)) for kind in DISTURBING},
        "turns at once": st.builds(TakeTurnsAtOnce, st.integers(2, 3)),
        "log in under a turn": st.just(LogInUnderTurn()),
        "trouble": st.builds(TakeTurnInTrouble, st.sampled_from(sorted(TROUBLE))),
        "ask": asked(revision),
        "read": st.sampled_from([ReadRefreshed(), ReadLimits()]),
        "junk": st.builds(Write, st.text(max_size=20).map(str.encode).filter(_is_no_object)),
        "bytes": st.builds(Write, st.binary(max_size=40).filter(_is_no_object)),
        "nearly a message": st.builds(Write, nearly_messages()),
    }


def _members() -> st.SearchStrategy[Any]:
    return st.dictionaries(st.text("ab", min_size=1), JSON, max_size=2)


def nearly_messages() -> st.SearchStrategy[bytes]:
    """Objects with some members of a message, of any type; none that is a whole request."""
    members = dict.fromkeys(("id", "method", "params", "result", "error", "jsonrpc"), JSON)
    drawn = st.fixed_dictionaries({}, optional=members)
    return drawn.filter(lambda each: not {"id", "method"} <= each.keys()).map(
        lambda each: json.dumps(each).encode()
    )


def bad_answers(revision: str) -> st.SearchStrategy[Any]:
    """Results of a refresh request that have a fault, a JSON text for a token among them."""
    return broken(revision, "ChatgptAuthTokensRefreshResponse").filter(
        lambda value: not isinstance(value, str)
    )


def asked(revision: str) -> st.SearchStrategy[Ask]:
    """Requests that change no login, with params of all kinds."""
    drawn = []
    for row in methods(revision):
        if (row.kind, row.direction) == ("request", "clientToServer") and (
            row.method not in OF_STEPS
        ):
            of_type = [of(revision, row.params) for of in (valid, broken) if row.params]
            params = st.one_of(*of_type, JSON, st.just(Ask.params))
            drawn.append(st.builds(Ask, st.just(row.method), params))
    return st.one_of(drawn)


def _is_no_object(data: bytes) -> bool:
    """Whether no line of it can be a message that a server has to answer."""
    return b"{" not in data


def play(judged: Judged, session: Session) -> CaseResult:
    """Play a session; the invariants are looked at after it, the model after every step."""

    async def body(bench: Bench) -> None:
        model = Model(session.setup, judged.revision)
        model.begin(bench.stored_login or bench.stored)
        if model.who is not None:
            bench.parent.use_bearer(bearer(model.who), "LOGIN-7")
        for step in session.steps:
            if step.needs_tokens and not isinstance(model.who, ExternalTokens):
                first = LogIn(model.workspaces[0] if model.workspaces else ALPHA)
                await look(bench, model, await first.take(bench, model))
            bench.parent.transcript.add("note", str(step))
            await look(bench, model, await step.take(bench, model))

    spec = CaseSpec("generated/session", ("READ-1",), (), session.setup, 0)
    return judge_case(judged, spec, body)
