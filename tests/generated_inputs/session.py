"""A session of any steps in any set-up, drawn for a revision, and how it is played."""

from dataclasses import dataclass
from itertools import chain
from typing import Any

from codex_conformance.bench import Bench, Judged, judge_case
from codex_conformance.case import CaseSpec, Setup
from codex_conformance.results import CaseResult
from codex_conformance.tokens import ALPHA, ExternalTokens
from draw import FORCED, MANAGED, setups, steps
from hypothesis import strategies as st
from model import Model, bearer, brief, look
from steps import LogIn

BROWSER = ("log out", "begin a browser login")
ROWS = [
    ("log out", "turn"),
    ("log out", "log in with a key", "turn"),
    (*BROWSER, "cancel a browser login"),
    (*BROWSER, "begin a browser login"),
    (*BROWSER, "finish a browser login", "log in with a key", "restart"),
    (*BROWSER, "fail a browser login"),
    (*BROWSER, "log in", "cancel a browser login"),
    ("log in under another account id", "turn"),
    ("log in", "turns at once", "turn"),
    ("refresh unanswered", "refresh"),
    ("log in", "trouble", "trouble"),
    ("log in", "refresh from elsewhere", "turn"),
    ("log in", "refresh with a fault", "turn"),
    (MANAGED, "turn", "turn", "read"),
    (MANAGED, "turn with the issuer", "turn"),
    (MANAGED, "managed turns at once"),
    (MANAGED, "log out at the issuer", "restart"),
    (MANAGED, "log in with a key", "restart", "turn"),
]


@dataclass(frozen=True)
class Session:
    """What is configured, and the steps that are taken then."""

    setup: Setup
    steps: tuple[Any, ...]

    def __str__(self) -> str:
        return "\n".join(f"  {brief(each)}" for each in (self.setup, *self.steps))


def sessions(
    revision: str, without: frozenset[str] = frozenset(), rows: int = 10
) -> st.SearchStrategy[Session]:
    """Sessions of a revision, of at most three times so many rows of one to four steps.

    Some steps come in a row that leads somewhere; the others follow each other by chance.

    Args:
        without: what is left out: kinds of steps, and forced workspaces.
    """
    kept = {kind: drawn for kind, drawn in steps(revision).items() if kind not in without}
    often = [kind for kind in ("log in", "refresh", "refresh", "turn", "ask") if kind in kept]
    known = [row for row in ROWS if kept.keys() >= set(row)]
    names = st.sampled_from([*((kind,) for kind in [*kept, *often]), *known])
    row = names.flatmap(lambda each: st.tuples(*(kept[kind] for kind in each)))
    some = st.lists(row, max_size=rows)
    # Most clients write in one way from beginning to end.
    way = st.just(()) | kept.get("speak", st.nothing()).map(lambda each: ((each,),))
    parts = st.tuples(way, some, some, some)
    drawn_steps = parts.map(lambda each: tuple(chain(*chain(*each))))
    return st.builds(Session, setups(revision, without), drawn_steps)


def kinds(revision: str) -> set[str]:
    """What can be left out of the sessions of a revision."""
    return {*steps(revision), FORCED}


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
