"""Generated sessions can fail: they notice these mutants, of every state that the model keeps."""

import matrix
import pytest
from hunt import noticed

SESSIONS = 80
SEEDS = (1, 1001, 2001)  # hypothesis draws constants of what is imported, too: one seed may miss
NOTICED = [
    "account_mutants:asks_after_logout",
    "account_mutants:blocked_for_ever",
    "account_mutants:key_not_sent",
    "account_mutants:key_readable_by_everybody",
    "account_mutants:key_stays_after_logout",
    "account_mutants:login_from_before_is_still_used",
    "account_mutants:logout_leaves_the_refresh_open",
    "account_mutants:logout_told_before_the_response",
    "account_mutants:wrong_workspace_at_refresh_shown",
    "account_mutants:wrong_workspace_used_once",
    "init_mutants:logged_in_though_incapable",
    "init_mutants:opting_out_by_prefix",
    "login_mutants:browser_login_told_as_done",
    "login_mutants:login_counts_one_request_late",
    "login_mutants:login_leaves_the_refresh_open",
    "login_mutants:refused_tokens_log_out",
    "managed_mutants:every_turn_refreshes_by_itself",
    "managed_mutants:issuer_heard_after_a_logout_at_the_next_start",
    "managed_mutants:rotated_refresh_token_forgotten",
    "managed_mutants:superseded_login_kept_quiet",
    "managed_mutants:trouble_at_the_issuer_logs_out",
    "refresh_mutants:account_id_stays_at_refresh",
    "refresh_mutants:answer_of_the_other_revision_taken",
    "refresh_mutants:asks_for_an_api_key",
    "refresh_mutants:asks_for_json_401_only",
    "refresh_mutants:reading_asks",
    "refresh_mutants:retried_with_another_body",
    "refresh_mutants:second_401_asks_again",
    "refresh_mutants:second_answer_taken",
    "refresh_mutants:text_id_answers",
    "timeout_mutants:answer_in_the_last_second_ignored",
    "timeout_mutants:error_is_no_answer",
    "timeout_mutants:error_repeated_in_the_turn",
    "timeout_mutants:late_answer_taken_while_asking_again",
    "timeout_mutants:limit_a_little_early",
    "timeout_mutants:malformed_error_is_no_answer",
    "wire_mutants:read_ends_a_line",
]


@pytest.mark.parametrize("target", NOTICED)
def test_generated_sessions_notice_a_mutant(target: str) -> None:
    mutant = matrix.mutants()[target]
    disagreement = next(filter(None, (noticed(mutant, SESSIONS, seed) for seed in SEEDS)), None)
    assert disagreement is not None
    assert disagreement.result.verdict in ("fail", "untestable"), disagreement.result.message
