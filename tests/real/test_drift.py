"""What a released codex says about itself is what `spec/` says of its revision."""

import json
import subprocess
import sys
from pathlib import Path

import loopback
import pytest
import releases
from codex_account_protocol import spec_root
from jsonschema import Draft7Validator

OWN = [each for each in (*releases.RELEASES, *releases.UNJUDGED) if each.version != "0.163.0"]
BETWEEN = next(each for each in releases.RELEASES if each.version == "0.163.0")
# No definition has it: a bundle states it once, for all notifications of the server.
STATED_ELSEWHERE = {("0.169", "JSONRPCNotification")}

each_release = pytest.mark.parametrize("release", OWN, ids=lambda release: release.version)
pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]


def run(*command: str) -> subprocess.CompletedProcess[str]:
    words = [*loopback.alone(), *command]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=280)


def diff(release: releases.Release) -> subprocess.CompletedProcess[str]:
    binary = releases.fetch(release)
    return run(sys.executable, "-m", "codex_conformance", "spec", "diff", "--", str(binary))


@each_release
def test_release_does_not_differ_from_its_revision(release: releases.Release) -> None:
    done = diff(release)
    assert done.returncode == 0, done.stdout + done.stderr
    first, *_, last = done.stdout.splitlines()
    assert first == f"codex-cli {release.version} beside revision {release.revision}"
    assert last == "no differences"


def test_release_between_two_revisions_is_told_by_what_it_adds_to_the_older() -> None:
    done = diff(BETWEEN)
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.startswith("codex-cli 0.163.0 beside revision 0.99\n")
    assert "    removed " not in done.stdout
    for addition in ("account/usage/read", "variant chatgptDeviceCode", 'value "promax"'):
        assert addition in done.stdout


@each_release
def test_vectors_hold_by_the_schema_of_the_release(
    release: releases.Release, tmp_path: Path
) -> None:
    command = [str(releases.fetch(release)), "app-server", "generate-json-schema"]
    home = ["env", f"CODEX_HOME={tmp_path}"]
    done = run(*home, *command, "--out", str(tmp_path / "schema"), "--experimental")
    assert done.returncode == 0, done.stderr
    bundle = tmp_path / "schema" / "codex_app_server_protocol.schemas.json"
    definitions = json.loads(bundle.read_bytes())["definitions"]
    wrong = []
    for path in sorted((spec_root() / release.revision / "vectors").glob("*.json")):
        part = f"v2/{path.stem}" if path.stem in definitions["v2"] else path.stem
        schema = {"$ref": f"#/definitions/{part}", "definitions": definitions}
        takes = Draft7Validator(schema).is_valid
        vectors = json.loads(path.read_bytes())
        wrong += [(path.stem, one["name"]) for one in vectors["valid"] if not takes(one["value"])]
        wrong += [(path.stem, one["name"]) for one in vectors["invalid"] if takes(one["value"])]
    elsewhere = {name for revision, name in STATED_ELSEWHERE if revision == release.revision}
    assert [each for each in wrong if each[0] not in elsewhere] == []
