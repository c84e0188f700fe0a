"""Figures from counts: by hand with failed images, and against scikit-learn over a grid."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    hamming_loss,
    precision_score,
    recall_score,
)

from covidreport.metrics import (
    CountMetric,
    LabelsMetric,
    count_labels,
    estimate_counts,
    list_metrics,
    wilson,
)
from covidreport.metrics.rates import CountArrays, divide
from covidreport.records import Counts, Estimate

METRICS, OVERALL_METRICS = list_metrics(CountMetric), list_metrics(LabelsMetric)
ANSWERED = {key: metric for key, metric in METRICS.items() if metric.at_threshold}
WITH_FAILED = Counts(tn=60, fp=10, fn=2, tp=8, failed_positive=6, failed_negative=30, unknown=9)
"""16 positives (8 found, 8 missed), 100 negatives (60 cleared, 40 false alarms)."""


@pytest.mark.parametrize(
    ("metric", "numerator", "denominator"),
    [
        ("sensitivity", 8, 16),
        ("specificity", 60, 100),
        ("ppv", 8, 48),
        ("npv", 60, 68),
        ("f1", 16, 64),
        ("accuracy", 68, 116),
        ("prevalence", 16, 116),
    ],
)
def test_a_failed_image_is_a_wrong_answer_in_every_rate(metric, numerator, denominator):
    """Counted by hand: a failed positive is missed, a failed negative a false alarm."""
    estimate = METRICS[metric].estimate(WITH_FAILED)
    assert (estimate.numerator, estimate.denominator) == (numerator, denominator)
    assert estimate.value == pytest.approx(numerator / denominator)


RATES = ["sensitivity", "specificity", "ppv", "npv", "accuracy"]


@pytest.mark.parametrize("metric", RATES)
def test_a_rate_has_its_wilson_interval(metric):
    """The interval is that of the numerator of the denominator, and named."""
    estimate = METRICS[metric].estimate(WITH_FAILED)
    assert estimate.numerator is not None
    assert estimate.denominator is not None
    assert (estimate.low, estimate.high) == wilson(estimate.numerator, estimate.denominator)
    assert estimate.method == "wilson"


def test_the_prevalence_has_no_interval():
    """In a collection of images it is a choice of whoever collected them."""
    estimate = METRICS["prevalence"].estimate(WITH_FAILED)
    assert (estimate.low, estimate.high, estimate.method) == (None, None, None)


def test_counts_alone_give_no_interval_over_all_labels():
    """An image's answers for several labels are not independent."""
    estimates = estimate_counts({"covid-19": WITH_FAILED, "normal": WITH_FAILED})
    for estimate in (
        estimates[""]["micro_f1"],
        estimates[""]["macro_f1"],
        estimates[""]["label_accuracy"],
    ):
        assert estimate.value is not None
        assert (estimate.low, estimate.high, estimate.method) == (None, None, None)


@pytest.mark.parametrize(
    ("metric", "counts"),
    [
        ("sensitivity", Counts(tn=5, fp=1, fn=0, tp=0)),
        ("specificity", Counts(tn=0, fp=0, fn=2, tp=3)),
        ("ppv", Counts(tn=5, fp=0, fn=3, tp=0)),
        ("npv", Counts(tn=0, fp=5, fn=0, tp=3)),
        ("f1", Counts(tn=5, fp=0, fn=0, tp=0)),
        ("accuracy", Counts(0, 0, 0, 0, unknown=7)),
        ("prevalence", Counts(0, 0, 0, 0, unknown=7)),
    ],
)
def test_a_figure_without_a_denominator_is_undefined(metric, counts):
    """Never 0 and never NaN."""
    assert METRICS[metric].estimate(counts) == Estimate(None)


def test_a_run_that_never_says_yes_has_sensitivity_0_and_no_ppv():
    """0 of 28 found is a figure; 0 of 0 called positive is none."""
    counts = Counts(tn=600, fp=0, fn=28, tp=0)
    assert METRICS["sensitivity"].estimate(counts).value == 0.0
    assert METRICS["ppv"].estimate(counts).value is None


def test_macro_f1_is_undefined_where_one_label_is():
    """A mean over the rest would be a figure of other labels."""
    counts = [Counts(tn=1, fp=0, fn=0, tp=9), Counts(tn=10, fp=0, fn=0, tp=0)]
    assert OVERALL_METRICS["macro_f1"].estimate(counts) == Estimate(None)
    assert OVERALL_METRICS["micro_f1"].estimate(counts).value == 1.0


def test_no_labels_have_no_figures():
    """An empty mean is undefined too."""
    for metric in OVERALL_METRICS.values():
        assert metric.estimate([]) == Estimate(None)


