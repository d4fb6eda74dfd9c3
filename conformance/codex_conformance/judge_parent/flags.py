"""What a parent configures by the arguments of codex, and what of it is the kit's to say."""

from collections.abc import Sequence
from dataclasses import dataclass

OURS = (
    "model_provider",
    "model_providers",
    "chatgpt_base_url",
    "forced_chatgpt_workspace_id",
    "forced_login_method",
)
"""Settings that lead to the backend of the scenario, or decide which logins it accepts."""

_CONFIG = ("-c", "--config")
_OTHERS = ("--enable", "--disable", "-m", "--model", "-s", "--sandbox", "-a", "--ask-for-approval")
_SHORT = tuple(name for name in (*_CONFIG, *_OTHERS) if not name.startswith("--"))


@dataclass(frozen=True)
class Flags:
    """The configuration in the arguments of codex.

    Attributes:
        heeded: the arguments to start a server with.
        left_out: the texts `KEY=VALUE` of what is the kit's to say.
        listen: where the server is to listen, empty where nothing is said.
    """

    heeded: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    listen: str = ""

    @classmethod
    def read(cls, argv: Sequence[str]) -> "Flags":
        """Those of a command line; what else it says configures nothing."""
        heeded: list[str] = []
        left_out: list[str] = []
        listen = ""
        rest = iter(argv)
        for argument in rest:
            name, stated = _parts(argument)
            if name not in (*_CONFIG, *_OTHERS, "--listen"):
                continue
            value = next(rest, "") if stated is None else stated
            if name == "--listen":
                listen = value
            elif name in _CONFIG and _key(value) in OURS:
                left_out.append(value)
            else:
                heeded += [name, value]
        return cls(tuple(heeded), tuple(left_out), listen)


def _parts(argument: str) -> tuple[str, str | None]:
    """An option and the value that adjoins it, None if none does."""
    if argument.startswith(_SHORT) and len(argument) > len("-c"):
        return argument[:2], argument[2:].removeprefix("=")
    name, equals, value = argument.partition("=")
    return name, value if equals else None


def _key(override: str) -> str:
    """The outermost key that `KEY=VALUE` sets."""
    return override.partition("=")[0].partition(".")[0].strip()
