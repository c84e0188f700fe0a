"""The published JSON Schemas fit what is written, and refuse what is not it."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from covidreport.errors import UsageError
from covidreport.gate.limits import read_limit, require_evidence
from covidreport.gate.outcomes import EXIT_CODES
from covidreport.integrations import render_verdict_json
from covidreport.records import (
    Comparison,
    Evaluation,
    GateBaseline,
    GateDifference,
    GateOdds,
    GroupBand,
    GroupNoise,
    Limit,
    LimitResult,
    PatientFigures,
    Verdict,
)
from covidreport.schemas import NAMES, read_schema
from covidreport.settings import find_settings
from covidreport.settings.read import KNOWN
from covidreport.storage.words import RUN_SCHEMA
from tests.cli.command import run_command, write_study
from tests.gate.runs import TARGET, judge, write_run_missing
from tests.run_schema import FILE, write_run_schema
from tests.settings_schema import FILE as SETTINGS_SCHEMA
from tests.settings_schema import write_settings_schema
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
        (GroupBand, ("$defs", "band"), set()),
        (GroupNoise, ("$defs", "noise"), set()),
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
    names = set(record.__struct_fields__) - excluded
    fields = {stored.get(name, name) for name in names}
    assert set(schema["properties"]) == fields
    assert set(schema["required"]) == fields


def test_the_evaluation_s_schema_names_every_field():
    """As the verdict's, with the schema's own name and the digest of the scores beside it."""
    fields = set(Evaluation.__struct_fields__) - {"score_metrics"}
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


GOOD: dict[str, list[Any]] = {
    "data": ["data"], "labels": [["a", "b"]], "uncertain": [["?"]], "max_failed_share": [0, 0.5],
    "check_preprocessing": [True, False],
    "batch_timeout_s": [300], "memory_limit": [0.8, "12GiB"],
    "threshold": [0.3, {"covid-19": 0.2}], "thresholds": ["tuned"],
    "rank_at": [{"specificity": 0.95}], "specificity_floor": [0.5], "margin": [0.05],
    "policy": ["strict"], "no_group_loses": [["sex", "all"]], "interval": ["wilson"],
    "specificities": [[0.9]],
    "prevalence": [0.1, {"covid-19": 0.1}], "report": [{"hide": ["methods"]}],
    "tune": [{"split": "tuning"}], "study": [
        {"sampling": "consecutive"}, {"sampling": "random", "dates": "2020", "funding": ""},
    ],
    "patients": [{"rule": "any"}],
    "audit": [{"ignore": [{"code": "too-few-positives", "reason": "a pilot"}]}],
    "limits": [[{"metric": "sensitivity.low", "min": 0.7}]],
    "manifest": [{"path": "{Image}.png", "extract": {"p": {"column": "Image", "pattern": "(x)"}}}],
    "input": [{"range": [-1, 1], "labels": [None, "covid-19"]}, {"fit": "pad"}],
}  # fmt: skip
BAD: dict[str, list[Any]] = {
    "data": [3, ""], "labels": [[], ["a", "a"], "a"], "uncertain": ["?"],
    "check_preprocessing": [1, "yes"],
    "max_failed_share": [2, "x"], "batch_timeout_s": [0, "5"], "memory_limit": [0, 3],
    "threshold": [0, 1, {"covid-19": 2}], "thresholds": ["own"],
    "rank_at": [{"specificity": 0}, {"f1": 0.9}, {"specificity": 0.9, "sensitivity": 0.9}, 1],
    "specificity_floor": [-1], "margin": [1], "policy": ["kind"],
    "no_group_loses": ["sex", [], ["sex", "sex"]], "interval": ["normal"],
    "specificities": [0.9, [1.5]], "prevalence": [0], "report": [{"hide": ["none"]}, {"show": []}],
    "tune": [{"split": 1}], "patients": [{"rule": "most"}],
    "study": [{"sampling": "all"}, {"dates": 2020}, {"period": "2020"}],
    "audit": [{"ignore": [{"code": "x"}]}],
    "limits": [{}, [{"metric": "f1"}], [{"metric": "f1", "min": "1"}], [{"metric": "f1", "at": 1}]],
    "manifest": [{"paht": "x"}, {"rows": "all"}, 1],
    "input": [{"interpolation": "box"}, {"fit": 1}],
    "unknown": [1],
}  # fmt: skip


def _is_read(folder, document):
    """Whether covidreport reads these settings."""
    lines = [f"{key} = {_toml(value)}" for key, value in document.items()]
    (folder / "covidreport.toml").write_text("\n".join(lines) + "\n")
    try:
        find_settings(folder)
    except UsageError:
        return False
    return True


def _toml(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)


def test_the_schema_of_the_settings_is_made_from_their_records():
    """`python -m tests.settings_schema` writes it; it has every setting, and no other."""
    assert SETTINGS_SCHEMA.read_text(encoding="utf-8") == write_settings_schema()
    assert set(read_schema("settings")["properties"]) == set(KNOWN)


@pytest.mark.parametrize(
    ("key", "fits"), [*((key, True) for key in GOOD), *((key, False) for key in BAD)]
)
def test_settings_fit_their_schema_where_they_are_read(tmp_path, key, fits):
    """And do not where they are refused."""
    for value in (GOOD if fits else BAD)[key]:
        document = {key: value}
        assert (_faults("settings", document) == []) is fits, value
        if "null" not in json.dumps(value):  # which TOML has not
            assert _is_read(tmp_path, document) is fits, value


def test_what_init_writes_fits_the_schema(tmp_path):
    """As it stands."""
    write_study(tmp_path)
    assert run_command(tmp_path, "init", "data/manifest.csv").returncode == 0
    text = (tmp_path / "covidreport.toml").read_text()
    assert _faults("settings", tomllib.loads(text)) == []
