"""Parts of one run are joined; what does not belong together is refused."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from codex_conformance.errors import UsageError
from codex_conformance.merge import merged, write_merged
from codex_conformance.results import RunResult, Shard, Subject
from codex_conformance.results_file import Stored, read_results, results_text
from codex_conformance.sequence import write_transcript
from runs import failed, result, run, talk

WHOLE = ("login/a", "login/b", "read/a", "wire/a")
FIRST = run(
    failed("login/a", "LOGIN-1"),
    result("wire/a", "WIRE-4"),
    stale=("b: x",),
    unexplained=("c: z",),
    shard=Shard(1, 2, WHOLE),
)
SECOND = run(
    result("read/a", "READ-1"),
    result("login/b", "LOGIN-1"),
    stale=("a: y", "b: x"),
    unexplained=("d: z",),
    shard=Shard(2, 2, WHOLE),
)
UNDIVIDED = run(
    failed("login/a", "LOGIN-1"),
    result("login/b", "LOGIN-1"),
    result("read/a", "READ-1"),
    result("wire/a", "WIRE-4"),
    stale=("a: y", "b: x"),
    unexplained=("c: z", "d: z"),
)


def parts(*runs: RunResult) -> list[Stored]:
    return [
        Stored(Path(f"{name}.json"), each, None) for name, each in zip("abc", runs, strict=False)
    ]


def refusal(*runs: RunResult) -> str:
    with pytest.raises(UsageError) as refused:
        merged(parts(*runs))
    return refused.value.message


@pytest.mark.parametrize("order", [(FIRST, SECOND), (SECOND, FIRST)])
def test_parts_are_the_undivided_run_in_any_order(order: tuple[RunResult, RunResult]) -> None:
    joined = merged(parts(*order))
    assert results_text(replace(joined, wall_s=1.0), "d") == results_text(UNDIVIDED, "d")
    assert joined.wall_s == 2.0


def change(**members: Any) -> Callable[[RunResult], RunResult]:
    return lambda each: replace(each, **members)


@pytest.mark.parametrize(
    ("runs", "said"),
    [
        ([UNDIVIDED], "a.json: is a whole run, not a part of one"),
        ([FIRST, UNDIVIDED], "b.json: is a whole run, not a part of one"),
        (
            [FIRST, replace(SECOND, interrupted=True)],
            "b.json: was interrupted, so it is not a whole part",
        ),
        ([FIRST], "1 of 2 parts are here: part 2 is lacking"),
        ([FIRST, FIRST], "a.json and b.json are both part 1 of 2"),
        ([FIRST, SECOND, SECOND], "b.json and c.json are both part 2 of 2"),
        (
            [FIRST, replace(SECOND, kit_version="9")],
            "a.json and b.json do not have the same kit version: 1.2.3 and 9",
        ),
        (
            [FIRST, replace(SECOND, subject=Subject("other", "kit/0.99.0 (Linux)", "0.99"))],
            "a.json and b.json do not have the same target: codex app-server and other",
        ),
        (
            [FIRST, replace(SECOND, subject=Subject("codex app-server", None, "0.99"))],
            "a.json and b.json do not have the same user agent: kit/0.99.0 (Linux) and None",
        ),
        (
            [
                FIRST,
                replace(SECOND, subject=Subject("codex app-server", "kit/0.99.0 (Linux)", "0.93")),
            ],
            "a.json and b.json do not have the same revision: 0.99 and 0.93",
        ),
        (
            [FIRST, replace(SECOND, shard=Shard(2, 3, WHOLE))],
            "a.json and b.json do not have the same number of parts: 2 and 3",
        ),
        (
            [FIRST, replace(SECOND, shard=Shard(2, 2, WHOLE[1:]))],
            "a.json and b.json do not have the same cases of the whole",
        ),
        (
            [FIRST, replace(SECOND, cases=(*SECOND.cases, *FIRST.cases))],
            "more than one part has login/a, wire/a",
        ),
        ([FIRST, replace(SECOND, cases=SECOND.cases[:1])], "no part has login/b"),
        (
            [FIRST, replace(SECOND, cases=(*SECOND.cases, result("no/such", "WIRE-1")))],
            "not a case of the whole: no/such",
        ),
    ],
)
def test_what_does_not_belong_together_is_refused(runs: list[RunResult], said: str) -> None:
    assert refusal(*runs) == said


def test_number_of_parts_that_would_not_end_is_refused() -> None:
    huge = Shard(1, 10**9, WHOLE)
    said = "1 of 1000000000 parts are here: part 2, 3, 4 is lacking"
    assert refusal(replace(FIRST, shard=huge)) == said


def test_transcripts_come_along(tmp_path: Path) -> None:
    stored = []
    for name, each in (("one", FIRST), ("two", SECOND)):
        folder = tmp_path / f"{name}.json.d"
        folder.mkdir()
        for case in each.cases:
            write_transcript(folder, case.id, talk(case.id))
        path = tmp_path / f"{name}.json"
        path.write_text(results_text(each, folder.name))
        stored.append(read_results(path))
    write_merged(stored, tmp_path / "all.json")
    read = read_results(tmp_path / "all.json", every_conversation=True)
    assert {case.id: case.steps for case in read.run.cases} == {name: talk(name) for name in WHOLE}
    names = {
        case["transcript"] for case in json.loads((tmp_path / "all.json").read_text())["cases"]
    }
    assert names == {f"all.json.d/{case.replace('/', '.')}.txt" for case in WHOLE}
    assert all((tmp_path / name).is_file() for name in names)


def test_file_is_not_merged_into_itself(tmp_path: Path) -> None:
    stored = []
    for name, each in (("one", FIRST), ("two", SECOND)):
        path = tmp_path / f"{name}.json"
        path.write_text(results_text(each, None))
        stored.append(read_results(path))
    with pytest.raises(UsageError, match=r"one\.json: is one of the files that are merged"):
        write_merged(stored, tmp_path / "one.json")


def test_transcripts_are_taken_along_as_far_as_they_are_there(tmp_path: Path) -> None:
    folder = tmp_path / "part.d"
    folder.mkdir()
    write_transcript(folder, "login/a", talk("one"))
    (folder / "login.a.jsonl").unlink()
    there, lost = (
        Stored(Path(f"{name}.json"), each, folder if name == "a" else None)
        for name, each in (("a", FIRST), ("b", SECOND))
    )
    write_merged([there, lost], tmp_path / "whole.json")
    assert [path.name for path in (tmp_path / "whole.json.d").iterdir()] == ["login.a.txt"]
