"""Edits of what holds in every scenario, each with the probe that notices it."""

from typing import Any

import answers_on_stage as a
import secrets_on_stage as s
import tokens_on_stage as t
from codex_conformance.judge_parent import rules
from edits import Edit
from parent_probes import EVERYTHING, Probe, breaks

GOOD = Probe(EVERYTHING)
OLD = Probe("answers/previous-account-equal", revision="0.93")
Table = tuple[tuple[Edit, Probe], ...]


def edits_of(function: Any, *rows: tuple[str, str, Probe]) -> Table:
    """Edits of one function: what stands there, what stands there then, and who notices."""
    return tuple((Edit(function, old, new), probe) for old, new, probe in rows)


def _getter(owner: type, name: str) -> Any:
    return vars(owner)[name].fget


RUBBISH = breaks("handshake/order", a.LogsToCodex, "PARENT-1")
UNKNOWN_METHOD = Probe("handshake/order", a.SaysMore)
FRACTION = breaks("handshake/order", a.NumbersByFractions, "PARENT-1")
OTHER_DIRECTION = Probe("handshake/order", a.SaysWhatAServerSays)
NEEDLESS_PARAMS = Probe("handshake/order", a.ParamsWhereThereAreNone)
NO_PARAMS = Probe("handshake/order", a.NoParamsWhereNoneAreNeeded)
PARAMS_MISSING = breaks("handshake/order", a.NoParamsWhereTheyAreNeeded, "PARENT-1")
WRONG_TYPE = breaks("handshake/order", a.ParamsOfTheWrongType, "PARENT-1")
NO_INITIALIZED = breaks("handshake/order", a.NoInitialized, "PARENT-1")
NO_CAPABILITY = breaks("handshake/capability", a.NoCapability, "PARENT-2")
KNOWN = Probe("answers/good-answer", a.NoCapability)
NEVER = breaks("answers/good-answer", a.NeverAnswers, "PARENT-3")
NEVER_ZERO = breaks("answers/id-zero", a.ZeroIsNoId, "PARENT-4")
NEVER_AT_ALL = Probe("answers/id-zero", a.NeverAnswers, ("untestable",))
REFUSES_ALWAYS = Probe("answers/good-answer", a.RefusesAlways, ("untestable",))
REFUSES_ZERO_TOO = Probe("answers/id-zero", a.RefusesAlways)
TWICE = breaks("answers/rejected-again", a.AnswersTwice, "PARENT-3")
TWICE_AND_OLD = breaks(
    "answers/rejected-again", a.AnswersTwiceWithTheTokenOfTheLogin, "PARENT-5", "PARENT-3"
)
TWICE_TOLD = breaks("answers/again-and-again", a.AnswersTwice, "PARENT-3")
STRAY = breaks("answers/rejected-again", a.AnswersAnIdThatNobodyHas, "PARENT-3")
FRACTION_ANSWERED = breaks("answers/good-answer", a.AnswersUnderAFraction, "PARENT-3")
TEXT_REFUSED = breaks("answers/account-switched-for-good", a.NumbersRefusalsByText, "PARENT-3")
TEXT_FOR_ZERO = breaks("answers/id-zero", a.AnswersZeroAsText, "PARENT-4")
BOTH = breaks("answers/good-answer", a.ResultAndErrorInOne, "PARENT-3")
NEITHER = breaks("answers/good-answer", a.NeitherResultNorError, "PARENT-3")
NO_ACCOUNT = breaks("answers/good-answer", a.NamesNoAccount, "PARENT-3")
DOCUMENT = breaks("answers/good-answer", t.ADocumentForAToken, "PARENT-3")
EMPTY = breaks("refusal/issuer-refuses", a.EmptyResultWhenItCannot, "PARENT-10")
NO_MESSAGE = breaks("refusal/issuer-refuses", a.ErrorWithoutAMessage, "PARENT-10")
REFUSES_WELL = Probe("refusal/issuer-refuses")
STARRED = breaks("secret/after-refreshes", t.AStarredToken, "PARENT-16")
STARRED_LOGIN = breaks("handshake/order", t.AStarredLogin, "PARENT-16")
STARRED_ID = breaks("secret/after-refreshes", t.AStarredIdToken, "PARENT-16", revision="0.93")
PRINTED = breaks("secret/after-refreshes", s.PrintsTheToken, "PARENT-16")
LOGGED = breaks("secret/after-refreshes", s.LogsTheTokenInBase64, "PARENT-16")
ARGUMENT = breaks("secret/after-refreshes", s.TheTokenInItsArguments, "PARENT-16")
OF_CODEX = breaks("secret/after-refreshes", s.TheTokenInTheArgumentsOfCodex, "PARENT-16")
IN_AN_ERROR = breaks("secret/issuer-repeats-the-token-in-its-error", s.QuotesTheIssuer, "PARENT-16")
IN_A_FILE = breaks("secret/after-refreshes", s.KeepsTheTokenInAFile, "PARENT-16")
ELSEWHERE = breaks("secret/after-refreshes", s.KeepsTheTokenInAnotherHome, "PARENT-16")
LONG_AGO = Probe("secret/after-refreshes", s.KeptATokenInAnotherHomeLongAgo)
WHEN_IT_CANNOT = breaks("refusal/issuer-refuses", s.PrintsTheTokenWhenItCannot, "PARENT-16")

