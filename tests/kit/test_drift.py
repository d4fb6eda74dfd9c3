"""What differs between a release and a revision: each kind of difference, and what it touches."""

from collections.abc import Callable
from typing import Any

import pytest
from codex_account_protocol import REVISIONS
from codex_conformance.drift import Difference, compare, nearest
from codex_conformance.release import Release

Bundle = dict[str, Any]
Edit = Callable[[Bundle], object]


def differences(release: Release, revision: str) -> list[Difference]:
    comparison = compare(release, revision)
    return [one for one, _ in (*comparison.methods, *comparison.types)]


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_release_that_says_what_the_revision_says_does_not_differ(release_of, revision):
    assert differences(release_of(revision), revision) == []


# --- what makes no difference


def say_it_otherwise(definitions: Bundle) -> None:
    """The same in other words: a constant, an enum that says a word on each value, an order."""
    types = definitions["v2"]
    types["CancelLoginAccountStatus"] = {
        "oneOf": [
            {"description": "gone", "type": "string", "const": "notFound"},
            {"description": "done", "type": "string", "enum": ["canceled"]},
        ]
    }
    types["GetAccountResponse"]["required"].reverse()
    types["GetAccountResponse"]["title"] = "Otherwise"
    members = types["GetAccountResponse"]["properties"]
    types["GetAccountResponse"]["properties"] = dict(reversed(members.items()))
    members["account"]["anyOf"].reverse()


def change_a_thread(definitions: Bundle) -> None:
    """What spec/ leaves open on purpose."""
    definitions["v2"]["Thread"]["properties"]["colour"] = {"type": "string"}
    definitions["v2"]["TurnStatus"]["enum"].append("dreaming")
    definitions["ClientRequest"]["oneOf"].append(method("thread/paint", {"type": "null"}))


@pytest.mark.parametrize("edit", [say_it_otherwise, change_a_thread])
def test_what_means_the_same_or_is_not_compared_is_no_difference(release_of, edit):
    assert differences(release_of("0.169", edit), "0.169") == []


# --- what differs


def method(name: str, params: Any, *, required: bool = False) -> Bundle:
    members = {"method": {"type": "string", "enum": [name]}, "params": params}
    needed = ["method", *(["params"] if required else [])]
    return {"type": "object", "required": needed, "properties": members}


def type_edit(name: str, edit: Callable[[Bundle], object]) -> Edit:
    """An edit of one type, whichever part of the bundle holds it."""
    return lambda definitions: edit({**definitions, **definitions["v2"]}[name])


def row_edit(union: str, name: str, edit: Callable[[Bundle], object]) -> Edit:
    def change(definitions: Bundle) -> None:
        for row in definitions[union]["oneOf"]:
            if row["properties"]["method"]["enum"] == [name]:
                edit(row)

    return change


def add_method(definitions: Bundle) -> None:
    row = method("account/wallet/read", {"$ref": "#/definitions/v2/WalletParams"}, required=True)
    definitions["ClientRequest"]["oneOf"].append(row)
    definitions["v2"]["WalletParams"] = {"type": "object", "properties": {}}
    coins = {"type": "array", "items": {"$ref": "#/definitions/v2/Coin"}}
    definitions["v2"]["WalletResponse"] = {
        "type": "object",
        "required": ["coins"],
        "properties": {"coins": coins, "owner": {"type": ["string", "null"]}},
    }
    definitions["v2"]["Coin"] = {"type": "string", "enum": ["penny", "crown"]}


def remove_method(definitions: Bundle) -> None:
    union = definitions["ClientRequest"]
    union["oneOf"] = [
        row
        for row in union["oneOf"]
        if row["properties"]["method"]["enum"] != ["account/login/cancel"]
    ]


