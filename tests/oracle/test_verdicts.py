"""What makes verdicts, excuses them and joins them is broken in turn, and a test of it notices."""

from collections.abc import Iterable

import pytest
from codex_conformance import baseline, baseline_file, bench, known_failures, merge, results
from codex_conformance.baseline import Baseline
from codex_conformance.results import CaseResult, RunResult
from edits import Edit, red
from oracle import Probe, sound

OF_RESULTS = (
    Edit(RunResult.clauses, 'if case.verdict == "fail":', "if case.broken:"),
    Edit(RunResult.clauses, 'if case.verdict == "fail":', "if False:"),
    Edit(RunResult.clauses, "one.clause for one in case.broken", "case.clauses"),
    Edit(RunResult.clauses, "if cases or clause.id in failed:", "if cases:"),
    Edit(RunResult.clauses, '"fail" if clause.id in failed else _worst(cases)', "_worst(cases)"),
    Edit(results._worst, "in _WORST_FIRST", "in reversed(_WORST_FIRST)"),
    Edit(results._worst, '"untestable"', '"pass"'),
    Edit(RunResult.exit_status, "if self.interrupted:", "if False:"),
    Edit(RunResult.exit_status, "not self.cases or ", ""),
    Edit(RunResult.exit_status, ' or counts["error"]', ""),
    Edit(RunResult.exit_status, ' if strict else ("MUST",)', ""),
    Edit(RunResult.exit_status, '("MUST", "SHOULD") if strict else ', ""),
    Edit(RunResult.exit_status, 'row.verdict == "fail" and ', ""),
    Edit(RunResult.exit_status, "row.level in deciding", "True"),
    Edit(RunResult.exit_status, "failed or ", ""),
    Edit(RunResult.exit_status, ' or counts["untestable"]', ""),
    Edit(RunResult.exit_status, " or self.stale", ""),
    Edit(RunResult.summary, "counts[verdict] for", "bool(counts[verdict]) for"),
    Edit(RunResult.observations, "not in sentences", "in sentences"),
)
OF_BASELINES = (
    Edit(baseline.Entry.fits, "one.clause == self.clause and ", ""),
    Edit(baseline.Entry.fits, " and self.message in one.message", ""),
    Edit(baseline.Entry.fits, " and ", " or "),
    Edit(Baseline.fit, "not in (None, revision)", "is ..."),
    Edit(Baseline.expired, "<", "<="),
    Edit(Baseline.expired, "<", ">"),
    Edit(Baseline.entry_for, " if not self.expired(each)", ""),
    Edit(Baseline.entry_for, " if each.fits(one)", ""),
    Edit(Baseline.excuse, "len(known) < len(entries)", "not known"),
    Edit(Baseline.excuse, '"flaky" if any(entry.flaky for entry in known) else ', ""),
    Edit(Baseline.excuse, ' if any(entry.flaky for entry in known) else "expected-fail"', ""),
    Edit(Baseline.excuse, "each.flaky and ", ""),
    Edit(Baseline.excuse, " and not self.expired(each)", ""),
    Edit(Baseline.excuse, ' and result.verdict in ("pass", "observed")', ""),
    Edit(Baseline.excuse, "if flaky and ", "if not flaky and "),
    Edit(Baseline._stale, "if self.expired(entry):", "if False:"),
    Edit(Baseline._stale, "_fault(entry, ran[case])", "None"),
    Edit(Baseline._stale, '"there is no such case"', "None"),
    Edit(Baseline._stale, " if whole else None", ""),
    Edit(Baseline._stale, '"this case did not run" if whole else ', ""),
    Edit(CaseResult.excused, "verdict=verdict", "verdict=self.verdict"),
    Edit(Baseline.unexplained, "if not entry.reason", "if entry.reason"),
    Edit(baseline._fault, "if not breaks:", "if breaks:"),
    Edit(baseline._fault, "entry.flaky and ", ""),
    Edit(baseline._fault, "entry.flaky and mended", "entry.flaky"),
    Edit(baseline._fault, "if not any(", "if any("),
)
OF_BASELINE_FILES = (
    Edit(baseline_file.read_baseline, "if (case, entry.clause) in seen:", "if False:"),
    Edit(baseline_file._check, "not in ledger.clauses", "is None"),
    Edit(baseline_file._check, "if not entry.cases:", "if False:"),
    Edit(baseline_file._check, " and not entry.message.strip()", " and False"),
    Edit(baseline_file._entries, 'kind == "flaky"', "False"),
    Edit(baseline_file._entries, "len(set(row.cases)) < len(row.cases)", "False"),
    Edit(baseline_file._entries, "len(headers) != len(rows)", "False"),
)
OF_KNOWN_FAILURES = (
    Edit(known_failures.known_failures, 'result.verdict != "fail"', "True"),
    Edit(known_failures.known_failures, "if (result.id, one.clause) not in taken:", "if True:"),
    Edit(known_failures.known_failures, "lasting(one)", "one.message"),
    Edit(known_failures._kept, "if case in known:", "if True:"),
    Edit(known_failures._kept, "if case in known:", "if False:"),
    Edit(known_failures._kept, "_only_for_people(entry, before) or ", ""),
    Edit(known_failures._kept, " or any(map(entry.fits, ran[case].broken))", ""),
    Edit(known_failures._only_for_people, "entry.flaky or ", ""),
    Edit(known_failures._only_for_people, " or before.expired(entry)", ""),
    Edit(known_failures.lasting, "_before(_VARIES, one.actual)", "one.actual"),
    Edit(known_failures.lasting, "len(came) > _LONGEST", "False"),
    Edit(known_failures.lasting, "_before(_UNWRITABLE, told)", "told"),
)
OF_MERGES = (
    Edit(merge.merged, "for run in runs for case", "for run in runs[:1] for case"),
    Edit(merge.merged, "_union(run.stale for run in runs)", "runs[0].stale"),
    Edit(merge.merged, "_union(run.unexplained for run in runs)", "()"),
    Edit(merge.merged, "shard=None", "shard=runs[0].shard"),
    Edit(merge._faults, "if part.run.shard is None:", "if False:"),
    Edit(merge._faults, "if part.run.interrupted:", "if False:"),
    Edit(merge._faults, "if mine != theirs:", "if False:"),
    Edit(merge._faults, "yield from _faulty_numbers(parts)", "_faulty_numbers(parts)"),
    Edit(merge._faults, "yield from _faulty_cases(parts)", "_faulty_cases(parts)"),
    Edit(merge._faulty_numbers, "if number in seen:", "if False:"),
    Edit(merge._faulty_numbers, "if number not in seen", "if False"),
    Edit(merge._faulty_cases, "count > 1", "count > 2"),
    Edit(merge._faulty_cases, "set(times) - planned", "()"),
    Edit(merge._faulty_cases, "planned - set(times)", "()"),
)
NOTICED_BY: dict[str, Iterable[Edit]] = {
    "kit/test_results.py": OF_RESULTS,
    "kit/test_baseline.py": (*OF_BASELINES, *OF_BASELINE_FILES),
    "kit/test_known_failures.py": OF_KNOWN_FAILURES,
    "kit/test_merge.py": OF_MERGES,
}
EDITS = {edit.name: (file, edit) for file, edits in NOTICED_BY.items() for edit in edits}

