"""The place that a target runs in: CODEX_HOME, working directory, configuration."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import chain, islice
from pathlib import Path
from typing import Any

from codex_conformance.case import Setup
from codex_conformance.issuer import ManagedLogin
from codex_conformance.tokens import Mint, Needles

PROVIDER = "mock_provider"
_MEMORY = Path("/dev/shm")  # noqa: S108 - mkdtemp makes the folders in it
_PLENTY = 1024**3  # bytes
_SCAN_LIMIT = 64 * 1024 * 1024  # bytes of one file that are searched
_SCAN_TOTAL = 256 * 1024 * 1024  # bytes of all files that are searched
_FILES_LIMIT = 20_000  # files and folders that are looked at


@dataclass(frozen=True)
class Home:
    """A fresh CODEX_HOME and the working directory beside it."""

    codex_home: Path
    work: Path

    @property
    def auth_file(self) -> Path:
        """Where a target keeps a login."""
        return self.codex_home / "auth.json"

    def configure(self, setup: Setup, origin: str, client_version: str | None) -> None:
        """Write what codex reads, so that the target talks to `origin` only."""
        self.codex_home.joinpath("config.toml").write_text(_config(setup, origin))
        if client_version is not None:
            cache: dict[str, object] = {
                "fetched_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
                "etag": None,
                "client_version": client_version,
                "models": [],
            }
            self.codex_home.joinpath("models_cache.json").write_text(json.dumps(cache))

    def store_managed_login(self, login: ManagedLogin) -> None:
        """Write `auth.json` of a managed ChatGPT login."""
        tokens = login.tokens
        self._store(
            {
                "auth_mode": "chatgpt",
                "OPENAI_API_KEY": None,
                "tokens": {
                    "id_token": tokens.id_token,
                    "access_token": tokens.access_token,
                    "refresh_token": login.refresh_token,
                    "account_id": tokens.account_id,
                },
                "last_refresh": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            }
        )

    def store_api_key(self, mint: Mint) -> str:
        """Write `auth.json` of an API key login; return the key."""
        key = mint.api_key()
        self._store({"auth_mode": "apikey", "OPENAI_API_KEY": key})
        return key

    def _store(self, auth: dict[str, object]) -> None:
        descriptor = os.open(self.auth_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(auth, file)

    @property
    def stored_tokens(self) -> dict[str, Any]:
        """The tokens of the managed login in `auth.json`, empty where there is none."""
        try:
            tokens = json.loads(self.auth_file.read_bytes()).get("tokens")
        except (OSError, ValueError, AttributeError):
            return {}
        return tokens if isinstance(tokens, dict) else {}

    def files(self) -> Iterator[Path]:
        """Every regular file in either folder."""
        return islice(chain(_files(self.codex_home), _files(self.work)), _FILES_LIMIT)

    def files_with(self, secret: str) -> list[Path]:
        """The files that hold a secret, in whatever form."""
        needles = Needles({secret: "it"})
        return [path for path in self.files() if needles.find(_content(path)) is not None]

    def leak(self, needles: Needles) -> str | None:
        """Where and in what form a secret lies in a file, or None."""
        left = _SCAN_TOTAL
        for path in self.files():
            content = _content(path, left)
            left -= len(content)
            found = needles.find(content)
            if found is not None:
                return f"{found} in {path.relative_to(self.codex_home.parent)}"
        return None


def _files(folder: Path) -> Iterator[Path]:
    """Every regular file in a folder; goes by no link, and no deeper than a path can say."""
    folders = [str(folder)]
    while folders:
        with suppress(OSError), os.scandir(folders.pop()) as entries:
            for entry in sorted(islice(entries, _FILES_LIMIT), key=lambda entry: entry.name):
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    yield Path(entry.path)


def _content(path: Path, limit: int = _SCAN_TOTAL) -> bytes:
    """What is searched of a file; a file that has just gone holds nothing."""
    try:
        with open(path, "rb", opener=_never_waiting) as file:
            return file.read(min(limit, _SCAN_LIMIT))
    except OSError:
        return b""


def _never_waiting(path: str, flags: int) -> int:
    """Open a file that a target may meanwhile have made a pipe or a link of."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW)


def _config(setup: Setup, origin: str) -> str:
    lines = [
        'model = "mock-model"',
        'approval_policy = "never"',
        f'sandbox_mode = "{setup.sandbox}"',
        "check_for_update_on_startup = false",
        f'chatgpt_base_url = "{origin}/backend-api"',
        f'model_provider = "{PROVIDER}"',
    ]
    if setup.forced_workspace is not None:
        lines.append(f"forced_chatgpt_workspace_id = {json.dumps(setup.forced_workspace)}")
    if setup.forced_login_method is not None:
        lines.append(f'forced_login_method = "{setup.forced_login_method}"')
    lines += [
        f"[model_providers.{PROVIDER}]",
        'name = "mock provider"',
        f'base_url = "{origin}/v1"',
        'wire_api = "responses"',
        "request_max_retries = 0",
        "stream_max_retries = 0",
        f"requires_openai_auth = {json.dumps(setup.requires_openai_auth)}",
        f"supports_websockets = {json.dumps(setup.websockets)}",
        "[analytics]",
        "enabled = false",
    ]
    return "\n".join(lines) + "\n"


@cache
def _scratch() -> Path | None:
    """Where homes lie: in memory where there is plenty, since a codex writes 100 files a case.

    A `TMPDIR` that the user has set is obeyed.
    """
    if "TMPDIR" in os.environ or not os.access(_MEMORY, os.W_OK):
        return None
    return _MEMORY if shutil.disk_usage(_MEMORY).free >= _PLENTY else None


@contextmanager
def fresh_home() -> Iterator[Home]:
    """A home that exists as long as the case."""
    root = Path(tempfile.mkdtemp(prefix="codex-conformance-", dir=_scratch()))
    try:
        home = Home(root / "codex-home", root / "work")
        home.codex_home.mkdir()
        home.work.mkdir()
        yield home
    finally:
        _remove(root)


def _remove(root: Path) -> None:
    """Remove a folder, whatever a target has made of it: unreadable, or endlessly deep."""
    with suppress(RecursionError):
        shutil.rmtree(root, ignore_errors=True)
    if root.exists():
        with suppress(OSError):
            for command in (["chmod", "-R", "u+rwX"], ["rm", "-rf"]):
                subprocess.run(  # noqa: S603 - words of ours, a path of mkdtemp's
                    [*command, "--", str(root)], stderr=subprocess.DEVNULL, check=False
                )
