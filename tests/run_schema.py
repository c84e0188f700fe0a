"""The schema of run.json, from the words of the contract: `python -m tests.run_schema`."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from covidreport.schemas import FOLDER
from covidreport.storage.words import RUN_SCHEMA, DataWords, ExportWords, InputWords, RunWords

FILE = FOLDER / "run.schema.json"
_INNER = {"data": DataWords, "input": InputWords, "export": ExportWords}


def _plain(part: Any) -> Any:
    """Without titles of Python's, and with the anchors that ECMAScript knows."""
    if isinstance(part, list):
        return [_plain(each) for each in part]
    if not isinstance(part, dict):
        return part
    plain = {key: _plain(value) for key, value in part.items()}
    if isinstance(plain.get("pattern"), str):  # a property may have that name
        plain["pattern"] = plain["pattern"].replace(r"\A", "^").replace(r"\Z", "$")
    if isinstance(plain.get("title"), str):
        del plain["title"]
    return plain


def describe_words(words: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The schema of a Struct, and those of the Structs in it; some words say more than types do."""
    inner: dict[str, Any] = _plain(msgspec.json.schema(words)["$defs"])
    own: dict[str, Any] = inner.pop(words.__name__)
    if words is InputWords:
        own["properties"]["channels"] |= {"enum": [1, 3]}
        own["properties"]["labels"] |= {"contains": {"type": "string"}}
    return own, inner


def write_run_schema() -> str:
    """The schema of run.json, JSON Schema 2020-12."""
    run, _ = describe_words(RunWords)
    for key, words in _INNER.items():
        run["properties"][key] = {"anyOf": [describe_words(words)[0], {"type": "null"}]}
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "run.json of a run folder",
        **run,
        "required": ["schema"],
        "properties": {"schema": {"const": RUN_SCHEMA}, **run["properties"]},
    }
    return json.dumps(schema, indent=2, ensure_ascii=True) + "\n"


if __name__ == "__main__":
    FILE.write_text(write_run_schema(), encoding="utf-8")
