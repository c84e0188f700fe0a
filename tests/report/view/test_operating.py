"""The section in which a reader moves the threshold says what its curves leave out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from covidreport.report.collect import collect_report
from covidreport.report.view import view_report
from tests.report.scored_runs import write_runs


@pytest.mark.parametrize(("images", "thinned"), [(200, False), (260, True)])
def test_curves_drawn_through_fewer_points_say_so(tmp_path, images, thinned):
    """Exactly where the report holds curves with fewer points than there were."""
    runs = write_runs(tmp_path, runs=2, images=images)
    data = collect_report(runs, target="covid-19", specificity_floor=0.5)
    view = view_report(data)

    # One image failed; its score is on no curve, and every curve begins with nothing called.
    held = [len(curve.outline) for run in data.curves.runs.values() for curve in run.values()]
    assert (min(held) < images) == thinned
    remarks = [remark for remark in view.operating.remarks if "through fewer of them" in remark]
    assert len(remarks) == thinned


@pytest.mark.parametrize("patients", [None, 150, 200])
def test_exploratory_intervals_are_doubted_where_a_patient_has_several_images(tmp_path, patients):
    """Of 200 images: 150 patients; nothing where patients are unknown or have one image each."""
    runs = write_runs(tmp_path, runs=2, images=200)
    data = collect_report(runs, target="covid-19", specificity_floor=0.5)
    known = tuple(
        replace(each, evaluation=replace(each.evaluation, n_groups=patients))
        for each in data.runs
        if each.evaluation is not None
    )
    said = view_report(replace(data, runs=known)).operating.exploratory

    assert ("images as independent" in said) == (patients == 150)