def _draw(images: int, labels: int, prevalence: float, failing: float, unknown: float):
    """Random truth, answers and failures; two images at the end keep every figure defined."""
    rng = np.random.default_rng([images, labels, int(prevalence * 100), int(failing * 100)])
    truth = (rng.random((images, labels)) < prevalence).astype(np.int8)
    predicted = rng.random((images, labels)) < 0.25 + 0.5 * truth
    failed = rng.random(images) < failing
    truth[rng.random((images, labels)) < unknown] = -1
    truth[-2:], predicted[-2:], failed[-2:] = [[1], [0]], [[True], [False]], False
    return truth, predicted, failed


@pytest.mark.parametrize("unknown", [0.0, 0.2])
@pytest.mark.parametrize("failing", [0.0, 0.1, 0.6])
@pytest.mark.parametrize("prevalence", [0.05, 0.5, 0.9])
@pytest.mark.parametrize(("images", "labels"), [(6, 1), (60, 3), (500, 5)])
def test_figures_equal_scikit_learn(images, labels, prevalence, failing, unknown):
    """scikit-learn is given the wrong answer for each failed image, and no unknown truth."""
    truth, predicted, failed = _draw(images, labels, prevalence, failing, unknown)
    names = [f"label-{column}" for column in range(labels)]
    counts = dict(zip(names, count_labels(truth, predicted, failed), strict=True))
    estimates = estimate_counts(counts)
    answers = np.where(failed[:, np.newaxis], truth != 1, predicted)
    f1s = []
    for column, name in enumerate(names):
        known = truth[:, column] != -1
        y_true, y_pred = truth[known, column], answers[known, column].astype(np.int8)
        f1s.append(f1_score(y_true, y_pred))
        expected = {
            "sensitivity": recall_score(y_true, y_pred),
            "specificity": recall_score(y_true, y_pred, pos_label=0),
            "ppv": precision_score(y_true, y_pred),
            "npv": precision_score(y_true, y_pred, pos_label=0),
            "f1": f1s[-1],
            "accuracy": accuracy_score(y_true, y_pred),
            "prevalence": y_true.mean(),
        }
        values = {metric: estimates[name][metric].value for metric in expected}
        assert values == pytest.approx(expected, abs=1e-12)
    known = truth != -1
    flat_true, flat_pred = truth[known], answers[known].astype(np.int8)
    overall = {
        "micro_f1": f1_score(flat_true, flat_pred),
        "macro_f1": np.mean(f1s),
        "label_accuracy": 1 - hamming_loss(flat_true, flat_pred),
    }
    values = {metric: estimates[""][metric].value for metric in overall}
    assert values == pytest.approx(overall, abs=1e-12)


def test_micro_and_macro_f1_equal_scikit_learn_on_a_multilabel_table():
    """The averages by name, where no truth is unknown and no image failed."""
    truth, predicted, failed = _draw(300, 4, 0.3, 0.0, 0.0)
    tables = count_labels(truth, predicted, failed)
    for average in ("micro", "macro"):
        ours = OVERALL_METRICS[f"{average}_f1"].estimate(tables).value
        assert ours == pytest.approx(f1_score(truth, predicted, average=average))


@given(st.builds(Counts, *[st.integers(0, 10**6)] * 7))
def test_every_figure_is_a_fraction_or_undefined(counts):
    """For any counts: within 0 and 1 (MCC, a correlation: -1 and 1), and in its interval."""
    figures = estimate_counts({"covid-19": counts})
    for name, estimate in (*figures["covid-19"].items(), *figures[""].items()):
        if estimate.value is None:
            assert estimate == Estimate(None)
        else:
            least = -1 if name == "mcc" else 0
            assert least <= estimate.value <= 1
            if estimate.low is not None and estimate.high is not None:
                assert least <= estimate.low <= estimate.value <= estimate.high <= 1
                assert estimate.low < estimate.high


@pytest.mark.parametrize(
    ("counts", "undefined"),
    [
        ((0, 3, 0, 5), {"sensitivity", "balanced_accuracy", "mcc"}),
        ((3, 0, 2, 0), {"specificity", "balanced_accuracy", "mcc"}),
        ((0, 0, 2, 5), {"ppv", "mcc"}),
        ((2, 5, 0, 0), {"npv", "mcc"}),
        ((0, 0, 0, 0), set(ANSWERED)),
        ((0, 0, 0, 5), {"sensitivity", "ppv", "f1", "balanced_accuracy", "mcc"}),
    ],
)
def test_a_metric_without_denominator_is_undefined(counts, undefined):
    """(tp, fp, fn, tn) by hand."""
    arrays = CountArrays(*(np.array(each) for each in counts))
    values = {key: divide(metric.compute(arrays)) for key, metric in ANSWERED.items()}
    assert {key for key, value in values.items() if np.isnan(value)} == undefined
