"""The pytest plug-in: its fixtures in plain tests, and under asyncio and trio."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import anyio
import httpx
import pytest
from codex_conformance.testing import AppServer, fixtures, open_app_server
from judging import HERE, PYTHON

pytest_plugins = ["pytester"]
app_server, codex_revision = fixtures.app_server, fixtures.codex_revision

INITIALIZE = (
    b"""{"id":1,"method":"initialize","params":{"clientInfo":{"name":"me","version":"1"},
"capabilities":{"experimentalApi":true}}}""".replace(b"\n", b"")
    + b"\n"
)
GOOD = (*PYTHON, str(HERE / "parent.py"))


@contextmanager
def running(server: AppServer, *fault: str) -> Iterator[None]:
    """The good parent, or one with a fault, as a process that finds the stand-in by itself."""
    command = (*PYTHON, str(HERE / "faulty_parent.py"), *fault) if fault else GOOD
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, env=os.environ | server.environ, **streams) as process:
        try:
            yield
        finally:
            process.terminate()


def test_parent_logs_in_and_refreshes(app_server: AppServer) -> None:
    with running(app_server):
        before = app_server.wait_logged_in()
        app_server.ask_for_refresh()
        refresh = app_server.wait_refreshed()
        assert refresh.previous_account == before.account == "acct-alpha"
        assert refresh.tokens == app_server.tokens != before
        assert app_server.rotations == 1
        assert app_server.refreshes == [refresh]
        app_server.check()


def test_issuer_that_refuses_makes_the_parent_refuse(app_server: AppServer) -> None:
    with running(app_server):
        app_server.wait_logged_in()
        app_server.issuer.refuses()
        app_server.ask_for_refresh(request_id=0)
        assert app_server.wait_refused().error == {
            "code": -32000,
            "message": "the token issuer refuses with 403",
        }


def test_rejected_token_is_no_refresh(app_server: AppServer) -> None:
    with running(app_server, "the_token_of_the_login_always"):
        app_server.wait_logged_in()
        app_server.expire()
        app_server.ask_for_refresh()
        with pytest.raises(AssertionError, match=r"^the refresh was answered with a token"):
            app_server.wait_refreshed()


def test_answer_of_the_other_kind_is_told(app_server: AppServer) -> None:
    with pytest.raises(AssertionError, match=r"^the parent has handed over no tokens: "):
        _ = app_server.tokens
    with running(app_server):
        app_server.wait_logged_in()
        app_server.ask_for_refresh()
        app_server.wait_refreshed()
        app_server.ask_for_refresh()
        with pytest.raises(AssertionError, match=r"answered with tokens, and not with an error$"):
            anyio.run(app_server.refused)


def test_refusal_is_no_refresh(app_server: AppServer) -> None:
    with running(app_server):
        app_server.wait_logged_in()
        app_server.issuer.refuses()
        app_server.ask_for_refresh()
        with pytest.raises(AssertionError, match=r"^the refresh was refused: \{'code': -32000, "):
            app_server.wait_refreshed()


@pytest.mark.parametrize("status", [0, 101])
def test_server_can_end_while_a_parent_is_connected(app_server: AppServer, status: int) -> None:
    async def listens() -> bytes:
        async with await app_server.connect() as stream:
            await stream.send(INITIALIZE)
            said = b""
            while not said.endswith(b"\n"):
                said += await stream.receive()
            await anyio.to_thread.run_sync(app_server.end, status)
            with pytest.raises(anyio.EndOfStream):
                await stream.receive()
        return said

    assert b'"result"' in anyio.run(listens)


@pytest.mark.parametrize(
    ("method", "body", "status", "error"),
    [
        ("POST", b"{", 400, 'expected a JSON object such as {"account": "acct-alpha"}'),
        ("POST", b'{"account": 5}', 400, "expected account to be a string, or null"),
        ("POST", b'{"account": "x"}', 404, "no account 'x'; there are acct-alpha, "),
        ("GET", b"", 405, "expected POST"),
    ],
)
def test_issuer_says_what_is_wrong_with_a_request(
    app_server: AppServer, method: str, body: bytes, status: int, error: str
) -> None:
    answer = httpx.request(method, app_server.environ["TOKEN_ISSUER_URL"], content=body)
    assert answer.status_code == status
    assert answer.json()["error"].startswith(error)
    assert app_server.rotations == 0


def test_issuer_of_another_test_is_not_found(app_server: AppServer) -> None:
    url = app_server.environ["TOKEN_ISSUER_URL"]
    answer = httpx.post(f"{url}/other")
    assert (answer.status_code, answer.json()) == (
        404,
        {"error": "nothing is served here, or the scenario is over"},
    )


def test_silence_is_told_with_the_conversation(app_server: AppServer) -> None:
    with running(app_server, "never_answers"):
        app_server.wait_logged_in()
        app_server.ask_for_refresh()
        with pytest.raises(AssertionError) as caught:
            app_server.wait_refreshed(within=0.5)
    first, *rest = str(caught.value).splitlines()
    asked = "account/chatgptAuthTokens/refresh"
    assert first == f"waited 0.5 s in vain for an answer to {asked}:"
    assert any(asked in line for line in rest)
    assert "eyJ" not in str(caught.value)


def test_broken_rules_are_told(app_server: AppServer) -> None:
    with running(app_server, "no_capabilities"):
        app_server.wait_logged_in()
        with pytest.raises(AssertionError, match=r"^PARENT-2: expected capabilities"):
            app_server.check()


def test_refresh_ahead_of_a_login_is_no_use(app_server: AppServer) -> None:
    with pytest.raises(AssertionError, match=r"^nobody has logged in yet: nothing was said$"):
        app_server.ask_for_refresh()


def test_revision_is_chosen() -> None:
    with open_app_server("0.93") as server:
        done = subprocess.run([server.codex, "--version"], capture_output=True, check=True)
        assert done.stdout == b"codex-cli 0.98.0\n"


ASYNC = """
import json
from contextlib import aclosing