CHANGES: dict[str, tuple[Edit, list[Difference]]] = {
    "a member more": (
        type_edit(
            "GetAccountParams",
            lambda it: it["properties"].update({"deep": {"type": ["boolean", "null"]}}),
        ),
        [Difference("added", "GetAccountParams", "boolean or null, optional", part="deep")],
    ),
    "a member less": (
        type_edit("GetAccountParams", lambda it: it["properties"].pop("refreshToken")),
        [Difference("removed", "GetAccountParams", "boolean, optional", part="refreshToken")],
    ),
    "a member required": (
        type_edit("GetAccountParams", lambda it: it.update({"required": ["refreshToken"]})),
        [Difference("changed", "GetAccountParams", "optional -> required", part="refreshToken")],
    ),
    "a member not required": (
        type_edit("GetAccountResponse", lambda it: it.pop("required")),
        [
            Difference(
                "changed", "GetAccountResponse", "required -> optional", part="requiresOpenaiAuth"
            )
        ],
    ),
    "a member nullable": (
        type_edit(
            "CancelLoginAccountParams",
            lambda it: it["properties"]["loginId"].update({"type": ["string", "null"]}),
        ),
        [
            Difference(
                "changed", "CancelLoginAccountParams", "string -> string or null", part="loginId"
            )
        ],
    ),
    "a member of another type": (
        type_edit(
            "RateLimitWindow",
            lambda it: it["properties"]["usedPercent"].update({"type": "number"}),
        ),
        [
            Difference(
                "changed",
                "RateLimitWindow",
                "integer (int32) -> number (int32)",
                part="usedPercent",
            )
        ],
    ),
    "a list of something else": (
        type_edit(
            "AccountSessionsResponse",
            lambda it: it["properties"]["sessions"].update({"items": {"type": "string"}}),
        ),
        [
            Difference(
                "changed",
                "AccountSessionsResponse",
                "list of AccountSession -> list of string",
                part="sessions",
            )
        ],
    ),
    "another default": (
        type_edit(
            "GetAccountParams",
            lambda it: it["properties"]["refreshToken"].update({"default": True}),
        ),
        [Difference("changed", "GetAccountParams", "default none -> true", part="refreshToken")],
    ),
    "a value more": (
        type_edit("AuthMode", lambda it: it["enum"].append("palmprint")),
        [Difference("added", "AuthMode", "", "value", '"palmprint"')],
    ),
    "a value less": (
        type_edit("AuthMode", lambda it: it["enum"].remove("headers")),
        [Difference("removed", "AuthMode", "", "value", '"headers"')],
    ),
    "a variant more": (
        type_edit(
            "Account",
            lambda it: it["oneOf"].append(
                {
                    "type": "object",
                    "required": ["type", "name"],
                    "properties": {"type": {"enum": ["guest"]}, "name": {"type": "string"}},
                }
            ),
        ),
        [Difference("added", "Account", "{name}", "variant", "guest")],
    ),
    "a variant less": (
        type_edit("LoginAccountResponse", lambda it: it["oneOf"].pop(1)),
        [Difference("removed", "LoginAccountResponse", "{loginId, authUrl}", "variant", "chatgpt")],
    ),
    "a member of a variant": (
        type_edit("Account", lambda it: it["oneOf"][1]["required"].remove("email")),
        [Difference("changed", "Account", "required -> optional", part="chatgpt.email")],
    ),
    "a variant without a tag": (
        type_edit(
            "AccountSessionsSwitchResponse",
            lambda it: it["anyOf"][1]["properties"].pop("login_id"),
        ),
        [
            Difference(
                "removed",
                "AccountSessionsSwitchResponse",
                "string, required",
                part="auth_url+login_id.login_id",
            )
        ],
    ),
    "something else altogether": (
        type_edit("AuthMode", lambda it: (it.clear(), it.update({"type": "string"}))),
        [
            Difference(
                "changed",
                "AuthMode",
                '"apikey" | "chatgpt" | "chatgptAuthTokens" | "headers" | "agentIdentity" | '
                '"personalAccessToken" | "bedrockApiKey" | "bedrockAccessKeys" -> string',
            )
        ],
    ),
    "a member for all notifications": (
        type_edit(
            "ServerNotification",
            lambda it: it["properties"].update({"serial": {"type": "integer"}}),
        ),
        [Difference("added", "JSONRPCNotification", "integer, optional", part="serial")],
    ),
    "a method more": (
        add_method,
        [
            Difference(
                "added",
                "account/wallet/read",
                "stable request, clientToServer; params WalletParams; result WalletResponse",
            ),
            Difference("added", "Coin", '"penny" | "crown"'),
            Difference("added", "WalletParams", "{}"),
            Difference("added", "WalletResponse", "{coins, owner?}"),
        ],
    ),
    "a method less": (
        remove_method,
        [
            Difference(
                "removed",
                "account/login/cancel",
                "stable request, clientToServer; params CancelLoginAccountParams; "
                "result CancelLoginAccountResponse",
            )
        ],
    ),
    "params that a method did not take": (
        row_edit(
            "ClientRequest",
            "account/logout",
            lambda row: row["properties"].update(
                {"params": {"$ref": "#/definitions/v2/GetAccountParams"}}
            ),
        ),
        [Difference("changed", "account/logout", "none -> GetAccountParams", part="params")],
    ),
    "params that may be left out": (
        row_edit("ClientRequest", "account/read", lambda row: row["required"].remove("params")),
        [Difference("changed", "account/read", "yes -> no", part="params required")],
    ),
    "a result under another name": (
        lambda definitions: definitions["v2"].update(
            {"Goodbye": definitions["v2"].pop("LogoutAccountResponse")}
        ),
        [
            Difference("changed", "account/logout", "LogoutAccountResponse -> none", part="result"),
            Difference("removed", "LogoutAccountResponse", "{}"),
        ],
    ),
}


@pytest.mark.parametrize(("edit", "expected"), CHANGES.values(), ids=CHANGES)
def test_a_difference_is_told_as_what_it_is(release_of, edit, expected):
    def edit_what_is_there(definitions: Bundle) -> None:
        try:
            edit(definitions)
        except KeyError:  # a type that is experimental
            assert "AccountSession" not in definitions["v2"]

    assert differences(release_of("0.169", edit, edit_what_is_there), "0.169") == expected


