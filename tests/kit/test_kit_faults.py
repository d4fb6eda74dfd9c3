"""A fault of the kit itself is told as one: it is no verdict on a target."""

import re
import shutil
from pathlib import Path

import pytest
from codex_conformance import check as room
from codex_conformance import plugin, reference
from codex_conformance.check import Wish, check, run_cases
from codex_conformance.errors import ConformanceError
from codex_conformance.plugin import Order

ONE = "read/nobody/auth-required"


def test_case_that_the_kit_cannot_judge_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def judge(*_: object) -> None:
        raise KeyError("a fault of the kit")

    monkeypatch.setattr(plugin, "judge_case", judge)
    run = check(Wish(reference.NAME, (), only=(ONE,)), [])
    (case,) = run.cases
    assert (case.id, case.clauses, case.verdict) == (ONE, ("READ-1",), "error")
    assert "KeyError: 'a fault of the kit'" in (case.message or "")
    assert run.exit_status(strict=False) == 2


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("test_broken", "def broken(:\n", "the cases cannot be collected: .*SyntaxError: "),
        (
            "test_undeclared",
            "async def test_it():\n    pass\n",
            r"^the cases could not be run \(pytest says 4\)$",
        ),
    ],
)
def test_cases_that_are_none_are_not_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, text: str, said: str
) -> None:
    shutil.copy(room.CASES / "pytest.ini", tmp_path)
    tmp_path.joinpath(f"{name}.py").write_text(text)
    monkeypatch.setattr(room, "CASES", tmp_path)
    with pytest.raises(ConformanceError) as fault:
        run_cases(Order(reference.NAME, (), "0.99"), object())
    assert re.search(said, fault.value.message, re.DOTALL)
