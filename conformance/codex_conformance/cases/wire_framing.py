"""WIRE-8, WIRE-9 and WIRE-11: how bytes become messages, what is none, and how it all ends."""

from collections.abc import Callable, Sequence

import pytest

from codex_conformance.case import case, expect, require
from codex_conformance.mock_backend import MockBackend
from codex_conformance.mock_parent import MockParent, encode
from codex_conformance.tokens import Mint

MIB = 1024 * 1024
DEPTH = 10_000
Cut = Callable[[bytes], Sequence[bytes]]


def in_pieces(line: bytes, size: int) -> list[bytes]:
    """A line in pieces of so many bytes."""
    return [line[start : start + size] for start in range(0, len(line), size)]


def padded(line: bytes, padding: bytes) -> bytes:
    """A line with padding after the opening brace of its message."""
    return line.replace(b"{", b"{" + padding, 1)


BYTES = pytest.mark.byte_stream
FRAMINGS: dict[str, Cut] = {
    "pieces": lambda line: in_pieces(line, 7),
    "crlf": lambda line: [line.replace(b"\n", b"\r\n")],
    "crlf-split": lambda line: [line.replace(b"\n", b"\r"), b"\n"],
    "blank-lines": lambda line: [b"\n\r\n \t\n" + line + b"\n"],
    "blanks-around": lambda line: [b" \t" + line.replace(b"\n", b" \t \n")],
    "mib-of-blanks": lambda line: [padded(line, b" " * MIB)],
}


WITHIN_A_LINE = ("pieces", "crlf-split", "blank-lines")


@pytest.mark.parametrize(
    "cut",
    [
        pytest.param(cut, id=name, marks=BYTES if name in WITHIN_A_LINE else ())
        for name, cut in FRAMINGS.items()
    ],
)
@case("wire/framing", "WIRE-8")
async def test_framing_makes_no_difference(parent: MockParent, tokens: Mint, cut: Cut) -> None:
    """However its bytes are cut and padded, a line is read like any other."""
    await parent.login_and_read(tokens.mint())
    new = tokens.mint()
    plainly, parent.cut = parent.cut, cut
    read, login = await parent.read_account(), await parent.try_login(new)
    parent.cut = plainly
    after = await parent.read_account()

    expect("WIRE-8", read.ok, "account/read to be answered", read)
    expect("WIRE-8", login.ok, "the login to be accepted", login)
    expect("WIRE-8", after.names(new), "account/read to name the new account", after)


@case("wire/mib-of-text", "WIRE-8")
async def test_line_with_a_mib_of_text_is_read(parent: MockParent) -> None:
    """One member of 1 MiB is no more in the way than a short one."""
    short = await parent.call("account/read", {"future": "x"})
    require("WIRE-7", short.ok, "account/read with an unknown member to be answered", short)
    long = await parent.call("account/read", {"future": "x" * MIB})

    expect("WIRE-8", long.ok, "account/read with a member of 1 MiB to be answered", long)


SPLITS = {
    "within-ascii": b'"meth',
    "within-a-character": "größe".encode()[:3],
    "between-characters": "größ".encode(),
    "before-the-end": b"{}}",
}


@BYTES
@pytest.mark.parametrize("head", SPLITS.values(), ids=SPLITS)
@case("wire/split-line", "WIRE-8")
async def test_rest_of_a_line_may_come_later(parent: MockParent, head: bytes) -> None:
    """A line whose rest comes after the server has read its head is one line all the same."""
    whole = await parent.call("account/read", {}, "größe")
    require("WIRE-2", whole.ok, "an id beyond ASCII to be answered", whole)
    first = parent.request("account/read", {})
    line = encode(parent.request("account/read", {}, "größe"))
    where = line.index(head) + len(head)
    await parent.send_bytes(encode(first) + line[:where])
    early = await parent.answer_to(parent.expecting(first["id"], "account/read"))
    await parent.send_bytes(line[where:])
    late = await parent.answer_to(parent.expecting("größe", "account/read"))

    expect("WIRE-8", early.ok, "the line before to be answered", early)
    expect("WIRE-8", late.ok, "the split line to be answered", late)