import anyio
import pytest

pytest_plugins = ["codex_conformance.testing"]


async def lines(stream):
    rest = b""
    async for chunk in stream:
        *whole, rest = (rest + chunk).split(b"\\n")
        for line in whole:
            yield json.loads(line)


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    return request.param


@pytest.mark.anyio
async def test_refresh(app_server, token_issuer):
    def tokens():
        made = token_issuer.issue()
        return {"accessToken": made.access_token, "chatgptAccountId": made.account_id}

    async def parent(stream):
        async def say(message):
            await stream.send(json.dumps(message).encode() + b"\\n")

        async def ask(request_id, method, params):
            await say({"id": request_id, "method": method, "params": params})

        me = {"name": "me", "version": "1"}
        capable = {"experimentalApi": True}
        await ask(1, "initialize", {"clientInfo": me, "capabilities": capable})
        await say({"method": "initialized"})
        await ask(2, "account/login/start", {"type": "chatgptAuthTokens"} | tokens())
        await ask(3, "thread/start", {})
        async with aclosing(lines(stream)) as messages:
            await converse(messages, ask, say)

    async def converse(messages, ask, say):
        async for message in messages:
            if message.get("id") == 3 and "result" in message:
                thread = message["result"]["thread"]["id"]
                words = [{"type": "text", "text": "hello"}]
                await expired.wait()
                await ask(4, "turn/start", {"threadId": thread, "input": words})
            elif message.get("method") == "account/chatgptAuthTokens/refresh":
                await say({"id": message["id"], "result": tokens()})
            elif message.get("method") == "turn/completed":
                assert message["params"]["turn"]["status"] == "completed"
                return

    expired = anyio.Event()
    async with await app_server.connect() as stream, anyio.create_task_group() as group:
        group.start_soon(parent, stream)
        before = await app_server.logged_in()
        app_server.expire(before)
        expired.set()
        refresh = await app_server.refreshed()
        assert refresh.tokens != before
        assert app_server.tokens == refresh.tokens
    app_server.check()
"""


def test_fixtures_work_under_asyncio_and_trio(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(ASYNC)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-W", "error")
    result.assert_outcomes(passed=2)


def test_plug_in_is_not_there_unless_it_is_asked_for(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_server(app_server): pass")
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*fixture 'app_server' not found*"])


def test_client_in_process_is_answered(app_server: AppServer) -> None:
    async def ask() -> bytes:
        async with await app_server.connect() as stream:
            await stream.send(b'{"id":1,"method":"account/read","params":{}}\n')
            return await stream.receive()

    assert b"Not initialized" in anyio.run(ask)
