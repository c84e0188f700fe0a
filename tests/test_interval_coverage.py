"""`benchmarks.interval_coverage` in bulk computes what covidreport and scikit-learn give."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmarks.interval_coverage.__main__ import PARTS, run_task
from benchmarks.interval_coverage.counts import (
    PRIOR,
    RATIOS,
    list_tables,
    state_benefit,
    state_ratios,
)
from benchmarks.interval_coverage.curves import (
    compute_precisions,
    draw_images,
    draw_scores,
    resample_curves,
)
from benchmarks.interval_coverage.designs import ONE, SEVERAL, Effort, draw_weights
from covidreport.metrics import (
    negative_likelihood_ratio,
    net_benefit,
    npv_at_prevalence,
    positive_likelihood_ratio,
    ppv_at_prevalence,
)
from covidreport.metrics.rates import to_arrays
from covidreport.metrics.unit_intervals import count_images
from covidreport.records import Counts

SOME = [Counts(tn=45, fp=5, fn=3, tp=7), Counts(tn=50, fp=0, fn=0, tp=10), Counts(600, 60, 8, 20)]


def test_resampled_curves_are_those_of_scikit_learn_with_weights():
    """Each resample of the patients as weights of their images."""
    rng = np.random.default_rng(0)
    images = draw_images(SEVERAL[1], 10, rng)
    scores = draw_scores(images, 3, 0.8, "1", 0.4, rng)
    areas, precisions = resample_curves(images, scores, 4)
    weights = draw_weights(4, images.patients[-1] + 1)
    for b, s in np.ndindex(areas.shape):
        given = images.truth, scores[s]
        each = weights[b][images.patients]
        assert areas[b, s] == pytest.approx(roc_auc_score(*given, sample_weight=each), abs=1e-5)
        theirs = average_precision_score(*given, sample_weight=each)
        assert precisions[b, s] == pytest.approx(theirs, abs=1e-5)
    plain = [average_precision_score(images.truth, row) for row in scores]
    assert compute_precisions(images.positive, scores) == pytest.approx(plain)


def test_all_tables_have_a_chance_of_one():
    """But for what is left out at the ends, and with as many of each kind as are expected."""
    tables, chances = list_tables(10, 0.8, 0.95)
    assert chances.sum() == pytest.approx(1, abs=1e-5)
    expected = [10 * 0.8, 50 * 0.05, 10 * 0.2, 50 * 0.95]
    assert [np.sum(each * chances) for each in tables] == pytest.approx(expected, abs=1e-3)


def test_intervals_in_bulk_are_those_one_by_one():
    """Likelihood ratios, predictive values and net benefit of three tables."""
    units = count_images(to_arrays(SOME))
    ends = state_ratios(units)
    _, (low, high) = state_benefit(units, 0.8, 0.95)
    for i, counts in enumerate(SOME):
        alone = (
            positive_likelihood_ratio(counts), negative_likelihood_ratio(counts),
            ppv_at_prevalence(counts, PRIOR), npv_at_prevalence(counts, PRIOR),
        )  # fmt: skip
        for name, found in zip(RATIOS, alone, strict=True):
            expected = found.low, np.inf if found.high is None else found.high
            assert (ends[name][0][i], ends[name][1][i]) == pytest.approx(expected)
        benefit = net_benefit(counts, 1 / 6)
        assert (low[i], high[i]) == pytest.approx((benefit.low, benefit.high))


@pytest.mark.parametrize("part", range(len(PARTS)), ids=lambda i: PARTS[i][0].__name__)
def test_every_part_gives_its_rows(part):
    """Few sets of ten positives; the seed decides all."""
    effort = Effort(100, 100, 20, (10,), (0.8,))
    for place, design in enumerate(PARTS[part][1][:2]):
        lines, _ = run_task((part, place, 10, effort, 0))
        assert lines == run_task((part, place, 10, effort, 0))[0]
        assert all(f"| {design.name} | 10 |" in line for line in lines)
        assert (design == ONE) == (place == 0)
