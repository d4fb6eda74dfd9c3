"""Generated sessions can fail: they notice these mutants, of every state that the model keeps."""

import matrix
import pytest
from hunt import noticed

SESSIONS, SEED = 80, 1
NOTICED = [
    "account_mutants:blocked_for_ever",
    "account_mutants:key_not_sent",
    "account_mutants:login_from_before_is_still_used",
    "account_mutants:logout_leaves_the_refresh_open",
    "account_mutants:logout_told_before_the_response",
    "account_mutants:wrong_workspace_at_refresh_shown",
    "account_mutants:wrong_workspace_used_once",
    "login_mutants:browser_login_told_as_done",
    "login_mutants:login_counts_one_request_late",
    "login_mutants:login_leaves_the_refresh_open",
    "login_mutants:refused_tokens_log_out",
    "refresh_mutants:asks_for_an_api_key",
    "refresh_mutants:reading_asks",
    "refresh_mutants:second_401_asks_again",
    "refresh_mutants:second_answer_taken",
    "refresh_mutants:text_id_answers",
]


@pytest.mark.parametrize("target", NOTICED)
def test_generated_sessions_notice_a_mutant(target: str) -> None:
    disagreement = noticed(matrix.mutants()[target], SESSIONS, SEED)
    assert disagreement is not None
    assert disagreement.result.verdict in ("fail", "untestable"), disagreement.result.message
