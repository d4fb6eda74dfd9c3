"""MANAGED: what ends a login in the browser that nobody completes."""

import pytest

from codex_conformance.bench import Bench
from codex_conformance.case import case, expect, require
from codex_conformance.cases.managed_login import (
    COMPLETED,
    SOON,
    UPDATED,
    begun,
    begun_at_mock_issuer,
    ends_of,
    expect_failure,
    expect_status,
    expect_success,
)
from codex_conformance.expectations import expect_logged_in, expect_nobody
from codex_conformance.mock_backend import MockBackend
from codex_conformance.mock_parent import MockParent

UNKNOWN_LOGIN = "11111111-2222-4333-8444-555555555555"


@case("managed/cancel", "MANAGED-3", browser_login=True)
async def test_cancelled_login_ends_without_success(
    parent: MockParent, backend: MockBackend, bench: Bench
) -> None:
    """A login that is cancelled is completed without success, and its callback is too late."""
    login = await begun(parent)
    mark = parent.mark()
    await expect_status("MANAGED-3", parent, login.id, "canceled")
    await expect_failure("MANAGED-3", parent, login.id, mark)
    await expect_status("MANAGED-3", parent, login.id, "notFound")

    await bench.browse(backend.issuer.consent(login.auth_url))
    await parent.settle()
    told = parent.account_notifications(mark)
    expect("MANAGED-3", len(told) == 1, "nothing told after completed", told[-1])
    await expect_nobody("MANAGED-3", parent)


@case("managed/cancel-unknown", "MANAGED-3", browser_login=True)
async def test_cancelling_an_unknown_login_finds_none(parent: MockParent) -> None:
    """An id that no login has says `notFound`, whether a login is pending or not."""
    await expect_status("MANAGED-3", parent, UNKNOWN_LOGIN, "notFound")
    login = await begun(parent)
    mark = parent.mark()
    await expect_status("MANAGED-3", parent, UNKNOWN_LOGIN, "notFound")
    await parent.settle()

    ends = ends_of(parent, login.id, mark)
    expect("MANAGED-3", not ends, "the pending login untouched", ends[0] if ends else None)
    await expect_status("MANAGED-3", parent, login.id, "canceled")


@pytest.mark.parametrize("login_id", ["no-uuid", "", f"{UNKNOWN_LOGIN}0"], ids=str)
@case("managed/cancel-no-uuid", "MANAGED-3", browser_login=True)
async def test_cancelling_what_is_no_uuid_is_refused(parent: MockParent, login_id: str) -> None:
    """A loginId that is no UUID gets an error, and the pending login stays."""
    login = await begun(parent)
    method = "account/login/cancel"
    response = await parent.known(await parent.call(method, {"loginId": login_id}), method)

    expect("MANAGED-3", response.refused, "an error for an id that is no UUID", response)
    await expect_status("MANAGED-3", parent, login.id, "canceled")


@case("managed/cancel-after-success", "MANAGED-3", browser_login=True)
async def test_cancelling_a_login_that_is_done_finds_none(
    parent: MockParent, backend: MockBackend, bench: Bench
) -> None:
    """A login that has succeeded is no longer there to cancel, and stays."""
    login = await begun_at_mock_issuer(parent, bench)
    mark = parent.mark()
    await bench.browse(backend.issuer.consent(login.auth_url))
    await parent.until(lambda: parent.notifications(UPDATED, mark) or None, UPDATED)
    require("MANAGED-2", bool(parent.notifications(UPDATED, mark)), UPDATED, "none")
    await expect_status("MANAGED-3", parent, login.id, "notFound")
    await parent.settle()

    await expect_logged_in("MANAGED-3", parent, backend.issuer.newest.tokens)


@case("managed/supersede", "MANAGED-3", browser_login=True)
async def test_another_browser_login_supersedes_the_pending_one(
    parent: MockParent, backend: MockBackend, bench: Bench
) -> None:
    """A new start ends the login that is pending; only the new one can be completed."""
    first = await begun(parent)
    mark = parent.mark()
    second = await begun(parent)
    await expect_failure("MANAGED-3", parent, first.id, mark)
    await expect_status("MANAGED-3", parent, first.id, "notFound")
    told = len(parent.account_notifications(mark))
    await bench.browse(backend.issuer.consent(first.auth_url))
    await parent.settle()

    later = parent.account_notifications(mark)[told:]
    expect("MANAGED-3", not later, "nothing for the old callback", later[0] if later else None)
    await expect_status("MANAGED-3", parent, second.id, "canceled")


@case("managed/supersede-then-succeed", "MANAGED-3", browser_login=True)
async def test_login_that_superseded_another_can_be_completed(
    parent: MockParent, backend: MockBackend, bench: Bench
) -> None:
    """The login that took the place of another one is completed by its own callback."""
    first = await begun(parent)
    second = await begun_at_mock_issuer(parent, bench)
    await parent.until(lambda: ends_of(parent, first.id, 0) or None, COMPLETED, SOON)
    mark = parent.mark()
    await bench.browse(backend.issuer.consent(second.auth_url))

    await expect_success("MANAGED-3", parent, second.id, mark)
