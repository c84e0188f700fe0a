"""The runs of a ranking by patient: from stored scores, beside an order that is by images."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from covidreport.compare import Plan
from covidreport.compare.patients import describe_patients, describe_rule
from covidreport.metrics import clopper_pearson, compute_metrics, wilson
from covidreport.records import Counts, MetricPlan
from covidreport.store import SCORES_FILE, evaluation_folder, read_scores
from tests.compare.cases import compare, draw_scores, write_all, write_scored

TRUTH = np.array([1, 1, 1, 1, 0, 1, 0, 0, 0, 0])
PATIENTS = ["ann", "ann", "bob", "cid", "cid", "dee", "eve", "eve", "fay", "gus"]
FIRST = np.array([0.9, 0.1, 0.9, 0.1, 0.9, 0.9, 0.1, 0.9, 0.1, 0.1])
SECOND = np.array([0.1, 0.1, 0.9, 0.9, 0.1, 0.9, 0.1, 0.1, 0.1, 0.9])


@pytest.fixture
def write(tmp_path):
    def write_both(groups=PATIENTS, **facts):
        return [
            write_scored(tmp_path, name, TRUTH, scores, groups=groups, **facts)
            for name, scores in (("first", FIRST), ("second", SECOND))
        ]

    return write_both


def _describe(ranking, evaluated):
    return describe_patients(ranking, {each.run: each for _, each in evaluated}, "COVID-19")


def test_patients_counted_by_hand_stand_beside_an_order_by_images(write):
    """Four patients with the label (ann has two images of it, cid one and one without), three
    without (eve has two images).

    The first run misses 2 of 5 images: ann's second, so she is found, and cid's, whose negative
    image it called. So 1 of 4 patients is missed; of eve, fay and gus it gives a false alarm for
    eve. The second run misses both of ann's images and nobody else: 1 of 4 as well, with a false
    alarm for gus.
    """
    evaluated = write()
    ranking = compare(evaluated)
    # as many missed images: false alarms settle the order, and cid's counts there
    assert [(row.run, row.missed, row.false_alarms) for row in ranking.rows] == [
        ("second", 2, 1), ("first", 2, 2),
    ]  # fmt: skip
    second, first = (row.patients for row in ranking.rows)
    assert first.counts == second.counts == Counts(tn=2, fp=1, fn=1, tp=3)
    assert (first.sensitivity.value, first.specificity.value) == (0.75, 2 / 3)
    assert (first.sensitivity.low, first.sensitivity.high) == pytest.approx(wilson(3, 4))
    assert (first.specificity.low, first.specificity.high) == pytest.approx(wilson(2, 3))
    said = _describe(ranking, evaluated)
    assert said.startswith(
        "By patient, second misses 1 of 4 patients (2 of 5 images) with COVID-19"
    )
    assert "a false alarm in 1 of 3 patients (1 of 5 images) without" in said
    assert "found by any of their COVID-19 images, and one without is a false alarm" in said
    assert "this rule finds more" not in said  # that stands with the table
    rule = describe_rule(ranking.rows, "COVID-19")
    assert "found by any of their COVID-19 images, and one without" in rule
    assert "this rule finds more patients and clears fewer" in rule
    assert said.endswith("The ranking is by images.")


@pytest.mark.parametrize(
    ("rule", "first", "second"),
    [
        ("majority", Counts(tn=3, fp=0, fn=2, tp=2), Counts(2, 1, 1, 3)),
        ("all", Counts(3, 0, 2, 2), Counts(2, 1, 1, 3)),
    ],
)
def test_a_rule_that_asks_for_more_images_finds_fewer(write, rule, first, second):
    """One of ann's two images is not more than half of them, nor is one of eve's."""
    evaluated = write()
    ranking = compare(evaluated, Plan(patients=rule))
    assert [row.patients.counts for row in ranking.rows] == [second, first]
    words = {"majority": "more than half of their", "all": "all of their"}[rule]
    assert f"found by {words} COVID-19 images, and" in _describe(ranking, evaluated)
    assert f"found by {words} COVID-19 images, and" in describe_rule(ranking.rows, "COVID-19")


def test_whoever_misses_fewer_patients_than_the_best_run_is_named(tmp_path):
    """The best run misses one image of each of two patients, the other both images of one."""
    truth = np.array([1, 1, 1, 0, 0, 0, 0])
    people = ["ann", "bob", "bob", "cid", "dee", "eve", "fay"]
    scores = {"lone": [0.1, 0.9, 0.9, 0.1, 0.1, 0.1, 0.1], "both": [0.9, 0.1, 0.1, 0.1] + 3 * [0.1]}
    scores["few"] = [0.9, 0.9, 0.1, 0.9, 0.9, 0.1, 0.1]
    evaluated = [
        write_scored(tmp_path, name, truth, np.array(row), groups=people)
        for name, row in scores.items()
    ]
    ranking = compare(evaluated)
    assert [(row.run, row.patients.counts.missed) for row in ranking.rows] == [
        ("lone", 1), ("few", 0), ("both", 1),
    ]  # fmt: skip
    assert "Fewest patients are missed by few: 0." in _describe(ranking, evaluated)


def test_with_one_image_each_the_figures_are_those_of_images(tmp_path):
    """Counts and intervals; a sentence says so in place of saying them twice."""
    truth, scores = draw_scores(2)
    people = [f"patient {i}" for i in range(truth.size)]
    evaluated = write_all(tmp_path, truth, scores, groups=people, failed=[0, 60])
    ranking = compare(evaluated)
    for row, (_, evaluation) in zip(ranking.rows, evaluated, strict=True):
        assert row.patients.counts == evaluation.counts["covid-19"]
        estimates = evaluation.estimates["covid-19"]
        assert row.patients.sensitivity == estimates["sensitivity"]
        assert row.patients.specificity == estimates["specificity"]
    assert _describe(ranking, evaluated) == (
        "No patient is known to have several images: by patient the figures are the same."
    )


def test_without_patients_or_scores_nothing_is_said(write, tmp_path):
    """Nobody knows which images are of one patient; or the scores that tell are gone."""
    evaluated = write(groups=None)
    ranking = compare(evaluated)
    assert [row.patients for row in ranking.rows] == [None, None]
    assert _describe(ranking, evaluated) == ""
    evaluated = write()
    for file in (tmp_path / "second").rglob("scores.parquet"):
        file.unlink()
    ranking = compare(evaluated)
    assert {row.run: row.patients is None for row in ranking.rows} == {
        "first": False, "second": True,
    }  # fmt: skip
    assert _describe(ranking, evaluated) == ""


def test_cached_figures_are_those_of_the_rule_that_is_asked_for(write):
    """Each rule twice: the second time from the cache."""
    evaluated = write()
    for _ in range(2):
        for rule in ("any", "all"):
            ranking = compare(evaluated, Plan(patients=rule))
            assert {row.patients.rule for row in ranking.rows} == {rule}
            assert [row.patients.counts.tp for row in ranking.rows][1] == (3, 2)[rule == "all"]


def test_the_interval_is_that_which_the_settings_ask_for(write):
    """Clopper and Pearson's of 3 of 4, where rates of images have theirs."""
    run, evaluation = write()[0]
    scores = read_scores(evaluation_folder(run.folder, evaluation.key) / SCORES_FILE)
    plan = MetricPlan(interval="clopper-pearson", resamples=10)
    evaluation = replace(
        evaluation, score_metrics=compute_metrics(scores, [0.5], plan).score_metrics
    )
    (row,) = compare([(run, evaluation)]).rows
    found = row.patients.sensitivity
    assert (found.low, found.high) == pytest.approx(clopper_pearson(3, 4))
    assert found.method == "clopper-pearson"
