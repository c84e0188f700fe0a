"""The schema of run.json, from the words of the contract: `python -m tests.run_schema`."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from covidreport.schemas import FOLDER
from covidreport.storage.contract import RUN_SCHEMA, DataWords, ExportWords, InputWords, RunWords

FILE = FOLDER / "run.schema.json"
_INNER = {"data": DataWords, "input": InputWords, "export": ExportWords}


def _plain(part: Any) -> Any:
    """Without titles of Python's, and with the anchors that ECMAScript knows."""
    if isinstance(part, list):
        return [_plain(each) for each in part]
    if not isinstance(part, dict):
        return part
    plain = {key: _plain(value) for key, value in part.items() if key not in ("title", "pattern")}
    if "pattern" in part:
        plain["pattern"] = part["pattern"].replace(r"\A", "^").replace(r"\Z", "$")
    return plain


def _describe(words: Any) -> dict[str, Any]:
    schema: dict[str, Any] = msgspec.json.schema(words)
    plain: dict[str, Any] = _plain(schema["$defs"][words.__name__])
    return plain


def write_run_schema() -> str:
    """The schema of run.json, JSON Schema 2020-12."""
    run = _describe(RunWords)
    for key, words in _INNER.items():
        run["properties"][key] = {"anyOf": [_describe(words), {"type": "null"}]}
    of = run["properties"]["input"]["anyOf"][0]["properties"]
    of["channels"] |= {"enum": [1, 3]}
    of["labels"] |= {"contains": {"type": "string"}}
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
