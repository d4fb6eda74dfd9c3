"""An executable named `codex` that parents start in place of codex."""

import os
import sys
import sysconfig
from functools import cache
from pathlib import Path

from codex_conformance.errors import UsageError
from codex_conformance.stand_in.settings import FILE, Settings, file_text

NAME = "codex"
PROGRAM = "codex_conformance.stand_in.launch:main"
MARK = "# Stands in for codex; written by codex-conformance."
_SHEBANG_LIMIT = 127
_NEEDS_QUOTES = ('"', "'", "\\", "$", "`", "\n")


def write_shim(folder: Path, settings: Settings | None = None, program: str = PROGRAM) -> Path:
    """Write `codex` and its settings into a folder, which is made if need be; the executable.

    It needs nothing from its environment, finds its settings wherever it is called from, and runs
    the Python that wrote it.

    Args:
        folder: where, by whatever path.
        settings: None keeps those that are there, else writes the defaults.
        program: `module:function`, which gets the path of the executable and returns the status.

    Raises:
        UsageError: the folder cannot be written to, or holds another codex.
    """
    path = folder / NAME
    if path.is_symlink() or (path.exists() and not _is_ours(path)):
        raise UsageError(
            f"{path} is there already and was not written by codex-conformance",
            "name an empty folder, or move it away",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if settings is not None or not (folder / FILE).exists():
            _replace(folder / FILE, file_text(settings or Settings()), 0o644)
        _replace(path, _script(program), 0o755)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written to: {error.strerror}") from None
    return path.absolute()


def _is_ours(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return MARK.encode() in file.read(4096)
    except OSError:
        return False


def _replace(path: Path, text: str, mode: int) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(text, encoding="utf-8")
    partial.chmod(mode)
    partial.replace(path)


def _script(program: str) -> str:
    """Text of the executable.

    Python starts without `site`, whose work is done here once: where the packages are.
    """
    module, _, function = program.partition(":")
    # The server collects garbage once it serves; imports leave nothing to collect.
    prelude = "import gc\nimport sys\n\ngc.disable()" if program == PROGRAM else "import sys\n"
    return f"""{_shebang(sys.executable)}
{MARK}
{prelude}
sys.path += {_places()!r}
from {module} import {function}

sys.exit({function}(__file__))
"""


def _shebang(python: str) -> str:
    """The first lines; through sh where the kernel would not take the path of the interpreter."""
    if any(sign in python for sign in _NEEDS_QUOTES):
        raise UsageError(f"the path of Python, {python!r}, has quotes, $ or backslashes in it")
    direct = f"#!{python} -IS"
    if " " not in python and len(direct) <= _SHEBANG_LIMIT:
        return direct
    # For sh an exec and an open quote, for Python one string.
    return f"""#!/bin/sh
'''exec' "{python}" -IS "$0" "$@"
' '''"""


def _places() -> list[str]:
    """Where the packages are: what `sys.path` holds beside the standard library, and our own."""
    import codex_account_protocol

    import codex_conformance
    from codex_conformance import reference

    packages = (codex_account_protocol, codex_conformance, reference.PACKAGE)
    own = [str(Path(str(each.__file__)).resolve().parents[1]) for each in packages]
    standard = {_folder(name) for name in ("stdlib", "platstdlib")}
    found = [_folder(name) for name in ("purelib", "platlib")]
    found += [each for each in sys.path if each.endswith(("site-packages", "dist-packages"))]
    return [each for each in dict.fromkeys([*own, *found]) if each not in standard]


@cache
def _folder(name: str) -> str:
    """A folder of this Python; asked for once, since the answer takes a millisecond to find."""
    return sysconfig.get_path(name)
