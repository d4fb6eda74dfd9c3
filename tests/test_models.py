"""The models agree with spec/ on every message tried here, real ones among them."""

import json
from functools import cache, partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from codex_account_protocol import REVISIONS, models, spec_root
from codex_account_protocol import decode as package_decode
from jsonschema import Draft202012Validator
from msgspec import UNSET
from referencing import Registry, Resource

REAL_MESSAGES = [
    json.loads(line)
    for line in (Path(__file__).parent / "real_messages.jsonl").read_text("utf-8").splitlines()
]

each_revision = pytest.mark.parametrize("revision", REVISIONS)


@cache
def registry(revision: str) -> Registry[Any]:
    files = (spec_root() / revision).glob("*.json")
    return Registry().with_resources(
        (path.name, Resource.from_contents(json.loads(path.read_bytes())))
        for path in files
        if path.name != "methods.json"
    )


def validates(revision: str, type_name: str, message: Any) -> bool:
    schema = {"$schema": Draft202012Validator.META_SCHEMA["$id"], "$ref": f"{type_name}.json"}
    return Draft202012Validator(schema, registry=registry(revision)).is_valid(message)


def decode(revision: str, type_name: str, message: Any) -> Any:
    wanted = getattr(models(revision), type_name)
    return msgspec.json.decode(json.dumps(message), type=wanted)


UNTAGGED = {"JSONRPCMessage", "AccountSessionsSwitchResponse"}


@each_revision
def test_msgspec_alone_decodes_every_type_but_unions_without_a_tag(revision):
    for path in (spec_root() / revision).glob("*.json"):
        if path.stem not in {"methods", *UNTAGGED}:
            msgspec.json.Decoder(getattr(models(revision), path.stem))


def test_a_union_without_a_tag_is_the_first_model_that_fits():
    protocol = models("0.169")
    message = partial(package_decode, wanted=protocol.JSONRPCMessage)
    assert isinstance(message('{"id":1,"method":"m"}'), protocol.JSONRPCRequest)
    assert isinstance(message('{"method":"m"}'), protocol.JSONRPCNotification)
    assert isinstance(message(b'{"id":"a","result":null}'), protocol.JSONRPCResponse)
    assert isinstance(message('{"id":1,"error":{"code":1,"message":""}}'), protocol.JSONRPCError)
    with pytest.raises(msgspec.ValidationError, match=r"JSONRPCRequest: .*; JSONRPCNotification: "):
        message("{}")


def test_any_other_type_decodes_as_msgspec_does():
    protocol = models("0.169")
    logged_in = b'{"account":{"type":"apiKey"},"requiresOpenaiAuth":true}'
    for wanted in (protocol.GetAccountResponse, protocol.GetAccountResponse | None):
        assert package_decode(logged_in, wanted) == msgspec.json.decode(logged_in, type=wanted)
    assert package_decode(b'{"type":"apiKey"}', protocol.Account) == protocol.ApiKeyAccount()


@pytest.mark.parametrize(
    "case", REAL_MESSAGES, ids=[f"{case['release']}-{case['type']}" for case in REAL_MESSAGES]
)
def test_what_a_release_said_or_took_validates_and_decodes(case):
    revision, type_name, message = case["revision"], case["type"], case["message"]
    assert validates(revision, type_name, message)
    again = msgspec.to_builtins(decode(revision, type_name, message))
    assert is_part_of(again, message)


def is_part_of(part: Any, whole: Any) -> bool:
    """Whether `part` is `whole` without some members of objects, at any level."""
    if isinstance(part, dict):
        return all(key in whole and is_part_of(part[key], whole[key]) for key in part)
    if isinstance(part, list):
        return len(part) == len(whole) and all(map(is_part_of, part, whole))
    return bool(part == whole)


TURN = {"id": "1", "items": [], "status": "completed"}
ITEM = {"threadId": "t", "turnId": "1", "startedAtMs": 1}
OLD_TOKENS = {"accessToken": "a", "idToken": "b"}
NEW_TOKENS = {"accessToken": "a", "chatgptAccountId": "b"}
EXTERNAL = {"type": "chatgptAuthTokens"}
EVERY = "0.93 0.99 0.169"
LATER = "0.99 0.169"

