"""What is drawn for a session of a revision: set-ups, and steps kind by kind."""

import json
from typing import Any

from codex_account_protocol import methods
from codex_conformance.case import Setup
from codex_conformance.cases.error import MALFORMED
from codex_conformance.cases.managed_login import WRONG_STATES
from codex_conformance.cases.refresh import ODD_BODIES
from codex_conformance.exchange import REFRESH
from codex_conformance.tokens import ALPHA, BETA, GAMMA, NO_JWT
from from_schema import JSON, broken, valid
from hypothesis import strategies as st
from managed import (
    CANCELLED,
    FOR_GOOD,
    FOR_NOW,
    UNGRANTED,
    BeginBrowserLogin,
    CancelBrowserLogin,
    FailBrowserLogin,
    FinishBrowserLogin,
    LogOutAtIssuer,
    ReadRefreshed,
    RestartLoggedIn,
    TakeManagedTurnsAtOnce,
    TakeTurnWithIssuer,
)
from refresh import (
    ANOTHER,
    ANSWERS,
    DISTURBING,
    ELSEWHERE,
    IN_VAIN,
    MEANWHILE,
    OTHER_SHAPE,
    PLAIN_401,
    TELLTALE,
    UNANSWERED,
    Malformed,
    Refresh,
)
from speech import CUTS, DRESSES, IDS, Ask, InitializeAgain, Speak, Write
from steps import (
    FAULTS,
    OTHER_LOGINS,
    LogIn,
    LogInBadly,
    LogInOverTokens,
    LogInWithKey,
    LogOut,
    ReadLimits,
    Restart,
)
from turns import (
    TROUBLE,
    LogInUnderTurn,
    LogOutUnderTurn,
    TakeTurn,
    TakeTurnInTrouble,
    TakeTurnsAtOnce,
)

OF_STEPS = {"initialize", "account/login/start", "account/logout", "turn/start", "thread/start"}
FORCED = "forced workspace"
MANAGED = "restart with a managed login"
# Some that come, a request of either side, and beginnings of those that are waited for.
OPT_OUT = ("turn/started", REFRESH, "account/read", "account/upd", "account/login")
REFUSALS = [PLAIN_401, PLAIN_401, *ODD_BODIES]
UNDECODABLE = {"undecodable-header", "undecodable-signature"}
Steps = dict[str, st.SearchStrategy[Any]]


def setups(revision: str, without: frozenset[str]) -> st.SearchStrategy[Setup]:
    """How a server is configured and greeted; forced workspaces can be left out."""
    forced = [ALPHA, f" {ALPHA} ", [ALPHA, BETA]] if revision == "0.169" else [ALPHA]
    drawn = [
        st.just(Setup()),
        st.builds(Setup, stored_login=st.sampled_from(["managed", "apiKey"])),
        st.builds(Setup, forced_login_method=st.sampled_from(["chatgpt", "api"])),
    ]
    if revision != "0.93":  # which knows no capabilities
        drawn.append(st.builds(Setup, opt_out=st.just(OPT_OUT), experimental=st.booleans()))
    if FORCED not in without:
        drawn.append(st.builds(Setup, forced_workspace=st.sampled_from(forced)))
    return st.sampled_from(drawn).flatmap(lambda each: each)


def steps(revision: str) -> Steps:
    """Every kind of step, by its name."""
    drawn = _logins(revision) | _managed() | _turns(revision) | _others(revision)
    if revision != "0.169":  # those before leave open what is told of a login that is not granted
        del drawn["fail a browser login"]
    return drawn


def _logins(revision: str) -> Steps:
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
        "log in over tokens": st.builds(LogInOverTokens, st.sampled_from(OTHER_LOGINS)),
        "log out": st.just(LogOut()),
        "restart": st.just(Restart()),
        "restart with a key": st.just(RestartLoggedIn("apiKey")),
    }


def _managed() -> Steps:
    return {
        "begin a browser login": st.just(BeginBrowserLogin()),
        "cancel a browser login": st.builds(
            CancelBrowserLogin, st.just("last") | st.sampled_from(sorted(CANCELLED))
        ),
        "finish a browser login": st.builds(
            FinishBrowserLogin, st.sampled_from(sorted(WRONG_STATES))
        ),
        "fail a browser login": st.builds(FailBrowserLogin, st.sampled_from(UNGRANTED)),
        MANAGED: st.just(RestartLoggedIn()),
        "turn with the issuer": st.builds(
            TakeTurnWithIssuer, st.sampled_from(["in part", *FOR_NOW, *FOR_GOOD])
        ),
        "managed turns at once": st.builds(TakeManagedTurnsAtOnce, st.integers(2, 3)),
        "log out at the issuer": st.just(LogOutAtIssuer()),
    }


def _turns(revision: str) -> Steps:
    odd = set(NO_JWT) - UNDECODABLE
    return {
        "turn": st.builds(TakeTurn, refused=st.booleans()),
        "refresh": st.builds(
            Refresh, st.sampled_from(ANSWERS), st.sampled_from(MEANWHILE), st.sampled_from(REFUSALS)
        ),
        "refresh in vain": st.builds(Refresh, st.just(IN_VAIN), st.sampled_from(MEANWHILE)),
        "refresh unanswered": st.just(Refresh(UNANSWERED)),
        "refresh from elsewhere": st.just(Refresh(ELSEWHERE)),
        "refresh as another account": st.just(Refresh(ANOTHER)),
        "refresh with a fault": st.builds(
            Refresh, st.sampled_from(sorted(odd)) | st.just(OTHER_SHAPE) | bad_answers(revision)
        ),
        "refresh with a malformed error": st.builds(Refresh, malformed_errors()),
        "refresh with tokens in an error": st.just(Refresh(TELLTALE)),
        "refresh undecodably": st.builds(Refresh, st.sampled_from(sorted(UNDECODABLE))),
        **{f"{kind} during a refresh": st.just(Refresh(meanwhile=kind)) for kind in DISTURBING},
        "turns at once": st.builds(TakeTurnsAtOnce, st.integers(2, 3)),
        "log in under a turn": st.just(LogInUnderTurn()),
        "log out under a turn": st.just(LogOutUnderTurn()),
    }


def _others(revision: str) -> Steps:
    return {
        "trouble": st.builds(TakeTurnInTrouble, st.sampled_from(sorted(TROUBLE))),
        "ask": asked(revision),
        "initialize again": st.just(InitializeAgain()),
        "speak": st.builds(Speak, st.sampled_from(sorted(CUTS)), st.sampled_from(sorted(DRESSES))),
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


def malformed_errors() -> st.SearchStrategy[Malformed]:
    """Errors that lack something, or are anything but null."""
    drawn = st.sampled_from(list(MALFORMED.values())) | JSON.filter(lambda each: each is not None)
    return st.builds(Malformed, drawn)


def asked(revision: str) -> st.SearchStrategy[Ask]:
    """Requests that change no login, with params of all kinds."""
    drawn = []
    for row in methods(revision):
        if (row.kind, row.direction) == ("request", "clientToServer") and (
            row.method not in OF_STEPS
        ):
            of_type = [of(revision, row.params) for of in (valid, broken) if row.params]
            params = st.one_of(*of_type, JSON, st.just(Ask.params))
            ids = st.none() | st.sampled_from(sorted(IDS))
            drawn.append(st.builds(Ask, st.just(row.method), params, ids))
    return st.one_of(drawn)


def _is_no_object(data: bytes) -> bool:
    """Whether no line of it can be a message that a server has to answer."""
    return b"{" not in data
