"""What a run's scores say beyond its threshold, and repeats over seeds: in every format."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest
from msgspec.structs import replace

from covidreport.records import ReportedRun
from covidreport.report.blocks import Group
from covidreport.report.formats import render_csv, render_html, render_json, render_markdown
from covidreport.report.repeats import collect_repeats, describe_method
from covidreport.report.sections.repeats import name_configuration
from covidreport.report.view import view_report
from tests.report.blocks import (
    build,
    find_group,
    find_run,
    find_table,
    list_sentences,
    list_tables,
    list_titles,
    read_lines,
    read_notes,
    read_values,
)
from tests.report.detailed import VALUE, detailed_study
from tests.report.reading import list_figures, read_html, read_markdown


@pytest.fixture(scope="module")
def data():
    return detailed_study()


@pytest.fixture(scope="module")
def first(data):
    return data.runs[3]


BEYOND = "Beyond the threshold: operating points, calibration, net benefit, subgroups"


def _beyond(data, name):
    return find_group(find_run(data, name), BEYOND)


def test_html_and_markdown_have_the_same_figures(data):
    """Operating points, calibration, net benefit, subgroups and repeats, to the digit."""
    page, text = read_html(render_html(data)), read_markdown(render_markdown(data))
    assert list_figures(page) == list_figures(text)
    for words in (
        "Sensitivity at specificity 0.95",
        "PPV at a prevalence of 0.05 (COVID-19)",
        "ECE in 10 bins",
        "Normal together with another label",
        "Net benefit for COVID-19, in cases found an image",
        "too few to compare",
        "say less than as many images of different patients",
        "moves it by (Efron and Tibshirani 1993)",
        "3 seeds against 3 can’t give a p below 0.100",
        VALUE,
    ):
        assert words in page, words
        assert words in text, words
    assert VALUE not in render_html(data)


def test_resamples_of_an_earlier_version_are_told(data):
    """Of evaluations whose average precision has an interval by bootstrap."""
    run = data.runs[0]
    assert run.evaluation is not None
    metrics = run.evaluation.score_metrics
    assert metrics is not None
    estimates = {
        label: {key: replace(each, method="wilson, bootstrap variance, approximate")
                if key == "average_precision" else each for key, each in figures.items()}
        for label, figures in run.evaluation.estimates.items()
    }  # fmt: skip
    plan = replace(metrics.plan, resamples=200, seed=0)
    before = replace(run.evaluation, estimates=estimates, score_metrics=replace(metrics, plan=plan))
    text = render_markdown(replace(data, runs=(replace(run, evaluation=before), *data.runs[1:])))
    assert "Drawn were 200 resamples from seed 0" in text
    assert "variance of the bootstrap" in text


def test_the_view_says_what_the_record_holds(data, first):
    """One figure of each kind, looked up in the evaluation and written as a reader wants it."""
    details = first.evaluation.score_metrics.labels["covid-19"]
    beyond = _beyond(data, first.run.name)
    figures = find_table(beyond, "Beyond the threshold")
    lines = {row[0]: row[1] for row in read_lines(figures)}
    notes = dict(zip(lines, (row[1] for row in read_notes(figures)), strict=True))
    point = details.sensitivity_at[0].estimate
    assert lines["Sensitivity at specificity 0.9"] == (
        f"{point.value:.3f} ({point.numerator} of {point.denominator})"
    )
    assert lines["Brier score"] == f"{details.calibration.brier.value:.3f}"
    slope = details.calibration.slope
    assert notes["Calibration slope"] == f"{slope.low:.3f} to {slope.high:.3f}"
    bins = read_values(find_table(beyond, "Calibration for COVID-19"))
    counts = [row[1] for row in bins]
    assert counts == [str(each.count) for each in details.calibration.bins]
    groups = [row[1] for row in read_values(find_table(beyond, "Parts of the images"))]
    assert groups == [VALUE, "M", "0 to 17", "not stated"]


def test_pictures_are_static_and_named(data):
    """Each has its words, none a script or a style of its own; ids are unique."""
    page = render_html(data)
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert " style=" not in page


def test_an_evaluation_of_an_earlier_version_shows_dashes_and_says_what_to_do(data):
    """No figure is made up, and nothing stops the report."""
    beyond = _beyond(data, "focal-2")
    (figures,) = list_tables(beyond)
    assert {cell for row in read_values(figures) for cell in row[1:]} == {"–"}
    (remark,) = list_sentences(beyond)
    assert "`covidreport score` computes them" in remark


def test_counts_alone_have_nothing_beyond_the_threshold(study):
    """Figures of a paper: neither a table of dashes nor methods that were not used."""
    view = view_report(study)
    assert BEYOND not in list_titles(build(study, "runs"))
    assert "Beyond the threshold" not in list_titles(build(study, "methods"))
    assert view.sections["repeats"] == ()


def test_other_splits_are_left_to_json_and_csv(data, first):
    """A report stays readable; the training split's calibration is a look-up away."""
    train = replace(first.evaluation, split="train")
    more = replace(data, runs=(*data.runs[:3], replace(first, others=(train,)), *data.runs[4:]))
    run = find_run(more, first.run.name)
    shown = [
        BEYOND in list_titles(one)
        for one in run.blocks
        if isinstance(one, Group) and one.title.endswith(" split")
    ]
    assert shown == [True, False]
    value = json.loads(render_json(more))
    assert value["runs"][3]["others"][0]["score_metrics"]["labels"]["normal"]["net_benefit"]


