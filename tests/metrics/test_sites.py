"""A rate over sites: against integration by brute force, statsmodels, and simulated studies."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import optimize, stats
from scipy.special import expit, logit, xlogy
from statsmodels.stats.meta_analysis import combine_effects

from benchmarks.sites import simulate
from covidreport.metrics.sites import find_unusual, pool_sites

NOBODY_MISSED = [20] * 5, [20] * 5
FAR_APART = [9, 10, 10, 60, 30, 11], [10, 10, 10, 100, 33, 20]


def integrate(found: list[int], positives: list[int]) -> list[float]:
    """The middle and the ends of mean and SD, then the range at a new site, by sums over plain,
    fine grids of mean, SD and rate."""
    means = np.linspace(-3, 13, 161)
    sds = np.concatenate([[1e-4], np.linspace(0.04, 4, 50)])
    deviates = np.linspace(-6, 6, 81)
    dense = stats.norm.pdf(deviates) * (deviates[1] - deviates[0])
    log = np.zeros((sds.size, means.size))
    for row, sd in enumerate(sds):
        rate = expit(means[:, None] + sd * deviates)
        log[row] = stats.halfnorm.logpdf(sd) + 0.5 * np.log(expit(means) * expit(-means))
        for y, n in zip(found, positives, strict=True):
            likelihood = np.exp(xlogy(y, rate) + xlogy(n - y, 1 - rate) - xlogy(y, y / n)
                                - xlogy(n - y, 1 - y / n))  # fmt: skip
            log[row] += np.log(likelihood @ dense + 1e-300)
    weight = np.exp(log - log.max()) * np.gradient(sds)[:, None]
    weight /= weight.sum()

    def quantiles(grid: NDArray[np.float64], share: NDArray[np.float64]) -> list[float]:
        return [
            float(each) for each in np.interp((0.5, 0.025, 0.975), share.cumsum() - share / 2, grid)
        ]

    def below(at: float, level: float) -> float:
        return float((weight * stats.norm.cdf((at - means) / sds[:, None])).sum()) - level

    ends = [
        float(expit(optimize.brentq(below, -20, 40, args=(level,)))) for level in (0.025, 0.975)
    ]
    means_at = [float(expit(each)) for each in quantiles(means, weight.sum(axis=0))]
    return [*means_at, *quantiles(sds, weight.sum(axis=1)), *ends]


@pytest.mark.parametrize(("found", "positives"), [NOBODY_MISSED, FAR_APART])
def test_a_rate_over_sites_is_what_plain_integration_gives(
    found: list[int], positives: list[int]
) -> None:
    pooled = pool_sites(found, positives)
    assert pooled is not None
    mean, low, high, sd, sd_low, sd_high, new_low, new_high = integrate(found, positives)
    assert (pooled.mean, pooled.low, pooled.high) == pytest.approx((mean, low, high), abs=2e-3)
    assert (pooled.new_low, pooled.new_high) == pytest.approx((new_low, new_high), abs=2e-3)
    assert (pooled.sd, pooled.sd_low, pooled.sd_high) == pytest.approx(
        (sd, sd_low, sd_high), abs=0.06
    )


@pytest.mark.parametrize("seed", range(2))
def test_with_many_positives_it_is_the_usual_random_effects_mean(seed: int) -> None:
    rng = np.random.default_rng(seed)
    positives = rng.integers(500, 3000, 12)
    found = rng.binomial(positives, expit(rng.normal(1.8, 0.4, 12)))
    usual = combine_effects(
        logit(found / positives), 1 / found + 1 / (positives - found), method_re="pm"
    )
    pooled = pool_sites(found, positives)
    assert pooled is not None
    assert pooled.mean == pytest.approx(float(expit(usual.mean_effect_re)), abs=0.005)


def test_simulated_studies_are_held() -> None:
    """Of a true 0.95, all but one in a thousand times at least 20 of 25 would be held."""
    mean, new, *_ = simulate(12, 0.8, 0.9, 25, np.random.default_rng(1))
    assert mean >= 0.8
    assert new >= 0.8


def test_the_site_that_differs_is_named_and_no_other() -> None:
    (found,) = find_unusual([45, 44, 46, 47, 18], [50] * 5)
    assert (found.place, found.side) == (4, "lower")
    assert found.p_value <= 0.05
    assert find_unusual([45, 44, 46, 47, 42], [50] * 5) == []


def test_a_site_without_images_is_left_out() -> None:
    (found,) = find_unusual([45, 44, 0, 46, 47, 18], [50, 50, 0, 50, 50, 50])
    assert found.place == 5
    assert pool_sites([9, 0, 8], [10, 0, 10]) == pool_sites([9, 8], [10, 10])


def test_fewer_than_five_sites_say_nothing_of_a_new_one() -> None:
    pooled = pool_sites([45, 44, 46, 47], [50] * 4)
    assert pooled is not None
    assert (pooled.new_low, pooled.new_high) == (None, None)
    assert find_unusual([45, 44, 46, 3], [50] * 4) == []
    assert pool_sites([45], [50]) is None


@pytest.mark.parametrize("counts", [([3], [2]), ([-1], [2]), ([1, 2], [3])])
def test_what_are_no_counts_is_refused(counts: tuple[list[int], list[int]]) -> None:
    with pytest.raises(ValueError, match=r"of each|no fewer than 0"):
        pool_sites(*counts)
