"""A terminal to run the kit at: a pty of a given size, with what is shown on it."""

import contextlib
import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Self

KIT = [sys.executable, "-m", "codex_conformance"]
_STEERING = ("NO_COLOR", "COLUMNS", "LINES")


def _at_terminal(on_interrupt: signal.Handlers) -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, on_interrupt)


class Terminal:
    """A process whose standard streams, but for those given, are a terminal.

    Args:
        in_background: as what a script starts with `&`, it is to ignore ^C.
    """

    def __init__(
        self,
        *arguments: str,
        columns: int = 80,
        cwd: Path | None = None,
        environ: Mapping[str, str] | None = None,
        stdout: IO[bytes] | int | None = None,
        in_background: bool = False,
    ) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        kept = {name: value for name, value in os.environ.items() if name not in _STEERING}
        self.process = subprocess.Popen(
            [*KIT, *arguments],
            stdin=slave,
            stdout=slave if stdout is None else stdout,
            stderr=slave,
            cwd=cwd,
            env={**kept, "TERM": "xterm-256color", **(environ or {})},
            start_new_session=True,
            preexec_fn=lambda: _at_terminal(signal.SIG_IGN if in_background else signal.SIG_DFL),
        )
        os.close(slave)
        self.shown = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)

    def interrupt(self, number: signal.Signals) -> None:
        """Interrupt the run as a person does, by ^C, or by another signal as a supervisor does."""
        if number == signal.SIGINT:
            self.type("\x03")
        else:
            self.process.send_signal(number)

    def until(self, text: str) -> str:
        """Read until `text` is shown; all that was shown."""
        while text not in self.shown:
            chunk = self._read()
            assert chunk, f"{text!r} is never shown: {self.shown}"
            self.shown += chunk
        return self.shown

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._master, keys.encode())

    def end(self) -> int:
        """Read to the end; the exit status."""
        while chunk := self._read():
            self.shown += chunk
        return self.process.wait(50)

    def _read(self) -> str:
        with contextlib.suppress(OSError):  # the terminal of a process that is gone
            return os.read(self._master, 65536).decode("utf-8", "replace")
        return ""
