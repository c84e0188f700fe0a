"""Definitions keep pace with the metrics."""

from __future__ import annotations

from msgspec.structs import replace

from covidreport.metrics import ALL_METRICS
from covidreport.records import Estimate
from covidreport.report.view import view_report
from tests.report.blocks import build, list_sentences, list_tables, read_values, say


def test_every_metric_is_defined(study):
    """With its words and its formula, in the order of the table."""
    table = list_tables(build(study, "methods"))[0]

    shown = [row[:3] for row in read_values(table)]
    assert shown == [[one.title, one.words, one.formula] for one in ALL_METRICS.values()]


def test_the_floor_is_the_one_that_was_used(study):
    """A setting of the ranking, not a constant of the text."""
    ranking = replace(study.rankings[0], specificity_floor=0.75)
    section = build(replace(study, rankings=(ranking,)), "methods")

    text = " ".join(list_sentences(section))
    assert "one whose specificity is under 0.750." in text


def test_other_intervals_are_named(study):
    """An interval by another method is not passed off as Wilson's."""
    first = study.runs[0]
    figures = dict(first.evaluation.estimates)
    figures["covid-19"] = {
        "roc_auc": Estimate(0.8, 0.7, 0.9, None, None, "delong"),
        "f1": Estimate(0.8, 0.7, 0.9, None, None, "jackknife"),
    }
    evaluation = replace(first.evaluation, estimates=figures)
    data = replace(study, runs=(replace(first, evaluation=evaluation), *study.runs[1:]))

    text = " ".join(list_sentences(build(data, "methods")))
    assert "as their evaluations state: jackknife." in text
    assert "ROC AUC has DeLong’s interval" in text
    assert "DeLong" not in " ".join(list_sentences(build(study, "methods")))


def test_a_dash_is_explained_once(study, hostile):
    """Counts alone can't give every figure; scores can, but for what is undefined."""
    (said,) = say(build(study, "ranking"), "remark")
    assert "Where only counts were recorded" in said
    first, second = view_report(hostile).sections["ranking"]
    assert say(second, "remark") == []
    assert say(first, "remark")[0] == (
        "A dash stands for a figure that is undefined or that nobody recorded; never for 0."
    )
