"""Badge, Markdown and JUnit: what they say, and that nothing that a target says can hurt them."""

import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
from codex_conformance.reports.badge import verdict_in_words, write_badge
from codex_conformance.reports.columns import Column, columns
from codex_conformance.reports.junit import write_junit
from codex_conformance.reports.summary import escaped, summary_text, write_summary
from codex_conformance.results import Break, CaseResult, RunResult
from codex_conformance.results_file import Stored
from runs import failed, result, run, talk

GOOD = result("login/a", "LOGIN-1")
EXPECTED = result("read/a", "READ-1", verdict="expected-fail", broken="READ-1")


KNOWN = "conforms but for 1 clause known to be broken"
SHOULD = "conforms but for 1 clause of level SHOULD broken"
UNKNOWN = result("a/a", "WIRE-1", verdict="untestable")
NO_VERDICT = result("a/a", "WIRE-1", verdict="error")
BAD, WORSE = failed("a/a", "WIRE-1"), failed("a/b", "WIRE-2")
BAD_SHOULD = failed("a/a", "WIRE-9")


@pytest.mark.parametrize(
    ("cases", "stale", "strict", "told"),
    [
        ([GOOD], (), False, ("conforms", "brightgreen")),
        ([], (), False, ("no verdict", "lightgrey")),
        ([GOOD, NO_VERDICT], (), False, ("no verdict", "lightgrey")),
        ([GOOD, BAD], (), False, ("1 clause broken", "red")),
        ([BAD, WORSE], (), False, ("2 clauses broken", "red")),
        ([BAD_SHOULD], (), True, ("1 clause broken", "red")),
        ([GOOD, BAD_SHOULD], (), False, (SHOULD, "yellow")),
        ([GOOD, EXPECTED], (), False, (KNOWN, "yellow")),
        ([UNKNOWN], (), False, ("not known", "orange")),
        ([GOOD], ("b: gone",), False, ("stale baseline", "orange")),
    ],
)
def test_verdict_in_words_agrees_with_the_exit_status(
    cases: list[CaseResult], stale: tuple[str, ...], strict: bool, told: tuple[str, str]
) -> None:
    assert verdict_in_words(run(*cases, stale=stale), strict=strict) == told


def test_interrupted_run_has_no_verdict() -> None:
    interrupted = replace(run(GOOD), interrupted=True)
    assert verdict_in_words(interrupted, strict=False) == ("no verdict", "lightgrey")


def test_badge_is_what_shields_reads(tmp_path: Path) -> None:
    write_badge(tmp_path / "b.json", run(GOOD), strict=False)
    assert json.loads((tmp_path / "b.json").read_text()) == {
        "schemaVersion": 1,
        "label": "codex account protocol 0.99",
        "message": "conforms",
        "color": "brightgreen",
    }


def summary(*runs: RunResult) -> str:
    return summary_text([Column(f"r{i}", each) for i, each in enumerate(runs)], strict=False)


def test_summary_shows_what_is_red_before_what_is_known() -> None:
    text = summary(run(GOOD, EXPECTED, failed("wire/a", "WIRE-1")))
    assert text.splitlines() == [
        "## Account protocol of codex app-server",
        "",
        "| | revision | verdict | pass | fail | expected-fail |",
        "|---|---|---|--:|--:|--:|",
        "| r0<br>codex app-server (kit/0.99.0) | 0.99 | 1 clause broken | 1 | 1 | 1 |",
        "",
        "<details open><summary>Red: r0, 1 case</summary>",
        "",
        "| verdict | case | clause | what |",
        "|---|---|---|---|",
        "| fail | wire/a | WIRE-1 | expected this; got that |",
        "",
        "</details>",
        "",
        "<details><summary>Known to be broken: r0, 1 case</summary>",
        "",
        "| verdict | case | clause | what |",
        "|---|---|---|---|",
        "| expected-fail | read/a | READ-1 | expected this; got that |",
        "",
        "</details>",
        "",
    ]


def test_summary_of_several_runs_has_the_clauses_that_not_all_keep() -> None:
    bad = failed("wire/a", "WIRE-4")
    text = summary(run(GOOD, bad), run(GOOD, result("wire/a", "WIRE-4")), run(GOOD))
    row = next(line for line in text.splitlines() if line.startswith("| WIRE-4"))
    assert row.startswith("| WIRE-4 | MUST | **fail** | ✓ |  | A request gets one response")
    assert "| LOGIN-1 |" not in text
    assert "All keep the other 1." in text


@pytest.mark.parametrize(
    ("hostile", "harmless"),
    [
        ("<script>x</script>", "&#60;script&#62;x&#60;/script&#62;"),
        ("a | b", "a &#124; b"),
        ("`x` *y* _z_ ~w~", "&#96;x&#96; &#42;y&#42; &#95;z&#95; &#126;w&#126;"),
        ("[x](y) ![z]", "&#91;x&#93;(y) &#33;&#91;z&#93;"),
        ("https://evil.example www.evil.example", "https&#58;//evil.example www&#46;evil.example"),
        ("@somebody #7", "&#64;somebody &#35;7"),
        ("&amp; \\", "&#38;amp; &#92;"),
        ("a\n\n# b\r\nc", "a &#35; b c"),
        ("$x$", "&#36;x&#36;"),
        ("x" * 400, "x" * 300 + "…"),
    ],
)
def test_what_a_target_says_means_nothing_to_markdown(hostile: str, harmless: str) -> None:
    assert escaped(hostile) == harmless


