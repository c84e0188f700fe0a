"""The schema of covidreport.toml, from its records: `python -m tests.settings_schema`."""

from __future__ import annotations

import json
from typing import Any

from covidreport.dataset.layout import ManifestSettings
from covidreport.gate.limits import KEYS
from covidreport.records import DISTURBANCES, MOST_SEVERE
from covidreport.report.sections import list_hideable
from covidreport.schemas import FOLDER
from covidreport.settings.tables import PATIENT_RULES, SAMPLINGS, STUDY
from covidreport.settings.values import INTERVALS, POLICIES, SITE_RANKS
from covidreport.storage.words import InputWords
from tests.run_schema import describe_words

FILE = FOLDER / "settings.schema.json"
TEXT = {"type": "string", "minLength": 1}
TEXTS = {"type": "array", "items": TEXT}
PROPORTION = {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}
FRACTION = {"type": "number", "minimum": 0, "maximum": 1}
PROPORTIONS = {"type": "array", "items": PROPORTION}
TARGET = {"type": "number", "exclusiveMinimum": 0, "maximum": 1}
SETTINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "data": ("A manifest or a folder of class folders, relative to this file; evaluate takes each "
             "of a list, and other commands the first.",
             {"anyOf": [TEXT, {**TEXTS, "minItems": 1, "uniqueItems": True}]}),
    "split": ("The split that is evaluated.", TEXT),
    "labels": ("The labels to evaluate.", {**TEXTS, "minItems": 1, "uniqueItems": True}),
    "group": ("The column that names the patient.", TEXT),
    "uncertain": ("What a label says where nobody is certain.", TEXTS),
    "name": ("What to call the data set.", TEXT),
    "target": ("The label by whose missed cases runs are ranked.", TEXT),
    "max_failed_share": ("How many images may fail, a fraction.", FRACTION),
    "check_preprocessing": ("Whether evaluate feeds models in other ways, on another split.",
                            {"type": "boolean"}),
    "provider": ("auto, cuda or cpu, and others of docs/providers.md.", TEXT),
    "batch_timeout_s": ("Seconds that a model may take for a batch.",
                        {"type": "number", "exclusiveMinimum": 0}),
    "memory_limit": ("A fraction of the machine's memory, or a size such as 12GiB.",
                     {"anyOf": [TARGET, TEXT]}),
    "threshold": ("The probability above which a label is predicted, of all or by label.",
                  {"anyOf": [PROPORTION, {"type": "object", "additionalProperties": PROPORTION}]}),
    "thresholds": ("Each run's own, as `covidreport tune` stored them.", {"const": "tuned"}),
    "rank_at": ("The target for which thresholds are tuned.",
                {"type": "object", "minProperties": 1, "maxProperties": 1,
                 "additionalProperties": False,
                 "properties": {"specificity": TARGET, "sensitivity": TARGET}}),
    "specificity_floor": ("Below it a run is shown and not ranked.", FRACTION),
    "baseline": ("The run or file that the others are compared with.", TEXT),
    "margin": ("How much less sensitive a run may be.", PROPORTION),
    "policy": ("What the gate asks of missed cases.", {"enum": list(POLICIES)}),
    "false_failure_share": ("How often an equal run fails at most.", PROPORTION),
    "no_group_loses": ("Attributes in none of whose groups a run may lose more than noise allows.",
                       {**TEXTS, "minItems": 1, "uniqueItems": True}),
    "site": ("What parts images by site in reports: an attribute, or dataset.", TEXT),
    "rank_sites": ("What runs are ordered by over sites.", {"enum": list(SITE_RANKS)}),
    "rank_weighted": ("Whether reports answer by the images' sampling weights.",
                      {"type": "boolean"}),
    "interval": ("How intervals of rates are made.", {"enum": list(INTERVALS)}),
    "specificities": ("Where the best sensitivity is computed.", PROPORTIONS),
    "sensitivities": ("Where the best specificity is computed.", PROPORTIONS),
    "prevalence": ("The proportion of patients with the target, or by label.",
                   {"anyOf": [PROPORTION, {"type": "object", "additionalProperties": PROPORTION}]}),
    "normal": ("The label that says that there is no disease.", TEXT),
}  # fmt: skip
"""By setting what it is for, and what may stand there."""
TABLES: dict[str, tuple[str, dict[str, Any]]] = {
    "report": ("hide", {"type": "array", "items": {"enum": sorted(list_hideable())}}),
    "tune": ("split", TEXT),
    "patients": ("rule", {"enum": list(PATIENT_RULES)}),
    "groups": ("reference", {"type": "object", "minProperties": 1, "additionalProperties": TEXT}),
    "audit": ("ignore", {"type": "array", "items": {
        "type": "object", "additionalProperties": False, "required": ["code", "reason"],
        "properties": {"code": TEXT, "reason": TEXT}}}),
}  # fmt: skip
"""The tables of one entry."""
_LIMIT: dict[str, dict[str, Any]] = {
    "metric": TEXT, "label": {"type": "string"}, "min": {"type": "number"},
    "max": {"type": "number"}, "max_regression": {"type": "number"},
    "relative": {"type": "boolean"}, "evidence": {"type": "boolean"},
    "severity": {"enum": ["fail", "warn"]},
}  # fmt: skip


def write_settings_schema() -> str:
    """The schema of covidreport.toml, JSON Schema 2020-12."""
    assert set(_LIMIT) == set(KEYS)
    properties: dict[str, Any] = {
        name: {"description": meaning, **schema} for name, (meaning, schema) in SETTINGS.items()
    }
    for table, (entry, schema) in TABLES.items():
        properties[table] = _object({entry: schema})
    numbers = {"type": "array", "minItems": 1, "items": {"enum": [*range(1, MOST_SEVERE + 1)]}}
    properties["disturb"] = _object({
        "kinds": {"type": "array", "minItems": 1, "items": {"enum": [*DISTURBANCES]}},
        "severities": numbers,
        "negatives": {"type": "integer", "minimum": 1},
        "seed": {"type": "integer", "minimum": 0},
    })  # fmt: skip
    properties["foreign"] = _object({
        "folders": {"anyOf": [TEXT, {"type": "array", "minItems": 1, "items": TEXT}]},
        "negatives": {"type": "integer", "minimum": 1},
        "seed": {"type": "integer", "minimum": 0},
    })  # fmt: skip
    properties["study"] = _object(
        {name: {"type": "string"} for name in STUDY} | {"sampling": {"enum": [*SAMPLINGS, ""]}}
    )
    limit = _object(_LIMIT) | {"required": ["metric"], "minProperties": 2}
    properties["limits"] = {"type": "array", "items": limit}
    manifest, inner = describe_words(ManifestSettings)
    properties["manifest"] = manifest
    properties["input"], _ = describe_words(InputWords)
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "covidreport.toml",
        **_object(properties),
        "$defs": inner,
    }
    return json.dumps(schema, indent=2, ensure_ascii=True) + "\n"


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties}


if __name__ == "__main__":
    FILE.write_text(write_settings_schema(), encoding="utf-8")
