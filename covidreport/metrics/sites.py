"""A rate over several sites, such as hospitals: its mean, how far sites differ, and the range to
expect at a new one.

At each site the counted images are binomial, and the logits of the sites' rates are normal: the
binomial-normal model of Hamza, van Houwelingen and Stijnen, "The binomial distribution of
meta-analysis was preferred to model within-study variability", J. Clin. Epidemiol. 61 (2008) 41-51.
No count is moved off 0 for it. The standard deviation between sites has a half-normal(1) prior
(Röver et al., "On weakly informative prior distributions for the heterogeneity parameter in
Bayesian random-effects meta-analysis", Res. Synth. Methods 12 (2021) 448-474), the mean Jeffreys',
so that it is defined where no site missed anything. Both are integrated on a grid, the rate of each
site by adaptive Gauss-Hermite quadrature (Liu and Pierce, "A note on Gauss-Hermite quadrature",
Biometrika 81 (1994) 624-629). The range at a new site is that of its true rate: Higgins, Thompson
and Spiegelhalter, "A re-evaluation of random-effects meta-analysis", J. R. Stat. Soc. A 172 (2009)
137-159.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from msgspec import Struct
from numpy.typing import ArrayLike, NDArray

from covidreport.records import PooledRate, UnusualSite

FEWEST_SITES: Final = 5
"""Of fewer nothing is said of a new site: what they differ by is then mostly the prior."""
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(15)
_LARGEST_SD: Final = 5.0
"""Of the logits of sites' rates: five times what the prior thinks of as usual."""
_STEPS_OF_SD: Final = 48
_STEPS_OF_MEAN: Final = 61
_WIDEST: Final = 20.0
"""How far the grid of the mean goes on both sides, in its standard deviations."""
Array = NDArray[np.float64]


class Posterior(Struct, frozen=True, eq=False):
    """What sites say of the logits of their rates: a grid of SDs between sites, `(S, 1)`, with as
    many means for each, `(S, M)`, and the weights of these points, which add up to 1."""

    mean: Array
    sd: Array
    weight: Array


def pool_sites(counted: ArrayLike, among: ArrayLike, confidence: float = 0.95) -> PooledRate | None:
    """The rate over sites; None of fewer than two that have images.

    counted, among: how many images of each site count, and of how many, `(K,)`; effective numbers
    need not be whole. The mean is the rate of a site in the middle: half of all sites have a higher
    one. ValueError for what are no such counts.
    """
    y, n = _check(counted, among)
    if y.size < 2:
        return None
    posterior = fit_sites(y, n)
    tail = (1 - confidence) / 2
    levels = (0.5, tail, 1 - tail)
    mean = [float(_expit(each)) for each in _find_means(posterior, levels)]
    new: list[float | None] = [None, None]
    if y.size >= FEWEST_SITES:
        new = [float(_expit(predict_logit(posterior, at))) for at in levels[1:]]
    return PooledRate(y.size, *mean, *_find_sds(posterior, levels), *new)


def find_unusual(counted: ArrayLike, among: ArrayLike, alpha: float = 0.05) -> list[UnusualSite]:
    """The sites whose rate is not what the others let expect, the most unlikely first.

    counted, among: as of `pool_sites`. Each site is held against the range that all others predict
    for it: p is twice the smaller tail of its count, with half of the count itself (Marshall and
    Spiegelhalter, "Identifying outliers in Bayesian hierarchical models", Bayesian Anal. 2 (2007)
    409-444), corrected by Holm over the sites. place: in the arrays given. Empty of fewer than
    `FEWEST_SITES`.
    """
    from covidreport.metrics.significance import holm

    y, n = _check(counted, among)
    if y.size < FEWEST_SITES:
        return []
    kept = np.flatnonzero(np.asarray(among, np.float64) > 0)
    others = [np.arange(y.size) != place for place in range(y.size)]
    tails = [_predict_tail(fit_sites(y[rest], n[rest]), y[i], n[i])
             for i, rest in enumerate(others)]  # fmt: skip
    adjusted = holm([2 * min(below, 1 - below) for below in tails])
    found = [
        UnusualSite(int(kept[i]), p, "lower" if tails[i] < 0.5 else "higher")
        for i, p in enumerate(adjusted)
        if p <= alpha
    ]
    return sorted(found, key=lambda each: each.p_value)


