"""What the judge of parents makes of a parent in this process, scenario by scenario."""

from dataclasses import dataclass

import answers_on_stage as a
import anyio
import manners_on_stage as m
import secrets_on_stage as s
import staged
import tokens_on_stage as t
from codex_account_protocol import REVISIONS
from codex_conformance.case import Case, CaseSpec, Setup
from codex_conformance.errors import UnfitTargetError
from codex_conformance.judge_parent.app import App
from codex_conformance.judge_parent.scenarios import refresh
from codex_conformance.judge_parent.why import WHY
from codex_conformance.results import CaseResult
from on_stage import Parent
from staged import Scenarios, introduction_of

Outcome = tuple[str, ...]
"""The verdict, then the clauses that were found broken, each as often as it was."""


async def _never_ends(app: App) -> None:
    await app.logged_in()
    await anyio.sleep_forever()


async def _falls_over(app: App) -> None:
    await app.logged_in()
    raise ValueError("the scenario falls over")


def _ours(body: Case, *clauses: str) -> Scenarios:
    return [(CaseSpec(f"ours/{body.__name__}", clauses, (), Setup(), 0), body)]


# Scenarios that the kit does not have. One is about every clause, so that it is told whatever the
# parent has done in the opening conversation already.
EVERYTHING = "everything"
OURS = {
    EVERYTHING: _ours(refresh.good_answer, *WHY),
    "never-ends": _ours(_never_ends, "PARENT-3"),
    "falls-over": _ours(_falls_over, "PARENT-3"),
}


@dataclass(frozen=True)
class Probe:
    """One scenario and one parent, and what the judge makes of them while it is whole."""

    scenario: str
    parent: type[Parent] = Parent
    outcome: Outcome = ("pass",)
    revision: str = REVISIONS[-1]
    without: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        declared = "".join(f" without {clause}" for clause, _ in self.without)
        return f"{self.parent.__name__} in {self.scenario} of {self.revision}{declared}"

    def result(self, *, opening: bool = True) -> CaseResult:
        """The result of the scenario, after an opening conversation now or once before."""
        run = staged.judged(
            self.parent,
            self.revision,
            only=() if self.scenario in OURS else (self.scenario,),
            scenarios=OURS.get(self.scenario),
            without=self.without,
            introduction=None if opening else introduction_of(self.parent, self.revision),
        )
        return run.cases[0]

    def found(self) -> Outcome:
        """What the judge makes of them now."""
        return self.told()[0]

    def told(self, *, opening: bool = True) -> tuple[Outcome, Outcome]:
        """What the judge makes of them now, and what it says that it expected."""
        try:
            result = self.result(opening=opening)
        except UnfitTargetError:
            return ("unfit",), ()
        except Exception as error:  # noqa: BLE001 - a judge that falls over is noticed, too
            return ("no verdict", type(error).__name__), ()
        found = result.verdict, *(one.clause for one in result.broken)
        return found, tuple(one.expected for one in result.broken)


def breaks(scenario: str, parent: type[Parent], *clauses: str, revision: str = "0.169") -> Probe:
    """A probe that finds these clauses broken."""
    return Probe(scenario, parent, ("fail", *clauses), revision)


REFUSALS = tuple(
    f"refusal/issuer-{does}"
    for does in ("refuses", "fails", "answers-rubbish", "breaks-off", "repeats-itself", "hangs")
)
LOGINS = tuple(f"login/refused-for-the-{what}" for what in ("workspace", "mode", "capability"))
ENDS = tuple(f"stream/closed{when}" for when in ("", "-by-a-crash", "-in-mid-refresh"))
EARLY_ENDS = tuple(f"stream/closed-in-mid-{when}" for when in ("login", "initialize"))
SECRETS = tuple(
    f"secret/{when}"
    for when in (
        *("after-refreshes", "issuer-repeats-the-token-in-its-error"),
        *("login-refused", "server-crashed"),
    )
)

