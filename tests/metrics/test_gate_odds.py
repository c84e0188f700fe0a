"""The odds of a gate: against enumeration by SciPy, simulation, closed forms and Mplus."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import multinomial, multivariate_normal, norm

from benchmarks.lucky_baseline import simulate as simulate_lucky
from covidreport.metrics import (
    LatentPair,
    MissRule,
    choose_allowance,
    combine_tries,
    compute_odds,
    count_patients,
    estimate_between,
    estimate_difference,
    estimate_within,
    mcnemar_exact,
    sign_flip,
)
from covidreport.metrics.gate_odds import _Discordance
from covidreport.metrics.latent import MOST_IMAGES, miss_both

STRICT = MissRule(0)


def _cells(sensitivity, loss, between):
    """P(only the run misses), P(only the baseline does), by SciPy's bivariate normal law."""
    limits = norm.ppf([1 - sensitivity + loss, 1 - sensitivity])
    both = multivariate_normal([0, 0], [[1, between], [between, 1]]).cdf(limits)
    return 1 - sensitivity + loss - both, 1 - sensitivity - both


@pytest.mark.parametrize("h", [-2.0, -0.3, 0.0, 1.1])
@pytest.mark.parametrize("k", [-1.0, 0.0, 1.1, 3.0])
@pytest.mark.parametrize("r", [0.0, 0.4, 0.95])
def test_the_bivariate_normal_is_scipys(h, k, r):
    """By Owen's T, beside SciPy's Genz."""
    expected = multivariate_normal([0, 0], [[1, r], [r, 1]]).cdf([-h, -k])
    assert miss_both(np.array(h), np.array(k), r) == pytest.approx(expected, abs=1e-7)


def test_two_images_can_be_counted_by_hand():
    """At 0.5 and a correlation of 0.5 both are missed in 1/4 + asin(1/2)/2π = 1/3.

    So each run alone misses an image in 1/6; the run misses more of two images in 1/4 of cases:
    1/36 + 2 · 1/6 · 2/3.
    """
    assert compute_odds(LatentPair((1,), 0.5, 0.5), STRICT) == pytest.approx((1 / 6, 5 / 6))
    assert compute_odds(LatentPair((2,), 0.5, 0.5), STRICT) == pytest.approx((1 / 4, 3 / 4))


@pytest.mark.parametrize(("n", "fails", "passes"), [(28, 0.41, 0.16), (100, 0.45, 0.02),
                                                    (500, 0.48, 0.00)])  # fmt: skip
def test_the_strict_limit_by_enumeration(n, fails, passes):
    """What is said of it: 41, 45 and 48 % of equal runs fail, 16 % of runs 10 points worse pass."""
    pair = LatentPair((n,), 0.85, 0.6)
    assert compute_odds(pair, STRICT)[0] == pytest.approx(fails, abs=0.006)
    assert compute_odds(pair, STRICT, 0.1)[1] == pytest.approx(passes, abs=0.006)
    for loss in (0.0, 0.1):
        b, c = np.meshgrid(np.arange(n + 1), np.arange(n + 1), indexing="ij")
        fits = b + c <= n
        b, c = b[fits], c[fits]
        p, q = _cells(0.85, loss, 0.6)
        law = multinomial([n] * len(b), [[p, q, 1 - p - q]] * len(b))
        chances = law.pmf(np.stack([b, c, n - b - c], axis=1))
        expected = (chances[b > c].sum(), chances[b <= c].sum())
        assert compute_odds(pair, STRICT, loss) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize(("n", "cases", "passes"), [(28, 4, 0.77), (100, 7, 0.29), (500, 15, 0.0)])
def test_the_allowance_holds_false_failures_and_is_the_smallest(n, cases, passes):
    """At 28 positives four cases more, and a run 10 points worse passes in 77 %."""
    pair = LatentPair((n,), 0.85, 0.6)
    assert choose_allowance(pair, 0.05) == cases
    assert (
        compute_odds(pair, MissRule(cases))[0] <= 0.05 < compute_odds(pair, MissRule(cases - 1))[0]
    )
    assert compute_odds(pair, MissRule(cases), 0.1)[1] == pytest.approx(passes, abs=0.006)
    assert choose_allowance(pair, 0.6) == 0


