"""Intervals of metrics of counts: published examples, statsmodels, loops of scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import f1_score, matthews_corrcoef
from statsmodels.stats.proportion import proportion_confint

from covidreport.metrics import (
    ALL_METRICS,
    CountMetric,
    LabelsMetric,
    estimate_counts,
    list_metrics,
)
from covidreport.metrics.rates import CountArrays
from covidreport.metrics.unit_intervals import METHODS, Units, count_units, estimate_interval
from covidreport.records import Counts

Z = stats.norm.ppf(0.975)


def _units(truth, answers, groups=None):
    """Nothing failed; truth and answers `(N,)` or `(N, K)`."""
    truth, answers = (np.asarray(each).reshape(len(truth), -1) for each in (truth, answers))
    failed = np.zeros(len(truth), dtype=np.bool_)
    return count_units(truth.astype(np.int8), answers.astype(np.bool_), failed, groups)


def _ends(key, units):
    """Of an interval that there is."""
    found = estimate_interval(ALL_METRICS[key], units)
    assert found.low is not None
    assert found.high is not None
    return found.low, found.high


def _table(tp, fp, fn, tn):
    truth, answers = np.repeat([[1, 1], [0, 1], [1, 0], [0, 0]], [tp, fp, fn, tn], axis=0).T
    return truth, answers


@pytest.mark.parametrize(
    ("found", "alarms", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((10, 10), (0, 20), 0.6791, 1.0),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_balanced_accuracy_has_newcombes_square_and_add(found, alarms, low, high):
    """Newcombe, Statist. Med. 17 (1998) 873-890, table II, method 10: the difference of two
    proportions. Of sensitivity and false alarms it is twice balanced accuracy less 1."""
    (tp, positives), (fp, negatives) = found, alarms
    units = _units(*_table(tp, fp, positives - tp, negatives - fp)).of_label(0)
    ends = [2 * end - 1 for end in _ends("balanced_accuracy", units)]
    assert ends == pytest.approx([low, high], abs=5e-5)
    assert estimate_interval(ALL_METRICS["balanced_accuracy"], units).method == "mover"


def test_f1_is_wilsons_interval_of_a_proportion_carried_over():
    """20 tp, 7 false alarms, 8 missed: 20 of 35; F1 is 2 p / (1 + p). 28 of 28 has one too."""
    for tp, fp, fn in ((20, 7, 8), (28, 0, 0)):
        units = _units(*_table(tp, fp, fn, 600)).of_label(0)
        interval = estimate_interval(ALL_METRICS["f1"], units)
        ends = np.array(proportion_confint(tp, tp + fp + fn, method="wilson"))
        assert (interval.low, interval.high) == pytest.approx(2 * ends / (1 + ends))
        assert interval.method == "wilson of F*"


def test_micro_f1_takes_images_for_units():
    """Three answers that always agree are one: as wide as F1 of one label, but for t."""
    truth, answers = _table(20, 7, 8, 65)
    three = _units(np.tile(truth, (3, 1)).T, np.tile(answers, (3, 1)).T)
    one, found = _ends("f1", _units(truth, answers).of_label(0)), _ends("micro_f1", three)
    assert estimate_interval(ALL_METRICS["micro_f1"], three).method == "wilson of F* over images"
    assert found[1] - found[0] == pytest.approx(one[1] - one[0], rel=0.05)


def _wilson_of(value, variance, freedom, least=0):
    """Wilson's by statsmodels on the sample that has this variance."""
    u = (value - least) / (1 - least)
    size = u * (1 - u) / (variance / (1 - least) ** 2) * (Z / stats.t.ppf(0.975, freedom)) ** 2
    low, high = proportion_confint(u * size, size, method="wilson")
    return least + (1 - least) * low, least + (1 - least) * high


def _yule(tp, fp, fn, tn):
    """The variance of phi: Yule, "On the methods of measuring association between two attributes",
    J. R. Stat. Soc. 75 (1912) 579-652."""
    n = tp + fp + fn + tn
    a, b = (tp + fp) / n, (tp + fn) / n
    phi = (tp * tn - fp * fn) / n**2 / np.sqrt(a * (1 - a) * b * (1 - b))
    turned = [(2 * each - 1) / np.sqrt(each * (1 - each)) for each in (a, b)]
    odd = phi * (1 + phi**2 / 2) * turned[0] * turned[1]
    return (1 - phi**2 + odd - 0.75 * phi**2 * (turned[0] ** 2 + turned[1] ** 2)) / n


def test_mcc_has_the_variance_of_yules_phi():
    """28 positives and 100 negatives; each class has its own degrees of freedom (Welch), from the
    derivatives of phi by hand."""
    tp, fp, fn, tn = table = (20, 7, 8, 93)
    truth, answers = _table(*table)
    phi = matthews_corrcoef(truth, answers)
    rows = np.array([tp + fp, tp + fp, fn + tn, fn + tn])
    columns = np.array([tp + fn, fp + tn, tp + fn, fp + tn])
    scale = np.sqrt(np.prod([tp + fp, tp + fn, tn + fp, tn + fn], dtype=float))
    slopes = np.array([tn, -fn, -fp, tp]) / scale - phi / 2 * (1 / rows + 1 / columns)
    each = np.array(table) * slopes**2
    assert each.sum() == pytest.approx(_yule(*table))
    classes = each[[0, 2]].sum(), each[[1, 3]].sum()
    freedom = each.sum() ** 2 / (classes[0] ** 2 / 27 + classes[1] ** 2 / 99)
    expected = _wilson_of(phi, _yule(*table) * 128 / 127, freedom, -1)
    found = estimate_interval(ALL_METRICS["mcc"], _units(truth, answers).of_label(0))
    assert (found.low, found.high) == pytest.approx(expected, abs=1e-7)
    assert found.method == "wilson, delta variance"


