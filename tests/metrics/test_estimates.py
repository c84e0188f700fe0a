"""All figures of an evaluation at once, and the tables that name them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, average_precision_score, roc_auc_score

from covidreport.errors import RunError, UsageError
from covidreport.metrics import (
    ALL_METRICS,
    SCORE_METRICS,
    AnswerMetric,
    CountMetric,
    CurveMetric,
    LabelsMetric,
    estimate_counts,
    estimate_scores,
    list_metrics,
)
from covidreport.records import Counts, Estimate, Scores

PER_LABEL = {
    "sensitivity",
    "specificity",
    "ppv",
    "npv",
    "f1",
    "accuracy",
    "balanced_accuracy",
    "mcc",
    "prevalence",
    "roc_auc",
    "average_precision",
}
OVERALL = {"micro_f1", "macro_f1", "label_accuracy", "exact_match", "top_1_accuracy"}


def _scores(images: int = 200, labels: int = 3, seed: int = 0) -> Scores:
    rng = np.random.default_rng(seed)
    truth = (rng.random((images, labels)) < 0.3).astype(np.int8)
    return Scores(
        sample_ids=tuple(f"image-{i}" for i in range(images)),
        labels=("covid-19", "normal", "pneumonia")[:labels],
        truth=truth,
        scores=(rng.normal(size=(images, labels)) + 2 * truth - 1).astype(np.float32),
        activation="logit",
        reasons=(None,) * images,
    )


def test_every_figure_has_its_key():
    """The keys that the records state, per label and over all labels, from scores and counts."""
    counts, estimates = estimate_scores(_scores(), [0.5, 0.5, 0.5])
    assert set(estimates) == {"covid-19", "normal", "pneumonia", ""}
    assert set(estimate_counts(counts)) == set(estimates)
    for figures in (estimates, estimate_counts(counts)):
        assert {frozenset(figures[label]) for label in counts} == {frozenset(PER_LABEL)}
        assert set(figures[""]) == OVERALL


def test_every_metric_has_a_text_and_a_direction_and_stands_in_one_table():
    """A new metric is one line; a line that is incomplete fails here."""
    kinds = (CountMetric, CurveMetric, LabelsMetric, AnswerMetric)
    assert sum(len(list_metrics(kind)) for kind in kinds) == len(ALL_METRICS)
    assert set(ALL_METRICS) == PER_LABEL | OVERALL
    known = {**ALL_METRICS, **SCORE_METRICS}
    for name, metric in known.items():
        assert all((metric.title, metric.words, metric.formula, metric.unit)), name
        assert metric.direction in ("higher", "lower", "neither"), name
        assert metric.compute.__doc__ or name in SCORE_METRICS, name
    assert len({metric.title for metric in known.values()}) == len(known)


@pytest.mark.parametrize("name", list_metrics(CountMetric))
def test_every_metric_of_counts_is_best_for_perfect_answers(name):
    """1 for a perfect run and 0 (a correlation of -1) for one that is wrong everywhere."""
    perfect, wrong = Counts(tn=70, fp=0, fn=0, tp=30), Counts(tn=0, fp=70, fn=30, tp=0)
    metric = list_metrics(CountMetric)[name]
    best, worst = metric.estimate(perfect).value, metric.estimate(wrong).value
    if name == "mcc":
        assert (best, worst) == pytest.approx((1.0, -1.0))
    elif metric.direction == "higher":
        assert (best, worst) == (1.0, 0.0)
    else:
        assert best == worst


def test_what_only_scores_could_say_is_undefined_from_counts():
    """A dash for the curves and for exact match."""
    figures = estimate_counts({"covid-19": Counts(tn=405, fp=195, fn=8, tp=20)})
    for name in ("roc_auc", "average_precision"):
        assert figures["covid-19"][name] == Estimate(None)
    assert figures[""]["exact_match"] == Estimate(None)


def test_scores_give_the_figures_of_scikit_learn():
    """Curves per label, and exact match as accuracy_score counts it on a multilabel table."""
    scores = _scores()
    _, estimates = estimate_scores(scores, [0.5, 0.5, 0.5])
    for column, label in enumerate(scores.labels):
        truth, values = scores.truth[:, column], scores.scores[:, column]
        assert estimates[label]["roc_auc"].value == pytest.approx(roc_auc_score(truth, values))
        theirs = average_precision_score(truth, values)
        assert estimates[label]["average_precision"].value == pytest.approx(theirs)
    exact = estimates[""]["exact_match"]
    assert exact.value == pytest.approx(accuracy_score(scores.truth, scores.scores > 0))
    assert exact.method == "wilson"


def test_exact_match_by_hand_with_failed_and_unknown():
    """5 images: right, wrong in one label, failed, unknown (left out), right: 2 of 4."""
    truth = np.array([[1, 0], [1, 0], [0, 0], [-1, 1], [0, 1]], dtype=np.int8)
    values = np.array([[1, -1], [1, 1], [math.nan] * 2, [1, 1], [-1, 1]], dtype=np.float32)
    reasons = (None, None, "truncated", None, None)
    ids = tuple("abcde")
    scores = Scores(ids, ("covid-19", "normal"), truth, values, "logit", reasons)
    counts, estimates = estimate_scores(scores, [0.5, 0.5])
    exact = estimates[""]["exact_match"]
    assert (exact.numerator, exact.denominator) == (2, 4)
    assert counts["covid-19"] == Counts(tn=1, fp=0, fn=0, tp=2, failed_negative=1, unknown=1)


def test_a_higher_threshold_is_used_for_its_own_label():
    """Raising one label's threshold lowers its called positives and leaves the others alone."""
    low, _ = estimate_scores(_scores(), [0.5, 0.5, 0.5])
    high, _ = estimate_scores(_scores(), [0.9, 0.5, 0.5])
    assert high["covid-19"].tp + high["covid-19"].fp < low["covid-19"].tp + low["covid-19"].fp
    assert high["normal"] == low["normal"]


def test_a_run_with_a_score_that_is_not_finite_has_no_figures():
    """The error names the first image and label, and what to do."""
    scores = _scores()
    scores.scores[17, 1] = math.inf
    with pytest.raises(RunError, match=r"1 scores of 1 images.* normal of image image-17"):
        estimate_scores(scores, [0.5, 0.5, 0.5])


def test_a_wrong_threshold_is_refused():
    """Not 50 for 50 %."""
    with pytest.raises(UsageError, match="not 50"):
        estimate_scores(_scores(), [0.5, 50, 0.5])
