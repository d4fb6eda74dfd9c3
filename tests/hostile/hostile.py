"""The reference server as a command with one hostile habit: `hostile.py HABIT app-server`.

It behaves until it is asked to log out, which the opening conversation never does.
"""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import codex_reference_server.main
from codex_reference_server.connection import Connection

MIB = 1024 * 1024
HOME = Path(os.environ.get("CODEX_HOME", "/nonexistent"))


def say(data: bytes) -> None:
    """Write to standard output, whatever that takes."""
    os.set_blocking(1, True)
    while data:
        data = data[os.write(1, data) :]


def for_ever(data: bytes, out: int = 1) -> None:
    os.set_blocking(out, True)
    while True:
        os.write(out, data)


def fork_away(*, clean: bool = False) -> None:
    """A process in a session of its own that nobody waits for; `clean`: with nothing of ours."""
    mark = os.environ.get("HOSTILE_MARK", "left-over")  # nothing else tells whose it is
    command = ["/bin/sh", "-c", "sleep 600; :", mark]
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            null = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2):
                os.dup2(null, descriptor)
            os.execve(command[0], command, {} if clean else dict(os.environ))
        os._exit(0)


def fork_holding_the_pipes() -> None:
    if os.fork() == 0:
        os.setsid()
        os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(600)"])
    os._exit(0)


def fork_with_a_lock() -> None:
    """A process that holds a lock, which it takes away when it is asked to end."""
    lock = Path(os.environ["TMPDIR"], "lock")
    if os.fork() == 0:
        os.setsid()

        def release(*_: object) -> None:
            lock.unlink()
            os._exit(0)

        signal.signal(signal.SIGTERM, release)
        lock.touch()
        while True:
            signal.pause()
    while not lock.exists():
        time.sleep(0.01)


def many_processes() -> None:
    for _ in range(100):
        fork_away()


def deaf() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(600)


def closed_folders() -> None:
    folder = HOME / "closed" / "folder"
    folder.mkdir(parents=True)
    (folder / "file").write_text("x")
    folder.chmod(0)
    folder.parent.chmod(0)


def links_outside() -> None:
    (HOME / "etc").symlink_to("/etc")
    (HOME / "root").symlink_to("/")
    (HOME / "itself").symlink_to(HOME)


def pipe_in_home() -> None:
    os.mkfifo(HOME / "pipe")


def sparse_files() -> None:
    for number in range(20):
        with (HOME / f"sparse-{number}").open("wb") as file:
            file.truncate(10 * 1024 * MIB)


def deep_folders() -> None:
    os.chdir(HOME)
    for _ in range(2000):
        Path("d").mkdir()
        os.chdir("d")


def many_files() -> None:
    folder = HOME / "many"
    folder.mkdir()
    for number in range(25_000):
        os.close(os.open(folder / str(number), os.O_CREAT))


def much_http() -> None:
    config = (HOME / "config.toml").read_text()
    port = int(config.partition("http://127.0.0.1:")[2].partition("/")[0])
    subprocess.run([sys.executable, str(Path(__file__).with_name("http_flood.py")), str(port)])


HABITS: dict[str, Callable[[], object]] = {
    "a-line-without-end": lambda: for_ever(b"x" * MIB),
    "messages-without-end": lambda: for_ever(b'{"method":"a","params":{}}\n' * 1000),
    "requests-without-end": lambda: for_ever(b'{"method":"a","id":1,"params":{}}\n' * 1000),
    "rubbish-without-end": lambda: for_ever(b"rubbish\n" * 1000),
    "empty-lines-without-end": lambda: for_ever(b"\n" * MIB),
    "stderr-without-end": lambda: for_ever(b"x" * MIB, 2),
    "deep-nesting": lambda: say(b'{"method":"a","params":' + b"[" * 100_000 + b"\n"),
    "deep-message": lambda: say(
        b'{"method":"account/updated","params":' + b'{"a":' * 800 + b"1" + b"}" * 801 + b"\n"
    ),
    "wide-message": lambda: say(
        b'{"method":"account/updated","params":{"authMode":[' + b"{}," * MIB + b"{}]}}\n"
    ),
    "members-twice": lambda: say(b'{"method":"a","method":"b","params":{},"params":[]}\n'),
    "not-a-number": lambda: say(b'{"method":"account/updated","params":{"authMode":NaN}}\n'),
    "infinite-number": lambda: say(b'{"method":"account/updated","params":{"authMode":1e999}}\n'),
    "long-number": lambda: say(b'{"method":"a","params":{"n":' + b"9" * 100_000 + b"}}\n"),
    "half-a-surrogate": lambda: say(
        b'{"method":"account/updated","params":{"authMode":"\\ud800"}}\n'
    ),
    "terminal-escapes": lambda: say(
        b'{"method":"account/updated","params":{"authMode":"\\u001b]0;owned\\u0007\\u001b[2J"}}\n'
    ),
    "raw-terminal-escapes": lambda: say(b"\x1b]0;owned\x07\x1b[2J\n"),
    "html": lambda: say(
        b'{"method":"account/updated","params":{"authMode":"<script>alert(1)</script>"}}\n'
    ),
    "path-in-a-method": lambda: say(b'{"method":"../../../../etc/passwd","params":{}}\n'),
    "huge-id": lambda: say(b'{"id":"' + b"i" * 4 * MIB + b'","result":{}}\n'),
    "ends-within-a-line": lambda: (say(b'{"method":"acc'), os._exit(3)),
    "stops-itself": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "deaf-to-everything": deaf,
    "process-that-outlives-it": fork_away,
    "process-with-a-lock": fork_with_a_lock,
    "process-without-its-environment": lambda: fork_away(clean=True),
    "process-that-holds-the-pipes": fork_holding_the_pipes,
    "many-processes": many_processes,
    "closed-folders": closed_folders,
    "links-outside": links_outside,
    "pipe-in-its-home": pipe_in_home,
    "sparse-files": sparse_files,
    "deep-folders": deep_folders,
    "many-files": many_files,
    "much-http": much_http,
}


def main() -> int:
    habit = HABITS[sys.argv[1]]
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    receive = Connection.receive

    def received(self: Connection, line: bytes) -> None:
        if b'"account/logout"' in line:
            habit()
        receive(self, line)

    Connection.receive = received  # type: ignore[method-assign]
    return codex_reference_server.main.main(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
