"""Errors by true class and predictive values, from the stored scores of run folders."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from covidreport.metrics import ppv_at_prevalence, wilson
from covidreport.metrics.plan import MetricOptions
from covidreport.records import Counts, ReportData
from covidreport.report.choices import ReportChoices
from covidreport.report.collect import collect_report
from covidreport.report.view import view_report
from covidreport.storage.runs import discover_runs
from covidreport.store import SCORES_FILE, evaluation_folder, read_scores
from tests.metrics.study import STUDY
from tests.report.blocks import build, find_table, list_grids, read_lines
from tests.report.scored_runs import LABELS, write_runs


def _collect(runs, metrics=None) -> ReportData:
    return collect_report(runs, ReportChoices("covid-19", 0.5, metrics))


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Three runs on 200 images, most of whose patients have several; one image failed."""
    return write_runs(tmp_path_factory.mktemp("classes"), 3, images=200)


def _read(reported):
    evaluation = reported.evaluation
    scores = read_scores(evaluation_folder(reported.run.folder, evaluation.key) / SCORES_FILE)
    return scores, scores.scores > 0, scores.failed


def test_false_alarms_of_each_class_are_those_of_the_scores_and_add_up(runs):
    """Counted again with numpy: a failed image without COVID-19 is a false alarm."""
    data = _collect(runs)
    assert data.classes is not None
    assert data.classes.labels == LABELS
    assert [each.run for each in data.classes.runs] == [row.run for row in data.rankings[0].rows]
    by_name = {each.run.name: each for each in data.runs}
    for each in data.classes.runs:
        reported = by_name[each.run]
        scores, called, failed = _read(reported)
        assert [group.value for group in each.false_alarms] == ["normal", "pneumonia"]
        for group in each.false_alarms:
            inside = scores.truth[:, LABELS.index(group.value)] == 1
            alarms = int((inside & (called[:, 0] | failed)).sum())
            assert (group.counts.false_alarms, group.counts.negatives) == (alarms, inside.sum())
            assert group.specificity.value == pytest.approx(1 - alarms / inside.sum())
            # Patients have several images: wider than Wilson's over images.
            low, high = wilson(inside.sum() - alarms, inside.sum())
            assert group.specificity.method == "wilson over groups"
            ours = group.specificity
            assert ours.high is not None
            assert ours.low is not None
            assert ours.high - ours.low > 0.9 * (high - low)
        total = sum(group.counts.false_alarms for group in each.false_alarms)
        assert total == reported.evaluation.counts["covid-19"].false_alarms


def test_each_row_of_the_table_of_classes_adds_up_to_its_images(runs):
    """Counted again with numpy where one label alone is called; the failed one stands apart."""
    data = _collect(runs)
    by_name = {each.run.name: each for each in data.runs}
    for each in data.classes.runs:
        scores, called, failed = _read(by_name[each.run])
        assert each.called is not None
        sizes = scores.truth.sum(axis=0).tolist()
        assert [sum(row) for row in each.called] == sizes
        assert sum(row[-1] for row in each.called) == failed.sum() == 1
        alone = (called.sum(axis=1) == 1) & ~failed
        normal = scores.truth[:, 1] == 1
        assert each.called[1][2] == (normal & alone & called[:, 2]).sum()
        assert each.called[1][3] == (normal & ~called.any(axis=1) & ~failed).sum()


def test_the_section_shows_both(runs):
    """A row a run with a column a class, and rows of each true class."""
    data = _collect(runs)
    section = build(data, "classes")
    table = find_table(section, "False alarms and specificity for COVID-19 by true class, 95 % CI")
    assert [f"{column.title} {column.note}".strip() for column in table.columns] == [
        "Run", "Normal false alarms", "Normal specificity", "Pneumonia false alarms",
        "Pneumonia specificity",
    ]  # fmt: skip
    group = data.classes.runs[0].false_alarms[0]
    counts = group.counts
    _, alarms, specificity, *_ = read_lines(table)[0]
    assert alarms.startswith(f"{counts.false_alarms} of {counts.negatives}")
    cleared = counts.negatives - counts.false_alarms
    assert specificity.startswith(
        f"{group.specificity.value:.3f} ({cleared} of {counts.negatives}; "
    )
    (grid,) = list_grids(section)
    assert len(grid.rows) == 3 * len(data.classes.runs)
    assert [head.cell for head in grid.heads[1]][-3:] == ["none", "several", "not scored"]


