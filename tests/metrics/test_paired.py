"""Exact tests of two runs: published values, SciPy, statsmodels, and all sign patterns by hand."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, norm
from statsmodels.stats.contingency_tables import mcnemar

from covidreport.metrics.paired import (
    count_discordant,
    find_false_alarms,
    find_missed,
    flip_tail,
    flip_tails,
    mcnemar_exact,
    sign_flip,
    sign_flip_table,
    sum_by_group,
    tabulate_flips,
    tally_differences,
)
from covidreport.metrics.significance import bound_mcnemar


@pytest.mark.parametrize(
    ("only_first", "only_second", "p_value"),
    [(10, 30, 0.002221), (5, 0, 0.0625), (6, 0, 0.03125), (6, 16, 0.052479), (0, 0, 1.0)],
)
def test_mcnemar_gives_the_published_values(only_first, only_second, p_value):
    """6 and 16: Cavo et al. 2012, as the tests of R's contingencytables have it (Fagerland,
    Lydersen and Laake, Statistical Analysis of Contingency Tables, 2017, chapter 8)."""
    assert mcnemar_exact(only_first, only_second) == pytest.approx(p_value, abs=5e-7)
    assert mcnemar_exact(only_second, only_first) == pytest.approx(p_value, abs=5e-7)


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_equals_statsmodels(only_first, only_second):
    """Whatever the two discordant counts."""
    table = [[7, only_first], [only_second, 9]]
    expected = mcnemar(table, exact=True).pvalue
    assert mcnemar_exact(only_first, only_second) == pytest.approx(expected)


@given(st.integers(0, 12))
def test_the_bound_from_counts_alone_is_reached(gap):
    """`bound_mcnemar` is the p-value where nothing speaks for the other run."""
    assert mcnemar_exact(gap, 0) == pytest.approx(bound_mcnemar(gap))


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=9))
def test_the_sign_flip_counts_all_patterns(differences):
    """By hand: the share of all 2^G sign patterns whose sum is at least as far from 0."""
    at_hand = abs(sum(differences))
    patterns = product((-1, 1), repeat=len(differences))
    sums = [abs(sum(s * d for s, d in zip(signs, differences, strict=True))) for signs in patterns]
    expected = np.mean([each >= at_hand for each in sums])
    assert sign_flip(np.array(differences)) == pytest.approx(expected)
    times = np.bincount(np.abs(differences), minlength=6)[np.newaxis]
    assert flip_tails(times, np.array([at_hand])) == pytest.approx([expected], abs=1e-13)


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 10))
def test_the_sign_flip_of_single_images_is_mcnemar(only_first, only_second, neither):
    """One image a patient: each discordant one is a coin."""
    differences = np.array([1] * only_first + [-1] * only_second + [0] * neither, dtype=np.int64)
    assert sign_flip(differences) == pytest.approx(mcnemar_exact(only_first, only_second))


def test_the_sign_flip_of_very_many_groups_equals_the_binomial():
    """The FFT takes over there: 30,000 groups that differ by 1 and 20,000 that differ by 2."""
    ones = np.where(np.arange(30_000) < 15_200, 1, -1)
    twos = np.where(np.arange(20_000) < 10_050, 2, -2)
    assert sign_flip_table(ones)[400] == pytest.approx(binomtest(15_200, 30_000).pvalue)
    table = sign_flip_table(np.concatenate([ones, twos]))
    # The sum moves in steps of 2, so half a step less than 600.
    normal = 2 * norm.sf(599 / np.sqrt(30_000 + 4 * 20_000))
    assert table[600] == pytest.approx(normal, rel=1e-4)
    assert (np.diff(table) <= 0).all()
    assert table[-1] == 1e-12


@pytest.mark.parametrize("times", [[3, 40], [0, 7, 5], [0, 0, 30, 4], [2, 300, 90, 20, 3]])
def test_one_tail_is_that_of_the_table_however_small(times):
    """Down to all signs alike, 2^(1 - G)."""
    table = tabulate_flips(np.array(times))
    tails = [flip_tail(np.array(times), excess) for excess in range(len(table))]
    assert tails == pytest.approx(table, rel=1e-11)
    assert tails[-1] == pytest.approx(2.0 ** (1 - sum(times[1:])), rel=1e-11)


def test_a_table_within_reach_is_the_whole_one_as_far_as_it_goes(monkeypatch):
    """Of 12 standard deviations: what is left out is nothing beside what is there."""
    monkeypatch.setattr("covidreport.metrics.paired._DIRECT_WORK", 10**9)  # and no FFT
    times = np.array([0, 4000, 900])
    whole, within = tabulate_flips(times), tabulate_flips(times, 12)
    assert within.size < whole.size / 2
    far = int(np.count_nonzero(whole > 1e-15))
    assert within[:far] == pytest.approx(whole[:far], rel=1e-11)
    assert (np.diff(within) <= 0).all()


def test_a_patient_with_many_images_is_one_witness():
    """A run that errs more on one patient's ten images: 10 to 0 by image, 1 to 0 by patient."""
    assert mcnemar_exact(10, 0) == pytest.approx(0.001953, abs=5e-7)
    assert sign_flip(np.array([10])) == 1.0


