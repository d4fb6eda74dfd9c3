"""Canary tokens and how a leak of one is found."""

import base64
import gzip
import json

import jwt
import pytest
from codex_conformance.tokens import BETA, Mint, Needles, encodings, redact


def test_tokens_derive_from_the_case_alone() -> None:
    assert Mint("a/b").mint() == Mint("a/b").mint()
    assert Mint("a/b").mint() != Mint("a/c").mint()


def test_tokens_of_a_case_differ_from_each_other() -> None:
    mint = Mint("a/b")
    assert mint.mint().access_token != mint.mint().access_token


def test_claims_are_the_ones_that_codex_reads() -> None:
    tokens = Mint("a/b").mint(BETA, email="someone@example.org", plan="team")
    for text in (tokens.id_token, tokens.access_token):
        claims = jwt.decode(text, options={"verify_signature": False})
        assert claims["email"] == "someone@example.org"
        assert claims["https://api.openai.com/auth"]["chatgpt_account_id"] == BETA
        assert claims["https://api.openai.com/auth"]["chatgpt_plan_type"] == "team"


@pytest.mark.parametrize("revision", ["0.93", "0.99", "0.169"])
def test_members_have_the_shape_of_the_revision(revision: str) -> None:
    members = Mint("a/b").mint().members(revision)
    wanted = {"0.93": {"idToken", "accessToken"}}
    assert set(members) == wanted.get(revision, {"accessToken", "chatgptAccountId"})


def test_stated_plan_is_a_member_from_0_99_on() -> None:
    tokens = Mint("a/b").mint().stating("enterprise")
    assert tokens.members("0.99")["chatgptPlanType"] == "enterprise"
    assert "chatgptPlanType" not in tokens.members("0.93")


@pytest.mark.parametrize("prefix", ["", "x", "xy", "xyz"])
def test_base64_of_a_secret_is_found_at_every_alignment(prefix: str) -> None:
    mint = Mint("a/b")
    secret = mint.api_key()
    hidden = base64.b64encode(f"{prefix}{secret} and more".encode())
    assert Needles(mint.secrets).find(hidden) == "api-key-1 (base64)"


def test_every_encoding_is_found() -> None:
    mint = Mint("a/b")
    secret = mint.mint().access_token
    for name, form in encodings(secret):
        found = Needles(mint.secrets).find(b"before " + form + b" after")
        assert found is not None, name


def test_nothing_is_found_where_nothing_is() -> None:
    mint = Mint("a/b")
    mint.mint()
    assert Needles(mint.secrets).find(gzip.compress(b"hello") * 100) is None


def test_short_secret_is_not_found_where_it_lies_by_chance() -> None:
    assert Needles({"***": "stars"}).find(b"a line of the parent") is None


def test_redaction_leaves_nothing_of_a_secret_that_was_cut() -> None:
    mint = Mint("a/b")
    tokens = mint.mint()
    for length in (6, 60, len(tokens.access_token) - 1):
        text = f'{{"accessToken": "{tokens.access_token[:length]}… (845 characters)'
        told = redact(text, mint.secrets)
        assert told == '{"accessToken": "<the beginning of a secret>… (845 characters)'


def test_redaction_leaves__a_stable_fingerprint_and_nothing_else() -> None:
    mint = Mint("a/b")
    tokens = mint.mint()
    text = redact(json.dumps(tokens.members("0.93")), mint.secrets)
    assert tokens.access_token not in text
    assert tokens.id_token not in text
    assert text == redact(json.dumps(tokens.members("0.93")), mint.secrets)
    assert "<tokens-1-access " in text
