"""Edits of what else judges parents, each with the probe that notices it."""

from typing import Any

import answers_on_stage as a
import manners_on_stage as m
import secrets_on_stage as s
import tokens_on_stage as t
from codex_conformance.judge_parent import answers as values
from codex_conformance.judge_parent import judge, opening, report, scenario
from codex_conformance.judge_parent.app import App
from codex_conformance.judge_parent.application import Application
from codex_conformance.judge_parent.conversation import Conversation
from codex_conformance.judge_parent.issuer import TokenIssuer
from codex_conformance.judge_parent.script import Script
from codex_conformance.judge_parent.stage import Stage, TrustingBackend
from edits import Edit
from on_stage import Parent
from parent_probes import Probe, breaks
from parent_rule_edits import (
    EMPTY,
    FRACTION_ANSWERED,
    GOOD,
    KNOWN,
    NEVER,
    NEVER_AT_ALL,
    NEVER_ZERO,
    OF_RULES,
    OLD,
    REFUSES_ALWAYS,
    REFUSES_WELL,
    REFUSES_ZERO_TOO,
    STRAY,
    TEXT_FOR_ZERO,
    TEXT_REFUSED,
    TWICE,
    TWICE_AND_OLD,
    Table,
    edits_of,
)


def _getter(owner: type, name: str) -> Any:
    return vars(owner)[name].fget


ANOTHERS_ID_TOKEN = breaks(
    "answers/previous-account-equal", t.HandsOverAnothersIdToken, "PARENT-6", revision="0.93"
)
STATES_ANOTHER = breaks("answers/previous-account-equal", t.StatesAnotherAccount, "PARENT-6")
ANOTHERS = breaks("answers/previous-account-equal", t.HandsOverAnothersToken, "PARENT-6")
NAMES_NOBODY = Probe("answers/previous-account-equal", t.TokensThatNameNobody)
CLAIM_OF_TEXT = Probe("answers/previous-account-equal", t.TokensWithAClaimOfText)

OF_ANSWERS: Table = (
    *edits_of(
        values.Handed.read.__func__,
        (' or not isinstance(members.get("accessToken"), str)', "", EMPTY),
        ("not isinstance(members, dict) or ", "", REFUSES_WELL),
        ("access if identity is None else identity", "access", ANOTHERS_ID_TOKEN),
        ("stated if isinstance(stated, str) else claimed", "claimed", STATES_ANOTHER),
        ("stated if isinstance(stated, str) else claimed", "stated", OLD),
    ),
    *edits_of(
        values.Handed.belongs_to,
        ("self.account == account and ", "", STATES_ANOTHER),
        (" and self.claimed in (None, account)", "", ANOTHERS),
        ("in (None, account)", "== account", NAMES_NOBODY),
    ),
    *edits_of(values._account_claimed, (" if isinstance(auth, dict) else None", "", CLAIM_OF_TEXT)),
    *edits_of(
        _getter(values.Answer, "came"),
        ("self.entry is not None", "True", NEVER),
        ("self.entry is not None", "self.entry is None", GOOD),
    ),
    *edits_of(
        _getter(values.Answer, "refused"),
        ("isinstance(", "not isinstance(", REFUSES_WELL),
    ),
    *edits_of(
        _getter(values.Answer, "tokens"),
        ('Handed.read((self.entry.message or {}).get("result"))', "None", GOOD),
    ),
)

