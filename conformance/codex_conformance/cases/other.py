"""OTHER: the further `account/*` requests of a revision, as its table of methods has them."""

import json
from typing import Any

import pytest
from codex_account_protocol import REVISIONS, methods

from codex_conformance.case import case, expect, not_applicable
from codex_conformance.mock_parent import ABSENT, MockParent
from codex_conformance.schema import judge
from codex_conformance.specification import read_revision
from codex_conformance.tokens import Mint

JUDGED_ELSEWHERE = {
    "account/login/start",
    "account/login/cancel",
    "account/logout",
    "account/read",
    "account/rateLimits/read",
}


def further_requests(revision: str) -> set[str]:
    """The stable `account/*` requests of a revision that no other area is about."""
    return {
        row.method
        for row in methods(revision)
        if row.method.startswith("account/")
        and (row.kind, row.direction, row.stability) == ("request", "clientToServer", "stable")
    } - JUDGED_ELSEWHERE


def in_their_revisions() -> list[Any]:
    """Each of the requests of any revision, as a parameter of those that have it."""
    of = {revision: further_requests(revision) for revision in REVISIONS}
    return [
        pytest.param(
            method,
            id=method.partition("/")[2].replace("/", "-"),
            marks=pytest.mark.revisions(*(name for name in of if method in of[name])),
        )
        for method in sorted(set().union(*of.values()))
    ]


def least_params(revision: str, type_name: str | None) -> Any:
    """The smallest params that are valid, taken from the vectors of the revision."""
    if type_name is None:
        return ABSENT
    valid = read_revision(revision).vectors[type_name]["valid"]
    return min((vector["value"] for vector in valid), key=lambda value: len(json.dumps(value)))


@pytest.mark.parametrize("who", ["external-tokens", "nobody"])
@pytest.mark.parametrize("method", in_their_revisions())
@case("other/answered", "OTHER-1")
async def test_further_request_is_answered_and_changes_no_account(
    parent: MockParent, tokens: Mint, method: str, who: str
) -> None:
    """A further request gets a result that validates, or an error; the login stays as it is."""
    row = read_revision(parent.revision).methods[method]
    if who == "external-tokens":
        await parent.login(tokens.mint())
    account = (await parent.read_account()).account
    before = parent.mark()
    response = await parent.call(method, least_params(parent.revision, row.params))
    await parent.known(response, method)
    await parent.settle()

    expect("OTHER-1", response.answered, f"a response to {method}", response)
    if not response.refused:
        fault, _growth = judge(parent.revision, row.result or "", response.result)
        expect("OTHER-1", fault is None, f"a valid result of {method}", f"{fault}: {response}")
    changes = parent.account_notifications(before)
    changed = changes[0] if changes else None
    expect("OTHER-1", changed is None, f"no change of the login by {method}", changed)
    read = await parent.read_account()
    expect("OTHER-1", read.account == account, f"the account as before: {account}", read)
    if who == "nobody":
        await parent.login(tokens.mint())  # one that refuses every request changes nothing either


@case(
    "other/none-further",
    "OTHER-1",
    revisions=tuple(name for name in REVISIONS if not further_requests(name)),
)
async def test_a_revision_without_further_requests_has_nothing_to_judge(
    parent: MockParent,
) -> None:
    """The early revisions have no further request, so nothing can be wrong with one."""
    not_applicable(f"revision {parent.revision} has no further account/* requests")
