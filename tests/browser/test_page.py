"""The HTML report in a real browser: read, filtered, printed small, and attacked."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from browser import Browser, browser
from codex_conformance.reports.columns import Column
from codex_conformance.reports.html import html_text
from codex_conformance.results import Break, CaseResult, RunResult
from codex_conformance.sequence import Step
from runs import failed, result, run, talk

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

TAB = "\ue004"
ENTER = "\ue007"
HOSTILE = (
    "</pre></style></script><script>document.title='taken'</script>"
    "<img src=x onerror=\"document.title='taken'\"><svg onload=\"document.title='taken'\">"
    "<a href=\"javascript:document.title='taken'\" style='position:fixed'>{{ 7*7 }}{% raw %}"
    "\"'><iframe srcdoc='<script>top.document.title=1</script>'></iframe>"
)


def conversation(wrong: int, *labels: str) -> tuple[Step, ...]:
    steps = list(talk(*labels))
    steps[wrong] = replace(steps[wrong], source="server", target="parent", kind="notification")
    return tuple(steps)


def broken(case: str, clause: str) -> CaseResult:
    """A case that failed by its second message."""
    return replace(
        failed(case, clause),
        broken=(Break(clause, "this", "that", "1.000 <-- account/updated", 1),),
        steps=conversation(1, "initialize", "account/updated", "account/read"),
    )


OLD = run(
    result("login/a", "LOGIN-1"),
    broken("wire/a", "WIRE-9"),
    result("refresh/a", "REFRESH-10", verdict="observed", seen="1 request"),
)
NEW = run(
    broken("login/a", "LOGIN-1"),
    result("wire/a", "WIRE-9"),
    result("secret/a", "SECRET-1", verdict="not-applicable"),
)


@pytest.fixture(scope="module")
def window() -> Iterator[Browser]:
    """One browser for all tests; each loads a page anew."""
    with browser() as one:
        yield one


def page(folder: Path, *runs: RunResult) -> Path:
    path = folder / "report.html"
    columns = [Column(f"r{number}", each) for number, each in enumerate(runs, start=1)]
    path.write_text(html_text(columns, strict=False), "utf-8")
    return path


@pytest.fixture
def report(window: Browser, tmp_path: Path) -> Browser:
    """A window with a report of two runs; at the end, that the page complained about nothing."""
    window.view(1200, 900)
    window.open(page(tmp_path, OLD, NEW))
    return window


def shown(window: Browser) -> set[str]:
    """The ids of what can be filtered and is shown."""
    rows = "[...document.querySelectorAll('[data-filter]')]"
    return set(window.ask(f"{rows}.filter(row => row.checkVisibility()).map(row => row.id)"))


ALL = {
    "WIRE-9",
    "LOGIN-1",
    "REFRESH-10",
    "SECRET-1",
    "case-wire.a",
    "case-login.a",
    "case-refresh.a",
    "case-secret.a",
}


def test_page_complains_about_nothing_and_asks_for_nothing(report: Browser) -> None:
    assert report.console() == []
    assert report.ask("performance.getEntriesByType('resource').length") == 0
    assert report.ask("document.title") == "Conformance of r1, r2"
    assert shown(report) == ALL


def test_every_link_leads_somewhere_and_every_id_is_there_once(report: Browser) -> None:
    hrefs = report.ask("[...document.links].map(link => link.getAttribute('href'))")
    ids = report.ask("[...document.querySelectorAll('[id]')].map(each => each.id)")
    assert len(hrefs) > 10
    assert {href for href in hrefs if href[1:] not in ids} == set()
    assert len(ids) == len(set(ids))


def test_broken_clause_leads_to_the_case_that_found_it(report: Browser) -> None:
    report.click("#LOGIN-1 td:nth-of-type(2) a")
    assert report.ask("location.hash") == "#case-login.a"
    assert report.ask("document.getElementById('case-login.a').checkVisibility()")
    top = report.ask("document.getElementById('case-login.a').getBoundingClientRect().top")
    assert 0 <= top < 900


@pytest.mark.parametrize(
    ("control", "left"),
    [
        ("[name=verdict][value=fail]", {"WIRE-9", "LOGIN-1", "case-wire.a", "case-login.a"}),
        ("[name=verdict][value=observed]", {"REFRESH-10", "case-refresh.a"}),
        ("[name=verdict][value=not-applicable]", {"SECRET-1", "case-secret.a"}),
        ("[name=level][value=SHOULD]", {"WIRE-9", "case-wire.a"}),
    ],
)
def test_filter_leaves_what_was_asked_for(report: Browser, control: str, left: set[str]) -> None:
    report.click(control)
    assert shown(report) == left
    clauses, cases = (sum(("case" in name) == wanted for name in left) for wanted in (False, True))
    said = report.ask("document.getElementById('shown').value")
    assert said == f"Shown: {clauses} of 4 clauses, {cases} of 4 cases"
    report.click("button[type=reset]")
    report.ask("new Promise(done => setTimeout(done))")
    assert shown(report) == ALL


def test_area_is_chosen_by_typing_its_name(report: Browser) -> None:
    report.type("[name=area]", "LOGIN")
    assert shown(report) == {"LOGIN-1", "case-login.a"}


def test_filters_are_joined(report: Browser) -> None:
    report.click("[name=verdict][value=fail]")
    report.type("[name=text]", "Login/A")
    assert shown(report) == {"case-login.a", "LOGIN-1"}
    report.click("[name=level][value=SHOULD]")
    assert shown(report) == set()


def test_link_to_what_is_filtered_away_shows_it(report: Browser) -> None:
    report.type("[name=area]", "LOGIN")
    assert shown(report) == {"LOGIN-1", "case-login.a"}
    report.ask("void (location.hash = '#case-wire.a')")
    report.ask("new Promise(done => setTimeout(done, 50))")
    assert shown(report) == ALL


def test_chart_marks_the_wrong_message_in_words_and_shows_it_on_request(report: Browser) -> None:
    talk_of = "#case-login\\\\.a .chart"
    labels = report.ask(f"[...document.querySelectorAll('{talk_of} .arrow')].map(e => e.innerText)")
    spoken = [label.replace("\n", " ").split(": ", 1) for label in labels]
    assert spoken == [
        ["parent to server", "initialize"],
        ["server to parent", "wrong account/updated"],
        ["parent to server", "account/read"],
    ]
    first = f"document.querySelector('{talk_of} pre')"
    assert not report.ask(f"{first}.checkVisibility()")
    report.click("#case-login\\.a .chart summary")
    assert report.ask(f"{first}.checkVisibility()")


def test_everything_is_reached_by_keyboard_with_the_focus_in_sight(report: Browser) -> None:
    report.press(TAB)
    assert report.ask("document.activeElement.className") == "skip"
    assert report.ask("document.activeElement.getBoundingClientRect().left") >= 0
    report.press(ENTER)
    assert report.ask("location.hash") == "#clauses"
    report.press(TAB)
    assert report.ask("document.activeElement.matches('#clauses ~ * *')")
    outline = report.ask("getComputedStyle(document.activeElement).outline")
    assert outline.endswith(" solid 3px")
    report.press(ENTER)
    assert report.ask("document.activeElement.parentElement.open")


def test_table_says_what_its_cells_are(report: Browser) -> None:
    cell = "document.querySelector('#LOGIN-1 td')"
    assert report.ask(f"{cell}.closest('table').caption.innerText").startswith("The verdict")
    assert report.ask(f"{cell}.parentElement.querySelector('th').scope") == "row"
    columns = "[...document.querySelectorAll('.matrix thead th')].map(head => head.scope)"
    assert report.ask(columns) == ["col", "col", "col"]
    assert report.ask(f"{cell}.innerText").endswith("pass")


@pytest.mark.parametrize("runs", [1, 2, 5, 9])
@pytest.mark.parametrize("width", [320, 768, 1200])
def test_page_is_never_wider_than_its_window(
    window: Browser, tmp_path: Path, runs: int, width: int
) -> None:
    long = run(replace(broken("wire/a", "WIRE-9"), message="x" * 500), command="y" * 300)
    window.view(width, 800)
    window.open(page(tmp_path, long, *[OLD] * (runs - 1)))
    window.ask("document.querySelectorAll('details').forEach(each => { each.open = true })")
    assert window.ask("document.documentElement.scrollWidth") <= width


def contrast(window: Browser) -> list[str]:
    """Texts that stand out too little from what is behind them, by WCAG's ratio of 4.5."""
    return window.ask(
        """(() => {
        const parse = (text) => text.match(/[\\d.]+/g).map(Number);
        const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
          .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
          .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
        const behind = (each) => {
          for (; each; each = each.parentElement) {
            const colour = parse(getComputedStyle(each).backgroundColor);
            if (colour.length === 3 || colour[3] > 0) return colour;
          }
        };
        const faint = new Set();
        const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        while (walker.nextNode()) {
          const each = walker.currentNode.parentElement;
          if (!walker.currentNode.data.trim() || !each.checkVisibility()) continue;
          if (each.closest('.spoken, .skip, script, style, option')) continue;
          const [a, b] = [light(parse(getComputedStyle(each).color)), light(behind(each))];
          const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
          if (ratio < 4.5) faint.add(`${each.className || each.tagName} ${ratio.toFixed(1)}`);
        }
        return [...faint];
        })()"""
    )


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_text_stands_out(window: Browser, tmp_path: Path, dark: bool) -> None:
    verdicts = ("expected-fail", "flaky", "error", "untestable")
    more = [result(f"x/{name}", "WIRE-4", verdict=name, broken="WIRE-4") for name in verdicts]
    window.view(1200, 900, dark=dark)
    window.open(page(tmp_path, run(*OLD.cases, *more), NEW))
    window.ask("document.querySelectorAll('details').forEach(each => { each.open = true })")
    paper = window.ask("getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(22, 23, 26)") is dark
    assert contrast(window) == []