UNHELD = breaks("answers/while-its-request-is-unanswered", m.AnswersWhenNothingWaits, "PARENT-9")
OF_CONVERSATIONS: Table = (
    *edits_of(
        Conversation._answered,
        ("if type(one.id) is type(answer_id)", "", FRACTION_ANSWERED),
        ("one.answers.append((now(), entry))", "pass", GOOD),
        ("one.misnumbered.append(entry)", "pass", TEXT_REFUSED),
        ("str(one.id) == str(answer_id)", "False", TEXT_FOR_ZERO),
        ("self.stray.append(entry)", "pass", STRAY),
    ),
    *edits_of(
        Conversation._heed,
        ("line = _with_capability(message)", "pass", KNOWN),
        ("self.logins.append(entry)", "pass", GOOD),
        (
            "if method in self._script.refusals:",
            "if False:",
            Probe("login/refused-for-the-capability"),
        ),
        ("if method in self._script.ends_at:", "if False:", Probe("stream/closed-in-mid-login")),
    ),
    *edits_of(
        Conversation._respond,
        ('method in self._script.held or "*" in self._script.held', "False", UNHELD),
        ("elif self.accepted is None:", "elif False:", GOOD),
    ),
    *edits_of(
        Script.changed,
        (
            "for change in self.changes:",
            "for change in ():",
            breaks("tolerance/unknown-members", m.RefusesUnknownMembers, "PARENT-14"),
        ),
    ),
    *edits_of(
        Stage._logging_in,
        (
            "self.backend.expire(handed.access_token)",
            "pass",
            breaks("answers/in-a-turn", t.TheTokenOfTheLoginAlways, "PARENT-5"),
        ),
    ),
    *edits_of(
        TrustingBackend._is_valid,
        (
            " and token not in self._expired",
            "",
            breaks("answers/in-a-turn", t.TheTokenOfTheLoginAlways, "PARENT-5"),
        ),
    ),
)

SILENT_END = Probe("login/refused-for-the-mode", m.TurnsToAnEndAfterARefusal)
SECOND = "connections/second-stays-silent"
OF_APPS: Table = (
    *edits_of(
        App.secrets,
        (
            "dict(self.mint.secrets)",
            "{}",
            breaks("secret/after-refreshes", s.PrintsATokenThatItKeeps, "PARENT-16"),
        ),
        (
            "len(token) >= SECRET",
            "False",
            breaks("secret/after-refreshes", t.PrintsTokensOfItsOwn, "PARENT-16"),
        ),
    ),
    *edits_of(
        App.handed,
        (
            "*(e.params for e in self.logins), ",
            "",
            breaks("secret/after-refreshes", t.PrintsTokensOfItsOwn, "PARENT-16"),
        ),
        (
            ", *results]",
            "]",
            breaks("secret/after-refreshes", t.PrintsAnswersOfItsOwn, "PARENT-16"),
        ),
    ),
    *edits_of(
        App.logged_in_from_issuer,
        (
            "not self.issuer.issues(login.tokens.access_token)",
            "False",
            Probe("refusal/issuer-repeats-itself", t.TokensThatNameNobody, ("untestable",)),
        ),
    ),
    *edits_of(
        App.answer,
        (
            "limit + SLACK",
            "2 * limit",
            breaks("answers/good-answer", a.AnswersAfterElevenSeconds, "PARENT-3"),
        ),
        ("limit + SLACK", "limit - 1", Probe("answers/good-answer", a.AnswersInTheEnd)),
    ),
    *edits_of(
        App._previous,
        ("if previous is ...:", "if False:", Probe("answers/previous-account-absent")),
        ("tokens.account if tokens else None", '"acct-beta"', Probe("answers/good-answer")),
    ),
    *edits_of(
        _getter(App, "is_gone"),
        (" or bool(closed)", "", Probe("answers/again-and-again", a.HangsUpWhenItIsEnough)),
        ("self._is_over() or ", "", Probe("login/refused-for-the-mode", m.EndsWithoutAWord)),
    ),
    *edits_of(
        App.second_connection,
        (
            "one.peer.is_shared and ",
            "",
            Probe(SECOND, m.WatchesACodexOfItsOwn, ("not-applicable",)),
        ),
        ("one.greeted and ", "", Probe(SECOND, m.WatchesWithoutAWord, ("not-applicable",))),
        (" and not one.logins", "", Probe(SECOND, m.LogsInOnBoth, ("not-applicable",))),
    ),
    *edits_of(
        _getter(App, "owner"),
        ("(logged_in or self.conversations)", "self.conversations", Probe(SECOND, m.WatchesFirst)),
    ),
    *edits_of(
        Application.crash,
        (
            "self.status is None or self.status == 0",
            "self.status is None",
            Probe("login/refused-for-the-mode", m.PrintsATracebackAndEndsWell),
        ),
        (
            "self.status < 0",
            "False",
            breaks("login/refused-for-the-mode", m.IsKilledWhenItIsRefused, "PARENT-12"),
        ),
        (
            "None if error is None else",
            "None if True else",
            breaks("login/refused-for-the-mode", m.CrashesWhenItIsRefused, "PARENT-12"),
        ),
        ("None if error is None else", "None if False else", Probe("login/refused-for-the-mode")),
    ),
)

