"""What the report says of referral, from stored scores on one and on two splits."""

from __future__ import annotations

import json

import numpy as np
import pytest

from covidreport import load
from covidreport.metrics import wilson
from covidreport.report.blocks import Rate
from covidreport.report.formats import render_html, render_json, render_markdown
from tests.compare.cases import write_scored
from tests.evaluate.scored import write_scored_run
from tests.report.blocks import build, find_table, list_sentences

# of ten positives, the scores of three lie under 0.5: 0.45 and 0.4 near, 0.1 far
POSITIVES = [0.45, 0.4, 0.1, 0.9, 0.9, 0.95, 0.8, 0.85, 0.7, 0.99]
NEGATIVES = [0.02] * 28 + [0.55, 0.3]


@pytest.fixture
def two_splits(tmp_path):
    """Two runs; on the tuning split certainties 0.01 to 0.40 of 40 images, so that 10 % of these
    are nearer than 0.045 logits, and 30 % nearer than 0.125."""
    for name in ("a", "b"):
        folder = tmp_path / name
        write_scored_run(folder, "validation", POSITIVES, NEGATIVES)
        near = [1 / (1 + np.exp(-0.01 * i)) for i in range(1, 41)]
        write_scored_run(folder, "tuning", near[:20], near[20:])
    return tmp_path


def test_the_cut_of_another_split_refers_another_share(two_splits):
    """All scores here lie further from 0.5 than 0.3 of the tuning split's: nobody is referred, and
    all three are missed, with Wilson's interval."""
    data = load(two_splits, split="validation").data
    first = data.referral[0]
    assert first.split == "tuning"
    assert [point.referred for point in first.points] == [0, 0, 0, 0]
    missed = first.points[-1].missed
    assert (missed.numerator, missed.denominator) == (3, 10)
    assert [missed.low, missed.high] == pytest.approx(wilson(3, 10))


def test_without_another_split_figures_are_exploratory(tmp_path):
    """Of 40 images 5 % are two: 0.45 and 0.55 lie nearest to 0.5, then 0.4, so that two are missed,
    then one. The twelfth nearest is one of 28 equal ones, which are referred together."""
    for name in ("a", "b"):
        write_scored_run(tmp_path / name, "validation", POSITIVES, NEGATIVES)
    data = load(tmp_path).data
    first = data.referral[0]
    assert first.split is None
    found = [(point.referred, point.missed.numerator) for point in first.points]
    assert found[:2] == [(2, 2), (4, 1)]
    assert found[3] == (39, 0)
    assert all(point.missed.low is None for point in first.points)
    assert first.curve[0] == (0.0, 0.3)
    assert first.curve[-1] == (1.0, 0.0)
    assert "exploratory" in list_sentences(build(data, "referral"))[0]


def test_images_that_trained_a_run_set_no_cut(two_splits):
    run = json.loads((two_splits / "a" / "run.json").read_text())
    run["data"] = {"train_split": "tuning"}
    (two_splits / "a" / "run.json").write_text(json.dumps(run))
    data = load(two_splits, split="validation").data
    assert {each.run: each.split for each in data.referral} == {"a": None, "b": "tuning"}


def test_a_failed_image_is_referred_last(tmp_path):
    """It counts as missed until everything is referred."""
    truth = np.repeat([1, 0], 20)
    scores = np.where(truth == 1, 0.9, 0.1)
    for name in ("a", "b"):
        write_scored(tmp_path, name, truth, scores, failed=[3])
    (first, _) = load(tmp_path).data.referral
    assert [point.missed.numerator for point in first.points] == [1, 1, 1, 1]
    assert first.curve[-1] == (1.0, 0.0)
    assert first.curve[-2][1] == pytest.approx(1 / 20)


def test_each_format_has_it(tmp_path):
    for name in ("a", "b"):
        write_scored_run(tmp_path / name, "validation", POSITIVES, NEGATIVES)
    data = load(tmp_path).data
    for drawn in (render_html(data), render_markdown(data)):
        assert "When uncertain images are referred" in drawn
        assert "2 of 40 referred" in drawn
    stored = json.loads(render_json(data))["referral"]
    assert [each["run"] for each in stored] == ["a", "b"]
    table = find_table(build(data, "referral"), "COVID-19 images that are still missed")
    assert all(isinstance(cell, Rate) for cell in table.rows[0].cells[1:])
