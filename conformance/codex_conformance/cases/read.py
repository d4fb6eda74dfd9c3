"""READ: `account/read` when nobody is logged in."""

import pytest

from codex_conformance.case import Setup, case, expect
from codex_conformance.mock_parent import MockParent


@pytest.mark.fresh_server
@pytest.mark.parametrize(
    "setup",
    [Setup(requires_openai_auth=True), Setup(requires_openai_auth=False)],
    ids=["auth-required", "auth-not-required"],
)
@case("read/nobody", "READ-1")
async def test_account_of_nobody_is_null(parent: MockParent, setup: Setup) -> None:
    """Without a login `account` is null and `requiresOpenaiAuth` as the provider has it."""
    for refresh_token in (None, False, True):
        read = await parent.read_account(refresh_token)
        expect("READ-1", read.nobody, "a result whose account is null", read)
        wanted = setup.requires_openai_auth
        said = read.member("requiresOpenaiAuth") is wanted
        expect("READ-1", said, f"requiresOpenaiAuth {str(wanted).lower()}", read)
