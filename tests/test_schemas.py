"""The published JSON Schemas fit what is written, and refuse what is not it."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from covidreport.gate.limits import read_limit, require_evidence
from covidreport.gate.outcomes import EXIT_CODES
from covidreport.integrations import render_verdict_json
from covidreport.records import (
    Comparison,
    Evaluation,
    GateBaseline,
    GateDifference,
    GateOdds,
    Limit,
    LimitResult,
    PatientFigures,
    Verdict,
)
from covidreport.schemas import NAMES, read_schema
from covidreport.storage.contract import RUN_SCHEMA
from tests.gate.runs import TARGET, judge, write_run_missing
from tests.run_schema import FILE, write_run_schema
from tests.storage.test_contract import WRONG_INPUT

ROOT = Path(__file__).resolve().parent.parent


def _faults(name, document):
    return [each.message for each in Draft202012Validator(read_schema(name)).iter_errors(document)]


@pytest.mark.parametrize("name", NAMES)
def test_the_schema_is_one(name):
    """Valid under JSON Schema 2020-12."""
    Draft202012Validator.check_schema(read_schema(name))


def _verdicts(folder):
    base = write_run_missing(folder / "base", 2)
    run = write_run_missing(folder / "run", [1, 2])
    other = write_run_missing(folder / "other", 0, positives=11)
    asked = require_evidence(TARGET, 0.05, "x")
    warn = read_limit("sensitivity.low>=0.7", TARGET, "warn")
    return {
        "pass": judge(run, base.folder, warn),
        "fail": judge(write_run_missing(folder / "worse", 5), base.folder),
        "inconclusive": judge(run, base.folder, asked),
        "error": judge(other, base.folder),
        "no baseline": judge(run, None, read_limit("roc_auc>=0.1", TARGET)),
    }


def test_every_kind_of_verdict_fits_its_schema(tmp_path):
    """Pass, fail, inconclusive, error, without a baseline, several at once, and none."""
    verdicts = _verdicts(tmp_path)
    for name, verdict in verdicts.items():
        assert name in (verdict.outcome, "no baseline")
        assert _faults("verdict", json.loads(render_verdict_json([verdict]))) == []
    assert _faults("verdict", json.loads(render_verdict_json(list(verdicts.values())))) == []
    assert _faults("verdict", json.loads(render_verdict_json([]))) == []


def test_a_verdict_that_contradicts_itself_does_not_fit(tmp_path):
    """An exit code that is not the outcome's, an error without a reason, an unknown key."""
    document = json.loads(render_verdict_json([_verdicts(tmp_path)["fail"]]))
    assert _faults("verdict", document | {"exit_code": 0})
    assert _faults("verdict", document | {"more": 1})
    for change in ({"outcome": "error"}, {"counts": None}, {"newly_missed": None}):
        changed = document | {"verdicts": [document["verdicts"][0] | change]}
        assert _faults("verdict", changed), change


def test_evaluations_fit_their_schema(tmp_path):
    """With scores and details, and those of the study of 2020, copied from a paper."""
    run = write_run_missing(tmp_path / "run", 2)
    files = [
        *run.folder.rglob("evaluation.json"),
        *(ROOT / "examples" / "study-2020").rglob("evaluation.json"),
    ]
    assert len(files) > 18
    for file in files:
        document = json.loads(file.read_text())
        assert _faults("evaluation", document) == [], file
        assert _faults("evaluation", document | {"counts": {"covid-19": {"tp": 1}}}), file


@pytest.mark.parametrize(
    ("record", "place", "excluded"),
    [
        (Verdict, ("$defs", "verdict"), {"evaluation"}),
        (LimitResult, ("$defs", "result"), set()),
        (Limit, ("$defs", "limit"), set()),
        (GateBaseline, ("$defs", "baseline"), set()),
        (GateOdds, ("$defs", "odds"), set()),
        (Comparison, ("$defs", "comparison"), set()),
        (GateDifference, ("$defs", "smallest_gap"), set()),
        (PatientFigures, ("$defs", "patients"), set()),
    ],
)
def test_the_verdict_s_schema_names_every_field(record, place, excluded):
    """A field that is added to a record has to be published."""
    schema = read_schema("verdict")
    for key in place:
        schema = schema[key]
    stored = {"detectable_difference": "smallest_gap", "estimate": "figure"}
    names = {field.name for field in dataclasses.fields(record)} - excluded
    fields = {stored.get(name, name) for name in names}
    assert set(schema["properties"]) == fields
    assert set(schema["required"]) == fields


def test_the_evaluation_s_schema_names_every_field():
    """As the verdict's, with the schema's own name and the digest of the scores beside it."""
    fields = {field.name for field in dataclasses.fields(Evaluation)} - {"score_metrics"}
    stored = {"schema", "scores_sha256", "details", *fields}
    assert set(read_schema("evaluation")["properties"]) == stored


def test_the_outcomes_of_the_schema_are_those_of_the_gate():
    """With their exit codes."""
    assert set(read_schema("verdict")["properties"]["outcome"]["enum"]) == set(EXIT_CODES)


def test_the_schema_of_a_run_is_made_from_the_words_of_the_contract():
    """`python -m tests.run_schema` writes it."""
    assert FILE.read_text(encoding="utf-8") == write_run_schema()


def test_what_documentation_says_of_a_run_fits_its_schema():
    """Every run.json in docs/, and one with all that may be said."""
    page = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    assert blocks
    for block in blocks:
        assert _faults("run", json.loads(block)) == []
    words = {
        "labels": [None, "covid-19"], "size": [224, 320], "range": [-1, 1], "mean": 0.5,
        "tiles": [8, 8], "label_map": {"covid-19": "COVID"}, "shorter_side": None,
    }  # fmt: skip
    assert _faults("run", {"schema": RUN_SCHEMA, "input": words, "own": [1]}) == []


@pytest.mark.parametrize(("word", "value", "sentence"), WRONG_INPUT)
def test_what_a_contract_refuses_its_schema_refuses(word, value, sentence):
    """But for what no schema can say: that names differ, a number is not 0, and 224.0 no 224."""
    document = {"schema": RUN_SCHEMA, "input": {word: json.loads(value)}}
    unsaid = word in ("divisor", "std", "mean") or value in ('["a", "a"]', "[224.0, 224]")
    assert _faults("run", document) or unsaid, sentence
