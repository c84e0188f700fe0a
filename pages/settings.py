"""Every setting of covidreport.toml and every schema of a file, from the published JSON Schemas."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from covidreport.schemas import FOLDER, NAMES, read_schema
from pages.commands import escape

SETTINGS_HEAD = """# Settings

What `covidreport.toml`, or `[tool.covidreport]` of a `pyproject.toml`, may say. `covidreport init`
writes a commented one, and an unknown word is refused. Written from
[settings.schema.json](../../covidreport/schemas/settings.schema.json), which editors complete from.
"""
SCHEMAS_HEAD = """# Schemas of files

JSON Schema 2020-12, part of every wheel: `covidreport.schemas.read_schema(NAME)` gives one to a
program. [formats.md](../formats.md) says what is promised of each file.
"""
Schema = Mapping[str, Any]
WORDS = {
    "string": "text", "integer": "whole number", "boolean": "true or false", "object": "table",
}  # fmt: skip
"""What kinds of JSON are called."""


def write_settings() -> str:
    """The page of all settings: a table at the top, one for each table of the file."""
    schema = read_schema("settings")
    parts = [SETTINGS_HEAD, _write_table(schema["properties"], schema)]
    for name, each in schema["properties"].items():
        table = find_table(each, schema)
        if table is not None:
            many = "[[" if _is_list(each) else "["
            parts.append(f"## {many}{name}{']]' if many == '[[' else ']'}\n")
            parts.append(f"{escape(each.get('description') or table.get('description') or '')}\n")
            parts.append(_write_table(table["properties"], schema))
    return "\n".join(parts)


def write_schemas() -> str:
    """The page of all schemas, whole."""
    parts = [SCHEMAS_HEAD]
    for name in NAMES:
        text = (FOLDER / f"{name}.schema.json").read_text(encoding="utf-8")
        parts.append(f"## {name}.schema.json\n")
        parts.append(f"The fields of `{name}`, at the top:\n")
        schema = json.loads(text)
        parts.append(_write_table(schema.get("properties", {}), schema))
    return "\n".join(parts)


def _write_table(properties: Schema, schema: Schema) -> str:
    rows = [
        f"| `{name}` | {' or '.join(dict.fromkeys(_name_kinds(each, schema)))} "
        f"| {escape(' '.join(str(each.get('description', '')).split()))} |"
        for name, each in properties.items()
    ]
    return "\n".join(["| key | is | says |", "| --- | --- | --- |", *rows, ""])


def resolve(each: Schema, schema: Schema) -> Schema:
    """What a reference within the schema leads to; else the part itself."""
    reference = each.get("$ref", "")
    if not reference.startswith("#/$defs/"):
        return each
    found: Schema = schema["$defs"][reference.removeprefix("#/$defs/")]
    return found


def find_table(each: Schema, schema: Schema) -> Schema | None:
    """The table of named keys that a setting is, or is a list of; None where it is neither."""
    for part in _alternatives(each):
        inner = resolve(part, schema)
        if inner.get("type") == "array":
            inner = resolve(_alternatives(inner.get("items", {}))[0], schema)
        if "properties" in inner:
            return inner
    return None


def _is_list(each: Schema) -> bool:
    return any(part.get("type") == "array" for part in _alternatives(each))


def _alternatives(each: Schema) -> list[Schema]:
    if not isinstance(each, Mapping):  # `true`: whatever it is
        return [{}]
    found: list[Schema] = each.get("anyOf") or each.get("oneOf") or [each]
    return found


def _name_kinds(each: Schema, schema: Schema) -> Iterator[str]:
    """Such as `text`, `list of text`, `number from 0 to 1`."""
    for alternative in _alternatives(each):
        part = resolve(alternative, schema)
        if "enum" in part or "const" in part:
            yield ", ".join(f"`{json.dumps(one)}`" for one in part.get("enum", [part.get("const")]))
        elif part.get("type") == "array":
            yield f"list of {' or '.join(_name_kinds(part.get('items', {}), schema)) or 'anything'}"
        elif "anyOf" in part:
            yield from _name_kinds(part, schema)
        else:
            yield _name_scalar(part)


def _name_scalar(part: Schema) -> str:
    stated = part.get("type", "anything")
    kinds: list[str] = stated if isinstance(stated, list) else [stated]
    name = " or ".join(WORDS.get(kind, kind) for kind in kinds)
    low = part.get("minimum", part.get("exclusiveMinimum"))
    high = part.get("maximum", part.get("exclusiveMaximum"))
    if low is not None and high is not None:
        return f"{name} from {low:g} to {high:g}"
    return f"{name} from {low:g}" if low is not None else name
