"""What a run's scores say beyond its threshold, and repeats over seeds: in every format."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace

import pytest

from covidreport.records import NetBenefit, ReliabilityBin, ReportedRun
from covidreport.report import render_csv, render_html, render_json, render_markdown
from covidreport.report.charts.plots import draw_decisions, draw_reliability
from covidreport.report.repeats import collect_repeats, describe_method
from covidreport.report.sections.repeats import name_method
from covidreport.report.view import view_report
from tests.report.blocks import build, list_titles
from tests.report.detailed import VALUE, detailed_study
from tests.report.reading import list_figures, read_html, read_markdown


@pytest.fixture(scope="module")
def data():
    return detailed_study()


@pytest.fixture(scope="module")
def first(data):
    return data.runs[3]


def _view_of(data, name):
    (run,) = (one for one in view_report(data).runs if one.name == name)
    return run.evaluations[0].details


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
        "has the lowest sensitivity",
        "whole patients are drawn again and again",
        "200 resamples from seed 0",
        "3 seeds against 3 can’t give a p below 0.100",
        VALUE,
    ):
        assert words in page, words
        assert words in text, words
    assert VALUE not in render_html(data)


def test_the_view_says_what_the_record_holds(data, first):
    """One figure of each kind, looked up in the evaluation and written as a reader wants it."""
    details = first.evaluation.details.labels["covid-19"]
    view = _view_of(data, first.run.name)
    rows = {row.cells[0].text: row.cells[1] for row in view.figures.rows}
    point = details.sensitivity_at[0].estimate
    assert rows["Sensitivity at specificity 0.9"].full == (
        f"{point.value:.3f} ({point.numerator}/{point.denominator})"
    )
    assert rows["Brier score"].text == f"{details.calibration.brier.value:.3f}"
    slope = details.calibration.slope
    assert rows["Calibration slope"].note == f"{slope.low:.3f} to {slope.high:.3f}"
    counts = [row.cells[1].text for row in view.reliability.rows]
    assert counts == [str(each.count) for each in details.calibration.bins]
    groups = [row.cells[1].text for row in view.subgroups.rows]
    assert groups == [VALUE, "M", "0 to 17", "not stated"]
    assert len(view.charts) == 2


def test_pictures_are_static_and_named(data):
    """Each has its words, none a script or a style of its own; ids are unique."""
    page = render_html(data)
    assert page.count('class="curve plot"') == 2 * 5
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert " style=" not in page


def test_an_evaluation_of_an_earlier_version_shows_dashes_and_says_what_to_do(data):
    """No figure is made up, and nothing stops the report."""
    view = _view_of(data, "focal-2")
    assert {cell.text for row in view.figures.rows for cell in row.cells[1:]} == {"–"}
    assert "`covidreport score` computes them" in view.remarks[0]
    assert view.charts == ()
    assert (view.reliability, view.decisions, view.subgroups) == (None, None, None)


def test_counts_alone_have_nothing_beyond_the_threshold(study):
    """Figures of a paper: neither a table of dashes nor methods that were not used."""
    view = view_report(study)
    assert {one.details for run in view.runs for one in run.evaluations} == {None}
    assert "Beyond the threshold" not in list_titles(build(study, "methods"))
    assert view.sections["repeats"] == ()


def test_other_splits_are_left_to_json_and_csv(data, first):
    """A report stays readable; the training split's calibration is a look-up away."""
    train = replace(first.evaluation, split="train")
    more = replace(data, runs=(*data.runs[:3], replace(first, others=(train,)), *data.runs[4:]))
    (run,) = (one for one in view_report(more).runs if one.name == first.run.name)
    assert [one.details is None for one in run.evaluations] == [False, True]
    value = json.loads(render_json(more))
    assert value["runs"][3]["others"][0]["details"]["labels"]["normal"]["net_benefit"]


def test_json_and_csv_hold_all_of_it(data, first):
    """Every bin, every threshold, every group, unrounded."""
    details = first.evaluation.details
    value = json.loads(render_json(data))["runs"][3]["evaluation"]["details"]
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
    assert [method.runs for method in repeats.methods] == [
        ("bce-0", "bce-1", "bce-2"), ("focal-0", "focal-1", "focal-2"),
    ]  # fmt: skip
    assert [method.settings for method in repeats.methods] == [{"loss": "bce"}, {"loss": "focal"}]
    missed = [one.evaluation.counts["covid-19"].missed for one in data.runs[:3]]
    spread = repeats.methods[0].figures["missed"]
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


def test_methods_go_by_letters():
    """A, B … Z, AA: runs have names and experiments numbers already."""
    assert [name_method(place) for place in (0, 1, 25, 26, 27)] == ["A", "B", "Z", "AA", "AB"]


def test_a_decision_curve_is_cut_where_it_falls_far_below_zero():
    """Down to a quarter of its height; the line ends on the floor and not beneath it."""
    points = [
        NetBenefit(at, run, every)
        for at, run, every in ((0.1, 0.2, 0.1), (0.5, 0.1, -3.0), (0.9, 0.0, -9.0))
    ]
    plot = draw_decisions("t", "s", points)
    assert plot.lines[0].count(" ") == 2
    (x1, y1), (x2, y2) = (map(float, each.split(",")) for each in plot.reference.split(" "))
    assert (x1, y2) == (pytest.approx(50 + 0.1 * 296), plot.bottom)
    assert x1 < x2 < 200
    assert y1 < y2
    assert draw_decisions("t", "s", ()) is None


def test_empty_bins_have_no_dot(first):
    """Ten bins, one image: one dot; none at all, no picture."""
    empty = [replace(each, count=0, predicted=None)
             for each in first.evaluation.details.labels["normal"].calibration.bins]  # fmt: skip
    assert draw_reliability("t", "s", empty) is None
    full: ReliabilityBin = first.evaluation.details.labels["normal"].calibration.bins[5]
    assert len(draw_reliability("t", "s", [*empty, full]).bars) == 1
