"""The CSV file: a row for each run, split and label, safe in a spreadsheet."""

from __future__ import annotations

import csv
import io

import pytest
from msgspec.structs import replace

from covidreport.records import Estimate
from covidreport.report.csv import list_columns
from covidreport.report.formats import render_csv
from tests.report.study import BEST, BROKEN, SILENT


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_each_run_split_and_label_has_its_row(study):
    """Three labels and the figures over all of them, for each split of each run."""
    rows = _rows(render_csv(study))

    found = [(row["run"], row["split"], row["label"]) for row in rows]
    assert len(found) == len(set(found)) == 4 * 4 + 1
    assert (BEST, "train", "pneumonia") in found


def test_figures_stand_beside_their_counts(study):
    """The target's row of the best run, read back by name."""
    row = next(
        row
        for row in _rows(render_csv(study))
        if (row["run"], row["split"], row["label"]) == (BEST, "validation", "covid-19")
    )

    assert row["rank"] == "1"
    assert row["is_target"] == "1"
    assert [row[name] for name in ("tn", "fp", "fn", "tp")] == ["405", "195", "8", "20"]
    assert [row[name] for name in ("positives", "missed", "false_alarms")] == ["28", "8", "195"]
    assert row["sensitivity"] == repr(20 / 28)
    assert (row["sensitivity_low"], row["sensitivity_high"]) == ("0.52943", "0.84749")
    assert row["roc_auc"] == ""
    assert row["experiment"] == "15"
    assert row["block"] == "4b"


def test_ranks_belong_to_the_ranked_split(study):
    """A rank on the training rows would be taken for a ranking of the training split."""
    rows = _rows(render_csv(study))

    assert {row["rank"] for row in rows if row["split"] == "train"} == {""}


def test_reasons_are_kept(study):
    """The run that is not ranked and the run without figures say why."""
    rows = {row["run"]: row for row in _rows(render_csv(study))}

    assert rows[SILENT]["why_unranked"] == "calls 628 of 628 images negative"
    assert rows[BROKEN]["failure"] == "load: there is no model.onnx in runs/99"


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_names_are_never_formulas(study, name):
    """A spreadsheet takes a cell that begins like this for a formula, and would run it."""
    first = study.runs[0]
    data = replace(study, runs=(replace(first, run=replace(first.run, name=name)),))

    assert {row["run"] for row in _rows(render_csv(data))} == {f"'{name}"}


def test_a_row_is_a_line(study):
    """A line break in a name would tear its row apart, and what follows could be a formula."""
    first = study.runs[0]
    data = replace(study, runs=(replace(first, run=replace(first.run, name="\r\n=1\n2")),))
    text = render_csv(data)

    assert len(text.splitlines()) == 5
    assert {row["run"] for row in _rows(text)} == {"' =1 2"}


def test_a_metric_that_is_new_gets_its_columns(study):
    """Figures that this version does not know are not dropped."""
    first = study.runs[0]
    assert first.evaluation is not None
    figures = dict(first.evaluation.estimates)
    figures["covid-19"] = {**figures["covid-19"], "kappa": Estimate(0.25)}
    evaluation = replace(first.evaluation, estimates=figures)
    data = replace(study, runs=(replace(first, evaluation=evaluation),))

    columns = ("kappa", "kappa_low", "kappa_high", "why_unranked", "failure")
    assert list_columns(data)[-5:] == columns
    assert _rows(render_csv(data))[0]["kappa"] == "0.25"


def test_figures_by_patient_stand_in_the_target_s_row(everything):
    """Beside those of images, which are more; on no other label's row."""
    ranked = {row.run: row.patients for row in everything.rankings[0].rows}
    every = [row for row in _rows(render_csv(everything)) if not row["failure"] + row["attribute"]]
    here = [row for row in every if row["dataset"] == everything.dataset]
    rows = [row for row in here if not row["variant"]]
    assert len(rows) == 4 * len(ranked)
    for row in rows:
        patients = ranked[row["run"]]
        if row["label"] != "covid-19":
            assert row["patient_rule"] == row["patients_missed"] == row["patient_sensitivity"] == ""
            continue
        assert row["patient_rule"] == "any"
        assert row["patients_missed"] == str(patients.counts.missed)
        assert 0 < int(row["patients_positive"]) < int(row["positives"])
        assert 0 < int(row["patients_negative"]) < int(row["negatives"])
        assert row["patient_specificity_low"] == repr(patients.specificity.low)


def test_what_comparisons_say_of_a_run_stands_in_the_target_s_row(compared):
    """Both p-values, the rank interval and how often it comes first; on no other label's row."""
    made = compared.rankings[0].comparisons
    assert made is not None
    rows = {row["run"]: row for row in _rows(render_csv(compared)) if row["label"] == "covid-19"}
    for each in made.rank_evidence:
        row = rows[each.run]
        assert row["significantly_different"] == str(int(bool(each.significantly_different)))
        assert row["p"] == ("" if each.p_value is None else repr(each.p_value))
        assert row["adjusted_p"] == ("" if each.adjusted_p_value is None
                                     else repr(each.adjusted_p_value))  # fmt: skip
        assert (row["rank_low"], row["rank_high"]) == (str(each.rank_low), str(each.rank_high))
        assert row["best_probability"] == repr(each.best_probability)
    overall = [row for row in _rows(render_csv(compared)) if row["label"] == ""]
    assert {row["significantly_different"] for row in overall} == {""}