OF_RULES: Table = (
    *edits_of(
        rules.findings,
        ("finding.clause not in own and ", "", NO_CAPABILITY),
        ("(finding.clause, finding.actual) in known", "False", KNOWN),
        ("(finding.clause, finding.actual) in known", "True", WHEN_IT_CANNOT),
        ("finding.clause not in seen and ", "", TWICE_TOLD),
    ),
    *edits_of(
        rules._messages,
        ("if entry.problem:", "if False:", RUBBISH),
        ("entry.method is not None and ", "", GOOD),
    ),
    *edits_of(
        rules._fault,
        ("if entry.is_request", "if not entry.is_request", GOOD),
        ("breaks or row is None", "row is None", FRACTION),
        ("row is None or ", "", UNKNOWN_METHOD),
        (' or row["direction"] != "clientToServer"', "", OTHER_DIRECTION),
        ('row["params"] is None or ', "", NEEDLESS_PARAMS),
        (' or (params is None and not row["paramsRequired"])', "", NO_PARAMS),
        (' and not row["paramsRequired"]', "", PARAMS_MISSING),
        (
            'breaks, _ = judge_line(revision, row["params"]',
            'judge_line(revision, row["params"]',
            WRONG_TYPE,
        ),
    ),
    *edits_of(
        rules._order,
        ("entry.method != wanted", "entry.method == wanted", GOOD),
        ("entry.method != wanted", "False", NO_INITIALIZED),
        ('("initialize", "initialized")', '("initialize",)', NO_INITIALIZED),
    ),
    *edits_of(
        rules._capability,
        ("is True", "is not False", NO_CAPABILITY),
        ("if sent and", "if", Probe("connections/second-stays-silent", a.WatchesWithoutCapability)),
        (' and revision != "0.93"', "", Probe(EVERYTHING, a.NoCapability, revision="0.93")),
        ("not declared", "declared", GOOD),
    ),
    *edits_of(
        rules._answers,
        ("for entry in conversation.stray:", "for entry in ():", STRAY),
        ("for asked in conversation.asked:", "for asked in ():", TWICE),
    ),
    *edits_of(
        rules._forms,
        ("for entry in asked.misnumbered:", "for entry in ():", TEXT_REFUSED),
        ('"PARENT-4" if asked.clause == "PARENT-4" else "PARENT-3"', '"PARENT-3"', TEXT_FOR_ZERO),
        ('"PARENT-4" if asked.clause == "PARENT-4" else "PARENT-3"', '"PARENT-4"', TEXT_REFUSED),
        ("len(asked.answers) > 1", "len(asked.answers) > 2", TWICE),
        ("len(asked.answers) > 1", "asked.answers", GOOD),
        ('"PARENT-10" if asked.clause == "PARENT-10" else "PARENT-3"', '"PARENT-3"', EMPTY),
        ('"PARENT-10" if asked.clause == "PARENT-10" else "PARENT-3"', '"PARENT-10"', NO_ACCOUNT),
        ("if fault:", "if False:", NO_ACCOUNT),
        ("if fault:", "if not fault:", GOOD),
    ),
    *edits_of(
        rules._fault_of_answer,
        ('if "error" in message and "result" in message:', "if False:", BOTH),
        ('judge_line(revision, "JSONRPCError", message, entry.text)[0]', "None", NO_MESSAGE),
        ('if "result" not in message:', "if False:", NEITHER),
        ("if fault is not None:", "if False:", NO_ACCOUNT),
        ('"idToken" if revision == "0.93" else "accessToken"', '"idToken"', GOOD),
        (
            '"idToken" if revision == "0.93" else "accessToken"',
            '"accessToken"',
            Probe("answers/good-answer", t.OpaqueAccessToken, revision="0.93"),
        ),
        ("claims_of(token) is None and ", "", GOOD),
        (" and not _is_placeholder(token)", "", Probe("answers/good-answer", t.AStarredToken)),
        (
            "if claims_of(token) is None and not _is_placeholder(token):",
            "if False:",
            DOCUMENT,
        ),
    ),
    *edits_of(
        rules._is_placeholder,
        (
            "claims_of(token) is None and ",
            "",
            Probe("secret/after-refreshes", t.TokensThatLookHidden),
        ),
        ("bool(PLACEHOLDER.search(token))", "False", STARRED),
    ),
    *edits_of(
        rules._placeholders,
        ("[(entry, entry.params) for entry in conversation.logins]", "[]", STARRED_LOGIN),
        ("for _, entry in asked.answers:", "for _, entry in ():", STARRED),
        ('("accessToken", "idToken")', '("accessToken",)', STARRED_ID),
    ),
    *edits_of(
        rules._leaks,
        ("bytes(app.application.stdout)", 'b""', PRINTED),
        ("bytes(app.application.stderr)", 'b""', LOGGED),
        ("app.application.arguments,", 'b"",', ARGUMENT),
        ('"\\0".join(" ".join(argv) for argv in app.started_as).encode()', 'b""', OF_CODEX),
        (
            "error is not None and (found := needles.find(entry.text.encode()))",
            "False",
            IN_AN_ERROR,
        ),
        ("error is not None and ", "", GOOD),
        ("app.home.leak(needles) or ", "", IN_A_FILE),
        (" or _leak_elsewhere(app, needles)", "", ELSEWHERE),
    ),
    *edits_of(
        rules._leak_elsewhere,
        (" and path.stat().st_mtime >= app.began_at", "", LONG_AGO),
        ('rglob("*")', 'glob("*")', ELSEWHERE),
        ("number > _FILES_SCANNED", "number >= 0", ELSEWHERE),
    ),
)
