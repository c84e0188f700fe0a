"""The JSON file: everything, unrounded, in a stable schema."""

from __future__ import annotations

import json
import math

import numpy as np
from msgspec.structs import replace

from covidreport.records import ReportData
from covidreport.report.formats import render_json
from covidreport.report.json import REPORT_SCHEMA
from tests.report.study import BEST


def test_it_states_its_schema_and_holds_every_field(study):
    """The fields of the record, in their order, behind the schema."""
    value = json.loads(render_json(study))

    assert list(value) == [
        "schema",
        *(name for name in ReportData.__struct_fields__ if name != "curves"),
    ]
    assert value["schema"] == REPORT_SCHEMA == "covidreport.report/2"


def test_fractions_are_not_rounded(study):
    """Whoever computes further starts from the figures, not from what people are shown."""
    value = json.loads(render_json(study))

    best = next(one for one in value["runs"] if one["run"]["name"] == BEST)
    figure = best["evaluation"]["estimates"]["covid-19"]["sensitivity"]
    assert figure["value"] == 20 / 28
    assert figure["low"] == 0.52943
    assert figure["numerator"] == 20
    assert best["evaluation"]["counts"]["covid-19"]["fn"] == 8
    assert best["others"][0]["split"] == "train"
    assert best["run"]["folder"] == "runs/15"


def test_what_is_undefined_is_null(study):
    """Neither NaN nor infinity nor a word of Python's gets into the file."""
    odd = {"a": math.nan, "b": [math.inf, np.float32(0.5), np.int64(3)], "c": None}
    text = render_json(replace(study, provenance=odd))

    value = json.loads(text, parse_constant=lambda name: f"not JSON: {name}")
    assert value["provenance"] == {"a": None, "b": [None, 0.5, 3], "c": None}
    assert value["runs"][0]["failure"] is None
    assert value["rankings"][0]["rows"][2]["rank"] is None


def test_comparisons_are_whole(compared):
    """Every pair of every metric, unrounded, whatever the page has room for."""
    made = compared.rankings[0].comparisons
    assert made is not None
    value = json.loads(render_json(compared))["rankings"][0]["comparisons"]

    assert list(value) == list(made.__struct_fields__)
    assert [len(value[name]) for name in ("sensitivity", "specificity", "roc_auc")] == [28] * 3
    assert value["sensitivity"][0]["adjusted_p_value"] == made.sensitivity[0].adjusted_p_value
    assert value["rank_evidence"][0]["best_probability"] == made.rank_evidence[0].best_probability
    assert "positives_needed" not in value["detectable_difference"]
