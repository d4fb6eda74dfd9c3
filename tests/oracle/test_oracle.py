"""Each part of the oracle is disabled or inverted in turn, and a probe of `make test` notices."""

import inspect
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from codex_conformance import bench, case, expectations, home, invariants, schema, tokens
from codex_conformance.cases import refresh_concurrent
from codex_conformance.invariants import INVARIANTS, Invariant
from oracle import Probe, contrary, expecting, replaced, silent, sound

GOOD = Probe("refresh/good-answer")

# Per invariant, a mutant and a case in which this invariant alone notices it.
UNNOTICED_WITHOUT: dict[Invariant, Probe] = {
    invariants.every_line_is_a_message: Probe(
        "wire/split-line/within-ascii", "wire_mutants:says_latin_1"
    ),
    invariants.each_request_is_answered_once: Probe(
        "wire/split-line/within-ascii", "wire_mutants:says_latin_1"
    ),
    invariants.server_messages_validate: Probe(
        "apikey/logout", "account_mutants:logout_answered_with_null"
    ),
    invariants.no_secret_in_what_it_says: Probe(
        "refresh/answer-no-jwt/one-part", "secret_mutants:bad_answer_repeated"
    ),
    invariants.no_secret_in_a_file: Probe("error/again-and-again", "secret_mutants:login_stored"),
    invariants.no_secret_to_another_host: Probe(
        "apikey/again", "secret_mutants:token_sent_elsewhere"
    ),
    invariants.replaced_tokens_stay_unused: Probe(
        "wire/unknown-members", "login_mutants:login_counts_one_request_late"
    ),
}

# What an invariant says of a mutant: the clause, and what it found.
FOUND: dict[Probe, tuple[str, str]] = {
    Probe("wire/id-types-apart", "wire_mutants:text_id_answered_twice"): (
        "WIRE-4",
        'another one under the id "7"',
    ),
    Probe("login/accepted", "secret_mutants:login_logged"): (
        "SECRET-2",
        "tokens-1-access (plain) on stderr",
    ),
    Probe("workspace/login-elsewhere", "secret_mutants:wrong_workspace_repeated"): (
        "SECRET-2",
        "tokens-1-access (plain) in a message",
    ),
    Probe("apikey/again", "secret_mutants:token_sent_elsewhere"): (
        "SECRET-3",
        "api-key-1 (plain) in GET http://telemetry.example/",
    ),
}

# Per shared helper, a mutant and a case in which this helper alone notices it, and a case that
# goes through it on the reference server.
NOTICED_BY: dict[str, tuple[Probe | None, Probe]] = {
    "expect_announced": (
        Probe("login/accepted", "login_mutants:told_twice"),
        Probe("login/accepted"),
    ),
    "expect_login_refused": (
        Probe("login/no-jwt/empty", "login_mutants:refusal_told"),
        Probe("apikey/forced-chatgpt"),
    ),
    "expect_account": (
        Probe("mode/api-key-after-logout", "account_mutants:key_shown_as_nobody"),
        Probe("mode/api-key-after-logout"),
    ),
    "expect_logged_in": (
        Probe("workspace/refresh-elsewhere-keeps-account", "refresh_mutants:bad_answer_logs_out"),
        Probe("mode/api-key"),
    ),
    "expect_nobody": (
        Probe("logout/from/managed-login", "account_mutants:account_shown_after_logout"),
        Probe("logout/from/managed-login"),
    ),
    "expect_turn_as": (
        Probe("apikey/again", "account_mutants:key_not_sent"),
        Probe("apikey/bearer"),
    ),
    "expect_turn_without_token": (
        Probe("logout/turn-afterwards", "account_mutants:tokens_sent_after_logout"),
        Probe("logout/turn-afterwards"),
    ),
    "expect_no_refresh": (
        Probe("refresh/none-on/403", "refresh_mutants:asks_after_403"),
        Probe("refresh/none-on/403"),
    ),
    "expect_told": (Probe("other/usage", "other_mutants:days_untold"), Probe("other/usage")),
    "account_meanwhile": (None, Probe("refresh/answer-under-id/foreign")),
    "held_turn": (None, Probe("login/again-during-turn")),
}


@pytest.fixture(autouse=True)
def homes_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    if Path("/dev/shm").is_dir():
        monkeypatch.setattr(tempfile, "tempdir", "/dev/shm")


def noticed(fault: AbstractContextManager[None], probe: Probe) -> bool:
    """Whether a probe says something else with this fault in the oracle."""
    whole = sound(probe)
    assert whole[0] == ("fail" if ":" in probe.target else "pass")
    return with_fault(fault, probe) != whole


def with_fault(fault: AbstractContextManager[None], probe: Probe) -> Any:
    """What a probe says with a fault in the oracle."""
    with fault:
        return probe.verdict()


def without(invariant: Invariant) -> AbstractContextManager[None]:
    return replaced(INVARIANTS, tuple(each for each in INVARIANTS if each is not invariant))


def inverted(invariant: Invariant) -> AbstractContextManager[None]:
    def opposite(evidence: Any) -> Any:
        if not list(invariant(evidence)):
            yield invariants.Finding("WIRE-1", "something else", "what was wanted")

    others = tuple(each for each in INVARIANTS if each is not invariant)
    return replaced(INVARIANTS, (*others, opposite))