def _simulate(sizes, sensitivity, between, within, loss, sets, seed):
    """What only the run and only the baseline miss, by patient `(sets, patients)`."""
    rng = np.random.default_rng(seed)
    of = np.repeat(np.arange(len(sizes)), sizes)
    mix = np.array([[1, 0], [between, math.sqrt(1 - between**2)]])
    patients = np.einsum("ij,jsp->isp", mix, rng.standard_normal((2, sets, len(sizes))))
    images = np.einsum("ij,jsp->isp", mix, rng.standard_normal((2, sets, len(of))))
    latent = math.sqrt(within) * patients[:, :, of] + math.sqrt(1 - within) * images
    run = latent[0] > norm.ppf(sensitivity - loss)
    baseline = latent[1] > norm.ppf(sensitivity)
    member = (of[:, np.newaxis] == np.arange(len(sizes))).astype(int)
    return (run & ~baseline) @ member, (baseline & ~run) @ member


@pytest.mark.parametrize(
    ("sizes", "within", "loss"),
    [([1, 2, 3, 4] * 4, 0.5, 0.0), ([4] * 6, 0.9, 0.1), ([1] * 5 + [12], 0.95, 0.05)],
)
def test_patients_with_several_images_as_simulated(sizes, within, loss):
    """Within 4 standard errors of 40,000 sets; a passed run is one that does not fail."""
    sets = 40_000
    b, c = _simulate(sizes, 0.8, 0.4, within, loss, sets, 1)
    share = ((b - c).sum(axis=1) > 0).mean()
    pair = LatentPair(count_patients(np.repeat(np.arange(len(sizes)), sizes), 0), 0.8, 0.4, within)
    fails, passes = compute_odds(pair, STRICT, loss)
    assert fails == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / sets))
    assert fails + passes == pytest.approx(1)


@pytest.mark.parametrize(
    "sizes", [[1] * 40, [2] * 30, [1, 2, 3, 4] * 8, [1] * 10 + [15], [6], [1, 2]]
)
@pytest.mark.parametrize("margin", [0.02, 0.1, 0.3])
def test_each_set_is_judged_as_the_gate_does(sizes, margin):
    """By the paired test and the interval of the difference, one set at a time."""
    b, c = _simulate(sizes, 0.7, 0.3, 0.4, 0.1, 200, 2)
    images, patients = sum(sizes), len(sizes)
    grouped = patients < images
    each = np.abs(b - c)
    excesses = np.stack([(each == size).sum(axis=1) for size in range(max(sizes) + 1)], axis=1)
    weights = np.full(200, 1 / 200)
    run, baseline = b.sum(axis=1), c.sum(axis=1)
    even = images**2 / sum(size**2 for size in sizes)
    freedom = even - 2 + even / patients
    sets = _Discordance(
        weights, run, baseline, images, patients, excesses if grouped else None, freedom
    )
    p_values, excluded = sets.find_p_values(np.arange(200)), sets.excludes(margin)
    shown = sets.is_failed(MissRule(None, significant=False, margin=margin), 0.05)
    for i in range(200):
        exact = sign_flip(b[i] - c[i]) if grouped else mcnemar_exact(int(run[i]), int(baseline[i]))
        assert p_values[i] == pytest.approx(exact, abs=1e-9)
        _, interval = estimate_difference(
            int(baseline[i]), int(run[i]), c[i] - b[i], np.array(sizes)
        )
        known = interval.low is not None
        assert excluded[i] == (known and interval.low > -margin)
        assert shown[i] == (known and interval.high < -margin)


def test_evidence_fails_and_passes_by_what_each_set_shows():
    """28 images, by enumeration of SciPy's multinomial and the gate's own judgment of each pair."""
    n, margin = 28, 0.05
    p, q = _cells(0.85, 0.05, 0.6)
    fails = passes = 0.0
    for b in range(n + 1):
        for c in range(n + 1 - b):
            chance = multinomial.pmf([b, c, n - b - c], n, [p, q, 1 - p - q])
            if chance < 1e-12:
                continue
            significant = b > c and mcnemar_exact(b, c) <= 0.05
            _, interval = estimate_difference(c, b, np.zeros(n, dtype=np.int64), np.ones(n, int))
            assert interval.low is not None
            assert interval.high is not None
            failed = significant or interval.high < -margin
            fails += chance * failed
            passes += chance * (not failed and interval.low > -margin)
    rule = MissRule(None, significant=True, margin=margin)
    found = compute_odds(LatentPair((n,), 0.85, 0.6), rule, 0.05)
    assert found == pytest.approx((fails, passes), abs=1e-7)


def test_the_tetrachoric_correlation_is_that_of_mplus():
    """Mplus reports .35 for this table, says the help of `tetrachoric` in R's psych."""
    pairs = [[0, 0], [0, 1], [1, 0], [1, 1]]
    table = np.repeat(pairs, [61661, 1610, 85, 20], axis=0).T.astype(bool)
    assert estimate_between(table) == pytest.approx(0.35, abs=0.005)