def fit_sites(y: Array, n: Array) -> Posterior:
    """The posterior of mean and SD, from counts `(K,)` of sites that all have images."""
    step = np.linspace(0.0, 1.0, _STEPS_OF_SD)
    fine = 0.02  # steps are about equal below it, and grow with the SD above
    growth = math.log1p(_LARGEST_SD / fine)
    sd = fine * np.expm1(growth * step)[:, np.newaxis]
    spaced = np.linspace(-1.0, 1.0, _STEPS_OF_MEAN) * math.asinh(_WIDEST)
    centre, scale = _place_means(y, n, sd)
    mean = centre + scale * np.sinh(spaced)
    volume = (sd + fine) * scale * np.cosh(spaced)  # of a cell of the grid, but for a constant
    volume[0] /= 2
    prior = -0.5 * sd**2 - 0.5 * (np.logaddexp(0, mean) + np.logaddexp(0, -mean))
    found = prior + _log_likelihood(y, n, mean, np.maximum(sd, 1e-6)) + np.log(volume)
    weight = np.exp(found - found.max())
    return Posterior(mean, sd, weight / weight.sum())


def predict_logit(posterior: Posterior, probability: float) -> float:
    """The quantile of the logit of a new site's rate, by bisection."""
    from scipy.special import ndtr

    low, high = float(posterior.mean.min() - 40), float(posterior.mean.max() + 40)
    spread = np.maximum(posterior.sd, 1e-6)
    for _ in range(50):
        middle = (low + high) / 2
        below = float((posterior.weight * ndtr((middle - posterior.mean) / spread)).sum())
        low, high = (middle, high) if below < probability else (low, middle)
    return (low + high) / 2


def _check(counted: ArrayLike, among: ArrayLike) -> tuple[Array, Array]:
    """The counts of the sites that have images."""
    y, n = np.asarray(counted, np.float64), np.asarray(among, np.float64)
    if y.shape != n.shape or y.ndim != 1:
        raise ValueError(f"counts {y.shape} of {n.shape}: one of each for every site")
    if not (np.isfinite(n).all() and ((y >= 0) & (y <= n)).all()):
        raise ValueError("a site counts no fewer than 0 images and no more than it has")
    return y[n > 0], n[n > 0]


def _place_means(y: Array, n: Array, sd: Array) -> tuple[Array, Array]:
    """Where the grid of the mean lies for each SD `(S, 1)`, and its unit: by the normal model,
    which is near enough to know where to look."""
    logits = np.log((y + 0.5) / (n - y + 0.5))
    variance = 1 / (y + 0.5) + 1 / (n - y + 0.5)
    weights = 1 / (variance + sd**2)
    total = weights.sum(axis=1, keepdims=True)
    # Where nobody missed anything the model's own variance is far too small.
    floor = 1 / (y.sum() + 0.5) + 1 / ((n - y).sum() + 0.5)
    return (weights @ logits)[:, np.newaxis] / total, np.sqrt(np.maximum(1 / total, floor))


def _log_likelihood(y: Array, n: Array, mean: Array, sd: Array) -> Array:
    """Of all sites at each point of the grid `(S, M)`, but for a constant."""
    total = np.zeros_like(mean)
    for counted, among in zip(y, n, strict=True):
        total += _log_marginal(counted, among, mean, sd)
    return total


