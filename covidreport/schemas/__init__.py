"""JSON Schemas of what others read (verdict, evaluation) and what they write (run, settings)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
NAMES = ("verdict", "evaluation", "run", "settings")


def read_schema(name: str) -> dict[str, Any]:
    """The schema of `verdict`, `evaluation`, `run` or `settings`, JSON Schema 2020-12."""
    schema: dict[str, Any] = json.loads(
        (FOLDER / f"{name}.schema.json").read_text(encoding="utf-8")
    )
    return schema
