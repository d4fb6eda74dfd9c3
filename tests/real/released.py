"""Judges the released binaries and writes `docs/released.md`: `make released`.

The results, the transcripts and a page for a browser stay in `.cache/released/`.
"""

import os
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import loopback
import releases

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".cache" / "released"
PAGE = ROOT / "docs" / "released.md"
KIT = (sys.executable, "-m", "codex_conformance")

HEAD = """\
# Released versions of codex

What codex {versions} keep and break of the account protocol, each judged by the
revision that it has. Written by `make released`, which starts each binary in a network namespace of
its own, with nothing but the mock backend on loopback: nobody edits this page. What a release is
known to break is in its baseline, `conformance/baselines/codex-VERSION.toml`, each entry reproduced
by hand and with its reason; that is what `expected-fail` says here.

"""


def judge(release: releases.Release) -> Path:
    """Judge one release; its results file."""
    results = FOLDER / f"codex-{release.version}.json"
    shutil.rmtree(f"{results}.d", ignore_errors=True)
    # Found by its name, so that the page says what people type.
    environ = os.environ | {"PATH": f"{releases.fetch(release).parent}:{os.environ['PATH']}"}
    files = (f"--json={results}", f"--baseline=codex-{release.version}")
    command = [*loopback.alone(), *KIT, "check", *files, "--", "codex", "app-server"]
    subprocess.run(command, env=environ, check=True)
    return results


def compared(old: Path, new: Path) -> str:
    """What `report compare` says, as a console shows it."""
    words = ("report", "compare", old.name, new.name)
    done = subprocess.run(
        [*KIT, *words], cwd=FOLDER, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode in (0, 1), done.stderr
    return f"```text\n$ codex-conformance {' '.join(words)}\n{done.stdout}```\n"


def main() -> None:
    """Judge them all, write the page."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    results = [judge(release) for release in releases.RELEASES]
    names = [path.name for path in results]
    files = ("--html=released.html", "--summary=released.md")
    subprocess.run([*KIT, "report", *files, *names], cwd=FOLDER, check=True, timeout=120)
    versions = [release.version for release in releases.RELEASES]
    told = f"{', '.join(versions[:-1])} and {versions[-1]}"
    page = HEAD.format(versions=told)
    for old, new in pairwise(results):
        page += f"## From {old.stem} to {new.stem}\n\n{compared(old, new)}\n"
    page += FOLDER.joinpath("released.md").read_text("utf-8")
    PAGE.write_text(page, "utf-8")
    print(f"{PAGE.relative_to(ROOT)}; {(FOLDER / 'released.html').relative_to(ROOT)}")


if __name__ == "__main__":
    main()