def test_predictive_values_stand_at_three_prevalences_beside_a_stated_one(runs):
    """By Bayes' rule from the run's own sensitivity and specificity; intervals over patients."""
    data = _collect(runs, MetricOptions(prevalence=0.03))
    first = [each for each in data.predictive if each.run == data.rankings[0].rows[0].run]
    assert [(each.prevalence, each.stated) for each in first] == [
        (0.01, False), (0.03, True), (0.05, False), (0.2, False),
    ]  # fmt: skip
    evaluation = next(e.evaluation for e in data.runs if e.run.name == first[0].run)
    estimates = evaluation.estimates["covid-19"]
    hit, clear = estimates["sensitivity"].value, estimates["specificity"].value
    assert hit is not None
    assert clear is not None
    for each in first:
        p = each.prevalence
        right, alarms = p * hit, (1 - p) * (1 - clear)
        assert each.ppv.value == pytest.approx(right / (right + alarms))
        missed, cleared = p * (1 - hit), (1 - p) * clear
        assert each.npv.value == pytest.approx(cleared / (cleared + missed))
        assert each.ppv.method is not None
        assert each.ppv.method.startswith("mover-r of the likelihood ratio over groups")
    assert first[1].ppv == evaluation.score_metrics.labels["covid-19"].ppv
    table = find_table(build(data, "predictive"), "PPV and NPV for COVID-19 by prevalence")
    assert [(c.title, c.note) for c in table.columns][3:5] == [
        ("PPV at 0.03", "stated, 95 % CI"), ("NPV at 0.03", "stated, 95 % CI"),
    ]  # fmt: skip


def test_counts_alone_have_predictive_values_and_no_errors_by_class():
    """The published study: images of which no patient is known are taken one by one.

    Exp15 finds 20 of 28 and clears 405 of 600: at 1 %, 0.01 x 20/28 of (that + 0.99 x 195/600).
    """
    data = _collect(discover_runs((STUDY,)))
    assert data.classes is None
    assert view_report(data).sections["classes"] == ()
    first = data.predictive[0]
    assert (first.run, first.prevalence) == ("exp15-vgg16-bce-frozen", 0.01)
    right, alarms = 0.01 * 20 / 28, 0.99 * 195 / 600
    assert first.ppv.value == pytest.approx(right / (right + alarms))
    assert first.ppv == ppv_at_prevalence(Counts(405, 195, 8, 20), 0.01)


def test_scores_that_are_gone_leave_predictive_values_without_an_interval(tmp_path):
    """Patients have several images, and nobody knows which image is whose."""
    runs = write_runs(tmp_path, 2, images=120)
    evaluation = _collect(runs).runs[0].evaluation
    for run in runs:
        (evaluation_folder(run.folder, evaluation.key) / SCORES_FILE).unlink()
    data = _collect(runs)
    assert data.classes is None
    assert {each.ppv.low for each in data.predictive} == {None}
    assert all(each.ppv.value is not None for each in data.predictive)


@pytest.mark.parametrize("stated", [True, False])
def test_the_prevalence_has_an_interval_of_consecutive_patients_alone(runs, stated):
    """`[study] sampling = "consecutive"`: over patients, as any proportion of these images."""
    metrics = MetricOptions(sampling="consecutive" if stated else None)
    evaluation = _collect(runs, metrics).runs[0].evaluation
    found = evaluation.estimates["covid-19"]["prevalence"]
    scores, _, _ = _read(_collect(runs).runs[0])
    assert found.value == pytest.approx(float(np.mean(scores.truth[:, 0] == 1)))
    assert (found.low is not None) is stated
    assert found.method == ("wilson over groups" if stated else None)
    plain = replace(metrics, sampling=None)
    assert _collect(runs, plain).runs[0].evaluation.estimates["covid-19"]["prevalence"].low is None


def test_from_counts_it_is_that_of_images():
    """28 of 628 images: Wilson's."""
    data = _collect(discover_runs((STUDY,)), MetricOptions(sampling="consecutive"))
    found = data.runs[0].evaluation.estimates["covid-19"]["prevalence"]
    assert (found.low, found.high) == pytest.approx(wilson(28, 628))