# revisions, type, a message that is right, what makes it wrong
NEAR_MISSES: list[tuple[str, str, Any, Any]] = [
    ("0.93", "LoginAccountParams", EXTERNAL | OLD_TOKENS, EXTERNAL | NEW_TOKENS),
    (LATER, "LoginAccountParams", EXTERNAL | NEW_TOKENS, EXTERNAL | OLD_TOKENS),
    (
        LATER,
        "LoginAccountParams",
        EXTERNAL | NEW_TOKENS,
        {**EXTERNAL, **NEW_TOKENS, "accessToken": None},
    ),
    (
        LATER,
        "LoginAccountParams",
        EXTERNAL | NEW_TOKENS,
        {**EXTERNAL, **NEW_TOKENS, "chatgptPlanType": 3},
    ),
    (EVERY, "LoginAccountParams", {"type": "chatgpt"}, {"type": "chatGPT"}),
    (EVERY, "LoginAccountParams", {"type": "apiKey", "apiKey": "k"}, {"apiKey": "k"}),
    (EVERY, "LoginAccountParams", {"type": "apiKey", "apiKey": "k"}, {"type": "apiKey"}),
    (
        "0.169",
        "LoginAccountParams",
        {"type": "chatgpt", "appBrand": None},
        {"type": "chatgpt", "appBrand": "x"},
    ),
    ("0.93", "ChatgptAuthTokensRefreshResponse", OLD_TOKENS, NEW_TOKENS),
    (LATER, "ChatgptAuthTokensRefreshResponse", NEW_TOKENS, OLD_TOKENS),
    (EVERY, "ChatgptAuthTokensRefreshResponse", OLD_TOKENS | NEW_TOKENS, {}),
    (EVERY, "ChatgptAuthTokensRefreshResponse", OLD_TOKENS | NEW_TOKENS, None),
    (EVERY, "ChatgptAuthTokensRefreshResponse", OLD_TOKENS | NEW_TOKENS, []),
    (EVERY, "ChatgptAuthTokensRefreshParams", {"reason": "unauthorized"}, {"reason": "expired"}),
    (
        EVERY,
        "ChatgptAuthTokensRefreshParams",
        {"reason": "unauthorized"},
        {"previousAccountId": "a"},
    ),
    (EVERY, "AccountUpdatedNotification", {"authMode": "apikey"}, {"authMode": "apiKey"}),
    ("0.169", "AccountUpdatedNotification", {"planType": "sci"}, {"planType": "scientific"}),
    (EVERY, "AccountLoginCompletedNotification", {"success": True}, {"success": "true"}),
    (
        EVERY,
        "AccountLoginCompletedNotification",
        {"success": True},
        {"loginId": None, "error": None},
    ),
    (EVERY, "CancelLoginAccountParams", {"loginId": "x"}, {"loginId": None}),
    (EVERY, "CancelLoginAccountResponse", {"status": "notFound"}, {"status": "cancelled"}),
    (EVERY, "LoginAccountResponse", {"type": "chatgptAuthTokens"}, {"type": "chatgptauthtokens"}),
    (
        EVERY,
        "LoginAccountResponse",
        {"type": "chatgpt", "loginId": "x", "authUrl": "y"},
        {"type": "chatgpt", "loginId": "x"},
    ),
    (EVERY, "GetAccountParams", {"refreshToken": True}, {"refreshToken": 1}),
    (EVERY, "GetAccountResponse", {"requiresOpenaiAuth": True}, {"account": None}),
    (
        "0.93 0.99",
        "Account",
        {"type": "chatgpt", "email": "e", "planType": "go"},
        {"type": "chatgpt", "email": None, "planType": "go"},
    ),
    (
        "0.169",
        "Account",
        {"type": "chatgpt", "email": None, "planType": "go"},
        {"type": "chatgpt", "planType": "go"},
    ),
    (
        EVERY,
        "InitializeParams",
        {"clientInfo": {"name": "n", "version": "1"}},
        {"clientInfo": {"name": "n"}},
    ),
    (
        "0.169",
        "InitializeResponse",
        dict.fromkeys(("userAgent", "codexHome", "platformFamily", "platformOs"), "x"),
        {"userAgent": "x"},
    ),
    (EVERY, "RequestId", 0, None),
    (EVERY, "RequestId", "0", 1.5),
    (EVERY, "RequestId", -1, True),
    (
        EVERY,
        "JSONRPCError",
        {"id": 1, "error": {"code": -32600, "message": ""}},
        {"id": 1, "error": {"code": "-32600", "message": ""}},
    ),
    (EVERY, "JSONRPCResponse", {"id": 1, "result": None}, {"id": 1}),
    (EVERY, "JSONRPCRequest", {"id": 1, "method": "m"}, {"id": None, "method": "m"}),
    (EVERY, "Turn", TURN, {**TURN, "status": "done"}),
    (EVERY, "Turn", TURN, {**TURN, "error": {}}),
    (EVERY, "TurnStartParams", {"threadId": "t", "input": []}, {"threadId": "t", "input": {}}),
    (EVERY, "UserInput", {"type": "text", "text": "t"}, {"type": "text"}),
    (EVERY, "ThreadItem", {"type": "reasoning", "id": "1"}, {"type": "reasoning"}),
    (
        "0.169",
        "ItemStartedNotification",
        {**ITEM, "item": {"type": "x", "id": "1"}},
        {"threadId": "t", "turnId": "1", "item": {"type": "x", "id": "1"}},
    ),
]


