"""What a run of generated sessions says where one goes otherwise, or where none can be played."""

import sys
from pathlib import Path

import matrix
import pytest
from codex_conformance.bench import Judged
from codex_conformance.targets import DirectTarget
from fuzz import Disagreement, fuzz, main

DYING = """
import os
from codex_reference_server import account, main
account.Account.read = lambda *_: os._exit(3)
main.main(["app-server"])
"""
SERVER = [sys.executable, "-m", "codex_reference_server", "app-server"]


def disagreement(target: str, examples: int, seed: int) -> Disagreement:
    mutant = matrix.mutants()[target]
    with pytest.raises(Disagreement) as found:
        fuzz(Judged(DirectTarget(mutant, ()), mutant.revision), examples, seed)
    return found.value


def test_disagreement_is_the_shortest_session_and_what_it_breaks() -> None:
    said = str(disagreement("managed_mutants:any_text_is_a_login_id", 200, 1)).splitlines()
    assert said[1:4] == [
        "  Setup()",
        "  CancelBrowserLogin(which='no UUID')",
        'fail, MANAGED-3: expected an error; got {"result": {"status": "notFound"}}',
    ]


def test_disagreement_is_drawn_again_by_its_seed() -> None:
    first = disagreement("login_mutants:told_twice", 100, 1)
    again = disagreement("login_mutants:told_twice", first.examples, first.seed)
    assert str(again).splitlines()[:4] == str(first).splitlines()[:4]


def test_command_that_dies_in_a_session_is_told_with_what_draws_it_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "dying.py"
    program.write_text(DYING)
    assert main(["20", "1", "0.169", "ask,speak", sys.executable, str(program)]) == 1
    began, _, setup, verdict, *_, again = capsys.readouterr().out.splitlines()
    assert began == "20 sessions by revision 0.169, seed 1"
    assert setup == "  Setup()"
    assert (
        verdict
        == "fail, WIRE-4: expected a response to every request; got none for the request id 1001"
    )
    draws = (
        f"EXAMPLES=10 SEED=1 REVISION=0.169 WITHOUT=ask,speak 'COMMAND={sys.executable} {program}'"
    )
    assert again == f"Again: make fuzz {draws}"


def test_command_that_keeps_every_clause_is_told_in_one_sentence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["2", "1", "0.169", "", *SERVER]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "2 sessions by revision 0.169, seed 1",
        "all go as the model of the account says",
    ]


UNFIT = {
    "no-such-command": "the target cannot be started: no-such-command: No such file or directory",
    "false": "the target ended with exit status 1 before it answered initialize",
    "cat": "the target sends back what it is sent",
}


@pytest.mark.parametrize("command", UNFIT)
def test_command_that_is_no_app_server_is_refused_in_one_sentence(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["2", "1", "0.169", "", command]) == 2
    assert capsys.readouterr().out == f"{UNFIT[command]}\n"


def test_unknown_kind_of_step_is_refused_with_those_that_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["2", "1", "0.169", "junk,rubbish"]) == 2
    said = capsys.readouterr().out
    assert said.startswith("no kind of step: rubbish; expected some of ask, begin a browser login,")
