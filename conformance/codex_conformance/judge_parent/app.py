"""The parent application as a scenario speaks of it."""

from collections.abc import Callable
from typing import Any, TypeVar

from codex_conformance.case import Broken, CaseSpec
from codex_conformance.exchange import REFRESH
from codex_conformance.judge_parent.answers import SLACK, Answer, Asked, Handed, Id, Login, now
from codex_conformance.judge_parent.conversation import Conversation
from codex_conformance.judge_parent.script import Change
from codex_conformance.judge_parent.stage import Judged, Ordinary, Stage
from codex_conformance.wire import Entry

T = TypeVar("T")
STARTING = 15.0  # seconds that a parent has to start codex, and as many to log in
REST, RESTLESS = 0.5, 5.0  # seconds without a word that are a rest, and that it is waited for
SECRET = 16  # characters that a token has at least: `***` is none, and stands everywhere
_PLAIN_ID = 4_000  # ids of refresh requests that are not about ids; no server numbers from there
_LOGGED_IN = "the parent to log in with chatgptAuthTokens"
UNSET = object()


class App(Stage):
    """The parent application that is judged, on the stage of one scenario."""

    def __init__(self, judged: Judged, spec: CaseSpec, ordinary: Ordinary) -> None:
        super().__init__(judged, spec, ordinary)
        self._ids = _PLAIN_ID

    # What a scenario says.

    def changing(self, change: Change) -> None:
        """From now on, change what the server says."""
        self.script.changes.append(change)

    def hold(self, *methods: str) -> None:
        """From now on, leave requests of these methods unanswered; `*` for every method."""
        self.script.held.update(methods)

    def refuse(self, method: str, message: str, code: int = -32600) -> None:
        """From now on, answer requests of this method with an error."""
        self.script.refusals[method] = {"code": code, "message": message}

    def end_at(self, method: str) -> None:
        """End the server as soon as it gets a request of this method."""
        self.script.ends_at.add(method)

    async def logged_in(self) -> Login:
        """The parent's first login, once the server has accepted it and has said so."""
        entry = await self.login_sent()
        what = "the login to be accepted"
        answered = await self.until(self._login_answered, what, STARTING)
        if answered is None or self.owner.accepted is None:
            refusal = self.owner.refusals[0].text if self.owner.refusals else self.state()
            raise Broken(None, what, refusal, prerequisite=True)
        tokens = Handed.read(entry.params)
        if tokens is None:
            raise Broken(None, "tokens in the login", entry.text, prerequisite=True)
        return Login(tokens, entry, now())

    async def login_sent(self) -> Any:
        """The parent's first login request."""
        entry = await self.until(self._first_login, _LOGGED_IN, STARTING)
        if entry is None:
            raise Broken(None, _LOGGED_IN, self.state(), prerequisite=True)
        return entry

    async def logged_in_from_issuer(self) -> Login:
        """As `logged_in`, of a parent that fetches its tokens from the issuer of the kit."""
        login = await self.logged_in()
        if not self.issuer.issues(login.tokens.access_token):
            seen = f"{self.issuer.requests} requests" if self.issuer.requests else "no request"
            raise Broken(
                None,
                "a parent that fetches its tokens from TOKEN_ISSUER_URL",
                f"a login with other tokens, and {seen} to the issuer",
                prerequisite=True,
            )
        return login

    def ask_refresh(
        self,
        request_id: Id | None = None,
        *,
        previous: Any = UNSET,
        clause: str = "PARENT-3",
        on: Conversation | None = None,
        ahead: bytes = b"",
        piece: int | None = None,
    ) -> Asked:
        """Send a refresh request.

        Args:
            request_id: by default one that nothing else has.
            previous: `previousAccountId`, by default the account of the login; None sends null,
                `...` leaves it out.
            clause: the clause that judges under which id it is answered.
            on: the connection, by default the one that logged in.
            ahead: lines that go out in the same write, ahead of it.
            piece: bytes of each write; by default it goes out in one.
        """
        self._ids += 1
        params = {"reason": "unauthorized"} | self._previous(previous)
        chosen = self._ids if request_id is None else request_id
        return (on or self.owner).ask(chosen, params, clause, ahead=ahead, piece=piece)

    async def answer(self, asked: Asked, within: float | None = None) -> Answer:
        """The answer to a refresh request, within the limit that a server has for it."""
        limit = self.judged.limit if within is None else within
        await self.until(lambda: asked.answers or None, REFRESH, asked.at + limit + SLACK - now())
        at, entry = asked.answers[0] if asked.answers else (now(), None)
        return Answer(asked, entry, at - asked.at, self.state())

    async def refreshed(self, **how: Any) -> Answer:
        """Ask for a refresh and wait for the answer; arguments as of `ask_refresh`."""
        return await self.answer(self.ask_refresh(**how))

    async def until(self, look: Callable[[], T | None], what: str, within: float) -> T | None:
        """The first value of `look()` that is not None; None after `within` seconds.

        When the parent has ended, nothing more is waited for.
        """

        def look_or_end() -> tuple[T | None] | None:
            found = look()
            return None if found is None and not self._is_over() else (found,)

        found = await self.pulse.until(look_or_end, what, max(within, 0.0))
        return found[0] if found else None

    async def quiet(self, seconds: float) -> None:
        """Let so many seconds pass, or less if the parent ends."""
        await self.until(lambda: None, "time to pass", seconds)

    async def at_rest(self) -> None:
        """Let the parent come to rest: none of its requests unanswered, and no word for a while."""
        deadline = now() + RESTLESS
        while now() < deadline and not self._is_over():
            before = sum(len(one.received) for one in self.conversations)
            await self.quiet(REST)
            after = sum(len(one.received) for one in self.conversations)
            if before == after and not any(one.in_flight for one in self.conversations):
                return

    # What a scenario looks at.

    @property
    def owner(self) -> Conversation:
        """The connection that logged in, or else the first one."""
        logged_in = [one for one in self.conversations if one.logins]
        return (logged_in or self.conversations)[0]

    @property
    def logins(self) -> list[Entry]:
        """Every login request, on whatever connection."""
        return [entry for one in self.conversations for entry in one.logins]

    @property
    def refusals(self) -> list[Entry]:
        """Every refusal of a login."""
        return [entry for one in self.conversations for entry in one.refusals]

    def second_connection(self) -> Conversation | None:
        """A connection beside the owner's, to its server, that is greeted and has not logged in."""
        for one in self.conversations:
            if one.peer.is_shared and one.greeted and not one.logins:
                return one
        return None

    @property
    def asked(self) -> list[Asked]:
        """Every refresh request that was sent."""
        return [asked for one in self.conversations for asked in one.asked]

    def handed(self) -> list[Handed]:
        """Every token that the parent handed over, in logins and answers."""
        results = [
            (entry.message or {}).get("result")
            for asked in self.asked
            for _, entry in asked.answers
        ]
        found = [Handed.read(each) for each in [*(e.params for e in self.logins), *results]]
        return [each for each in found if each is not None]

    def secrets(self) -> dict[str, str]:
        """Every token of the scenario, the parent's own among them: text -> name."""
        secrets = dict(self.mint.secrets)
        for handed in self.handed():
            for token in filter(None, (handed.access_token, handed.id_token)):
                if len(token) >= SECRET:
                    secrets.setdefault(token, "token-of-the-parent")
        return secrets

    def state(self) -> str:
        """What is known of the parent, as the end of a sentence."""
        if any(conversation.flooded for conversation in self.conversations):
            return f"the parent floods codex, which has ended; {self.application.state()}"
        if self.application.status is None and self.conversations:
            last = self.conversations[-1]
            if last.ended == "the parent":
                return f"the parent has closed the connection; {self.application.state()}"
        return self.application.state()

    def _previous(self, previous: Any) -> dict[str, Any]:
        if previous is ...:
            return {}
        if previous is not UNSET:
            return {"previousAccountId": previous}
        tokens = Handed.read(self.logins[0].params) if self.logins else None
        return {"previousAccountId": tokens.account if tokens else None}

    def _first_login(self) -> Any:
        external = [
            entry for entry in self.logins if entry.params.get("type") == "chatgptAuthTokens"
        ]
        return external[0] if external else None

    def _login_answered(self) -> bool | None:
        owner = self.owner
        return True if owner.accepted is not None or owner.refusals else None

    @property
    def is_gone(self) -> bool:
        """Whether the parent has ended, or has hung up on the server."""
        closed = self.conversations and self.conversations[-1].ended == "the parent"
        return self._is_over() or bool(closed)

    def _is_over(self) -> bool:
        """Whether nothing more can come from the parent."""
        return self.application.status is not None