def _log_marginal(y: float, n: float, mean: Array, sd: Array) -> Array:
    """Of one site at each point, its rate integrated out."""
    centre, spread = _find_peak(y, n, mean, sd)
    theta = centre + spread * _NODES[:, np.newaxis, np.newaxis]
    height = _log_binomial(y, n, theta) - 0.5 * ((theta - mean) / sd) ** 2
    height += np.log(_WEIGHTS)[:, np.newaxis, np.newaxis] + 0.5 * _NODES[:, None, None] ** 2
    top = height.max(axis=0)
    found: Array = top + np.log(np.exp(height - top).sum(axis=0)) + np.log(spread / sd)
    return found


def _find_peak(y: float, n: float, mean: Array, sd: Array) -> tuple[Array, Array]:
    """Where the integrand of a site is largest, by Newton's steps, and its width there."""
    own = 1 / (1 / (y + 0.5) + 1 / (n - y + 0.5))
    tight = 1 / sd**2
    theta = (own * math.log((y + 0.5) / (n - y + 0.5)) + tight * mean) / (own + tight)
    for _ in range(4):
        rate = _expit(theta)
        slope = y - n * rate - (theta - mean) * tight
        theta = theta + np.clip(slope / (n * rate * (1 - rate) + tight), -2.0, 2.0)
    rate = _expit(theta)
    return theta, 1 / np.sqrt(n * rate * (1 - rate) + tight)


def _log_binomial(y: float, n: float, theta: Array) -> Array:
    """Relative to the rate that was counted, so that it is never far from 0 where it matters."""
    rate = y / n
    best = y * math.log(rate) if y else 0.0
    best += (n - y) * math.log1p(-rate) if y < n else 0.0
    found: Array = y * theta - n * np.logaddexp(0, theta) - best
    return found


def _predict_tail(posterior: Posterior, y: float, n: float) -> float:
    """How likely a new site of n images counts fewer than y, with half of what y itself has."""
    from scipy.special import bdtr

    keep = posterior.weight > 1e-8
    mean, weight = posterior.mean[keep], posterior.weight[keep]
    sd = np.broadcast_to(posterior.sd, keep.shape)[keep]
    rates = _expit(mean[:, np.newaxis] + sd[:, np.newaxis] * _NODES)
    whole, count = max(round(n), 1), min(round(y), max(round(n), 1))
    at_most = bdtr(count, whole, rates)
    below = bdtr(count - 1, whole, rates) if count else np.zeros_like(rates)
    share: Any = weight / weight.sum()
    return float(share @ ((at_most + below) / 2 @ (_WEIGHTS / _WEIGHTS.sum())))


def _find_means(posterior: Posterior, levels: tuple[float, ...]) -> list[float]:
    """Quantiles of the mean logit."""
    from scipy.interpolate import CubicSpline

    steps = np.arange(posterior.mean.shape[1])
    fine = np.linspace(0, steps[-1], 8 * steps[-1] + 1)  # the grid is too coarse for quantiles
    means = CubicSpline(steps, posterior.mean, axis=1)(fine)
    weights = np.maximum(CubicSpline(steps, posterior.weight, axis=1)(fine), 0)
    likely = posterior.mean[posterior.weight > 1e-10]
    at = np.linspace(likely.min(), likely.max(), 2000)
    below = np.zeros(at.size)
    for mean, weight in zip(means, weights / weights.sum(), strict=True):
        below += np.interp(at, mean, np.cumsum(weight) - weight / 2)
    return [float(each) for each in np.interp(levels, below, at)]


def _find_sds(posterior: Posterior, levels: tuple[float, ...]) -> list[float]:
    """Quantiles of the SD between sites."""
    share = posterior.weight.sum(axis=1)
    below = np.cumsum(share) - share / 2
    below[0] = 0  # the cell of the first begins with it
    return [float(each) for each in np.interp(levels, below, posterior.sd[:, 0])]


def _expit(values: Any) -> Any:
    from scipy.special import expit

    return expit(values)