# Parents that break what a scenario is about: one at least for each, and for what it says.
KILLERS = (
    breaks("handshake/order", a.NoInitialized, "PARENT-1"),
    breaks("handshake/order", a.ReadsAheadOfInitialize, "PARENT-1"),
    breaks("handshake/capability", a.NoCapability, "PARENT-2"),
    breaks("answers/good-answer", a.NeverAnswers, "PARENT-3"),
    breaks("answers/good-answer", t.TheTokenOfTheLoginAlways, "PARENT-5"),
    Probe("answers/good-answer", a.RefusesAlways, ("untestable",)),
    breaks("answers/in-a-turn", a.NeverAnswers, "PARENT-3"),
    breaks("answers/in-a-turn", t.TheTokenOfTheLoginAlways, "PARENT-5"),
    Probe("answers/in-a-turn", m.StartsAgain, ("not-applicable",)),
    breaks("answers/rejected-again", t.RotatesOnceOnly, "PARENT-5"),
    breaks("answers/previous-account-equal", t.StatesAnotherAccount, "PARENT-6"),
    breaks("answers/previous-account-null", t.AnAccountHasToBeNamed, "PARENT-6"),
    breaks("answers/previous-account-null", t.NullIsNoAccount, "PARENT-6"),
    breaks("answers/previous-account-null", t.StatesAnotherAccount, "PARENT-6"),
    breaks("answers/previous-account-absent", t.AnAccountHasToBeNamed, "PARENT-6"),
    breaks("answers/previous-account-absent", t.HandsOverAnothersToken, "PARENT-6"),
    breaks("answers/previous-account-unknown", t.AnyAccountIsTheSame, "PARENT-6"),
    breaks("answers/account-switched", t.TheCurrentAccountAlways, "PARENT-6"),
    breaks("answers/account-switched-for-good", t.TakesWhatTheIssuerHas, "PARENT-6"),
    breaks("answers/before-login-response", m.NoHandlerUntilItIsLoggedIn, "PARENT-11"),
    breaks("answers/while-its-request-is-unanswered", m.AnswersWhenNothingWaits, "PARENT-9"),
    Probe("answers/while-its-request-is-unanswered", m.StartsAgain, ("not-applicable",)),
    breaks("answers/while-notifications-flow", m.LosesRequestsAmongNotifications, "PARENT-9"),
    breaks("answers/again-and-again", a.NeverGivesUp, "PARENT-13"),
    breaks("answers/again-and-again", a.SilentWhenItCannot, "PARENT-13"),
    Probe("answers/again-and-again", a.RefusesAlways, ("untestable",)),
    breaks("answers/good-after-failure", m.NeverRecoversFromAFailure, "PARENT-3"),
    Probe("answers/good-after-failure", a.SilentWhenItCannot, ("untestable",)),
    breaks("answers/id-zero", a.ZeroIsNoId, "PARENT-4"),
    breaks("answers/id-text", a.IdsAreNumbers, "PARENT-4"),
    breaks("answers/id-text", a.RefusesTextIds, "PARENT-4"),
    breaks("answers/id-digits", a.IdsAreNumbers, "PARENT-4"),
    breaks("answers/id-large", a.IdsHave32Bits, "PARENT-4"),
    breaks("answers/id-of-its-request-in-flight", m.IdsItKnowsAreAnswers, "PARENT-4"),
    Probe("answers/id-of-its-request-in-flight", m.AnswersWhenNothingWaits, ("untestable",)),
    Probe("answers/id-of-its-request-in-flight", m.StartsAgain, ("not-applicable",)),
    breaks("answers/id-of-its-request-as-the-other-type", m.IdsItKnowsAreAnswersAsText, "PARENT-4"),
    Probe("answers/id-of-its-request-as-the-other-type", m.NumbersByText, ("not-applicable",)),
    breaks("answers/several-at-once", a.ARotationForEachAtOnce, "PARENT-7"),
    breaks("answers/several-at-once", a.OneAtATimeAndNoOther, "PARENT-7"),
    Probe("answers/several-at-once", a.NeverAnswers, ("untestable",)),
    breaks("answers/another-meanwhile", a.ARotationForEachAtOnce, "PARENT-7"),
    breaks("answers/another-meanwhile", a.OneAtATimeAndNoOther, "PARENT-7"),
    Probe("answers/another-meanwhile", a.RefusesAlways, ("untestable",)),
    breaks("answers/late-after-rotation", a.ARotationForEach, "PARENT-8"),
    breaks("answers/late-after-rotation", a.RotatesAfterwards, "PARENT-8"),
    *(breaks(each, t.TheOldTokenWhenItCannot, "PARENT-10") for each in REFUSALS),
    *(breaks(each, a.SilentWhenItCannot, "PARENT-10") for each in REFUSALS),
    Probe("refusal/issuer-refuses", t.TheTokenOfTheLoginAlways, ("untestable",)),
    breaks("refusal/issuer-refuses", a.EmptyResultWhenItCannot, "PARENT-10"),
    Probe("refusal/issuer-refuses", a.NeverAnswers, ("untestable",)),
    Probe("refusal/account-unknown", a.NeverAnswers, ("untestable",)),
    breaks("refusal/issuer-hangs", m.WaitsLongForTheIssuer, "PARENT-3"),
    breaks("refusal/account-unknown", a.SilentWhenItCannot, "PARENT-10"),
    breaks("refusal/account-unknown", a.EmptyResultWhenItCannot, "PARENT-10"),
    *(breaks(each, m.GoesOnAsIfItWereLoggedIn, "PARENT-12") for each in LOGINS),
    *(breaks(each, m.KeepsRefusalsToItself, "PARENT-12") for each in LOGINS),
    *(breaks(each, m.LogsInWithoutEnd, "PARENT-12") for each in LOGINS),
    *(breaks(each, m.CrashesWhenItIsRefused, "PARENT-12") for each in LOGINS),
    breaks("login/refused-for-the-mode", m.IsKilledWhenItIsRefused, "PARENT-12"),
    Probe("login/refused-for-the-mode", m.LogsInOnce, ("untestable",)),
    *(breaks(each, m.DoesNotNoticeTheEnd, "PARENT-15") for each in ENDS),
    *(breaks(each, m.WaitsForADeadCodex, "PARENT-15") for each in EARLY_ENDS),
    *(breaks(each, m.CrashesAtTheEnd, "PARENT-15") for each in (*ENDS, *EARLY_ENDS)),
    Probe("stream/closed-in-mid-login", m.LogsInOnce, ("untestable",)),
    Probe("stream/closed-in-mid-initialize", m.StartsCodexOnce, ("untestable",)),
    Probe("stream/closed-in-mid-initialize", m.GreetsOnce, ("untestable",)),
    breaks("stream/started-again", m.LogsInAgainAndAgain, "PARENT-15"),
    Probe("stream/started-again", Parent, ("not-applicable",)),
    breaks("stream/request-in-pieces", m.TakesWhatItReadsForWholeLines, "PARENT-3"),
    breaks("stream/requests-in-one-write", m.TakesOneLineOfARead, "PARENT-3"),
    breaks("stream/stderr-flood", m.LetsStderrFill, "PARENT-3"),
    Probe("stream/stderr-flood", m.TalksToAServerThatRuns, ("untestable",)),
    breaks("stream/server-reads-late", m.LosesWhatNobodyReads, "PARENT-9"),
    breaks("tolerance/unknown-notifications", m.DiesOfUnknownNotifications, "PARENT-14"),
    breaks("tolerance/unknown-members", m.RefusesUnknownMembers, "PARENT-14"),
    breaks("tolerance/unknown-values", m.DiesOfUnknownModes, "PARENT-14"),
    breaks("tolerance/logout-in-mid-refresh", m.DiesOfALogout, "PARENT-14"),
    breaks("tolerance/logout-in-mid-refresh", m.ForgetsRequestsAtALogout, "PARENT-14"),
    *(breaks(each, s.PrintsTheToken, "PARENT-16") for each in SECRETS),
    breaks(
        "secret/issuer-repeats-the-token-in-its-error", s.PassesOnWhatTheIssuerSays, "PARENT-16"
    ),
    Probe("secret/login-refused", m.LogsInOnce, ("untestable",)),
    breaks("secret/login-refused", s.PrintsTheRefusedLogin, "PARENT-16"),
    breaks("secret/server-crashed", s.PrintsTheTokenAtTheEnd, "PARENT-16"),
    breaks("connections/second-stays-silent", m.RefusesWhereItWatches, "PARENT-17"),
    Probe("connections/second-stays-silent", m.WatchesACodexOfItsOwn, ("not-applicable",)),
)
