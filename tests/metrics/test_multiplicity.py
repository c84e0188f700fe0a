"""All pairs at once: the family-wise error of equal runs, and of those that are equal in part."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom
from statsmodels.stats.multitest import multipletests

from covidreport.metrics import multiplicity
from covidreport.metrics.multiplicity import (
    all_pairs,
    compare_pairs,
    critical_p_value,
    planned_pairs,
)
from covidreport.metrics.paired import mcnemar_exact, sign_flip, sign_flip_table, sum_by_group
from covidreport.metrics.selection import find_indistinguishable
from tests.metrics.simulation import Design, draw_wrong


def _at_most(share, trials):
    """The most successes that a true rate of `share` leaves room for, once in a thousand."""
    return binom.ppf(0.999, trials, share)


def _false_alarms(design, sets, seed, **options):
    """In how many sets of equal runs any run is declared different from the best."""
    rng = np.random.default_rng(seed)
    found = 0
    for _ in range(sets):
        wrong, patients = draw_wrong(design, rng)
        tests = compare_pairs(wrong, patients, seed=int(rng.integers(1 << 30)), **options)
        best = int(wrong.sum(axis=1).argmin())
        found += len(find_indistinguishable(best, tests)) < design.runs
    return found


@pytest.mark.parametrize(
    ("design", "sets"),
    [
        (Design(2, 28, 0.3, 0.0), 400),
        (Design(5, 28, 0.5, 0.0), 300),
        (Design(18, 28, 0.1, 0.5), 150),
        (Design(5, 500, 0.1, 0.0), 200),
        (Design(18, 2000, 0.1, 0.5), 60),
        (Design(2, 112, 0.2, 0.1, 0.8, 4), 400),
        (Design(5, 300, 0.2, 0.2, 0.6, 5), 150),
        (Design(18, 200, 0.2, 0.2, 0.6, 4), 60),
    ],
)
def test_equal_runs_are_rarely_told_apart(design, sets):
    """At most 5 % of sets of 2 to 18 equal runs, with and without correlated images of a patient.

    A small fixed sample of what `benchmarks/false_alarms.py` does at length.
    """
    assert _false_alarms(design, sets, 1, flips=199) <= _at_most(0.05, sets)


def test_the_simulation_sees_a_test_that_does_not_hold():
    """McNemar by image, images of a patient correlated: about 19 % of equal pairs, not 5 %."""
    rng = np.random.default_rng(2)
    found = 0
    for _ in range(400):
        wrong, _ = draw_wrong(Design(2, 200, 0.2, 0.1, 0.8, 4), rng)
        found += compare_pairs(wrong, correction="holm")[0].p_value <= 0.05
    assert found > 60


def test_two_equal_bad_runs_among_good_ones_are_not_told_apart():
    """Strong control: 2 runs miss 30 %, 16 miss 1 %; only the pair of the 2 counts as an error.

    Shuffling the names of all runs fails here (see `covidreport.metrics.multiplicity`): it would
    declare this pair different in every seventh set. That is shown too, on raw gaps.
    """
    rng = np.random.default_rng(3)
    rates = np.array([0.3] * 2 + [0.01] * 16)
    by_flips = by_shuffles = 0
    for _ in range(200):
        wrong, _ = draw_wrong(Design(18, 200, difficulty=0.0), rng, rates)
        (pair, *_) = compare_pairs(wrong, flips=199)
        by_flips += pair.adjusted_p_value <= 0.05
        shuffled = np.array([rng.permuted(wrong, axis=0).sum(axis=1) for _ in range(99)])
        widest = np.ptp(shuffled, axis=1)
        gap = abs(int(wrong[0].sum()) - int(wrong[1].sum()))
        by_shuffles += (1 + (widest >= gap).sum()) / 100 <= 0.05
    assert by_flips <= _at_most(0.05, 200)
    assert by_shuffles > 20


def test_all_pairs_with_few_groups_are_enumerated_by_hand():
    """Three runs on seven patients: every sign pattern, smallest p of each, stepping down."""
    rng = np.random.default_rng(4)
    wrong, patients = draw_wrong(Design(3, 21, 0.5, 0.0, 0.3, 3), rng, np.array([0.2, 0.5, 0.8]))
    tests = compare_pairs(wrong, patients)
    sums = sum_by_group(wrong, patients)
    pairs = all_pairs(3)
    differences = np.stack([sums[:, i] - sums[:, j] for i, j in pairs])
    p_values = np.array([sign_flip(row) for row in differences])
    patterns = np.array(list(product((-1, 1), repeat=7)))
    totals = np.abs(patterns @ differences.T)
    drawn = np.empty(totals.shape)
    for pair, row in enumerate(differences):
        drawn[:, pair] = [np.mean(np.abs(patterns @ row) >= total) for total in totals[:, pair]]
    order = np.argsort(p_values)
    expected, highest = np.empty(3), 0.0
    for place, index in enumerate(order):
        rest = drawn[:, order[place:]].min(axis=1)
        highest = max(highest, np.mean(rest <= p_values[index] + 1e-12))
        expected[index] = highest
    assert [test.p_value for test in tests] == pytest.approx(p_values)
    assert [test.adjusted_p_value for test in tests] == pytest.approx(expected)
    assert {test.test for test in tests} == {"sign-flip over groups"}
    assert {test.correction for test in tests} == {"max-t by sign-flips over 3"}


def test_holm_over_all_pairs_equals_statsmodels():
    """The p-values of 10 pairs by McNemar, corrected over 10."""
    wrong, _ = draw_wrong(Design(5, 100), np.random.default_rng(5), np.linspace(0.05, 0.4, 5))
    tests = compare_pairs(wrong, correction="holm")
    p_values = [mcnemar_exact(test.only_first, test.only_second) for test in tests]
    assert [test.p_value for test in tests] == pytest.approx(p_values)
    expected = multipletests(p_values, method="holm")[1]
    assert [test.adjusted_p_value for test in tests] == pytest.approx(expected)
    assert tests[0].test == "mcnemar-exact"
    assert tests[0].correction == "holm over 10"


def test_random_flips_come_near_to_all_flips(monkeypatch):
    """Twelve groups: 4,096 patterns against 20,000 random ones."""
    wrong, _ = draw_wrong(Design(4, 12, 0.5, 0.0), np.random.default_rng(6))
    exact = [test.adjusted_p_value for test in compare_pairs(wrong)]
    monkeypatch.setattr("covidreport.metrics.multiplicity._EXACT_GROUPS", 0)
    drawn = [test.adjusted_p_value for test in compare_pairs(wrong, flips=20_000)]
    assert drawn == pytest.approx(exact, abs=0.015)
    again = [test.adjusted_p_value for test in compare_pairs(wrong, flips=20_000)]
    assert again == drawn


def test_the_flips_find_more_than_holm():
    """18 runs, one of them worse: told apart from the best more often, never at odds with luck."""
    rng = np.random.default_rng(7)
    rates = np.array([0.05] * 17 + [0.22])
    flips = corrected = 0
    for _ in range(30):
        wrong, _ = draw_wrong(Design(18, 100), rng, rates)
        flips += sum(t.adjusted_p_value <= 0.05 for t in compare_pairs(wrong, flips=999))
        holm = compare_pairs(wrong, correction="holm")
        corrected += sum(t.adjusted_p_value <= 0.05 for t in holm)
    assert flips > 1.1 * corrected > 0


def test_planned_comparisons_are_corrected_over_themselves():
    """Four runs against a baseline: four pairs and not ten, so the same p-value weighs more."""
    wrong, _ = draw_wrong(Design(5, 200), np.random.default_rng(8), np.linspace(0.1, 0.3, 5))
    pairs = planned_pairs(5, 0)
    assert pairs == ((1, 0), (2, 0), (3, 0), (4, 0))
    planned = compare_pairs(wrong, pairs=pairs)
    every = {(test.second, test.first): test for test in compare_pairs(wrong)}
    for test in planned:
        other = every[test.first, test.second]
        assert test.p_value == other.p_value
        assert test.adjusted_p_value <= other.adjusted_p_value + 0.02
        assert (test.only_first, test.only_second) == (other.only_second, other.only_first)
    assert planned[0].correction == "max-t by sign-flips over 4"
    assert compare_pairs(wrong, pairs=[]) == ()


def test_one_pair_needs_no_correction():
    """Its adjusted p-value is its own, up to the chance of the flips, and never under it."""
    wrong, _ = draw_wrong(Design(2, 300), np.random.default_rng(9), np.array([0.1, 0.2]))
    (test,) = compare_pairs(wrong)
    assert test.p_value <= test.adjusted_p_value <= test.p_value + 0.01


def test_runs_that_err_alike_are_never_told_apart():
    """No discordant image: p is 1 for each pair."""
    wrong = np.tile(np.arange(40) % 4 == 0, (3, 1))
    assert {t.adjusted_p_value for t in compare_pairs(wrong)} == {1.0}


@pytest.mark.parametrize("positives", [13, 60])
def test_the_critical_p_value_parts_what_is_told_apart_from_what_is_not(positives):
    """Over 40 sets: the sharpest pair is told apart exactly where its p-value is within it."""
    rng = np.random.default_rng(10)
    rates, apart = np.linspace(0.3 - 3 / positives, 0.3 + 3 / positives, 4), 0
    for _ in range(40):
        wrong, _ = draw_wrong(Design(4, positives), rng, rates)
        sharpest = min(compare_pairs(wrong, flips=999), key=lambda test: test.p_value)
        level = critical_p_value(wrong, flips=999)
        assert level >= 0.05 / 6
        told = sharpest.adjusted_p_value <= 0.05
        assert told == (sharpest.p_value <= level * (1 + 1e-9)) or sharpest.p_value <= 0.05 / 6
        apart += told
    assert 0 < apart < 40


def test_a_single_pair_has_to_reach_alpha_itself():
    """One comparison needs no correction: 13 discordant images, and none."""
    for discordant in (13, 0):
        wrong = np.array([[True] * discordant + [False] * 20, [False] * (discordant + 20)])
        assert critical_p_value(wrong) == 0.05


def test_far_p_values_are_exact_or_bounds_and_adjust_alike():
    """Runs that differ by 100 images and more: of pairs without run 0 a bound is enough."""
    wrong = np.zeros((4, 900), np.bool_)
    for run, number in enumerate((10, 150, 400, 410)):
        wrong[run, :number] = True
    exact, bounded = (compare_pairs(wrong, flips=199, exact_of=of) for of in (None, (0,)))
    for pair, bound in zip(exact, bounded, strict=True):
        expected = mcnemar_exact(pair.only_first, pair.only_second)
        assert pair.p_value == pytest.approx(expected, rel=1e-11)
        near = pair.first == 0 or expected > 1e-15
        assert bound.p_value == pair.p_value if near else expected < bound.p_value <= 1e-15
        assert bound.adjusted_p_value == pair.adjusted_p_value
    assert min(pair.p_value for pair in exact) < 1e-70


def test_the_data_are_one_of_the_random_flips():
    """30 images that one run alone gets wrong: no flip reaches that, and p is 1 of 200, not 0."""
    wrong = np.array([[True] * 30, [False] * 30])
    (test,) = compare_pairs(wrong, flips=199)
    assert test.p_value == 2 * 0.5**30
    assert test.adjusted_p_value == 1 / 200


def test_a_pair_is_never_adjusted_below_a_sharper_one():
    """Two pairs of six discordant images each, apart: 2/64 alone, by hand 1 - (31/32)^2 of both.

    The second one alone would have 2/64 again; step-down holds it at what the first one has.
    """
    none, six = [False] * 6, [True] * 6
    wrong = np.array([none + none, six + none, none + none, none + six])
    tests = compare_pairs(wrong, pairs=[(0, 1), (2, 3)])
    assert [test.p_value for test in tests] == [1 / 32, 1 / 32]
    assert [test.adjusted_p_value for test in tests] == pytest.approx([1 - (31 / 32) ** 2] * 2)


def _draw_spread(seed, patients):
    """Runs of which some are far apart and some alike, on 600 images; patients have 1 to 9."""
    rng = np.random.default_rng(seed)
    rates = np.array([0.02, 0.03, 0.03, 0.2, 0.21, 0.5, 0.6, 0.95])
    groups = np.sort(rng.integers(0, 200, 600)) if patients else None
    return rng.random((8, 600)) < rates[:, np.newaxis], groups


@pytest.mark.parametrize("patients", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_pairs_without_a_table_are_judged_as_with_one(monkeypatch, seed, patients):
    """Pairs that no flip comes near to: the same p-values, and the same adjusted ones."""
    wrong, groups = _draw_spread(seed, patients)
    asked = []
    plain = multiplicity._tabulate

    def tabulate(times, wanted):
        asked.append(wanted)
        return plain(times, wanted)

    monkeypatch.setattr(multiplicity, "_tabulate", tabulate)
    found = compare_pairs(wrong, groups, flips=999, exact_of=[0])
    monkeypatch.setattr(multiplicity, "_CLEAR", 0.0)
    tabulated = compare_pairs(wrong, groups, flips=999, exact_of=[0])
    assert asked[1].all()
    assert 5 < asked[0].sum() < 25
    assert [each.adjusted_p_value for each in found] == [e.adjusted_p_value for e in tabulated]
    for ours, theirs in zip(found, tabulated, strict=True):
        if ours.first == 0 or theirs.p_value > 1e-15:
            assert ours == theirs
        else:
            assert max(ours.p_value, theirs.p_value) <= 1e-15


def test_a_pair_that_a_flip_might_come_near_to_has_a_table(monkeypatch):
    """Where the bound from below says nothing, what is clear is tabulated as well."""
    wrong, groups = _draw_spread(3, patients=True)
    found = compare_pairs(wrong, groups, flips=999)
    monkeypatch.setattr(multiplicity, "_bound_below", lambda times, _: np.zeros(len(times)))
    assert compare_pairs(wrong, groups, flips=999) == found


@given(
    st.lists(st.integers(0, 12), min_size=2, max_size=5).filter(lambda times: sum(times[1:]) > 0)
)
def test_both_bounds_hold(times):
    """On either side of every exact p-value of sign-flips."""
    sizes = np.arange(len(times))
    table = sign_flip_table(np.repeat(sizes, times))
    every = np.tile(times, (table.size, 1))
    reached = np.arange(table.size)
    assert (multiplicity._bound_above(every, reached) >= table * (1 - 1e-12)).all()
    assert (multiplicity._bound_below(every, reached) <= table * (1 + 1e-12)).all()
