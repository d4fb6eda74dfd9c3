"""Bundles made by hand, and executables that write them as a codex does."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from codex_conformance.release import BUNDLE, Release, read_release
from codex_conformance.stand_in.bundle import bundle_of

Bundle = dict[str, Any]
Edit = Callable[[Bundle], object]


def write(folder: Path, bundle: Bundle | str) -> Path:
    """Write a bundle as a codex does; the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    text = bundle if isinstance(bundle, str) else json.dumps(bundle)
    folder.joinpath(BUNDLE).write_text(text)
    return folder


@pytest.fixture
def executable(tmp_path: Path) -> Callable[[str], str]:
    """Makes an executable of the body of a shell script."""

    def make(body: str) -> str:
        path = tmp_path / "codex"
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return str(path)

    return make


@pytest.fixture
def codex(tmp_path: Path, executable: Callable[[str], str]) -> Callable[..., str]:
    """Makes an executable that writes the bundle of a revision, or a text in its place."""

    def make(
        revision: str = "0.99",
        edit: Edit = bool,
        *,
        text: str | None = None,
        version: str = "none",
        experimental: bool = True,
    ) -> str:
        for folder, whole in (("stable", False), ("experimental", True)):
            bundle = bundle_of(revision, experimental=whole)
            edit(bundle["definitions"])
            write(tmp_path / folder, bundle if text is None else text)
        if experimental:
            answer = f'cp "{tmp_path}/experimental/"* "$4"'
        else:
            answer = "echo \"error: unexpected argument '--experimental' found\" >&2; exit 2"
        return executable(
            f"""case "$1 $2 $3 $5" in
            "--version"*) echo "{version}" ;;
            "app-server generate-json-schema --out --experimental") {answer} ;;
            "app-server generate-json-schema --out "*) cp "{tmp_path}/stable/"* "$4" ;;
            *) echo "error: unrecognized arguments" >&2; exit 2 ;;
            esac"""
        )

    return make


@pytest.fixture
def release_of(tmp_path: Path) -> Callable[..., Release]:
    """Makes a release that differs from a revision by one edit, of both bundles or one."""

    def make(revision: str, edit: Edit = bool, edit_stable: Edit | None = None) -> Release:
        stable, whole = bundle_of(revision, experimental=False), bundle_of(revision)
        (edit_stable or edit)(stable["definitions"])
        edit(whole["definitions"])
        return read_release(
            write(tmp_path / "stable", stable), write(tmp_path / "experimental", whole)
        )

    return make
