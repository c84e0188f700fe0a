"""Differences of two runs: Tango's interval as published, over patients, non-inferiority."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import binom, multinomial

from covidreport.metrics.differences import (
    cases_to_exclude,
    estimate_difference,
    judge_non_inferiority,
    tango,
)
from covidreport.metrics.intervals import Interval


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


def test_more_discordance_at_an_equal_net_never_raises_the_lower_end():
    """All tables of up to 40 images: one more found and one more missed show no less of a loss."""
    for n in range(2, 41):
        for b in range(n - 1):
            lows = [tango(b + k, k, n)[0] for k in range((n - b) // 2 + 1)]
            assert lows == sorted(lows, reverse=True), (b, n)


def _compare(found, missed, patients):
    """From bool `(P,)`: what only the first run found, what only the first missed."""
    gaps = np.bincount(patients, weights=found.astype(int) - missed.astype(int))
    counts = int(found.sum()), int(missed.sum())
    return estimate_difference(*counts, gaps.astype(int), np.bincount(patients))


def test_images_of_their_own_are_independent():
    """One image a patient: Tango's interval as it is."""
    found, missed = np.arange(28) < 5, np.arange(28) >= 26
    difference, interval = _compare(found, missed, np.arange(28))
    assert difference == 3 / 28
    assert interval == Interval(*tango(5, 2, 28), "tango")


def test_images_of_patients_are_an_effective_sample():
    """By hand: 20 images of 10 patients; gaps 2, 2, -1 and twice 2: 17 / 9, and 2.262 of t(9)."""
    patients = np.arange(20) // 2
    found, missed = np.arange(20) < 4, np.arange(20) == 19
    difference, interval = _compare(found, missed, patients)
    scale = 17 / 9 * (2.26216 / 1.95996) ** 2
    low, high = tango(4 / scale, 1 / scale, 20 / scale)
    assert difference == 3 / 20
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=1e-5)
    assert interval.method == "tango over groups"


def _draw_set(rng):
    """Two runs nearly alike on images of patients, of whom each has another sensitivity."""
    patients = np.repeat(np.arange(20), rng.integers(1, 4, 20))
    hard = rng.beta(1, 6, 20)[patients]
    return rng.random(len(patients)) < hard, rng.random(len(patients)) < hard, patients


def test_one_more_missed_case_hardly_ever_raises_the_lower_end():
    """10,000 sets: fewer discordant images in one direction may lower the design effect."""
    rng = np.random.default_rng(16)
    raised = 0
    for _ in range(10_000):
        first, second, patients = _draw_set(rng)
        before = _compare(second & ~first, first & ~second, patients)[1]
        more = first.copy()
        more[rng.choice(np.flatnonzero(~first))] = True
        after = _compare(second & ~more, more & ~second, patients)[1]
        raised += after.low > before.low + 1e-12
    assert raised <= 100


@given(st.lists(st.integers(1, 6), min_size=2, max_size=30))
def test_equal_answers_never_give_an_interval_of_one_point(images):
    """Whatever the patients' images: as wide as Tango's of all images, at least."""
    n = sum(images)
    difference, interval = estimate_difference(
        0, 0, np.zeros(len(images), dtype=int), np.array(images)
    )
    low, high = tango(0, 0, n)
    assert difference == 0
    assert interval.low is not None
    assert interval.high is not None
    assert interval.low <= low < 0 < high <= interval.high


@pytest.mark.parametrize("lost_as_a_whole", [0.5, 0.8, 1.0])
@pytest.mark.parametrize(("patients", "images"), [(15, 28), (23, 28), (60, 120), (40, 200)])
def test_over_patients_a_loss_is_covered(patients, images, lost_as_a_whole):
    """A true loss of 0.05 between runs nearly alike, of whole patients in part: at least 0.94.

    1,000 sets leave the share uncertain by about 0.014.
    """
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(1000):
        of = np.concatenate([np.arange(patients), rng.integers(0, patients, images - patients)])
        whole = (rng.random(patients) < lost_as_a_whole)[of]
        draw = np.where(whole, rng.random(patients)[of], rng.random(images))
        interval = _compare((draw > 0.07) & (draw < 0.09), draw < 0.07, of)[1]
        covered += interval.low <= -0.05 <= interval.high
    assert covered / 1000 >= 0.94 - 0.014


def test_a_patient_with_a_third_of_the_images_is_allowed_for():
    """200 patients, runs nearly alike, whole patients lost: such a one was covered in 0.83 of sets
    by a t quantile of 199 degrees of freedom; these are worth nine of equal size."""
    rng = np.random.default_rng(5)
    of = np.append(np.arange(200), np.zeros(100, int))
    covered = 0
    for _ in range(1000):
        draw = rng.random(200)[of]
        interval = _compare((draw > 0.05) & (draw < 0.10), draw < 0.05, of)[1]
        covered += interval.low <= 0 <= interval.high
    assert covered / 1000 >= 0.90


def test_one_patient_alone_says_nothing():
    """All images are of one: nobody knows how the next one would differ."""
    difference, interval = estimate_difference(1, 0, np.array([1]), np.array([5]))
    assert (difference, interval.low, interval.high) == (1 / 5, None, None)
    assert interval.reason == "one patient alone has these images"


def test_without_images_there_is_no_difference():
    """No positive at all."""
    difference, interval = estimate_difference(0, 0, np.zeros(0, int), np.zeros(0, int))
    assert (difference, interval.low, interval.reason) == (None, None, "the metric is undefined")


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


def _exclude(b, c, n, margin):
    """Of n images of as many patients."""
    return cases_to_exclude(b, c, np.ones(n, int), margin, np.zeros(n, int))


def test_cases_without_discordant_ones_are_closed_form():
    """Equal answers: z^2 (1 - m) / m, by hand 73 cases for 0.05, 35 for 0.1 and 1 for 0.8."""
    assert [_exclude(0, 0, 28, margin) for margin in (0.05, 0.1, 0.8)] == [73, 35, 1]


@pytest.mark.parametrize(("b", "c", "n"), [(5, 7, 100), (1, 2, 28), (3, 1, 28), (0, 1, 50)])
def test_from_so_many_cases_on_tangos_interval_excludes_the_margin(b, c, n):
    """With all shares as they are, the lower end passes -margin where it is said to."""
    margin = 0.1
    needed = _exclude(b, c, n, margin)
    times = next(k for k in range(1, 100) if tango(b * k, c * k, n * k)[0] > -margin)
    assert (times - 1) * n < needed <= times * n


def test_no_number_of_cases_excludes_a_loss_that_is_there():
    """3 of 28 lost is more than 0.1 of them."""
    assert _exclude(0, 3, 28, 0.1) is None
    with pytest.raises(ValueError, match="fraction between 0 and 1"):
        _exclude(0, 0, 28, 1.0)
    with pytest.raises(ValueError, match="discordant images of 0"):
        _exclude(0, 0, 0, 0.1)


def test_from_so_many_cases_of_patients_on_the_margin_is_excluded():
    """Twice, three times ... the same patients: the first that excludes it is the one told."""
    gaps, margin = np.array([2, -1, 0, 0, 0, 0, 0, 0, 0, 0]), 0.1
    sizes = np.array([4, 1, 2, 3, 2, 3, 2, 4, 2, 2])
    n = int(sizes.sum())
    needed = cases_to_exclude(2, 1, sizes, margin, gaps)
    assert needed is not None

    def lower(k):
        return estimate_difference(2 * k, k, np.tile(gaps, k), np.tile(sizes, k))[1].low

    times = next(k for k in range(1, 100) if lower(k) > -margin)
    assert abs(needed / n - times) <= 1