@BYTES
@case("wire/one-write", "WIRE-8")
async def test_many_messages_in_one_write_are_all_read(parent: MockParent) -> None:
    """Fifty messages in one write are fifty messages, the last as good as the first."""
    requests = [parent.request("account/read", {}) for _ in range(50)]
    await parent.send_bytes(b"".join(encode(request) for request in requests))
    for number, request in enumerate(requests, 1):
        response = await parent.answer_to(parent.expecting(request["id"], "account/read"))
        expect("WIRE-8", response.answered, f"message {number} of 50 to be answered", response)


ANSWERS: dict[str, Cut] = {
    "pieces": FRAMINGS["pieces"],
    "crlf": FRAMINGS["crlf"],
    "mib-in-pieces": lambda line: in_pieces(padded(line, b" " * MIB), 30_001),
}


@BYTES
@pytest.mark.parametrize("framing", ANSWERS)
@case("wire/framing-of-answer", "WIRE-8")
async def test_framing_of_a_refresh_answer_makes_no_difference(
    parent: MockParent, backend: MockBackend, tokens: Mint, framing: str
) -> None:
    """An answer is read however its bytes are cut, be it 1 MiB long in many writes."""
    old, plain, new = tokens.mint(), tokens.mint(), tokens.mint()
    await parent.login(old)
    backend.expire(old)
    control = await parent.refreshed_turn(plain)
    require("REFRESH-3", control.completed, "the turn to complete after a refresh", control)
    backend.expire(plain)
    turn = await parent.start_turn()
    request = await parent.next_refresh()
    parent.cut = ANSWERS[framing]
    await request.answer(new)
    outcome = await turn.outcome()

    expect("WIRE-8", outcome.completed, "the answer to complete the turn", outcome)


def nested(opening: bytes, closing: bytes) -> bytes:
    """JSON that is 10,000 deep."""
    return opening * DEPTH + b"1" + closing * DEPTH


GARBAGE: dict[str, list[bytes]] = {
    "no-json": [b"no JSON", b'{"method":"initialized"', b'{"method":"x"}}', b"\0\0", b"{'a':1}"],
    "no-object": [b"[]", b"[1,2,3]", b"42", b'"text"', b"null", b"true"],
    "no-message": [b"{}", b'{"method":7}', b'{"params":{}}', b'{"id":987654}'],
    "unasked-response": [
        b'{"id":987654,"result":{}}',
        b'{"id":"nobody","result":{}}',
        b'{"id":987654,"error":{"code":-32000,"message":"nobody asked"}}',
        b'{"id":null,"result":{}}',
        b'{"id":-9223372036854775808,"result":null}',
    ],
    "nested": [
        nested(b"[", b"]"),
        nested(b'{"a":', b"}"),
        b"[" * DEPTH,
        b'{"method":"x","params":' + nested(b"[", b"]") + b"}",
        b'{"id":987654,"result":' + nested(b'{"a":', b"}") + b"}",
    ],
    "no-utf8": [b"\xff\xfe\xfa"],
    "no-utf8-in-a-text": [
        b'{"method":"x","params":{"text":"\xc3("}}',
        b'{"method":"x","params":{"text":"\xed\xa0\x80"}}',
        b'{"method":"x","params":{"text":"\xc0\x80"}}',
    ],
}
UTF8 = [name for name in GARBAGE if "utf8" not in name]


def lines(*names: str) -> bytes:
    """The garbage of these kinds, a line each."""
    return b"".join(line + b"\n" for name in names for line in GARBAGE[name])


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=() if kind in UTF8 else BYTES) for kind in GARBAGE]
)
@case("wire/garbage", "WIRE-9")
async def test_line_that_is_no_message_costs_only_itself(
    parent: MockParent, tokens: Mint, kind: str
) -> None:
    """A line that is no valid message is dropped; the server serves on, the login stays."""
    given = tokens.mint()
    await parent.login(given)
    before = await parent.read_account()
    require("READ-1", before.ok, "account/read to be answered", before)
    parent.abandoned = True  # what the garbage costs is judged here
    await parent.send_bytes(lines(kind))
    read = await parent.read_account()
    expect("WIRE-9", read.ok, "account/read to be answered behind the garbage", read)
    expect("WIRE-9", read.account == before.account, f"the account {before.account}", read)