def test_over_patients_whole_patients_move_the_metric():
    """Two hundred patients of 1 to 4 images, macro F1 of two labels: the jackknife, that leaves out
    each in a loop of scikit-learn, comes to nearly the same variance."""
    rng, patients = np.random.default_rng(0), 200
    groups = np.repeat(np.arange(patients), rng.integers(1, 5, patients))
    truth = (rng.random((patients, 2)) < 0.4)[groups]
    answers = truth ^ ((rng.random((patients, 2)) < 0.2)[groups])
    values = [
        f1_score(truth[groups != i], answers[groups != i], average="macro") for i in range(patients)
    ]
    sizes = [
        np.bincount(groups[truth[:, k] == y], minlength=patients) for k in (0, 1) for y in (0, 1)
    ]
    freedom = min(s.sum() ** 2 / np.sum(s**2) for s in sizes) - 1
    value = f1_score(truth, answers, average="macro")
    variance = (patients - 1) / patients * np.sum((values - np.mean(values)) ** 2)
    expected = _wilson_of(value, variance, freedom)
    found = estimate_interval(ALL_METRICS["macro_f1"], _units(truth, answers, groups))
    assert (found.low, found.high) == pytest.approx(expected, abs=0.002)
    assert found.method == "wilson, delta variance over groups"


@pytest.mark.parametrize("counts", [(20, 7, 8, 93), (28, 0, 0, 600), (3, 0, 7, 60)])
def test_counts_alone_give_the_intervals_of_independent_images(counts):
    """Of tp, false alarms, missed and tn: what the images themselves give."""
    tp, fp, fn, tn = counts
    stated = estimate_counts({"covid-19": Counts(tn=tn, fp=fp, fn=fn, tp=tp)})["covid-19"]
    units = _units(*_table(*counts)).of_label(0)
    for key in ("f1", "balanced_accuracy", "mcc"):
        found = estimate_interval(ALL_METRICS[key], units)
        assert (stated[key].low, stated[key].high) == pytest.approx((found.low, found.high))
        assert stated[key].method == found.method


def test_everything_right_has_an_interval():
    """28 of 28 and 600 of 600: each metric is 1, and none is known to be."""
    units = _units(*_table(28, 0, 0, 600))
    metrics = list_metrics(CountMetric) | list_metrics(LabelsMetric)
    for key in ("f1", "balanced_accuracy", "mcc", "micro_f1", "macro_f1", "label_accuracy"):
        of = units.of_label(0) if isinstance(metrics[key], CountMetric) else units
        low, high = _ends(key, of)
        assert high == 1, key
        assert 0.8 < low < 1, key


def test_one_unit_alone_has_no_interval():
    """MCC with one positive, F1 and balanced accuracy of one patient."""
    alone = estimate_interval(ALL_METRICS["mcc"], _units(*_table(1, 2, 0, 9)).of_label(0))
    assert (alone.low, alone.method) == (None, None)
    truth, answers = _table(3, 1, 1, 0)
    one = _units(truth, answers, np.zeros(5, dtype=np.int64)).of_label(0)
    for key in ("f1", "balanced_accuracy"):
        assert estimate_interval(ALL_METRICS[key], one).low is None


def test_what_is_counted_of_units():
    """By hand: a failed positive is missed, a failed negative a false alarm, unknown is in none."""
    truth = np.array([[1], [1], [0], [0], [-1]], dtype=np.int8)
    answers = np.array([[1], [1], [0], [0], [1]], dtype=np.bool_)
    failed = np.array([0, 1, 1, 0, 0], dtype=np.bool_)
    found = count_units(truth, answers, failed, np.array([0, 0, 1, 1, 1]))
    assert [each[:, 0].tolist() for each in found.counts] == [[1, 0], [0, 1], [1, 0], [0, 1]]
    assert found.grouped


def test_every_metric_of_counts_says_how_its_interval_is_made():
    """One of those that are made here."""
    metrics = list_metrics(CountMetric) | list_metrics(LabelsMetric)
    assert {metric.interval for metric in metrics.values()} <= {"Wilson", "none", *METHODS}


def test_many_sets_at_once_are_those_one_by_one():
    """The ends of arrays of sets, as the benchmark of coverage takes them."""
    rng = np.random.default_rng(5)
    counts = CountArrays(*rng.integers(0, 3, (4, 6, 30)))
    for key in ("f1", "balanced_accuracy", "mcc"):
        metric = ALL_METRICS[key]
        low, high = METHODS[metric.interval][1](metric, Units(counts, grouped=True))
        for i in range(6):
            units = Units(CountArrays(*(each[i] for each in counts)), grouped=True)
            found = estimate_interval(metric, units)
            assert (found.low, found.high) == pytest.approx((low[i], high[i]))
