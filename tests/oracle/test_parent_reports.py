"""What turns a finding about a parent into a report is broken in turn, and a report shows it."""

import tempfile
from pathlib import Path
from typing import Any

import answers_on_stage as a
import manners_on_stage as m
import pytest
import secrets_on_stage as s
import tokens_on_stage as t
from codex_conformance.judge_parent import judge, report
from codex_conformance.judge_parent.why import WHY
from edits import Edit
from on_stage import Parent
from parent_edits import edits_of
from parent_probes import Probe, breaks

OLD_TOKEN = breaks("refusal/issuer-refuses", t.TheOldTokenWhenItCannot, "PARENT-10")
QUOTED = breaks("secret/issuer-repeats-the-token-in-its-error", s.QuotesTheIssuer, "PARENT-16")
OBSERVED = Probe("stream/started-again", m.StartsAgain)
HARMFUL = breaks("answers/id-text", a.RefusesTextIdsAtLength, "PARENT-4")
STARTED_ONCE = Probe("stream/started-again", Parent, ("not-applicable",))
FALLS_OVER = Probe("falls-over", Parent, ("error",))
UNTESTABLE = Probe("answers/several-at-once", t.TokensThatNameNobody, ("untestable",))
DECLARED = Probe("answers/good-answer", Parent, without=(("PARENT-5", "it has none"),))

TOKEN = "tokens-1-access 19821d4f"
ANSWER = (
    f'{{"accessToken": "<{TOKEN}>", "chatgptAccountId": "acct-alpha", "chatgptPlanType": "pro"}}'
)
EXPECTED = "an error, since the issuer refuses (403), and not the rejected token once more"
ACTUAL = f'{{"result": {ANSWER}}} after 0.0 s'
HARMFUL_TEXT = '{"error": {"code": -32600, "message": "\\x9b31mno number no number '


@pytest.fixture(autouse=True)
def homes_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    if Path("/dev/shm").is_dir():
        monkeypatch.setattr(tempfile, "tempdir", "/dev/shm")


def reported(probe: Probe) -> dict[str, Any]:
    """What the report of a scenario says, in short."""
    result = probe.result()
    first = result.broken[0] if result.broken else None
    lines = [step.line() for step in result.steps]
    everything = f"{result.message} {result.broken} {result.observations} {lines}"
    return {
        "message": result.message,
        "expected": first and first.expected,
        "actual": first and first.actual,
        "wrong": first and first.wrong and first.wrong.strip(),
        "shown": first and first.position is not None and first.wrong in lines,
        "why": first and first.why,
        "observed": result.observations,
        "has a token": "eyJ" in everything,
        "goes on after the verdict": "off the stage" in everything,
        "has steps": bool(lines),
    }


PLAIN: dict[str, Any] = {
    **dict.fromkeys(("message", "expected", "actual", "wrong", "shown", "why")),
    "observed": {},
    "has a token": False,
    "goes on after the verdict": False,
    "has steps": False,
}
REPORTS: dict[Probe, dict[str, Any]] = {
    OLD_TOKEN: PLAIN
    | {
        "message": f"expected {EXPECTED}; got {ACTUAL}",
        "expected": EXPECTED,
        "actual": ACTUAL,
        "wrong": f'0.000 --> {{"id": 4001, "result": {ANSWER}}}',
        "shown": True,
        "why": WHY["PARENT-10"],
        "has steps": True,
    },
    OBSERVED: PLAIN
    | {"observed": {"PARENT-15": "a codex that is started again is given the newest token"}},
    STARTED_ONCE: PLAIN | {"message": "the parent starts no other codex within 10 s"},
    UNTESTABLE: PLAIN
    | {
        "message": "needs a parent that fetches its tokens from TOKEN_ISSUER_URL; "
        "got a login with other tokens, and 1 requests to the issuer",
        "has steps": True,
    },
    DECLARED: PLAIN | {"message": "declared with --without: it has none"},
}


@pytest.mark.parametrize("probe", REPORTS, ids=lambda each: each.name)
def test_report_of_a_scenario_says_what_is_to_be_known(probe: Probe) -> None:
    assert reported(probe) == REPORTS[probe]


def test_what_a_parent_says_is_told_in_plain_characters_and_not_without_end() -> None:
    told = reported(HARMFUL)["actual"]
    assert told.startswith(HARMFUL_TEXT)
    assert told.endswith("… (2061 characters)")
    assert len(told) == 1019


def test_scenario_that_falls_over_is_told_with_its_traceback() -> None:
    message = reported(FALLS_OVER)["message"]
    assert message.startswith("  + Exception Group Traceback (most recent call last):\n")


EDITS = (
    *edits_of(
        report._told,
        ("redact(text, secrets)", "text", OLD_TOKEN),
        ("harmless(redact(text, secrets))", "redact(text, secrets)", HARMFUL),
        ("len(told) <= _TOLD", "True", HARMFUL),
    ),
    *edits_of(
        report._break,
        ("shown(entries[finding.wrong], secrets)", "entries[0].text", OLD_TOKEN),
        ("shown(entries[finding.wrong], secrets)", "None", OLD_TOKEN),
        ("shown(entries[finding.wrong], secrets)", "entries[finding.wrong].text", QUOTED),
        ("position=finding.wrong", "position=None", OLD_TOKEN),
        ("_told(finding.actual, secrets)", "finding.actual", OLD_TOKEN),
        ("WHY.get(finding.clause)", "None", OLD_TOKEN),
        ("expected=finding.expected", 'expected=""', OLD_TOKEN),
    ),
    *edits_of(
        report.result_of,
        ("steps_of(app.transcript.entries[: app.curtain], secrets)", "()", OLD_TOKEN),
        ("entries[: app.curtain], secrets)", "entries[: app.curtain], {})", OLD_TOKEN),
        ("[: app.curtain]", "", OLD_TOKEN),
        ("else _told(message, secrets)", "else message", HARMFUL),
        ("app.observations.seen.items()", "()", OBSERVED),
    ),
    *edits_of(
        report._verdict,
        ("(), str(outcome)", '(), ""', STARTED_ONCE),
        ("needs {broken.expected}; got {broken.actual}", "untestable", UNTESTABLE),
        ("breaks[0].message", "None", OLD_TOKEN),
    ),
    *edits_of(judge._conduct, ("app.curtain = len(app.transcript.entries)", "pass", OLD_TOKEN)),
    *edits_of(
        judge._play,
        ("_trace(error)", "str(error)", FALLS_OVER),
        ("declared with --without: {reason}", "declared", DECLARED),
    ),
)


@pytest.mark.parametrize(("edit", "probe"), EDITS, ids=[edit.name for edit, _ in EDITS])
def test_edit_of_what_reports_on_parents_is_noticed(edit: Edit, probe: Probe) -> None:
    whole = reported(probe)
    with edit.made():
        assert reported(probe) != whole
