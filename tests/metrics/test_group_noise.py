"""What each group's noise allows: against enumeration by SciPy, a hand count and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multinomial, multivariate_normal, norm
from statsmodels.stats.proportion import proportion_confint

from benchmarks.group_noise import Setting, cross, reckon_own, simulate
from covidreport.metrics import LatentPair
from covidreport.metrics.group_noise import (
    choose_allowances,
    find_caught_loss,
    list_tails,
    reckon_sensitivities,
)


def _enumerate(n, sensitivity, between, loss, allowance):
    """P(the run misses over `allowance` more) by SciPy's normal and multinomial laws."""
    limits = norm.ppf([1 - sensitivity + loss, 1 - sensitivity])
    both = multivariate_normal([0, 0], [[1, between], [between, 1]]).cdf(limits)
    run, baseline = 1 - sensitivity + loss - both, 1 - sensitivity - both
    pairs = [(b, c, n - b - c) for b in range(n + 1) for c in range(n + 1 - b)]
    law = multinomial(n, [run, baseline, 1 - run - baseline]).pmf(pairs)
    return sum(p for (b, c, _), p in zip(pairs, law, strict=True) if b - c > allowance)


def test_chances_of_groups_add_up_by_hand():
    """One image at 0.5 and a correlation of 0.5: the run alone misses it in 1/6 of sets. So two
    such groups fail an equal run in at most 1/3, and where less is allowed neither may lose it."""
    pair = LatentPair((1,), 0.5, 0.5)
    assert list_tails(pair) == pytest.approx((1 / 6, 0))
    assert choose_allowances((pair, pair), 0.34) == (0, 0)
    assert choose_allowances((pair, pair), 0.33) == (1, 1)
    assert choose_allowances((pair,), 0.17) == (0,)
    assert choose_allowances((), 0.05) == ()


@pytest.mark.parametrize("loss", [0.0, 0.2])
def test_chances_and_caught_losses_are_those_of_enumeration(loss):
    pair = LatentPair((14,), 0.85, 0.6)
    for allowance in (0, 3, 13):
        expected = _enumerate(14, 0.85, 0.6, loss, allowance)
        assert list_tails(pair, loss)[allowance] == pytest.approx(expected, abs=1e-7)
    caught = find_caught_loss(pair, 3)
    assert caught is not None
    assert _enumerate(14, 0.85, 0.6, caught, 3) == pytest.approx(0.8, abs=1e-5)
    assert find_caught_loss(pair, 14) is None


def test_no_allowance_could_be_smaller():
    """Groups of 10 to 80: one case less in any would take their chances over the share, or that
    group's above the level of the others."""
    pairs = [LatentPair((n,), 0.85, 0.6) for n in (10, 20, 40, 80)]
    chosen = choose_allowances(pairs, 0.05)
    chances = [list_tails(pair)[cases] for pair, cases in zip(pairs, chosen, strict=True)]
    assert sum(chances) <= 0.05
    tighter = [list_tails(pair)[cases - 1] for pair, cases in zip(pairs, chosen, strict=True)]
    assert min(tighter) > max(chances)
    assert sum(chances) - chances[tighter.index(min(tighter))] + min(tighter) > 0.05


def test_noise_is_reckoned_with_what_is_nearer_to_one_half():
    """3 of 10 missed in the group: its own 7.5 of 11. None missed: the lower end of the whole's,
    Wilson's of 80 %, as statsmodels has it."""
    missed, group = np.zeros(60, bool), np.arange(60) < 10
    missed[20:26] = True
    low = proportion_confint(54, 60, alpha=0.2, method="wilson")[0]
    assert reckon_sensitivities(missed, [group], None) == pytest.approx((low,))
    assert reckon_sensitivities(missed, [group], np.arange(60)) == pytest.approx((low,))
    assert reckon_sensitivities(missed, [group], np.arange(60) // 3)[0] < low
    missed[:3] = True
    assert reckon_sensitivities(missed, [group, ~group], None)[0] == 7.5 / 11
    assert reckon_sensitivities(np.ones(60, bool), [group], None) == (0.5 / 11,)


def test_all_groups_together_fail_few_equal_runs():
    """11 that overlap, and 12 of ten cases, which their own sensitivities would fail in a fifth; at
    length in `benchmarks/group_noise.py`."""
    crossed = Setting("", cross(60), np.full(60, 0.85))
    (equal, worse), _ = simulate(crossed, 200, seed=1, losses=(0.0, 0.4))
    assert equal <= 0.05
    assert worse >= 0.85
    small = np.repeat(np.arange(12), 10) == np.arange(12)[:, np.newaxis]
    alike = Setting("", small, np.full(120, 0.85), 0.3, 0.3)
    assert simulate(alike, 200, 1, losses=(0.0,))[0][0] <= 0.05
    assert simulate(alike, 100, 1, reckon_own, (0.0,))[0][0] > 0.1