def test_summary_is_bounded() -> None:
    said = Break("WIRE-1", "x" * 1000, "|" * 1000)
    cases = [replace(failed(f"a/{i}", "WIRE-1"), broken=(said,) * 5) for i in range(500)]
    text = summary(*[run(*cases)] * 9)
    assert len(text) < 210_000
    assert text.endswith("The rest is left out: see the results file.\n")
    assert len(summary(run(*cases))) < 210_000
    assert "and 2400 more rows" in summary(run(*cases))


def test_summary_is_added_to_the_one_of_the_job_and_replaces_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "s.md"
    path.write_text("earlier\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    write_summary(path, [Column("r", run(GOOD))], strict=False)
    assert path.read_text().startswith("earlier\n## Account")
    monkeypatch.delenv("GITHUB_STEP_SUMMARY")
    write_summary(path, [Column("r", run(GOOD))], strict=False)
    assert path.read_text().startswith("## Account")


def junit(tmp_path: Path, *runs: RunResult) -> ET.Element:
    path = tmp_path / "j.xml"
    write_junit(path, runs)
    return ET.parse(path).getroot()


def test_junit_has_a_suite_a_run_and_a_test_a_case(tmp_path: Path) -> None:
    bad = replace(failed("wire/a/b", "WIRE-1"), steps=talk("initialize"), duration_s=0.25)
    root = junit(tmp_path, run(GOOD, bad, EXPECTED), run(GOOD, stale=("b.toml: gone",)))
    assert [suite.attrib for suite in root] == [
        {
            "name": "codex app-server (kit/0.99.0), revision 0.99",
            "tests": tests,
            "failures": "1",
            "errors": "0",
            "skipped": skipped,
            "time": "1.000",
        }
        for tests, skipped in (("3", "1"), ("2", "0"))
    ]
    case = root[0][2]
    assert case.attrib == {"classname": "codex-conformance.wire", "name": "a/b", "time": "0.250"}
    failure = case[0]
    assert failure.tag == "failure"
    assert failure.attrib == {"type": "fail", "message": "WIRE-1: expected this; got that"}
    sentence = run().ledger.clauses["WIRE-1"].sentence
    assert (failure.text or "").splitlines()[:4] == [
        f"WIRE-1 (MUST): {sentence}",
        "  expected  this",
        "  actual    that",
        "",
    ]
    assert "initialize" in (failure.text or "").splitlines()[-1]
    assert root[0][1][0].tag == "skipped"
    assert root[1][1].attrib["name"] == "b.toml: gone"


def test_junit_holds_nothing_that_xml_does_not(tmp_path: Path) -> None:
    case = replace(failed("a/\x00b", "WIRE-1"), message="\x1b[31m \ud800 \ufffe ]]> <x>")
    root = junit(tmp_path, run(case))
    assert root[0][0].attrib["name"] == "\ufffdb"
    assert root[0][0][0].attrib["message"] == "WIRE-1: \ufffd[31m \ufffd \ufffd ]]> <x>"


def test_runs_are_called_by_their_files_as_shortly_as_they_differ() -> None:
    paths = [Path("a/r.json"), Path("b/r.json"), Path("b/codex-0.98.0.json")]
    shown = columns([Stored(path, run(GOOD), None) for path in paths])
    assert [column.label for column in shown] == ["a/r.json", "b/r.json", "codex-0.98.0"]


def test_summary_tells_of_the_baseline_and_of_what_was_seen() -> None:
    observed = result("wire/a", "WIRE-6", verdict="observed", seen="[] | is refused")
    text = summary(run(observed, UNKNOWN, stale=("b.toml:3: no longer fails",)))
    assert "Baseline of r0:\n\n- b.toml:3: no longer fails\n" in text
    assert "| untestable | a/a | WIRE-1 |  |\n" in text
    assert "| clause | seen |\n|---|---|\n| WIRE-6 | &#91;&#93; &#124; is refused |\n" in text


def test_target_that_its_column_is_called_after_is_named_once() -> None:
    name = run().subject.name
    (row,) = (
        line
        for line in summary_text([Column(name, run(GOOD))], strict=False).splitlines()
        if " 0.99 " in line
    )
    assert row == f"| {name} | 0.99 | conforms | 1 |"


def test_junit_tells_whole_what_broke_in_the_kit(tmp_path: Path) -> None:
    told = "Traceback:\nKeyError: 'x'"
    root = junit(tmp_path, run(replace(NO_VERDICT, message=told)))
    (error,) = root.iter("error")
    assert error.get("message") == "WIRE-1: KeyError: 'x'"
    assert (error.text or "").strip() == told