def test_json_and_csv_hold_all_of_it(data, first):
    """Every bin, every threshold, every group, unrounded."""
    details = first.evaluation.score_metrics
    value = json.loads(render_json(data))["runs"][3]["evaluation"]["score_metrics"]
    assert value["labels"]["normal"]["calibration"]["slope"]["value"] == (
        details.labels["normal"].calibration.slope.value
    )
    group = value["subgroups"]["sex"]["normal"]["groups"][0]
    assert (group["value"], group["compared"]) == (VALUE, ["sensitivity", "specificity"])
    rows = list(csv.DictReader(io.StringIO(render_csv(data))))
    mine = [row for row in rows if row["run"] == first.run.name and row["label"] == "normal"]
    whole = next(row for row in mine if not row["attribute"])
    label = details.labels["normal"]
    assert whole["brier"] == repr(label.calibration.brier.value)
    assert whole["net_benefit_0.3"] == repr(
        next(point.run for point in label.net_benefit if point.threshold == 0.3)
    )
    assert whole["bin_0.5_images"] == str(label.calibration.bins[5].count)
    assert whole["sensitivity_at_specificity_0.9"] == repr(label.sensitivity_at[0].estimate.value)
    parts = [(row["attribute"], row["value"]) for row in mine if row["attribute"]]
    assert parts == [("sex", VALUE), ("sex", "M"), ("age", "0 to 17"), ("age", "")]
    everything = next(row for row in rows if row["run"] == first.run.name and not row["label"])
    assert everything["no_label"] == repr(details.consistency.nothing.value)


def test_runs_that_differ_only_in_their_seed_are_one_method(data):
    """Mean and spread by hand; where the images lie makes no other method."""
    (repeats,) = data.repeats
    assert [method.runs for method in repeats.configurations] == [
        ("bce-0", "bce-1", "bce-2"), ("focal-0", "focal-1", "focal-2"),
    ]  # fmt: skip
    assert [method.settings for method in repeats.configurations] == [
        {"loss": "bce"},
        {"loss": "focal"},
    ]
    missed = [one.evaluation.counts["covid-19"].missed for one in data.runs[:3]]
    spread = repeats.configurations[0].metrics["missed"]
    assert spread.mean == pytest.approx(sum(missed) / 3)
    assert (spread.low, spread.high) == (min(missed), max(missed))
    (comparison,) = repeats.comparisons
    assert comparison.comparison.smallest_p == pytest.approx(0.1)
    assert comparison.adjusted_p_value == comparison.comparison.p_value


def test_runs_of_other_images_or_settings_are_no_repeats(data):
    """Another fingerprint of the training data, and a run without a seed, are methods apart."""
    run = data.runs[0].run
    other = {**run.settings, "seed": 9, "data": {"fingerprints": {"train": "b2"}}}
    silent = {key: value for key, value in run.settings.items() if key != "seed"}
    runs = [
        data.runs[0],
        *(
            ReportedRun(replace(one.run, settings=settings), one.evaluation)
            for one, settings in zip(data.runs[1:3], (other, silent), strict=True)
        ),
    ]
    assert collect_repeats(runs, data.rankings, "covid-19") == ()
    assert "source" not in describe_method(run)["data"]


def test_configurations_go_by_letters():
    """A, B … Z, AA: runs have names and experiments numbers already."""
    assert [name_configuration(place) for place in (0, 1, 25, 26, 27)] == [
        "A",
        "B",
        "Z",
        "AA",
        "AB",
    ]
