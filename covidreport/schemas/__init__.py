"""JSON Schemas of the files that others read: verdict.json and evaluation.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
NAMES = ("verdict", "evaluation")


def read_schema(name: str) -> dict[str, Any]:
    """The schema of `verdict` or `evaluation`, JSON Schema 2020-12."""
    schema: dict[str, Any] = json.loads(
        (FOLDER / f"{name}.schema.json").read_text(encoding="utf-8")
    )
    return schema
