"""How far a run is, in three lines."""

from codex_conformance.reports.progress import Tally


def lines(tally: Tally, now: float = 100.0) -> list[str]:
    return [line.plain for line in tally.lines(now)]


def test_run_that_has_just_begun_says_how_much_there_is() -> None:
    assert lines(Tally(planned=12)) == ["0 of 12"]


def test_areas_under_way_are_shown_with_what_is_done_of_them() -> None:
    tally = Tally(planned=7)
    tally.areas.update({"login": 2, "wire": 4, "read": 1})
    tally.done.update({"login": 1, "read": 1})
    tally.verdicts.update({"pass": 1, "fail": 1})
    assert lines(tally) == ["2 of 7, 1 pass, 1 fail", "login 1/2"]


def test_case_that_takes_long_is_named_the_longest_first() -> None:
    tally = Tally(planned=3, began={"a/new": 99.5, "a/late": 97.0, "a/first": 91.2})
    assert lines(tally) == ["0 of 3", "waiting (2): a/first 9 s, a/late 3 s"]
