"""What the report says in natural frequencies: at a stated prevalence alone."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from covidreport.metrics.plan import MetricOptions
from covidreport.report.choices import ReportChoices
from covidreport.report.collect import collect_report
from covidreport.report.formats import render_html, render_json, render_markdown
from covidreport.storage.runs import discover_runs
from tests.compare.cases import write_scored

TRUTH = np.repeat([1, 0], 50)
# of 50 positives ten are missed, of 50 negatives five are false alarms
SCORES = np.concatenate([[0.1] * 10, [0.9] * 40, [0.9] * 5, [0.1] * 45])


def collect(folder, prevalence=0.05, groups=None):
    for name in ("a", "b"):
        write_scored(folder, name, TRUTH, SCORES, groups=groups)
    stated = {} if prevalence is None else {"covid-19": prevalence}
    return collect_report(
        discover_runs([folder]),
        ReportChoices("covid-19", 0.5, MetricOptions(prevalence=stated or None)),
    )


def test_of_images_where_no_patient_is_known(tmp_path):
    """0.8 and 0.9 at 0.05: of 50 ten are missed, of 950 ninety-five are false alarms."""
    data = collect(tmp_path)
    text = render_markdown(data)
    assert "Of 1,000 images, 50 with COVID-19" in text
    first = data.frequencies[0]
    assert not first.patients
    assert (first.frequencies.missed.n, first.frequencies.false_alarms.n) == (10, 95)


def test_of_patients_where_they_are_known(tmp_path):
    """Pairs of neighbours are a patient: of 25 with it five miss both images, so 0.8; of 25
    without it three have a false alarm, so 0.88: of 950 it is 114."""
    groups = [f"p{i // 2}" for i in range(100)]
    data = collect(tmp_path, groups=groups)
    first = data.frequencies[0]
    assert first.patients
    assert (first.frequencies.missed.n, first.frequencies.false_alarms.n) == (10, 114)
    assert "Of 1,000 patients, 50 with COVID-19" in render_html(data)


def test_a_dot_for_each_of_them(tmp_path):
    page = render_html(collect(tmp_path))
    dots = {
        kind: re.findall(f'<g class="{kind}".*?</g>', page, re.S) for kind in ("alarm", "cleared")
    }
    counts = {kind: sum(each.count("<circle") for each in found) for kind, found in dots.items()}
    assert counts == {"alarm": 95, "cleared": 855}
    stored = json.loads(render_json(collect(tmp_path)))["frequencies"]
    assert stored[0]["frequencies"]["positives"] == 50


@pytest.mark.parametrize("prevalence", [None])
def test_without_a_stated_prevalence_there_are_none(tmp_path, prevalence):
    data = collect(tmp_path, prevalence)
    assert data.frequencies == ()
    assert "Natural frequencies" not in render_html(data)
