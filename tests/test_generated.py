"""The package is what the generator writes from spec/, and finds its way around."""

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest
from codex_account_protocol import REVISIONS, methods, models, spec_root

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "generated" / "codex_account_protocol"
each_revision = pytest.mark.parametrize("revision", REVISIONS)


def load_module(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


generate = load_module("codex_account_protocol_generate", ROOT / "generated" / "generate.py")


# --- the package is current, and the generator refuses what it does not understand


def test_the_package_is_what_the_generator_writes_wherever_it_runs(tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").write_text("[tool.black]\nline-length = 60\n")
    monkeypatch.chdir(tmp_path)
    assert generate.main(["--check"]) == 0


@pytest.fixture
def package(tmp_path):
    return Path(
        shutil.copytree(
            PACKAGE, tmp_path / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__")
        )
    )


def test_check_names_each_stale_file_and_writes_nothing(package, capsys):
    edited = package / "v0_93.py"
    edited.write_text("# edited by hand\n")
    (package / "v0_5.py").write_text("# a revision that is gone\n")
    (package / "v0_99.py").unlink()
    assert generate.main(["--check"], package=package) == 1
    message = capsys.readouterr().err
    assert all(name in message for name in ("v0_93.py", "v0_5.py", "v0_99.py", "make generate"))
    assert "v0_169.py" not in message
    assert edited.read_text() == "# edited by hand\n"


def test_generated_files_hold_no_path_and_no_time():
    for path in PACKAGE.glob("*.py"):
        text = path.read_text("utf-8")
        assert str(ROOT) not in text
        assert not re.search(r"\d{4}-\d\d-\d\d|timestamp", text), path.name


def write_spec(folder: Path, types: dict[str, Any], rows: list[Any]) -> Path:
    revision = folder / "0.7"
    revision.mkdir(parents=True)
    for name, schema in types.items():
        content = {"title": name, "description": "A type.", **schema}
        (revision / f"{name}.json").write_text(json.dumps(content))
    (revision / "methods.json").write_text(json.dumps({"methods": rows}))
    return folder


ROW = {
    "method": "a/b",
    "kind": "request",
    "direction": "clientToServer",
    "params": "Thing",
    "paramsRequired": True,
    "result": None,
    "stability": "stable",
}
THING = {"type": "object", "properties": {"name": {"type": "string"}}}


@pytest.mark.parametrize(
    ("types", "rows", "complaint"),
    [
        ({"Thing": {"$ref": "Nothing.json"}}, [], "Thing.json: $ref to 'Nothing.json'"),
        ({"Thing": {"title": "Other"}}, [], "title is 'Other', expected 'Thing'"),
        ({}, [ROW], "params is 'Thing', and there is no such file"),
        ({"Thing": THING}, [ROW, ROW], "expected once"),
        ({"Thing": THING}, [{**ROW, "kind": "question"}], "kind is 'question'"),
        ({"Thing": THING}, [{"method": "a/b"}], "with the members"),
        ({"Thing": {"oneOf": [THING, THING]}}, [], "generated without a file: ['Thing1'"),
        (
            {"Thing": {"type": "object", "properties": {"inner": THING}}},
            [],
            "generated without a file: ['Inner']",
        ),
        (
            {
                "Thing": {
                    "anyOf": [{**THING, "title": "OneThing"}, {**THING, "title": "TwoThing"}]
                },
                "Box": {"type": "object", "properties": {"thing": {"$ref": "Thing.json"}}},
            },
            [],
            "Box.json: $ref to Thing, which has no tag",
        ),
        (
            {"Thing": {**THING, "anyOf": [{"required": ["nmae"]}, {"required": ["name"]}]}},
            [],
            "Thing: a condition speaks of 'nmae', unknown here",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_specification_that_contradicts_itself_is_refused(
    tmp_path, capsys, types, rows, complaint
):
    spec = write_spec(tmp_path / "spec", types, rows)
    assert generate.main([], spec=spec, package=tmp_path / "package") == 1
    message = capsys.readouterr().err
    assert complaint in message
    assert "0.7" in message
    assert not (tmp_path / "package").exists()


STRING = {"type": "string"}


def with_condition(**condition: Any) -> dict[str, Any]:
    members = {"kind": STRING, "someName": {}, "other": {}}
    return {"type": "object", "required": ["kind"], "properties": members, **condition}


def generated(tmp_path: Path, types: dict[str, Any]) -> ModuleType:
    spec = write_spec(tmp_path / "spec", types, [])
    assert generate.main([], spec=spec, package=tmp_path / "package") == 0
    return load_module("generated_protocol", tmp_path / "package" / "v0_7.py")


def test_members_of_which_one_has_to_be_there_are_asked_for_by_the_model(tmp_path):
    sets = [{"required": ["someName", "other"]}, {"required": ["other"]}]
    thing = generated(tmp_path, {"Thing": with_condition(anyOf=sets)}).Thing
    assert msgspec.json.decode(b'{"kind":"a","other":1}', type=thing).other == 1
    with pytest.raises(msgspec.ValidationError, match="expected someName and other or other"):
        msgspec.json.decode(b'{"kind":"a","someName":1}', type=thing)


def test_members_that_depend_on_a_tag_are_asked_for_by_the_model(tmp_path):
    when = {"required": ["kind"], "properties": {"kind": {"const": "a"}}}
    then = {
        "required": ["someName"],
        "properties": {
            "someName": {"type": "array", "items": {"$ref": "Name.json"}},
            "other": {"type": ["integer", "null"]},
        },
    }
    types = {"Thing": with_condition(allOf=[{"if": when, "then": then}]), "Name": STRING}
    thing = generated(tmp_path, types).Thing
    for good in (b'{"kind":"b"}', b'{"kind":"a","someName":["x"],"other":null}'):
        msgspec.json.decode(good, type=thing)
    for bad in (
        b'{"kind":"a"}',
        b'{"kind":"a","someName":null}',
        b'{"kind":"a","someName":[1]}',
        b'{"kind":"a","someName":[],"other":"1"}',
    ):
        with pytest.raises(msgspec.ValidationError):
            msgspec.json.decode(bad, type=thing)


def test_a_map_that_may_be_null_keeps_the_type_of_its_values(tmp_path):
    entries = {"type": ["object", "null"], "additionalProperties": {"$ref": "Name.json"}}
    types = {"Thing": {"type": "object", "properties": {"names": entries}}, "Name": STRING}
    thing = generated(tmp_path, types).Thing
    for good in (b"{}", b'{"names":null}', b'{"names":{"a":"b"}}'):
        msgspec.json.decode(good, type=thing)
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"names":{"a":1}}', type=thing)


def test_a_specification_without_revisions_is_refused(tmp_path, capsys):
    assert generate.main([], spec=tmp_path) == 1
    assert "no folder that is named like a version" in capsys.readouterr().err


def test_a_file_that_is_not_json_is_named(tmp_path, capsys):
    spec = write_spec(tmp_path / "spec", {}, [])
    (spec / "0.7" / "Thing.json").write_text("{")
    assert generate.main([], spec=spec) == 1
    assert "0.7/Thing.json is not JSON" in capsys.readouterr().err


def test_a_new_folder_is_a_new_revision(tmp_path):
    """Only the folder is added; versions sort by number, and other folders do not count."""
    spec = write_spec(tmp_path / "generated" / "spec", {"Thing": THING}, [ROW])
    shutil.copytree(spec / "0.7", spec / "0.10")
    (spec / "drafts").mkdir()
    assert generate.main([], spec=spec, package=tmp_path / "generated" / "made_up_protocol") == 0
    shutil.copytree(spec, tmp_path / "spec")
    made_up = load_module(
        "made_up_protocol", tmp_path / "generated" / "made_up_protocol" / "__init__.py"
    )
    made_up.__path__ = [str(tmp_path / "generated" / "made_up_protocol")]
    assert made_up.REVISIONS == ("0.7", "0.10")
    assert msgspec.json.decode(b'{"name":"x"}', type=made_up.models("0.10").Thing).name == "x"
    assert made_up.spec_root() == tmp_path / "spec"
    assert [row.method for row in made_up.methods("0.7")] == ["a/b"]


# --- the package's own functions


@each_revision
def test_methods_are_the_rows_of_the_file(revision):
    rows = json.loads((spec_root() / revision / "methods.json").read_bytes())["methods"]
    assert msgspec.to_builtins(list(methods(revision))) == rows


@pytest.mark.parametrize("function", [models, methods])
def test_an_unknown_revision_is_answered_with_the_known_ones(function):
    with pytest.raises(ValueError, match=r"unknown revision '0\.5'") as caught:
        function("0.5")
    assert str(caught.value).endswith(", ".join(REVISIONS))


def test_the_specification_is_found_beside_an_installed_package(package):
    shutil.copytree(spec_root() / REVISIONS[-1], package / "spec" / REVISIONS[-1])
    assert (
        load_module("installed_protocol", package / "__init__.py").spec_root() == package / "spec"
    )


def test_a_package_without_a_specification_says_where_it_looked(package):
    stray = load_module("stray_protocol", package / "__init__.py")
    with pytest.raises(FileNotFoundError, match="install codex-conformance anew") as caught:
        stray.spec_root()
    assert str(package / "spec") in str(caught.value)


def test_importing_the_package_imports_no_revision():
    code = (
        "import sys; import codex_account_protocol; "
        "print([name for name in sys.modules if name.startswith('codex_account_protocol.')])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"