NEEDS_ITS_ISSUER = Probe("answers/several-at-once", t.TokensThatNameNobody, ("untestable",))
DECLARED = Probe(
    "answers/good-answer",
    a.NeverAnswers,
    ("not-applicable",),
    without=(("PARENT-5", "it has none"),),
)
STARTED_ONCE = Probe("stream/started-again", Parent, ("not-applicable",))
OF_VERDICTS: Table = (
    *edits_of(
        judge._play,
        ("any(clause in excused for clause in spec.clauses)", "False", DECLARED),
        ("first if isinstance(first, NotApplicable) else ", "", STARTED_ONCE),
    ),
    *edits_of(
        judge._conduct,
        ("broken = verdict", "pass", NEVER),
        ("if scope.cancelled_caught:", "if False:", Probe("never-ends", Parent, ("untestable",))),
        ("list(findings(app))", "[]", TWICE),
    ),
    *edits_of(
        opening._converse,
        ("answer.came, ", "True, ", NEVER_AT_ALL),
        ("answer.tokens is not None", "True", REFUSES_ZERO_TOO),
        ("known)", "frozenset())", KNOWN),
    ),
    *edits_of(
        report._verdict,
        ("isinstance(outcome, NotApplicable)", "False", STARTED_ONCE),
        ("isinstance(outcome, str)", "False", Probe("falls-over", Parent, ("error",))),
        ("isinstance(outcome, Broken)", "False", NEVER),
        ("[_break(app, finding) for finding in found]", "[]", TWICE),
        ("broken is not None and broken.clause is not None", "False", NEVER),
        (" and broken.clause is not None", "", NEEDS_ITS_ISSUER),
        (" if one.clause != broken.clause", "", TEXT_FOR_ZERO),
        (", *(one for one in breaks if one.clause != broken.clause)]", "]", TWICE_AND_OLD),
        ("if breaks:", "if False:", NEVER),
        ('return "fail"', 'return "untestable"', NEVER),
        ("if broken is not None:", "if False:", NEEDS_ITS_ISSUER),
        ('return "untestable"', 'return "not-applicable"', NEEDS_ITS_ISSUER),
        ('levels == {"OBSERVE"}', "levels", GOOD),
    ),
)

NEVER_EARLY = breaks("answers/before-login-response", m.NoHandlerUntilItIsLoggedIn, "PARENT-11")
OF_HELPERS: Table = (
    *edits_of(
        scenario.expect_answered,
        ("not answer.came and not app.ordinary.came", "not answer.came", NEVER_ZERO),
        ("not answer.came and not app.ordinary.came", "False", NEVER_AT_ALL),
        (' and clause != "PARENT-3"', "", NEVER),
        ("expect(clause, answer.came", "expect(clause, True", NEVER_EARLY),
        ("expect(clause, answer.came", "expect(clause, not answer.came", GOOD),
    ),
    *edits_of(
        scenario.expect_like_any_other,
        ("expect_answered(app, clause, answer, expected)", "pass", NEVER_AT_ALL),
        ("if app.ordinary.tokens:", "if True:", REFUSES_ZERO_TOO),
        (
            "answer.tokens is not None",
            "True",
            breaks("answers/id-text", a.RefusesTextIds, "PARENT-4"),
        ),
        ("answer.tokens is not None", "answer.tokens is None", Probe("answers/id-zero")),
    ),
    *edits_of(
        scenario.need_tokens,
        ("answer.tokens is None", "False", REFUSES_ALWAYS),
        ("answer.tokens is None", "True", GOOD),
    ),
    *edits_of(
        scenario.need,
        (
            "if not holds:",
            "if False:",
            Probe("answers/several-at-once", a.NeverAnswers, ("untestable",)),
        ),
        ("if not holds:", "if holds:", Probe("answers/several-at-once")),
    ),
)