def nothing(definitions: Bundle) -> None:
    """Leave a bundle as it is."""


EXPERIMENTAL: dict[str, tuple[Edit, Edit, list[Difference]]] = {
    "a stable method": (
        nothing,
        remove_method,
        [
            Difference(
                "changed", "account/login/cancel", "stable -> experimental", part="stability"
            ),
            Difference("changed", "CancelLoginAccountParams", "stable -> experimental"),
            Difference("changed", "CancelLoginAccountResponse", "stable -> experimental"),
            Difference("changed", "CancelLoginAccountStatus", "stable -> experimental"),
        ],
    ),
    "a stable member": (
        nothing,
        type_edit("GetAccountResponse", lambda it: it["properties"].pop("userId")),
        [Difference("changed", "GetAccountResponse", "stable -> experimental", part="userId")],
    ),
    "an experimental member less": (
        type_edit("GetAccountResponse", lambda it: it["properties"].pop("workspaceRouting")),
        nothing,
        [
            Difference(
                "removed",
                "GetAccountResponse",
                "WorkspaceRouting or null, optional",
                part="workspaceRouting",
            ),
        ],
    ),
    "an experimental member more": (
        type_edit("Account", lambda it: it["oneOf"][0]["properties"].update({"x": True})),
        nothing,
        [Difference("added", "Account", "anything, optional; experimental", part="apiKey.x")],
    ),
}


@pytest.mark.parametrize(
    ("edit", "edit_stable", "expected"), EXPERIMENTAL.values(), ids=EXPERIMENTAL
)
def test_what_only_experimental_output_has_is_told_apart(release_of, edit, edit_stable, expected):
    assert differences(release_of("0.169", edit, edit_stable), "0.169") == expected


# --- what a difference touches


def touched(release: Release, revision: str, subject: str) -> dict[str, tuple[set[str], set[str]]]:
    comparison = compare(release, revision)
    return {
        one.part or "": (set(found.clauses), set(found.cases))
        for one, found in (*comparison.methods, *comparison.types)
        if one.subject == subject
    }


def test_a_member_touches_the_clauses_that_name_it_and_their_cases(release_of):
    edit = type_edit("Account", lambda it: it["oneOf"][1]["required"].remove("email"))
    clauses, cases = touched(release_of("0.99", edit), "0.99", "Account")["chatgpt.email"]
    assert clauses == {"LOGIN-5"}
    assert cases
    assert all(case.startswith(("login/", "refresh/")) for case in cases)


def test_a_member_that_no_clause_names_touches_all_that_are_about_its_type(release_of):
    edit = type_edit(
        "ChatgptAuthTokensRefreshResponse",
        lambda it: it["properties"].update({"hint": {"type": "string"}}),
    )
    release = release_of("0.99", edit)
    clauses, cases = touched(release, "0.99", "ChatgptAuthTokensRefreshResponse")["hint"]
    assert {"REFRESH-3", "TIMEOUT-1", "ERROR-1", "PARENT-3"} <= clauses
    assert not clauses & {"LOGIN-1", "READ-1"}
    assert "refresh/good-answer" in cases


def test_a_method_touches_the_clauses_about_it(release_of):
    found = touched(release_of("0.99", remove_method), "0.99", "account/login/cancel")
    assert found[""][0] == {"LOGIN-9", "MANAGED-3"}


def test_a_type_that_is_new_touches_what_leads_to_it(release_of):
    def edit(definitions: Bundle) -> None:
        definitions["v2"]["Mood"] = {"type": "string", "enum": ["fine"]}
        members = definitions["v2"]["AccountUpdatedNotification"]["properties"]
        members["mood"] = {"$ref": "#/definitions/v2/Mood"}

    clauses, _ = touched(release_of("0.99", edit), "0.99", "Mood")[""]
    assert {"LOGIN-3", "LOGOUT-1"} <= clauses


def test_a_method_that_no_clause_knows_touches_none(release_of):
    found = touched(release_of("0.169", add_method), "0.169", "account/wallet/read")
    assert found == {"": (set(), set())}


# --- which revision


@pytest.mark.parametrize(
    ("version", "revision"),
    [
        ((0, 93, 0), "0.93"),
        ((0, 98, 0), "0.93"),
        ((0, 99, 0), "0.99"),
        ((0, 163, 0), "0.99"),
        ((0, 169, 0), "0.169"),
        ((1, 0, 0), "0.169"),
    ],
)
def test_the_version_decides_for_the_newest_revision_that_is_no_newer(
    release_of, version, revision
):
    assert nearest(release_of("0.93"), version) == revision


@pytest.mark.parametrize("revision", REVISIONS)
@pytest.mark.parametrize("version", [None, (0, 0, 0)])
def test_without_a_version_the_shape_decides(release_of, revision, version):
    edit = type_edit("PlanType", lambda it: it["enum"].append("gold"))
    assert nearest(release_of(revision, edit), version) == revision