GOOD = Probe("refresh/good-answer")
REFUSED = Probe("apikey/forced-chatgpt", "account_mutants:forced_chatgpt_ignored")
NOT_GREETED = Probe("refresh/good-answer", "control:refuses-everything")
REFUSES_ITS_OWN = Probe("apikey/accepted", "control:refuses-everything")
SENT_ELSEWHERE = Probe("apikey/again", "secret_mutants:token_sent_elsewhere")
OF_CASES = (
    (Edit(bench._verdict, 'return "fail"', 'return "untestable"'), REFUSED),
    (Edit(bench._verdict, "if breaks:", "if False:"), REFUSED),
    (Edit(bench._verdict, "broken.prerequisite and ", "False and "), NOT_GREETED),
    (Edit(bench._verdict, " and broken.clause not in own", ""), REFUSES_ITS_OWN),
    (Edit(bench._verdict, 'return "untestable"', 'return "not-applicable"'), NOT_GREETED),
    (Edit(bench._verdict, "if broken is not None:", "if False:"), NOT_GREETED),
    (Edit(bench._verdict, 'levels == {"OBSERVE"}', "levels"), GOOD),
    (Edit(bench._verdict, "for finding in found", "for finding in ()"), SENT_ELSEWHERE),
)


@pytest.mark.parametrize("file", NOTICED_BY)
def test_whole_kit_is_green(file: str) -> None:
    assert not red(file)


@pytest.mark.parametrize("name", EDITS)
def test_edit_of_what_makes_verdicts_is_noticed(name: str) -> None:
    file, edit = EDITS[name]
    with edit.made():
        assert red(file)


@pytest.mark.parametrize(("edit", "probe"), OF_CASES, ids=[edit.name for edit, _ in OF_CASES])
def test_edit_of_what_makes_the_verdict_of_a_case_is_noticed(edit: Edit, probe: Probe) -> None:
    whole = sound(probe)
    with edit.made():
        assert probe.verdict() != whole
