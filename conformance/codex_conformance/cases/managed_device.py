"""MANAGED: the login on another device, for which the user types a code there."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

import pytest

from codex_conformance.bench import Bench
from codex_conformance.case import case, expect, not_applicable, require
from codex_conformance.cases.managed_login import (
    COMPLETED,
    EXCHANGES,
    SOON,
    UPDATED,
    begun,
    begun_at_mock_issuer,
    ends_of,
    expect_failure,
    expect_status,
    expect_stored,
    expect_success,
)
from codex_conformance.exchange import Response, refused_alike, was_unknown
from codex_conformance.expectations import (
    expect_logged_in,
    expect_nobody,
    expect_turn_as,
)
from codex_conformance.issuer import POLL_INTERVAL, members, refusing
from codex_conformance.mock_backend import MockBackend
from codex_conformance.mock_parent import MADE_UP, MockParent
from codex_conformance.replies import Request, status
from codex_conformance.tokens import Mint

KIND = "chatgptDeviceCode"
LONGEST = 2800.0  # seconds that any code may be good for; a case has an hour, by a virtual clock


@dataclass(frozen=True)
class DeviceLogin:
    """A login that waits for the user of another device."""

    id: str
    response: Response


async def offered(parent: MockParent, bench: Bench) -> None:
    """End the case where the target has no such login, or not one at the mock issuer."""
    browser = await begun_at_mock_issuer(parent, bench)
    await parent.cancel_login(browser.id)
    await parent.until(lambda: ends_of(parent, browser.id, 0) or None, COMPLETED, SOON)
    if parent.revision == "0.169":
        return
    unknown = await parent.call("account/login/start", {"type": MADE_UP})
    response = await parent.call("account/login/start", {"type": KIND})
    if was_unknown(response) or refused_alike(response, KIND, unknown, MADE_UP):
        not_applicable(f"the target does not offer {KIND} login: {response.error_message}")
    device = str(response.member("loginId"))
    await parent.cancel_login(device)
    await parent.until(lambda: ends_of(parent, device, 0) or None, COMPLETED, SOON)


async def started(parent: MockParent) -> DeviceLogin:
    """A login on another device, without a look at whether it is offered."""
    response = await parent.call("account/login/start", {"type": KIND})
    has_id = isinstance(response.member("loginId"), str)
    require("MANAGED-7", has_id, "a login to start and to name its loginId", response)
    return DeviceLogin(str(response.member("loginId")), response)


async def pending(parent: MockParent, bench: Bench) -> tuple[DeviceLogin, int]:
    """The same where it is offered, and the moment before it."""
    await offered(parent, bench)
    mark = parent.mark()
    return await started(parent), mark


async def polled(parent: MockParent, backend: MockBackend, times: int) -> list[Request]:
    """The polls of one device, once the target has asked for it so often whether the user agreed.

    A login that was cancelled before may have been asked about, too.
    """

    def of_one_device() -> list[Request]:
        polls = backend.issuer.polls
        devices = [members(poll).get("device_auth_id") for poll in polls]
        return [poll for poll, device in zip(polls, devices, strict=True) if device == devices[-1]]

    await parent.until(lambda: len(of_one_device()) >= times or None, "a poll of the issuer")
    polls = of_one_device()
    got = f"{len(polls)} polls"
    expect("MANAGED-7", len(polls) >= times, f"{times} polls of the issuer", got)
    return polls


@case("managed/device", "MANAGED-7", browser_login=True)
async def test_login_on_another_device_completes(
    parent: MockParent, backend: MockBackend, bench: Bench
) -> None:
    """It gets loginId, verificationUrl and userCode; once the user has agreed, it is done."""
    login, mark = await pending(parent, bench)

    named = login.response.member("type")
    expect("MANAGED-7", named == KIND, f"the type {KIND}", login.response)
    url = str(login.response.member("verificationUrl"))
    is_page = bool(urlsplit(url).hostname) and url.startswith(("https://", "http://"))
    expect("MANAGED-7", is_page, "a verificationUrl that a browser can go to", login.response)
    shown = str(login.response.member("userCode")).startswith("ABCD-")
    expect("MANAGED-7", shown, "the userCode that the issuer gave", login.response)
    backend.issuer.approve_devices()
    await expect_success("MANAGED-7", parent, login.id, mark)
    given = backend.issuer.newest
    await expect_logged_in("MANAGED-7", parent, given.tokens)
    await expect_turn_as("MANAGED-7", parent, backend, given.tokens)
    await expect_stored("MANAGED-7", parent, bench, given)


@case("managed/device-waits", "MANAGED-7", browser_login=True)
async def test_login_on_another_device_waits_for_the_user(
    parent: MockParent, backend: MockBackend, bench: Bench
) -> None:
    """As long as the user has not agreed the login is pending; the issuer is not besieged."""
    login, mark = await pending(parent, bench)
    polls = await polled(parent, backend, 3)

    told = parent.account_notifications(mark)
    expect("MANAGED-7", not told, "no notification", told[0] if told else None)
    times = [poll.at for poll in polls]
    least = min(late - early for early, late in pairwise(times))
    patient = least > POLL_INTERVAL - 0.5
    expect("MANAGED-7", patient, f"{POLL_INTERVAL} s between polls", f"{least:.2f} s")
    backend.issuer.approve_devices()
    await expect_success("MANAGED-7", parent, login.id, mark)


REFUSALS: dict[str, Any] = {
    "expired": refusing("expired_token", 400),
    "denied": refusing("access_denied", 400),
    "500": status(500),
}


@pytest.mark.parametrize("what", REFUSALS)
@case("managed/device-refused", "MANAGED-7", browser_login=True)
async def test_login_on_another_device_that_the_issuer_ends_fails(
    parent: MockParent, backend: MockBackend, bench: Bench, what: str
) -> None:
    """Where the issuer says that the code is good for nothing any more, the login has failed."""
    await offered(parent, bench)
    backend.issuer.answer_polls(REFUSALS[what])
    mark = parent.mark()
    login = await started(parent)

    await expect_failure("MANAGED-7", parent, login.id, mark)
    await expect_status("MANAGED-7", parent, login.id, "notFound")
    await expect_nobody("MANAGED-7", parent)


@pytest.mark.parametrize("what", EXCHANGES)
@case("managed/device-exchange-failed", "MANAGED-7", browser_login=True)
async def test_login_on_another_device_without_tokens_fails(
    parent: MockParent, backend: MockBackend, bench: Bench, what: str
) -> None:
    """Where the issuer gives no tokens for the code in the end, the login has failed."""
    login, mark = await pending(parent, bench)
    backend.issuer.answer_exchanges(EXCHANGES[what])
    backend.issuer.approve_devices()

    await expect_failure("MANAGED-7", parent, login.id, mark)
    await expect_nobody("MANAGED-7", parent)


@case("managed/device-expires", "MANAGED-7", browser_login=True)
async def test_login_on_another_device_does_not_wait_for_ever(
    parent: MockParent, backend: MockBackend, bench: Bench
) -> None:
    """A user who never types the code ends the login, too: after its time it has failed."""
    if not parent.clock.virtual:
        not_applicable("by a real clock it would take a quarter of an hour")
    backend.issuer.poll_interval = 60 * POLL_INTERVAL
    login, mark = await pending(parent, bench)
    await parent.until(lambda: ends_of(parent, login.id, mark) or None, COMPLETED, LONGEST)

    await expect_failure("MANAGED-7", parent, login.id, mark)
    before = len(backend.issuer.polls)
    await parent.wait(10 * backend.issuer.poll_interval)
    polls = len(backend.issuer.polls) - before
    expect("MANAGED-7", polls == 0, "no poll once the login has failed", f"{polls} polls")


@case("managed/device-cancel", "MANAGED-7", browser_login=True, waits=3 * POLL_INTERVAL)
async def test_login_on_another_device_can_be_cancelled(
    parent: MockParent, backend: MockBackend, bench: Bench
) -> None:
    """It is cancelled as a browser login is; a user who agrees afterwards is too late."""
    login, mark = await pending(parent, bench)
    await expect_status("MANAGED-7", parent, login.id, "canceled")
    await expect_failure("MANAGED-7", parent, login.id, mark)
    await expect_status("MANAGED-7", parent, login.id, "notFound")
    polls = len(backend.issuer.polls)
    backend.issuer.approve_devices()
    await parent.wait(3 * POLL_INTERVAL)

    asked = len(backend.issuer.polls) - polls
    expect("MANAGED-7", asked <= 1, "no polls after the cancellation", f"{asked} polls")
    told = parent.account_notifications(mark)
    expect("MANAGED-7", len(told) == 1, "nothing told after completed", told[-1])
    await expect_nobody("MANAGED-7", parent)


@pytest.mark.parametrize("by", ["device", "browser", "tokens", "api-key", "logout"])
@case("managed/device-superseded", "MANAGED-7", browser_login=True)
async def test_login_on_another_device_is_superseded(
    parent: MockParent, backend: MockBackend, bench: Bench, tokens: Mint, by: str
) -> None:
    """Another login takes its place, and so does a logout; it is not there to cancel any more."""
    login, _ = await pending(parent, bench)
    match by:
        case "device":
            await started(parent)
        case "browser":
            await begun(parent)
        case "tokens":
            await parent.login(tokens.mint())
        case "api-key":
            await parent.login_api_key(tokens.api_key())
        case _:
            await parent.logout()
    backend.issuer.approve_devices()
    await parent.settle()

    if by in ("device", "browser", "tokens"):
        await expect_status("MANAGED-7", parent, login.id, "notFound")
    response = await parent.cancel_login(login.id)
    parent.observe("MANAGED-7", f"a pending login after {by}: {response.member('status')}")


@case("managed/device-over-api-key", "MANAGED-7", browser_login=True)
async def test_login_on_another_device_replaces_an_api_key(
    parent: MockParent, backend: MockBackend, bench: Bench, tokens: Mint
) -> None:
    """It takes the place of an API key, which is not used any more."""
    await parent.login_api_key(tokens.api_key())
    login, mark = await pending(parent, bench)
    backend.issuer.approve_devices()
    await parent.until(lambda: parent.notifications(UPDATED, mark) or None, UPDATED)

    await expect_success("MANAGED-7", parent, login.id, mark)
    parent.use_bearer(backend.issuer.newest.tokens.access_token, "LOGIN-7")
    await expect_turn_as("MANAGED-7", parent, backend, backend.issuer.newest.tokens)