def test_a_correlation_within_patients_in_closed_form():
    """Six patients of two images, half missed: of two, one and none in two each.

    Both images are missed in 1/3, which at 0.5 is a correlation of sin(2π (1/3 − 1/4)) = 1/2.
    """
    missed = np.array([[1, 1, 1, 1, 0, 0, 0, 0, 1, 0, 0, 1]], dtype=bool)
    groups = np.repeat(np.arange(6), 2)
    assert estimate_within(missed, groups) == pytest.approx(0.5)
    assert estimate_within(missed, None) is None
    assert estimate_within(missed, np.arange(12)) is None
    assert estimate_within(np.zeros((2, 12), dtype=bool), groups) is None


def test_runs_that_tell_nothing_give_no_correlation():
    """One alone, and one that misses nobody or all; an equal one is as near as can be told."""
    missed = np.array([[1, 0, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1]], dtype=bool)
    assert estimate_between(missed[:1]) is None
    assert estimate_between(missed) is None
    assert estimate_between(missed[1:]) is None
    assert estimate_between(missed[[0, 0]]) == pytest.approx(0.99)


def test_patients_are_counted_by_their_images():
    """By hand; a patient with more than can be added up stands for several."""
    assert count_patients(None, 5) == (5,)
    assert count_patients(np.array([7, 7, 7, 2, 4, 4]), 6) == (1, 1, 1)
    many = count_patients(np.zeros(2 * MOST_IMAGES + 3, dtype=int), 0)
    assert (many[2], many[-1], sum(many)) == (1, 2, 3)


def test_many_tries_pass_at_most_as_often_as_independent_ones():
    """1 − 0.84^5 by hand; five worse models on the same 28 cases pass less often than that."""
    assert combine_tries(0.16, 5) == pytest.approx(0.5818, abs=1e-4)
    rng = np.random.default_rng(3)
    case = rng.standard_normal((20_000, 1, 28))
    own = rng.standard_normal((20_000, 6, 28))
    wrong = math.sqrt(0.6) * case + math.sqrt(0.4) * own > norm.ppf([[0.85]] + [[0.75]] * 5)
    missed = wrong.sum(axis=2)
    least = (missed[:, 1:].min(axis=1) <= missed[:, 0]).mean()
    one = compute_odds(LatentPair((28,), 0.85, 0.6), STRICT, 0.1)[1]
    assert one < least < combine_tries(one, 5)


def test_sensitivities_outside_are_refused():
    """A run can't be worse by all that the baseline finds."""
    with pytest.raises(ValueError, match=r"sensitivities 0\.1 and -0\.1"):
        compute_odds(LatentPair((10,), 0.1, 0.5), STRICT, 0.2)


def test_small_sets_are_added_up_whole():
    """Of two positives of runs that agree in nothing both may be missed: by hand over the nine
    pairs of counts, at a sensitivity of 0.5 each kind of discordance has 1/4."""
    pair = LatentPair((2,), 0.5, 0.0)
    # the interval of two images excludes no margin under 1, and nothing is significant
    odds = compute_odds(pair, MissRule(significant=True, margin=0.1))
    assert odds == pytest.approx((0.0, 0.0))
    # missing all of ten where the other finds them has 4**-10, and is significant
    ten = LatentPair((10,), 0.5, 0.0)
    worse = sum(
        math.comb(10, b) * math.comb(10 - b, c) * 0.25 ** (b + c) * 0.5 ** (10 - b - c)
        for b in range(11)
        for c in range(11 - b)
        if b > c and mcnemar_exact(b, c) <= 0.05
    )
    assert compute_odds(ten, MissRule(significant=True))[0] == pytest.approx(worse, rel=1e-9)


def test_one_patient_alone_excludes_nothing():
    """Ten images of one patient: no interval of a difference is known, and no run passes."""
    one = LatentPair((0,) * 9 + (1,), 0.85, 0.6, 0.4)
    assert compute_odds(one, MissRule(significant=True, margin=0.3))[1] == 0


def test_a_lucky_baseline_fails_more_equal_runs_than_is_said():
    """As docs/gate.md says: of the best of five runs, with 100 positives, about 0.14 of equal runs
    fail, and of a baseline that was not picked no more than the 0.04 that are stated of both."""
    fails, said, _ = simulate_lucky(100, 0.85, 5, 0.6, 1500)
    assert fails == pytest.approx(0.137, abs=0.03)
    assert said == pytest.approx(0.038, abs=0.003)
    assert simulate_lucky(100, 0.85, 1, 0.6, 1500)[0] == pytest.approx(0.032, abs=0.014)
