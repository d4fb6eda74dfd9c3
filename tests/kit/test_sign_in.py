"""Signing in at the stand-in as a person does: open the page, press the button."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin

import httpx
import pytest

PATIENCE = 30


class Browser:
    """Shows a page and presses the one button of its form; follows no link by itself."""

    def __init__(self) -> None:
        self._http = httpx.Client(trust_env=False, timeout=PATIENCE)
        self.shown = httpx.Response(204)

    def open(self, url: str) -> str:
        """The title of the page."""
        self.shown = self._http.get(url)
        return self._only(r"<h1>(.*?)</h1>")

    def press(self, button: str, **typed: str) -> str:
        """The title of the page that this leads to."""
        assert self._only(r"<button>(.*?)</button>") == button
        hidden = re.findall(
            r'<input type="hidden" name="([^"]*)" value="([^"]*)">', self.shown.text
        )
        members = {unescape(name): unescape(value) for name, value in hidden} | typed
        action = self._only(r'<form action="([^"]*)">')
        return self.open(f"{urljoin(str(self.shown.url), action)}?{urlencode(members)}")

    def _only(self, pattern: str) -> str:
        [found] = re.findall(pattern, self.shown.text)
        return unescape(found)


class Server:
    """A stand-in without any configuration, as a process."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self._asked = 0

    def ask(self, method: str, **params: Any) -> Any:
        """The result."""
        assert self._process.stdin is not None
        self._asked += 1
        message = {"id": self._asked, "method": method, "params": params}
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()
        return self.hear(lambda heard: heard.get("id") == self._asked)["result"]

    def told(self, method: str) -> Any:
        """The params of the next notification of a method."""
        return self.hear(lambda heard: heard.get("method") == method)["params"]

    def hear(self, matches: Callable[[Any], bool]) -> Any:
        assert self._process.stdout is not None
        while True:
            line = self._process.stdout.readline()
            assert line, "the server has hung up"
            heard = json.loads(line)
            if matches(heard):
                return heard


@pytest.fixture
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    options = getattr(request, "param", [])
    with subprocess.Popen(
        [sys.executable, "-m", "codex_conformance", "serve", *options],
        env={"PATH": os.environ["PATH"], "CODEX_HOME": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        try:
            server = Server(process)
            server.ask("initialize", clientInfo={"name": "p", "version": "1"})
            yield server
            process.communicate(timeout=PATIENCE)
            assert process.returncode == 0
        finally:
            process.kill()


def test_button_leads_through_the_callback_to_a_login(server: Server) -> None:
    login = server.ask("account/login/start", type="chatgpt")
    browser = Browser()
    assert browser.open(login["authUrl"]) == "Sign in"
    assert browser.press("Sign in as acct-alpha") == "You are signed in"
    completed = server.told("account/login/completed")
    assert (completed["loginId"], completed["success"]) == (login["loginId"], True)
    account = server.ask("account/read")["account"]
    assert account["email"].endswith("@acct-alpha.example")
    with pytest.raises(httpx.NetworkError):  # refused, or reset while the server closes
        browser.open(login["authUrl"])


WORKSPACE = 'forced_chatgpt_workspace_id="ws-<9>"'


@pytest.mark.parametrize("server", [["-c", WORKSPACE]], indirect=True)
def test_user_belongs_to_the_workspace_that_is_forced(server: Server) -> None:
    login = server.ask("account/login/start", type="chatgpt")
    browser = Browser()
    browser.open(login["authUrl"])
    assert browser.press("Sign in as ws-<9>") == "You are signed in"
    assert server.told("account/login/completed")["success"] is True


def test_code_of_a_device_is_typed_and_agreed_to(server: Server) -> None:
    login = server.ask("account/login/start", type="chatgptDeviceCode")
    browser = Browser()
    assert browser.open(login["verificationUrl"]) == "Sign in"
    assert browser.press("Sign in as acct-alpha", user_code="ABCD-9999") == "Sign in"
    assert browser.shown.status_code == 404
    browser.open(login["verificationUrl"])
    assert browser.press("Sign in as acct-alpha", user_code=login["userCode"]) == (
        "You are signed in"
    )
    completed = server.told("account/login/completed")
    assert (completed["loginId"], completed["success"]) == (login["loginId"], True)
    with pytest.raises(httpx.NetworkError):  # refused, or reset while the server closes
        browser.open(login["verificationUrl"])


def test_code_is_given_to_no_other_address_than_loopback(server: Server) -> None:
    login = server.ask("account/login/start", type="chatgpt")
    page = httpx.URL(login["authUrl"])
    browser = Browser()
    for elsewhere in (
        "http://elsewhere.test/",
        "//localhost",
        "javascript://localhost",
        "http://[x",
    ):
        browser.open(str(page.copy_set_param("redirect_uri", elsewhere)))
        assert browser.shown.status_code == 400
        assert "<form" not in browser.shown.text
    browser.open(str(page.copy_with(path="/elsewhere")))
    assert browser.shown.status_code == 404
    server.ask("account/login/cancel", loginId=login["loginId"])