@pytest.mark.parametrize(
    ("revision", "type_name", "right", "wrong"),
    [(each, *case) for revisions, *case in NEAR_MISSES for each in revisions.split()],
)
def test_a_near_miss_is_refused_by_schema_and_model(revision, type_name, right, wrong):
    assert validates(revision, type_name, right)
    decode(revision, type_name, right)
    assert not validates(revision, type_name, wrong)
    with pytest.raises(msgspec.ValidationError):
        decode(revision, type_name, wrong)


@pytest.mark.parametrize(
    "item",
    [
        {"type": "agentMessage", "id": "1"},
        {"type": "agentMessage", "id": "1", "text": None},
        {"type": "userMessage", "id": "1", "content": [{"type": "text"}]},
    ],
)
@each_revision
def test_an_item_of_a_kind_that_is_spelled_out_is_held_to_it(revision, item):
    assert not validates(revision, "ThreadItem", item)
    with pytest.raises(msgspec.ValidationError):
        decode(revision, "ThreadItem", item)
    other = item | {"type": "unheardOf"}
    assert validates(revision, "ThreadItem", other)
    assert decode(revision, "ThreadItem", other).type == "unheardOf"


@each_revision
def test_an_item_may_be_made_of_models(revision):
    protocol = models(revision)
    said = protocol.TextUserInput(text="hello")
    item = protocol.ThreadItem(type="userMessage", id="1", content=[said])
    content = [{"type": "text", "text": "hello"}]
    assert msgspec.to_builtins(item) == {"type": "userMessage", "id": "1", "content": content}
    with pytest.raises(ValueError, match="expected content"):
        protocol.ThreadItem(type="userMessage", id="1")


# --- absent, null, unions


@each_revision
def test_absent_and_null_are_told_apart_both_ways(revision):
    absent = decode(revision, "AccountUpdatedNotification", {})
    null = decode(revision, "AccountUpdatedNotification", {"authMode": None})
    assert absent.auth_mode is UNSET
    assert null.auth_mode is None
    assert msgspec.json.encode(absent) == b"{}"
    assert msgspec.json.encode(null) == b'{"authMode":null}'


@each_revision
def test_a_member_that_may_be_absent_but_not_null_refuses_null(revision):
    assert decode(revision, "GetAccountParams", {}).refresh_token is UNSET
    assert not validates(revision, "GetAccountParams", {"refreshToken": None})
    with pytest.raises(msgspec.ValidationError):
        decode(revision, "GetAccountParams", {"refreshToken": None})


@each_revision
def test_unknown_members_are_ignored_at_every_level(revision):
    message = {"clientInfo": {"name": "n", "version": "1", "x": 1}, "y": {"z": None}}
    assert validates(revision, "InitializeParams", message)
    assert decode(revision, "InitializeParams", message).client_info.name == "n"


@each_revision
@pytest.mark.parametrize(
    "union", ["LoginAccountParams", "LoginAccountResponse", "Account", "UserInput"]
)
def test_a_variant_becomes_the_class_of_its_title(revision, union):
    for variant in registry(revision).contents(f"{union}.json")["oneOf"]:
        samples = {"type": variant["properties"]["type"]["const"]}
        for name in variant["required"]:
            samples.setdefault(name, "free" if name == "planType" else "x")
        if "anyOf" in variant:
            samples["url"] = "x"
        assert validates(revision, union, samples)
        value = decode(revision, union, samples)
        assert type(value).__name__ == variant["title"]
        assert msgspec.to_builtins(value) == samples
