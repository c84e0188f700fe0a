"""Agreement between readers: scikit-learn and statsmodels, published tables, and counts by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import cohens_kappa, fleiss_kappa

from covidreport.metrics.agreement import (
    agree_all,
    agree_pairwise,
    is_paradox,
    pick_split,
    vote,
)
from covidreport.records import Estimate


def _known(estimate: Estimate) -> tuple[float, float, float]:
    """The value and both ends."""
    assert estimate.value is not None
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.value, estimate.low, estimate.high


def _table(both, first, second, neither):
    """Two readers' calls, by how many images each combination has, `(2, N)`."""
    pairs = [(1, 1)] * both + [(1, 0)] * first + [(0, 1)] * second + [(0, 0)] * neither
    return np.array(pairs, np.int8).T


def _draw(images, readers, prevalence, seed):
    rng = np.random.default_rng(seed)
    rate = np.where(rng.random(images) < prevalence, 0.8, 0.15)
    return (rng.random((readers, images)) < rate).astype(np.int8)


@pytest.mark.parametrize("prevalence", [0.1, 0.4, 0.9])
def test_kappas_are_those_of_other_implementations(prevalence):
    """Cohen's of each pair on the images that both read; Fleiss' of all where all read all."""
    readings = _draw(80, 4, prevalence, 3)
    counts = np.stack([(readings == code).sum(axis=0) for code in (0, 1)], axis=1)
    assert agree_all(readings).kappa.value == pytest.approx(fleiss_kappa(counts))
    readings[0, :9] = -1
    found = agree_pairwise(readings)
    assert len(found) == 6
    for (one, other), each in found.items():
        read = (readings[one] >= 0) & (readings[other] >= 0)
        first, second = readings[one, read], readings[other, read]
        assert each.images == read.sum()
        assert each.split == (first != second).sum()
        assert each.kappa.value == pytest.approx(cohen_kappa_score(first, second))


def test_the_variance_of_kappa_is_that_of_fleiss_cohen_and_everitt():
    """As statsmodels has it, but for one degree of freedom; the interval is that of log(1 - k)."""
    one = agree_pairwise(_table(22, 9, 4, 65))[0, 1]
    theirs = cohens_kappa(np.array([[22, 9], [4, 65]]))
    assert one.kappa.value == pytest.approx(theirs.kappa)
    low, high = (np.log(1 - end) for end in _known(one.kappa)[1:])
    error = (low - high) / 2 / 1.984217 * (1 - theirs.kappa)  # t of 99 degrees of freedom
    assert error == pytest.approx(theirs.std_kappa * np.sqrt(100 / 99), rel=1e-5)
    assert (low + high) / 2 == pytest.approx(np.log(1 - theirs.kappa))


def test_a_published_paradox_is_told():
    """Feinstein and Cicchetti, J. Clin. Epidemiol. 43 (1990) 543-549, tables 1 and 2: an agreement
    of 0.85 twice, with kappa 0.70 and 0.32."""
    even, rare = (agree_pairwise(_table(*each))[0, 1] for each in ((40, 9, 6, 45), (80, 10, 5, 5)))
    assert even.agreed.value == rare.agreed.value == 0.85
    assert [round(_known(each.kappa)[0], 2) for each in (even, rare)] == [0.70, 0.32]
    assert not is_paradox(even)
    assert is_paradox(rare)
    assert rare.positive.value == pytest.approx(2 * 80 / (2 * 80 + 15))
    assert rare.negative.value == pytest.approx(2 * 5 / (2 * 5 + 15))
    assert rare.pabak.value == pytest.approx(0.70)
    assert rare.pabak.low == pytest.approx(2 * _known(rare.agreed)[1] - 1)


def test_all_readers_by_hand():
    """Three images: all of three say yes; two of three; one of two. One that one reader read is in
    none."""
    readings = np.array([[1, 1, 1, 0], [1, 1, 0, -1], [1, 0, -1, -1]], np.int8)
    found = agree_all(readings)
    assert (found.images, found.split, found.positive_calls, found.calls) == (3, 2, 6, 8)
    agreed = (1 + 1 / 3 + 0) / 3
    assert found.agreed.value == pytest.approx(agreed)
    rate = (1 + 2 / 3 + 1 / 2) / 3
    chance = rate**2 + (1 - rate) ** 2
    assert found.kappa.value == pytest.approx((agreed - chance) / (1 - chance))
    assert found.positive.value == pytest.approx((3 * 2 / 2 + 2 * 1 / 2 + 0) / 6)
    assert found.negative.value == 0


def test_where_all_say_the_same_nothing_is_known_of_chance():
    """Kappa is undefined where one answer alone is given; where all agree it has no interval."""
    one = agree_all(np.ones((3, 5), np.int8))
    assert (one.agreed.value, one.kappa.value) == (1, None)
    two = agree_all(np.tile(np.array([1, 0, 0, 1], np.int8), (3, 1)))
    assert (two.kappa.value, two.kappa.low) == (1, None)
    nobody = agree_all(np.array([[1, -1], [-1, 0]], np.int8))
    assert (nobody.images, nobody.agreed.value, nobody.kappa.value) == (0, None, None)


def test_images_of_one_patient_say_less():
    """Doubled images of the same patients have the interval of single ones, not a narrower one."""
    readings = _draw(60, 3, 0.3, 5)
    twice, patients = np.repeat(readings, 2, axis=1), np.repeat(np.arange(60), 2)
    one, other = agree_all(readings).kappa, agree_all(twice, patients).kappa
    assert _known(other) == pytest.approx(_known(one))
    _, low, high = _known(agree_all(twice).kappa)
    assert high - low < 0.8 * (_known(one)[2] - _known(one)[1])


def test_intervals_of_kappa_hold():
    """Of 300 drawn sets of 60 images about 0.95, of two readers and of three."""
    rng = np.random.default_rng(8)
    prevalence, se, sp = 0.3, 0.85, 0.9
    agreed = prevalence * (se**2 + (1 - se) ** 2) + (1 - prevalence) * (sp**2 + (1 - sp) ** 2)
    rate = prevalence * se + (1 - prevalence) * (1 - sp)
    chance = rate**2 + (1 - rate) ** 2
    true = (agreed - chance) / (1 - chance)
    held = np.zeros(2)
    for _ in range(300):
        calls = np.where(rng.random(60) < prevalence, se, 1 - sp)
        readings = (rng.random((3, 60)) < calls).astype(np.int8)
        for place, kappa in enumerate(
            (agree_pairwise(readings[:2])[0, 1].kappa, agree_all(readings).kappa)
        ):
            _, low, high = _known(kappa)
            held[place] += low <= true <= high
    assert held / 300 == pytest.approx([0.95, 0.95], abs=0.035)


def test_a_majority_needs_more_than_half():
    """As many for as against is none, and counted; an image that nobody read is neither."""
    readings = np.array([[1, 1, 1, -1], [1, 0, 0, -1], [0, -1, 0, -1]], np.int8)
    majority, tied = vote(readings)
    assert majority.tolist() == [1, -1, 0, -1]
    assert tied.tolist() == [False, True, False, False]


def test_the_most_divided_images_go_first():
    """Nearest to as many for as against, then those that more have read, then by name."""
    readings = np.array(
        [[1, 1, 1, 1, 0], [1, 0, 1, 0, 1], [1, -1, 0, 1, 0], [1, -1, 1, 0, -1]], np.int8
    )
    assert pick_split(readings, lambda row: "zyxwv"[row]) == ((3, 1, 4, 2), 4)
    assert pick_split(readings, str, most=2) == ((3, 1), 4)