@pytest.mark.parametrize(
    "kinds",
    [pytest.param(UTF8, id="in-utf8"), pytest.param(["no-utf8"], id="no-utf8", marks=BYTES)],
)
@case("wire/garbage-while-refresh-pending", "WIRE-9")
async def test_garbage_does_not_disturb_a_pending_refresh(
    parent: MockParent, backend: MockBackend, tokens: Mint, kinds: list[str]
) -> None:
    """Garbage that bears no pending id leaves a pending refresh pending."""
    old, plain, new = tokens.mint(), tokens.mint(), tokens.mint()
    await parent.login(old)
    backend.expire(old)
    control = await parent.refreshed_turn(plain)
    require("REFRESH-3", control.completed, "the turn to complete after a refresh", control)
    backend.expire(plain)
    turn = await parent.start_turn()
    request = await parent.next_refresh()
    await parent.send_bytes(lines(*kinds))
    await request.answer(new)
    outcome = await turn.outcome()

    expect(
        "WIRE-9", outcome.completed, "the answer behind the garbage to complete the turn", outcome
    )


@BYTES
@case("wire/end-of-input/before-initialize", "WIRE-11", handshake=False)
async def test_input_that_ends_before_initialize_ends_the_server(parent: MockParent) -> None:
    """A server whose input ends before the handshake exits by itself, status 0."""
    early = await parent.read_account()
    require("INIT-1", early.refused, "a server that has started, and refuses account/read", early)
    await expect_exit(parent)


@BYTES
@case("wire/end-of-input/idle", "WIRE-11")
async def test_input_that_ends_ends_an_idle_server(parent: MockParent, tokens: Mint) -> None:
    """A server whose input ends while somebody is logged in exits by itself, status 0."""
    await parent.login(tokens.mint())
    await expect_exit(parent)


@BYTES
@case("wire/end-of-input/within-a-line", "WIRE-11")
async def test_input_that_ends_within_a_line_ends_the_server(parent: MockParent) -> None:
    """A server whose input ends in the middle of a line exits by itself, status 0."""
    await parent.send_bytes(b'{"method":"initia')
    await expect_exit(parent)


@BYTES
@case("wire/end-of-input/turn", "WIRE-11")
async def test_input_that_ends_during_a_turn_ends_the_server(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """A server whose input ends while the model has not answered exits by itself, status 0."""
    await parent.login(tokens.mint())
    backend.hold()
    await parent.start_turn()
    await parent.until(lambda: backend.held or None, "the turn's request")
    await expect_exit(parent)


@BYTES
@case("wire/end-of-input/refresh-pending", "WIRE-11")
async def test_input_that_ends_with_a_refresh_pending_ends_the_server(
    parent: MockParent, backend: MockBackend, tokens: Mint
) -> None:
    """A server whose input ends while a refresh is pending exits by itself, status 0."""
    old = tokens.mint()
    await parent.login(old)
    backend.expire(old)
    await parent.start_turn()
    await parent.next_refresh()
    await expect_exit(parent)


@BYTES
@case("wire/end-of-input/browser-login", "WIRE-11", browser_login=True)
async def test_input_that_ends_with_a_browser_login_pending_ends_the_server(
    parent: MockParent,
) -> None:
    """A server whose input ends while a browser login is pending exits by itself, status 0."""
    await parent.begin_browser_login()
    await expect_exit(parent)


async def expect_exit(parent: MockParent) -> None:
    """Expect that the target ends at once when its input does, with status 0."""
    await parent.hang_up()
    ending = await parent.exit(parent.clock.soon)
    expect("WIRE-11", ending.ended, "the server to exit when its input ends", ending)
    expect("WIRE-11", ending.status in (0, None), "exit status 0", ending)
