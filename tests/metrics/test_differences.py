"""Differences of two runs: Tango's interval as published, the paired bootstrap, non-inferiority."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import binom, multinomial

from covidreport.metrics.bootstrap import Interval
from covidreport.metrics.differences import (
    cases_to_exclude,
    estimate_difference,
    judge_non_inferiority,
    tango,
)
from covidreport.metrics.resample import draw_weights, resample_counts


def test_tango_gives_the_published_value():
    """Cavo et al. 2012 (6 and 16 discordant of 161), as the tests of R's contingencytables have it:
    Fagerland, Lydersen and Laake, Statistical Analysis of Contingency Tables, 2017, chapter 8."""
    assert tango(6, 16, 161) == pytest.approx((-0.1240, -0.0054), abs=5e-5)


def _constrained_score(b, c, n, delta):
    """The score statistic with the likelihood under the hypothesis maximised numerically."""

    def minus_log(q):
        p = q + delta
        parts = ((b, p), (c, q), (n - b - c, 1 - p - q))
        return -sum(k * math.log(max(share, 1e-300)) for k, share in parts if k)

    ends = max(0.0, -delta), (1 - delta) / 2
    q = minimize_scalar(minus_log, bounds=ends, method="bounded", options={"xatol": 1e-12}).x
    return (b - c - n * delta) / math.sqrt(n * (2 * q + delta - delta**2))


@pytest.mark.parametrize(("b", "c", "n"), [(5, 2, 28), (3, 1, 28), (40, 20, 160), (9, 30, 50)])
def test_tango_ends_where_the_score_test_does(b, c, n):
    """At both ends the score statistic is the normal quantile, by a numerical maximum."""
    low, high = tango(b, c, n)
    assert _constrained_score(b, c, n, low) == pytest.approx(1.959964, abs=1e-3)
    assert _constrained_score(b, c, n, high) == pytest.approx(-1.959964, abs=1e-3)


_tables = st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40)).filter(any)


@given(_tables)
def test_tango_holds_the_difference_and_turns_around(table):
    """Within -1 and 1, around the estimate; exchanging the runs mirrors it."""
    b, c, rest = table
    n = b + c + rest
    low, high = tango(b, c, n)
    assert -1 <= low <= (b - c) / n <= high <= 1
    assert tango(c, b, n) == pytest.approx((-high, -low), abs=1e-8)


def test_tango_without_discordant_images_is_closed_form():
    """z^2 / (n + z^2) on both sides: 28 images on which two runs agree leave 12 % open."""
    z2 = 1.959964**2
    assert tango(0, 0, 28) == pytest.approx((-z2 / (28 + z2), z2 / (28 + z2)), abs=1e-7)


def test_coverage_of_tango_as_it_is():
    """28 images, exact: discordant shares 0.05 to 0.40, split evenly, 3 to 1, all to one side.

    The mean of the twelve is 0.974, the worst 0.947.
    """
    n = 28
    shares = [(q * f, q * (1 - f)) for q in (0.05, 0.1, 0.2, 0.4) for f in (0.5, 0.75, 1.0)]
    ends = {(b, c): tango(b, c, n) for b in range(n + 1) for c in range(n + 1 - b)}
    coverage = [
        sum(
            _probability(b, c, n, p, q)
            for (b, c), (low, high) in ends.items()
            if low <= p - q + 1e-12 and p - q - 1e-12 <= high
        )
        for p, q in shares
    ]
    assert np.mean(coverage) == pytest.approx(0.9736, abs=5e-5)
    assert min(coverage) == pytest.approx(0.9470, abs=5e-5)


def _probability(b, c, n, p, q):
    return float(multinomial.pmf([b, c, n - b - c], n, [p, q, 1 - p - q]))


def test_what_is_no_table_is_refused():
    with pytest.raises(ValueError, match="discordant"):
        tango(5, 5, 9)


def _two_runs(wrong, groups=None, **options):
    """Two runs on positives, and as many negatives that both clear."""
    images = wrong.shape[1]
    truth = np.repeat([1, 0], images).astype(np.int8)[:, np.newaxis]
    answers = np.concatenate([~wrong, np.zeros_like(wrong)], axis=1)[:, :, np.newaxis]
    failed = np.zeros(answers.shape[:2], dtype=np.bool_)
    return resample_counts(truth, answers, failed, groups, **options)


def test_the_difference_is_paired_resample_by_resample():
    """Against a plain loop over the same resamples."""
    rng = np.random.default_rng(0)
    wrong = rng.random((2, 50)) < 0.3
    value, found = estimate_difference(
        _two_runs(wrong, resamples=400, collapse=False), 0, 1, 0, "sensitivity"
    )
    weights = np.concatenate(list(draw_weights(100, 400, 0)))[:, :50]
    gaps = (weights @ (wrong[1].astype(int) - wrong[0])) / weights.sum(axis=1)
    assert value == pytest.approx((wrong[1].sum() - wrong[0].sum()) / 50)
    # At most 2.5 % of 400 resamples outside: the tenth from either end stands.
    assert (found.low, found.high) == pytest.approx(tuple(np.sort(gaps)[[9, -10]]))
    assert found.method == "bootstrap"


def test_runs_that_agree_have_tangos_interval():
    """No discordant image: every resample says 0, which is not how sure one may be."""
    wrong = np.tile(np.arange(28) % 5 == 0, (2, 1))
    value, found = estimate_difference(_two_runs(wrong), 0, 1, 0, "sensitivity", (0, 0))
    assert value == 0
    assert (found.low, found.high) == tango(0, 0, 28)
    assert found.method == "tango (degenerate bootstrap)"
    _, none = estimate_difference(_two_runs(wrong), 0, 1, 0, "f1")
    assert none.low is None
    groups = np.arange(56) // 4
    _, none = estimate_difference(_two_runs(wrong, groups), 0, 1, 0, "sensitivity", (0, 0))
    assert none.reason == "every resample gives the same figure"


def test_an_undefined_figure_has_no_difference():
    """PPV of runs that call nothing positive."""
    wrong = np.ones((2, 10), dtype=np.bool_)
    value, found = estimate_difference(_two_runs(wrong), 0, 1, 0, "ppv")
    assert (value, found.reason) == (None, "the figure is undefined")


@pytest.mark.parametrize(
    ("low", "high", "answer"),
    [
        (-0.04, 0.02, "yes"),
        (-0.05, 0.02, "the data cannot say"),
        (-0.10, 0.02, "the data cannot say"),
        (-0.10, -0.05, "the data cannot say"),
        (-0.10, -0.06, "no"),
        (0.01, 0.10, "yes"),
        (None, None, "the data cannot say"),
    ],
)
def test_non_inferiority_within_five_points(low, high, answer):
    """The whole interval above the margin, the whole interval below it, or neither."""
    interval = Interval(low, high, "tango")
    assert judge_non_inferiority(-0.02, interval, 0.05).answer == answer


@pytest.mark.parametrize("margin", [0.0, -0.05, 1.0, 5.0])
def test_a_margin_is_a_fraction(margin):
    """5 is not 5 %."""
    with pytest.raises(ValueError, match="margin"):
        judge_non_inferiority(0.0, Interval(-0.01, 0.01, "tango"), margin)


def test_a_run_worse_by_the_margin_passes_one_time_in_forty():
    """2,000 sets at the edge of the margin, 200 positives: at most 2.5 % pass, within luck."""
    rng = np.random.default_rng(1)
    passed = 0
    for _ in range(2000):
        b, c, _ = rng.multinomial(200, [0.05, 0.10, 0.85])
        interval = Interval(*tango(b, c, 200), "tango")
        passed += judge_non_inferiority((b - c) / 200, interval, 0.05).answer == "yes"
    assert passed <= binom.ppf(0.999, 2000, 0.03)


def test_cases_without_discordant_ones_are_closed_form():
    """Equal answers: z^2 (1 - m) / m, by hand 73 cases for 0.05, 35 for 0.1 and 1 for 0.8."""
    assert [cases_to_exclude(0, 0, 28, margin) for margin in (0.05, 0.1, 0.8)] == [73, 35, 1]


@pytest.mark.parametrize(("b", "c", "n"), [(5, 7, 100), (1, 2, 28), (3, 1, 28), (0, 1, 50)])
def test_from_so_many_cases_on_tangos_interval_excludes_the_margin(b, c, n):
    """With all shares as they are, the lower end passes -margin where it is said to."""
    margin = 0.1
    needed = cases_to_exclude(b, c, n, margin)
    times = next(k for k in range(1, 100) if tango(b * k, c * k, n * k)[0] > -margin)
    assert (times - 1) * n < needed <= times * n


def test_no_number_of_cases_excludes_a_loss_that_is_there():
    """3 of 28 lost is more than 0.1 of them."""
    assert cases_to_exclude(0, 3, 28, 0.1) is None
    with pytest.raises(ValueError, match="fraction between 0 and 1"):
        cases_to_exclude(0, 0, 28, 1.0)
    with pytest.raises(ValueError, match="discordant images of 0"):
        cases_to_exclude(0, 0, 0, 0.1)
