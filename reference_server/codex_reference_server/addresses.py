"""Where the server listens: what `--listen` says, and the sockets of it."""

import os
import socket
import stat
from contextlib import suppress
from pathlib import Path

import msgspec

STDIO = "stdio://"
OFFERED = "stdio://, ws://IP:PORT, unix://PATH or unix://"

CONTROL_SOCKET = Path("app-server-control", "app-server-control.sock")
"""Where `unix://` without a path listens, in `CODEX_HOME`."""


class AddressError(Exception):
    """An address that makes no sense or cannot be listened on; the message says why."""


class TcpAddress(msgspec.Struct, frozen=True):
    """`ws://IP:PORT`; port 0 is any that is free."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can get there."""
        from ipaddress import ip_address

        return ip_address(self.host).is_loopback

    def listen(self) -> socket.socket:
        """A socket that listens there.

        Raises:
            AddressError: it cannot be had.
        """
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        try:
            return socket.create_server((self.host, self.port), family=family)
        except OSError as error:
            raise AddressError(f"cannot listen on {self}: {_reason(error)}") from None

    def __str__(self) -> str:
        return f"ws://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


class UnixAddress(msgspec.Struct, frozen=True):
    """`unix://PATH`; None is the usual place in `CODEX_HOME`."""

    path: Path | None

    def in_home(self, home: Path) -> "UnixAddress":
        """The same with its path."""
        return UnixAddress((self.path or home / CONTROL_SOCKET).absolute())

    def listen(self) -> socket.socket:
        """A socket that listens there, for its owner only; one that nobody serves is replaced.

        Raises:
            AddressError: it cannot be had.
        """
        assert self.path is not None
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._make_way(self.path)
            return _bind_for_the_owner(str(self.path))
        except OSError as error:
            raise AddressError(f"cannot listen on {self}: {_reason(error)}") from None

    def remove(self) -> None:
        """Take the socket file away."""
        assert self.path is not None
        with suppress(OSError):
            self.path.unlink()

    def _make_way(self, path: Path) -> None:
        try:
            is_socket = stat.S_ISSOCK(path.stat().st_mode)
        except FileNotFoundError:
            return
        if not is_socket:
            raise AddressError(f"cannot listen on {self}: there is a file that is no socket")
        if _is_served(str(path)):
            raise AddressError(f"cannot listen on {self}: another server listens there")
        path.unlink()

    def __str__(self) -> str:
        return f"unix://{self.path or ''}"


Address = TcpAddress | UnixAddress


def parse_address(text: str) -> Address | None:
    """What `--listen` says; None is standard input and output.

    Raises:
        AddressError: it is none of what is offered.
    """
    scheme, separator, rest = text.partition("://")
    if text == STDIO:
        return None
    if separator and scheme == "unix":
        return UnixAddress(Path(rest) if rest else None)
    if separator and scheme == "ws" and (address := _tcp_address(rest)) is not None:
        return address
    raise AddressError(f"--listen is {text!r}, expected {OFFERED}")


def _tcp_address(text: str) -> TcpAddress | None:
    from ipaddress import ip_address

    host, _, port = text.rpartition(":")
    try:
        ip = ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None
    is_bracketed = host.startswith("[") and host.endswith("]")
    if is_bracketed != (ip.version == 6) or not (port.isascii() and port.isdecimal()):
        return None
    return TcpAddress(str(ip), int(port)) if int(port) < 2**16 else None


def _bind_for_the_owner(path: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    mask = os.umask(0o177)  # from the first moment on, nobody else may connect
    try:
        listener.bind(path)
        listener.listen()
    except OSError:
        listener.close()
        raise
    finally:
        os.umask(mask)
    return listener


def _is_served(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except OSError:
            return False
    return True


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)