def test_without_scripts_everything_but_the_filter_is_there(tmp_path: Path) -> None:
    with browser() as window:
        window.view(1200, 900)
        window.without_scripts()
        window.open(page(tmp_path, OLD, NEW))
        assert window.seen("#case-login\\.a .chart .words")
        assert window.seen("#LOGIN-1 td")
        assert not window.seen("#filter")
        window.click("#LOGIN-1 td:nth-of-type(2) a")
        assert window.url().endswith("#case-login.a")


def attack(folder: Path) -> Path:
    """A report in which everything that can be is hostile."""
    said = Break("WIRE-9", HOSTILE, HOSTILE, HOSTILE, 0, HOSTILE)
    step = Step(0, 0.0, "server", "parent", "request", HOSTILE, HOSTILE, HOSTILE)
    note = Step(1, 0.0, None, None, "note", HOSTILE, HOSTILE)
    cases = [
        replace(failed(f"wire/{HOSTILE}", "WIRE-9"), broken=(said,), steps=(step, note)),
        result("x/error", "WIRE-4", verdict="error"),
        result("x/seen", "WIRE-5", verdict="observed", seen=HOSTILE),
        result("x/not", "WIRE-6", verdict="not-applicable"),
    ]
    attacked = run(
        *(replace(case, message=HOSTILE, transcript=HOSTILE) for case in cases),
        stale=(HOSTILE,),
        command=HOSTILE,
    )
    hostile = replace(
        attacked,
        subject=replace(attacked.subject, user_agent=HOSTILE, revision=HOSTILE),
        kit_version=HOSTILE,
    )
    path = folder / "report.html"
    columns = [Column(HOSTILE, hostile, folder / "x.d"), Column("good", OLD)]
    path.write_text(html_text(columns, strict=False), "utf-8")
    return path


def test_what_a_target_says_is_text_and_does_nothing(window: Browser, tmp_path: Path) -> None:
    window.view(320, 800)
    window.open(attack(tmp_path))
    window.ask("document.querySelectorAll('details').forEach(each => { each.open = true })")
    assert window.ask("document.title").startswith("Conformance of </pre></style>")
    assert window.ask("document.querySelectorAll('img, iframe, [onload], [onerror]').length") == 0
    assert window.ask("document.scripts.length") == 1
    assert window.ask("[...document.links].every(link => link.href.startsWith('file:'))")
    assert "{{ 7*7 }}" in window.ask("document.body.innerText")
    assert window.ask("document.documentElement.scrollWidth") <= 320
    assert window.console() == []


def test_script_that_were_let_in_could_not_run(window: Browser, tmp_path: Path) -> None:
    path = page(tmp_path, OLD, NEW)
    inserted = "<script>document.title='taken'</script><p style='color:red' onclick='x()'>x</p>"
    path.write_text(path.read_text().replace("<main>", f"<main>{inserted}"))
    window.view(1200, 900)
    window.open(path)
    assert window.ask("document.title") == "Conformance of r1, r2"
    assert any("Content Security Policy" in line for line in window.console())
