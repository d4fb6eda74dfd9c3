"""Parents that keep every clause conform, whatever they are written in."""

from dataclasses import replace

import pytest
from codex_account_protocol import REVISIONS
from codex_conformance.judge_parent.judge import judge_parent
from judging import HERE, PLAIN, PYTHON, told, wish


def conforms(*command: str, revision: str = "0.169") -> None:
    run = judge_parent(wish(*command, revision=revision), [])
    assert {case.verdict for case in run.cases} <= set(PLAIN), told(run)
    assert run.exit_status(strict=True) == 0


@pytest.mark.parametrize("revision", REVISIONS)
def test_parent_in_python_conforms(revision: str) -> None:
    conforms(*PYTHON, str(HERE / "parent.py"), revision=revision)


def test_standard_error_that_never_blocks_is_written_to_all_the_same() -> None:
    inheriting = wish(*PYTHON, str(HERE / "inheriting_parent.py"))
    run = judge_parent(replace(inheriting, only=("stream/stderr-flood",)), [])
    assert [case.verdict for case in run.cases] == ["pass"], told(run)