def test_failed_images_are_wrong_answers():
    """A failed positive is missed and a failed negative a false alarm; unknown truth is neither."""
    truth = np.array([1, 1, 1, 0, 0, 0, -1], dtype=np.int8)
    answers = np.array([[1, 0, 1, 0, 1, 0, 1]], dtype=np.bool_)
    failed = np.array([[0, 0, 1, 0, 0, 1, 0]], dtype=np.bool_)
    assert find_missed(truth, answers, failed).tolist() == [[False, True, True]]
    assert find_false_alarms(truth, answers, failed).tolist() == [[False, True, True]]


def test_sums_are_by_group_and_run():
    """Two runs, three patients with codes of any size."""
    wrong = np.array([[1, 1, 0, 1, 0], [0, 0, 0, 1, 1]], dtype=np.bool_)
    groups = np.array([70, 70, 5, 70, 9])
    assert sum_by_group(wrong, groups).tolist() == [[0, 0], [0, 1], [3, 1]]
    assert sum_by_group(wrong, None).tolist() == wrong.T.astype(int).tolist()
    with pytest.raises(ValueError, match="groups"):
        sum_by_group(wrong, groups[:4])


@pytest.mark.parametrize("most", [0, 1, 3, 200])
def test_differences_of_all_pairs_are_tallied_as_one_by_one(monkeypatch, most):
    """Sums of up to so many, in blocks of two runs: what `bincount` gives of each pair."""
    monkeypatch.setattr("covidreport.metrics.paired._CACHE_BYTES", 150)
    sums = np.random.default_rng(most).integers(0, most + 1, (70, 9))
    pairs = [(i, j) for i in range(9) for j in range(9) if i != j]
    times = tally_differences(sums, pairs)
    assert (times.sum(axis=1) == 70).all()
    for (first, second), ours in zip(pairs, times, strict=True):
        theirs = np.bincount(np.abs(sums[:, first] - sums[:, second]), minlength=len(ours))
        assert ours.tolist() == theirs.tolist()
    assert tally_differences(sums, []).shape[0] == 0


def test_discordant_images_of_all_pairs_are_counted_as_one_by_one(monkeypatch):
    """In blocks of a few runs, in whatever order pairs stand."""
    monkeypatch.setattr("covidreport.metrics.paired._CACHE_BYTES", 50)
    rng = np.random.default_rng(1)
    wrong = rng.random((9, 131)) < 0.3
    pairs = [tuple(pair) for pair in rng.permutation([(i, j) for i in range(9) for j in range(9)])]
    expected = [(int((wrong[i] & ~wrong[j]).sum()), int((~wrong[i] & wrong[j]).sum()))
                for i, j in pairs]  # fmt: skip
    assert count_discordant(wrong, pairs) == expected
