"""The executable that a parent application finds as codex: it carries bytes to the judge and back.

It decides nothing. The judge is told how it was started, gets what the parent writes, and sends
frames: a kind (1 byte), a length (4 bytes), a payload. `o` goes to standard output, `e` to standard
error, in the order in which they came; `x` ends the process with the status that it carries; `r`
has it do here what a codex of the revision does that it carries.
"""

import _socket  # socket takes longer to import than Python to start
import _thread
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

DOOR = "judge"  # the judge's Unix socket, in the folder of the executable
CHUNK = 65536  # bytes read at once
GONE = 70  # exit status when the judge hangs up without a word
TOLD = ("CODEX_HOME", "CODEX_CONFORMANCE_SCENARIO")  # variables whose value the judge is told


def main(executable: str) -> int:
    """Connect to the judge and carry bytes until it says stop; the exit status."""
    door = _socket.socket(_socket.AF_UNIX)
    try:
        door.connect(os.path.join(os.path.dirname(executable), DOOR))  # noqa: PTH118, PTH120 - quick
    except OSError:
        sys.stderr.write("codex: the scenario that this stands in for is over\n")
        return GONE
    names = [name for name in os.environ if name.startswith(("CODEX_", "OPENAI_"))]
    values = [os.environ.get(name, "") for name in TOLD]
    hello = [os.getcwd(), *values, ",".join(names), *sys.argv[1:]]  # noqa: PTH109 - quick
    payload = "\0".join(hello).encode("utf-8", "replace")
    try:
        door.sendall(len(payload).to_bytes(4, "big") + payload)
        _thread.start_new_thread(carry_up, (door,))
        with open(door.fileno(), "rb", closefd=False) as frames:
            status = carry_down(frames)
    except OSError:
        status = GONE
    sys.stdout.flush()
    os._exit(status)  # the thread that reads standard input is not waited for


def carry_up(door: _socket.socket) -> None:  # pragma: no cover - a thread that is not traced
    """Standard input to the judge, to its end."""
    try:
        while chunk := os.read(0, CHUNK):
            door.sendall(chunk)
        door.shutdown(_socket.SHUT_WR)
    except OSError:
        pass


def carry_down(frames: "BinaryIO") -> int:
    """Frames of the judge to where they belong; the exit status."""
    while len(head := frames.read(5)) == 5:
        payload = frames.read(int.from_bytes(head[1:], "big"))
        if head[:1] == b"x":
            return int(payload)
        if head[:1] == b"r":
            return run_here(payload.decode())
        try:
            write(1 if head[:1] == b"o" else 2, payload)
        except OSError:
            if head[:1] == b"o":  # codex goes on when nobody reads its standard error
                return GONE
    return GONE


def write(descriptor: int, data: bytes) -> None:
    """Write all of it, also to what does not block, as the standard error of Node does."""
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:
            import select

            select.select([], [descriptor], [])


def run_here(revision: str) -> int:
    """What codex does that holds no conversation: its version, its schema, its help."""
    from codex_conformance.errors import UsageError
    from codex_conformance.stand_in.codex import run_as_codex
    from codex_conformance.stand_in.settings import Settings

    try:
        return run_as_codex(sys.argv[1:], Settings(revision=revision))
    except UsageError as error:
        sys.stderr.write(f"codex: {error.message}\n")
        return 2
