"""The conversation before the first case: is this a target, and of which revision?"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from codex_account_protocol import REVISIONS

from codex_conformance.bench import Bench, Judged
from codex_conformance.case import Broken, CaseSpec, Setup
from codex_conformance.clock import run
from codex_conformance.errors import UnfitTargetError, leaves
from codex_conformance.exchange import Response, refused_alike
from codex_conformance.mock_parent import MADE_UP
from codex_conformance.wire import printable

OPENING_PATIENCE = 10.0  # seconds that a target has for each step
_AGENT = 200  # characters of a user agent that are kept
_WORDS = 24  # characters of what it said that identify a target's rubbish
T = TypeVar("T")


@dataclass(frozen=True)
class Introduction:
    """What a target said of itself.

    Attributes:
        user_agent: of its answer to `initialize`, None where it gave none.
        revision: the one to judge it by.
    """

    user_agent: str | None
    revision: str

    @property
    def version(self) -> str | None:
        """What follows `/` in the user agent, up to a blank; None where there is none."""
        _, _, rest = (self.user_agent or "").partition("/")
        return rest.split(" ", 1)[0] or None


def introduce(judged: Judged, revision: str | None) -> Introduction:
    """Greet the target on a throw-away connection and find its revision.

    `revision` is the one to judge by, or None to ask the target.

    Raises:
        UnfitTargetError: it cannot be judged; one sentence says why.
    """
    return _converse(judged, lambda bench: _introduce(bench, revision))


def converse(judged: Judged) -> None:
    """Hold a benign conversation: login, account, one turn to its end.

    Raises:
        UnfitTargetError: the target did not take part in it.
    """
    _converse(judged, _benign)


def _converse(judged: Judged, talk: Callable[[Bench], Awaitable[T]]) -> T:
    spec = CaseSpec("opening/conversation", (), (), Setup(handshake=False), 0)
    bench = Bench(judged, spec, spec.setup)

    async def main() -> T:
        async with bench.furnished(), bench.running():
            return await talk(bench)

    try:
        return run(judged.clock, main)
    except Exception as error:  # noqa: BLE001 - sorted here, raised again unless understood
        leaf = leaves(error)[0]
        if isinstance(leaf, Broken):
            raise UnfitTargetError(f"the opening conversation fails: {leaf}") from None
        if isinstance(leaf, OSError):
            what = f"{leaf.filename}: {leaf.strerror}"
            raise UnfitTargetError(f"the target cannot be started: {what}") from None
        raise leaf from None


async def _introduce(bench: Bench, revision: str | None) -> Introduction:
    is_ours = bench.judged.target.is_ours
    params = bench.parent.initialize_params(experimental=is_ours)
    response = await _ask(bench, "initialize", params)
    await bench.parent.notify("initialized")
    user_agent = response.member("userAgent")
    said = printable(user_agent[:_AGENT]) if isinstance(user_agent, str) else None
    detected = revision or await (_detect(bench) if is_ours else _detect_from_afar(bench))
    return Introduction(said, detected)


async def _detect(bench: Bench) -> str:
    """The oldest shape of the login that is accepted tells the revision."""
    tokens = bench.mint.mint()
    refusals = []
    for shape in (REVISIONS[0], REVISIONS[1]):
        params = {"type": "chatgptAuthTokens"} | tokens.members(shape)
        pending = await bench.parent.begin("account/login/start", params)
        response = await bench.parent.answer_to(pending, OPENING_PATIENCE)
        if not response.answered:
            raise UnfitTargetError(await _why(bench, response))
        if response.ok:
            return REVISIONS[0] if shape == REVISIONS[0] else await _newest_or_second(bench)
        refusals.append(f"shape of {shape}: {response}")
    raise UnfitTargetError(
        "the target accepts a login with external tokens in no revision's shape",
        "\n  ".join(refusals),
    )


async def _detect_from_afar(bench: Bench) -> str:
    """The revision of a server that nobody may be logged in on: asked for what it refuses.

    From the second revision on a login with external tokens needs a capability, which this
    connection has not said to have, and the refusal names it.
    """
    if await _knows_newest(bench):
        return REVISIONS[-1]
    bench.parent.guard = lambda _: None
    params = {"type": "chatgptAuthTokens"} | bench.mint.mint().members(REVISIONS[1])
    response = await bench.parent.call("account/login/start", params)
    if not response.refused:
        raise UnfitTargetError(
            "the revision of the running server cannot be told", "say it with --revision"
        )
    return REVISIONS[1] if response.error_mentions("experimentalApi") else REVISIONS[0]


async def _newest_or_second(bench: Bench) -> str:
    return REVISIONS[-1] if await _knows_newest(bench) else REVISIONS[1]


async def _knows_newest(bench: Bench) -> bool:
    method = "account/securitySetup/read"
    response = await bench.parent.call(method)
    made_up = await bench.parent.call(MADE_UP)
    return response.answered and not refused_alike(response, method, made_up, MADE_UP)


async def _benign(bench: Bench) -> None:
    parent = bench.parent
    await _ask(bench, "initialize", parent.initialize_params())
    await parent.notify("initialized")
    if not bench.judged.target.is_ours:
        await _ask(bench, "account/read", {})
        return
    await _ask(bench, "account/login/start", parent.login_params(bench.mint.mint()))
    await _ask(bench, "account/read", {})
    turn = await parent.start_turn()
    outcome = await turn.outcome()
    if not outcome.ended:
        raise UnfitTargetError(f"a turn with valid tokens does not end: {outcome}")


async def _ask(bench: Bench, method: str, params: dict[str, object]) -> Response:
    """Send a request that any target has to answer with a result."""
    parent = bench.parent
    pending = await parent.begin(method, params)
    response = await parent.answer_to(pending, OPENING_PATIENCE)
    sent = {entry.text for entry in parent.transcript.sent()}
    if any(entry.text in sent for entry in parent.transcript.received()):
        raise UnfitTargetError("the target sends back what it is sent")
    if not response.ok:
        raise UnfitTargetError(await _why(bench, response))
    return response


async def _why(bench: Bench, response: Response) -> str:
    """One sentence on a request that got no result."""
    transcript = bench.parent.transcript
    rubbish = next((entry for entry in transcript.received() if entry.problem), None)
    if response.refused:
        return f"the target refuses {response.method}: {printable(response.error_message)}"
    if rubbish is not None:
        line = printable(rubbish.text[:_WORDS])
        return f"the target's output is no JSON-RPC: it said '{line}' ({rubbish.problem})"
    if bench.parent.output_ended:
        status, said = await bench.epitaph()
        ended = "ended" if status is None else f"ended with exit status {status}"
        return f"the target {ended} before it answered {response.method}{said}"
    if response.answered:
        return f"the target's answer to {response.method} is neither a result nor an error"
    silence = f"the target did not answer {response.method} within {OPENING_PATIENCE:g} s"
    last = next((entry for entry in transcript.received() if entry.is_response), None)
    return silence if last is None else f"{silence}; it sent this instead: {last}"