# What a scenario does to a parent: without it, a fault goes unnoticed.
OF_LEVERS: Table = (
    *edits_of(TokenIssuer.refuses, ("self._refusal = ", "", Probe("refusal/issuer-refuses"))),
    *edits_of(
        TokenIssuer.answers_rubbish,
        ("self._refusal = ", "", Probe("refusal/issuer-answers-rubbish")),
    ),
    *edits_of(TokenIssuer.drops, ("self._refusal = ", "", Probe("refusal/issuer-breaks-off"))),
    *edits_of(
        TokenIssuer.takes,
        (
            "self._delay = seconds",
            "pass",
            breaks("refusal/issuer-hangs", m.WaitsLongForTheIssuer, "PARENT-3"),
        ),
    ),
    *edits_of(
        TokenIssuer.repeats,
        ("self._repeats = True", "pass", Probe("refusal/issuer-repeats-itself")),
    ),
    *edits_of(
        TokenIssuer.switches_to,
        (
            "self._current = account",
            "pass",
            breaks("answers/account-switched", t.TheCurrentAccountAlways, "PARENT-6"),
        ),
        (
            "account if only else None",
            "None",
            breaks("answers/account-switched-for-good", t.TakesWhatTheIssuerHas, "PARENT-6"),
        ),
    ),
    *edits_of(
        TokenIssuer.issue,
        (
            "self.issued.append(Issue(account, tokens))",
            "pass",
            breaks("answers/several-at-once", a.ARotationForEachAtOnce, "PARENT-7"),
        ),
    ),
    *edits_of(
        TokenIssuer.issues,
        ("one.tokens.access_token == access_token", "False", Probe("answers/several-at-once")),
    ),
    *edits_of(App.hold, ("self.script.held.update(methods)", "pass", UNHELD)),
    *edits_of(
        App.changing,
        (
            "self.script.changes.append(change)",
            "pass",
            breaks("tolerance/unknown-members", m.RefusesUnknownMembers, "PARENT-14"),
        ),
    ),
    *edits_of(
        Conversation.stop_reading,
        (
            "self._reading = anyio.Event()",
            "pass",
            breaks("stream/server-reads-late", m.LosesWhatNobodyReads, "PARENT-9"),
        ),
    ),
    *edits_of(
        Conversation.complain,
        (
            'self._put("complain", data)',
            "pass",
            breaks("stream/stderr-flood", m.LetsStderrFill, "PARENT-3"),
        ),
    ),
    *edits_of(
        Conversation.write,
        (
            "piece or len(ahead + data)",
            "len(ahead + data)",
            breaks("stream/request-in-pieces", m.TakesWhatItReadsForWholeLines, "PARENT-3"),
        ),
        (
            "(ahead + data)[start : start + size]",
            "data[start : start + size]",
            breaks("stream/requests-in-one-write", m.TakesOneLineOfARead, "PARENT-3"),
        ),
    ),
)

TABLES = (OF_RULES, OF_ANSWERS, OF_CONVERSATIONS, OF_APPS, OF_VERDICTS, OF_HELPERS, OF_LEVERS)
EDITS: dict[str, tuple[Edit, Probe]] = {
    edit.name: (edit, probe) for table in TABLES for edit, probe in table
}
