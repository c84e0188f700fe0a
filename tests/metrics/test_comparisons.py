"""Comparisons as records: signs, corrections and what stands where nothing can be said."""

from __future__ import annotations

import numpy as np
import pytest

from covidreport.metrics.comparisons import PairedAnswers, compare_answers, compare_curves
from covidreport.metrics.delong import compare_roc_aucs, estimate_roc_aucs
from covidreport.metrics.multiplicity import compare_pairs
from covidreport.metrics.paired import find_false_alarms, find_missed
from covidreport.metrics.significance import holm


def _runs(groups=None, truth=None):
    rng = np.random.default_rng(0)
    truth = (np.arange(300) < 60).astype(np.int8) if truth is None else truth
    rates = np.array([0.95, 0.9, 0.6])[:, np.newaxis]
    answers = rng.random((3, 300)) < np.where(truth == 1, rates, 1 - rates)
    failed = rng.random((3, 300)) < 0.02
    return PairedAnswers(("a", "b", "c"), truth, answers, failed, groups)


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("metric", ["sensitivity", "specificity"])
def test_a_record_says_who_is_better_by_how_much(metric, grouped):
    """The first run's figure minus the second's, within its interval; the tests' own p-values."""
    groups = np.arange(300) // 3 if grouped else None
    runs = _runs(groups)
    records, tests = compare_answers(runs, metric, flips=199)
    find, of = (find_missed, 1) if metric == "sensitivity" else (find_false_alarms, 0)
    chosen = runs.truth == of
    wrong = find(runs.truth, runs.answers, runs.failed)
    codes = None if groups is None else groups[chosen]
    assert tests == compare_pairs(wrong, codes, flips=199)
    rates = 1 - wrong.mean(axis=1)
    assert [(r.first, r.second) for r in records] == [("a", "b"), ("a", "c"), ("b", "c")]
    for record, test in zip(records, tests, strict=True):
        assert record.difference == pytest.approx(rates[test.first] - rates[test.second])
        assert record.low < record.difference < record.high  # type: ignore[operator]
        assert (record.p_value, record.adjusted_p_value) == (test.p_value, test.adjusted_p_value)
        gap = test.only_second - test.only_first
        assert (record.only_first, record.only_second) == (test.only_first, test.only_second)
        assert record.difference == pytest.approx(gap / chosen.sum())
        assert record.interval == ("tango over groups" if grouped else "tango")
        assert record.test == ("sign-flip over groups" if grouped else "mcnemar-exact")
    assert tests[1].adjusted_p_value <= 0.05


def test_a_baseline_is_compared_with_every_other_run():
    """Two comparisons, corrected over two."""
    records, tests = compare_answers(_runs(), "sensitivity", "b", correction="holm")
    assert [(r.first, r.second) for r in records] == [("a", "b"), ("c", "b")]
    assert [r.adjusted_p_value for r in records] == list(holm([t.p_value for t in tests]))
    assert {r.correction for r in records} == {"holm over 2"}
    with pytest.raises(ValueError, match="tuple"):
        compare_answers(_runs(), "sensitivity", "d")


def test_nothing_to_miss_gives_no_comparison():
    """No positive image."""
    runs = _runs(truth=np.zeros(300, dtype=np.int8))
    assert compare_answers(runs, "sensitivity") == ((), ())
    assert len(compare_answers(runs, "specificity", flips=99)[0]) == 3


def test_curves_are_compared_by_delong_and_holm():
    """The two runs that order alike have p 1; a pair without p-value is corrected by nobody."""
    rng = np.random.default_rng(1)
    truth = (np.arange(100) < 30).astype(np.int8)
    one = rng.normal(size=100) + truth
    scores = np.stack([one, 2 * one + 3, rng.normal(size=100)])
    failed = np.zeros(scores.shape, dtype=np.bool_)
    aucs = estimate_roc_aucs(truth, scores, failed)
    assert aucs is not None
    records = compare_curves("xyz", aucs)
    p_values = [compare_roc_aucs(aucs, i, j).p_value or 0.0 for i, j in ((0, 1), (0, 2), (1, 2))]
    assert [r.p_value for r in records] == p_values
    assert [r.adjusted_p_value for r in records] == pytest.approx(holm(p_values))
    assert (records[0].difference, records[0].p_value) == (0, 1)
    assert {(r.metric, r.test, r.correction) for r in records} == {
        ("roc_auc", "delong", "holm over 3")
    }
    alone = estimate_roc_aucs(np.eye(1, 100, dtype=np.int8)[0], scores, failed)
    assert alone is not None
    first = compare_curves("xyz", alone, "z")[0]
    assert (first.p_value, first.adjusted_p_value, first.test, first.correction) == (None,) * 4
