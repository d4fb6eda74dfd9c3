"""Write `codex_account_protocol/` from `spec/`: one module of msgspec models per revision.

`python generate.py` writes the package; with `--check` it only says whether the package is current.
Every folder of `spec/` that is named like a version is a revision, nothing else lists them.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SPEC = HERE.parent / "spec"
PACKAGE = HERE / "codex_account_protocol"
TEMPLATE = HERE / "package_template.py"
NO_REVISIONS = "REVISIONS: tuple[str, ...] = ()"
HEADER = '''"""Models of revision {revision}, written by generated/generate.py.

To change them, edit spec/{revision}/ and run `make generate`.
"""'''

METHODS_FILE = "methods.json"
METHOD_KEYS = {"method", "kind", "direction", "params", "paramsRequired", "result", "stability"}
METHOD_VALUES = {
    "kind": ("request", "notification"),
    "direction": ("clientToServer", "serverToClient"),
    "stability": ("stable", "experimental"),
}
# What a struct has no words for; an absent member stays UNSET, whatever its default means.
NOT_IN_MODELS = {"$schema", "default", "description", "format", "title"}
JSON_TYPES = {
    "string": "str",
    "integer": "int",
    "boolean": "bool",
    "object": "dict[str, Any]",
    "null": "None",
}

Schema = dict[str, Any]


class SpecError(Exception):
    """The specification contradicts itself, or yields models that it does not name."""


@dataclass(frozen=True)
class Revision:
    """One folder of `spec/`: its schemas by type name, and its methods."""

    name: str
    types: dict[str, Schema]
    methods: list[dict[str, Any]]


def read_revisions(spec: Path) -> list[Revision]:
    """Every revision in `spec`, the oldest first."""
    folders = [path for path in spec.glob("*/") if re.fullmatch(r"\d+(\.\d+)+", path.name)]
    if not folders:
        raise SpecError(f"{spec} has no folder that is named like a version, such as 0.99")
    folders.sort(key=lambda path: [int(part) for part in path.name.split(".")])
    return [read_revision(folder) for folder in folders]


def read_revision(folder: Path) -> Revision:
    """One folder, checked to be sound in itself."""
    documents: dict[str, Any] = {}
    for path in sorted(folder.glob("*.json")):
        try:
            documents[path.name] = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise SpecError(f"{folder.name}/{path.name} is not JSON: {error}") from error
    if METHODS_FILE not in documents:
        raise SpecError(f"{folder.name}/{METHODS_FILE} is missing")
    methods = documents.pop(METHODS_FILE)["methods"]
    types = {name.removesuffix(".json"): schema for name, schema in documents.items()}
    revision = Revision(folder.name, types, methods)
    check_schemas(revision)
    check_methods(revision)
    return revision


def check_schemas(revision: Revision) -> None:
    """A schema is titled like its file, and refers to files of its own folder."""
    for name, schema in revision.types.items():
        where = f"{revision.name}/{name}.json"
        if schema.get("title") != name:
            raise SpecError(f"{where}: the title is {schema.get('title')!r}, expected {name!r}")
        for reference in references(schema):
            if reference.removesuffix(".json") not in revision.types:
                raise SpecError(f"{where}: $ref to {reference!r}, and there is no such file")


def references(schema: Any) -> Iterator[str]:
    """Every `$ref` in a schema, as it is written."""
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"]
        schema = list(schema.values())
    if isinstance(schema, list):
        for part in schema:
            yield from references(part)


def check_methods(revision: Revision) -> None:
    """A method is listed once, with known members and values, and its types have files."""
    seen: set[str] = set()
    for entry in revision.methods:
        where = f"{revision.name}/{METHODS_FILE}: {entry.get('method')}"
        if set(entry) != METHOD_KEYS or entry["method"] in seen:
            raise SpecError(f"{where}: expected once, with the members {sorted(METHOD_KEYS)}")
        for key, allowed in METHOD_VALUES.items():
            if entry[key] not in allowed:
                raise SpecError(f"{where}: {key} is {entry[key]!r}, expected one of {allowed}")
        for key in ("params", "result"):
            if entry[key] is not None and entry[key] not in revision.types:
                raise SpecError(f"{where}: {key} is {entry[key]!r}, and there is no such file")
        seen.add(entry["method"])


def models_view(schema: Any) -> Any:
    """What a struct can say of a schema."""
    if isinstance(schema, list):
        return [models_view(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    view: Schema = {}
    for key, value in schema.items():
        if key == "$ref":
            view[key] = "#/$defs/" + value.removesuffix(".json")
        elif key == "properties":
            view[key] = {name: models_view(member) for name, member in value.items()}
        elif key in ("oneOf", "anyOf") and not is_condition(key, value):
            view[key] = [named_view(variant, variant.get("title")) for variant in value]
        elif key not in NOT_IN_MODELS and not is_condition(key, value):
            view[key] = models_view(value)
    if isinstance(view.get("type"), list) and isinstance(view.get("additionalProperties"), dict):
        # datamodel-code-generator forgets the values of a map that may be null.
        return {"anyOf": [{**view, "type": each} for each in view["type"]]}
    return view


def named_view(schema: Schema, name: str | None) -> Schema:
    """The view of a schema, with a name and a docstring if it becomes a class."""
    view: Schema = models_view(schema)
    if view.get("type") == "object":
        view |= {"title": name, "description": schema.get("description", name)}
    return view


def is_condition(key: str, value: Any) -> bool:
    """Whether a keyword says what no annotation can: it becomes a method of the struct."""
    if key == "anyOf":
        return all(set(part) == {"required"} for part in value)
    return key == "allOf" and all(set(part) == {"if", "then"} for part in value)


def classes(revision: Revision) -> dict[str, Schema]:
    """The schema of every type and of every variant of a union, by the name of its model."""
    found: dict[str, Schema] = {}
    for name, schema in revision.types.items():
        variants = [part for key in ("oneOf", "anyOf") for part in schema.get(key, [])]
        found |= {part["title"]: part for part in variants if "title" in part} | {name: schema}
    return found


def untagged(revision: Revision) -> list[str]:
    """The unions without a tag, which msgspec does not decode; `decode` of the package does.

    Raises:
        SpecError: another type holds one, where `decode` could not reach it.
    """
    known = classes(revision)
    unions = []
    for name, schema in revision.types.items():
        parts = schema.get("anyOf", [])
        parts = [known.get(part.get("$ref", "").removesuffix(".json"), part) for part in parts]
        if len(parts) > 1 and all(part.get("type") == "object" for part in parts):
            unions.append(name)
    for name, schema in revision.types.items():
        for union in unions:
            if f"{union}.json" in references(schema):
                raise SpecError(f"{revision.name}/{name}.json: $ref to {union}, which has no tag")
    return unions


def render_models(revision: Revision) -> str:
    """The module of one revision: what datamodel-code-generator writes, and the conditions."""
    text = with_conditions(revision, generated_models(revision))
    check_names(revision, text)
    return text


def generated_models(revision: Revision) -> str:
    """The module of one revision, as datamodel-code-generator writes it."""
    # Imported late: a broken spec/ is reported at once.
    import datamodel_code_generator as codegen
    from datamodel_code_generator.enums import DataModelType

    views = {name: named_view(schema, name) for name, schema in revision.types.items()}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for union in untagged(revision):
                warnings.filterwarnings(
                    "ignore", message=f"msgspec cannot decode the union {union}:"
                )
            text = codegen.generate(
                json.dumps({"$defs": views}),
                input_file_type=codegen.InputFileType.JsonSchema,
                schema_version="2020-12",
                output_model_type=DataModelType.MsgspecStruct,
                target_python_version=codegen.PythonVersion.PY_311,
                formatters=[codegen.Formatter.BUILTIN],
                builtin_format_line_length=100,
                settings_path=HERE,
                custom_file_header=HEADER.format(revision=revision.name),
                enum_field_as_literal=codegen.LiteralType.All,
                keyword_only=True,
                skip_root_model=True,
                snake_case_field=True,
                strict_refs=True,
                use_annotated=True,
                use_double_quotes=True,
                use_msgspec_tagged_unions=True,
                use_schema_description=True,
                use_single_line_docstring=True,
                use_title_as_name=True,
                use_type_alias=True,
            )
    except (codegen.Error, Warning) as error:
        raise SpecError(f"{revision.name}: datamodel-code-generator says: {error}") from error
    return str(text).rstrip() + "\n"


def with_conditions(revision: Revision, text: str) -> str:
    """The module with a method in every struct whose schema has a condition."""
    known = classes(revision)
    lines = text.splitlines()
    converts = False
    structs = [node for node in ast.parse(text).body if isinstance(node, ast.ClassDef)]
    for node in reversed(structs):
        schema = known.get(node.name, {})
        try:
            body = condition_lines(schema, attributes(node))
        except KeyError as error:
            where = f"{revision.name}: {node.name}"
            raise SpecError(f"{where}: a condition speaks of {error}, unknown here") from error
        if body:
            lines[node.end_lineno : node.end_lineno] = [
                "",
                "    def __post_init__(self) -> None:",
                *(f"        {line}" for line in body),
            ]
            converts |= any("convert(" in line for line in body)
    text = "\n".join(lines) + "\n"
    if converts:
        text = re.sub(r"(from msgspec import .*), field", r"\1, convert, field", text, count=1)
    return text


def attributes(node: ast.ClassDef) -> dict[str, str]:
    """The attributes of a struct by the member that they stand for."""
    found = {}
    for line in node.body:
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
            words = line.value.keywords if isinstance(line.value, ast.Call) else []
            names = [ast.literal_eval(word.value) for word in words if word.arg == "name"]
            found[(names or [line.target.id])[0]] = line.target.id
    return found


def condition_lines(schema: Schema, names: dict[str, str]) -> list[str]:
    """The body of a method that refuses what the conditions of a schema refuse."""
    lines = []
    if is_condition("anyOf", schema.get("anyOf", [{}])):
        sets = [part["required"] for part in schema["anyOf"]]
        absent = [" or ".join(f"self.{names[each]} is UNSET" for each in one) for one in sets]
        lines += [
            f"if {' and '.join(f'({one})' if ' or ' in one else one for one in absent)}:",
            f'    raise ValueError("expected {" or ".join(" and ".join(one) for one in sets)}")',
        ]
    if is_condition("allOf", schema.get("allOf", [{}])):
        for part in schema["allOf"]:
            (tag, wanted), *_ = part["if"]["properties"].items()
            lines.append(f'if self.{names[tag]} == "{wanted["const"]}":')
            lines += [f"    {line}" for line in member_lines(part["then"], names)]
    return lines


def member_lines(schema: Schema, names: dict[str, str]) -> list[str]:
    """What refuses the members that a schema refuses, where the struct takes anything."""
    lines = []
    for name, member in schema["properties"].items():
        attribute = f"self.{names[name]}"
        check = f"convert({attribute}, {annotation(member)})"
        if name in schema.get("required", []):
            refuse = f'raise ValueError("expected {name}")'
            lines += [f"if {attribute} is UNSET:", f"    {refuse}", check]
        else:
            lines += [f"if {attribute} is not UNSET:", f"    {check}"]
    return lines


def annotation(schema: Schema) -> str:
    """The Python type of a member that a condition speaks of."""
    if "$ref" in schema:
        return str(schema["$ref"].removesuffix(".json"))
    if schema["type"] == "array":
        return f"list[{annotation(schema['items'])}]"
    types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    return " | ".join(JSON_TYPES[each] for each in types)


def check_names(revision: Revision, text: str) -> None:
    """Every generated name is that of a file or of a variant, and none is missing."""
    expected = set(classes(revision))
    body = ast.parse(text).body
    written = {node.name for node in body if isinstance(node, ast.ClassDef)}
    written |= {ast.unparse(node.target) for node in body if isinstance(node, ast.AnnAssign)}
    if written != expected:
        raise SpecError(
            f"{revision.name}: generated without a file: {sorted(written - expected)}; "
            f"in spec/ without a generated name: {sorted(expected - written)}"
        )


def render(spec: Path) -> dict[str, str]:
    """The files of the package by name."""
    revisions = read_revisions(spec)
    files = {f"v{each.name.replace('.', '_')}.py": render_models(each) for each in revisions}
    names = str(tuple(each.name for each in revisions)).replace("'", '"')
    files["__init__.py"] = (
        f"# Written from {TEMPLATE.name} and spec/: edit those, then run `make generate`.\n"
        + TEMPLATE.read_text("utf-8").replace(NO_REVISIONS, NO_REVISIONS.replace("()", names))
    )
    return files | {"py.typed": ""}


def stale(files: dict[str, str], package: Path) -> list[str]:
    """The names of files in which the package differs from `files`."""
    present = {path.name: path.read_text("utf-8") for path in package.glob("*") if path.is_file()}
    return sorted(name for name in present | files if present.get(name) != files.get(name))


def main(arguments: list[str] | None = None, spec: Path = SPEC, package: Path = PACKAGE) -> int:
    """Exit status 0, or 1 after one sentence on stderr."""
    parser = argparse.ArgumentParser(description="Write codex_account_protocol from spec/.")
    parser.add_argument("--check", action="store_true", help="write nothing, only compare")
    check = parser.parse_args(arguments).check
    try:
        files = render(spec)
    except SpecError as error:
        print(f"generate: {error}", file=sys.stderr)
        return 1
    changed = stale(files, package)
    if check and changed:
        print(f"generate: {', '.join(changed)}: stale; run `make generate`", file=sys.stderr)
        return 1
    package.mkdir(parents=True, exist_ok=True)
    for name in changed:
        (package / name).unlink(missing_ok=True)
        if name in files:
            (package / name).write_text(files[name], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