def test_every_invariant_and_every_shared_helper_is_mutated() -> None:
    helpers = {
        name
        for name, value in vars(expectations).items()
        if inspect.isfunction(value)
        and value.__module__ == expectations.__name__
        and not name.startswith("_")
    }
    assert set(UNNOTICED_WITHOUT) == set(INVARIANTS)
    assert NOTICED_BY.keys() | {"untold"} == helpers


@pytest.mark.parametrize("invariant", INVARIANTS, ids=lambda each: each.__name__)
def test_disabled_invariant_is_noticed(invariant: Invariant) -> None:
    assert noticed(without(invariant), UNNOTICED_WITHOUT[invariant])


@pytest.mark.parametrize("invariant", INVARIANTS, ids=lambda each: each.__name__)
def test_inverted_invariant_is_noticed(invariant: Invariant) -> None:
    assert noticed(inverted(invariant), GOOD)


@pytest.mark.parametrize(("probe", "found"), FOUND.items(), ids=[each.target for each in FOUND])
def test_invariant_says_what_it_found(probe: Probe, found: tuple[str, str]) -> None:
    assert [(one.clause, one.actual) for one in probe.result().broken] == [found]


@pytest.mark.parametrize("name", [name for name, probes in NOTICED_BY.items() if probes[0]])
def test_disabled_helper_is_noticed(name: str) -> None:
    helper, (probe, _) = getattr(expectations, name), NOTICED_BY[name]
    assert probe is not None
    with replaced_within("_expect_from", silent):
        disabled = expecting(helper, silent)
    if name == "expect_turn_without_token":  # an invariant sees the same
        with without(invariants.replaced_tokens_stay_unused):
            assert probe.verdict() != with_fault(replaced(helper, disabled), probe)
    else:
        assert noticed(replaced(helper, disabled), probe)


@pytest.mark.parametrize("name", NOTICED_BY)
def test_inverted_helper_is_noticed(name: str) -> None:
    helper, (_, probe) = getattr(expectations, name), NOTICED_BY[name]
    assert noticed(replaced(helper, expecting(helper, contrary)), probe)


def replaced_within(name: str, expect: Callable[..., None]) -> AbstractContextManager[None]:
    helper = getattr(expectations, name)
    return replaced(helper, expecting(helper, expect))


def nothing(*_: Any, **__: Any) -> None:
    """A function that finds nothing."""


REFUSED = Probe("apikey/forced-chatgpt", "account_mutants:forced_chatgpt_ignored")
NOT_GREETED = Probe("refresh/good-answer", "control:refuses-everything")
LEAK_IN_BASE64 = Probe("refresh/good-answer", "secret_mutants:refreshed_token_cached_in_base64")

FAULTS: dict[str, tuple[Callable[[], AbstractContextManager[None]], Probe]] = {
    "expect: disabled": (lambda: replaced(case.expect, silent), REFUSED),
    "expect: inverted": (lambda: replaced(case.expect, contrary), GOOD),
    "require: disabled": (lambda: replaced(case.require, silent), NOT_GREETED),
    "require: inverted": (lambda: replaced(case.require, contrary), GOOD),
    "findings: none": (
        lambda: replaced(invariants.findings, lambda _: []),
        UNNOTICED_WITHOUT[invariants.server_messages_validate],
    ),
    "judge_line: all is valid": (
        lambda: replaced(schema.judge_line, lambda *_: (None, None)),
        UNNOTICED_WITHOUT[invariants.server_messages_validate],
    ),
    "judge_line: nothing is valid": (
        lambda: replaced(schema.judge_line, lambda *_: ("a fault", None)),
        GOOD,
    ),
    "judge_line: what is wrong is newer": (
        lambda: replaced(schema.judge_line, lambda *_: (None, "newer")),
        UNNOTICED_WITHOUT[invariants.server_messages_validate],
    ),
    "encodings: plain only": (
        lambda: replaced(tokens.encodings, lambda text: (("plain", text.encode()),)),
        LEAK_IN_BASE64,
    ),
    "untold: nothing": (
        lambda: replaced(expectations.untold, nothing),
        Probe("other/usage", "other_mutants:days_untold"),
    ),
    "untold: all": (
        lambda: replaced(expectations.untold, lambda *_: "all of it"),
        Probe("other/usage"),
    ),
    "expect_no_mixture: disabled": (
        lambda: replaced(refresh_concurrent.expect_no_mixture, nothing),
        Probe(
            "refresh/no-mixture-after-answer/other-account",
            "refresh_mutants:account_id_stays_at_refresh",
        ),
    ),
    "files: none": (lambda: replaced(home._files, lambda _: iter(())), LEAK_IN_BASE64),
    "verdict: what broke is lost": (lambda: replaced(bench._broken_in, nothing), REFUSED),
}


@pytest.mark.parametrize("name", FAULTS)
def test_fault_of_the_oracle_is_noticed(name: str) -> None:
    fault, probe = FAULTS[name]
    if probe.target.startswith("control:"):
        assert sound(probe)[0] == "untestable"
        assert with_fault(fault(), probe) != sound(probe)
    else:
        assert noticed(fault(), probe)
