"""Whether scores can be read as probabilities: Brier score, calibration line, ECE, reliability.

Images whose truth is unknown are excluded. An image that could not be scored has no probability: it
takes the worst one in the Brier score, and is excluded from the other metrics, which say how many
images they are of.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from covidreport.metrics.intervals import two_sided_z
from covidreport.metrics.logistic import LogisticFit, fit_logistic
from covidreport.metrics.rates import estimate_rate
from covidreport.records import UNKNOWN, Activation, Estimate, ReliabilityBin

NEAREST = 2.0**-24
"""How near to 0 and 1 a probability is taken to lie when its logit is needed: half the distance
from 1 to the next smaller float32, below which a stored probability can't tell anything apart."""
BINS = 10


def to_probabilities(scores: NDArray[np.floating], activation: Activation) -> NDArray[np.float64]:
    """Scores of any shape as probabilities: a logit's sigmoid, others as they are.

    ValueError for an activation whose scores are none of one label alone (`softmax-logit`).
    """
    from scipy.special import expit

    values = scores.astype(np.float64)
    if activation == "logit":
        return np.asarray(expit(values), dtype=np.float64)
    if activation in ("sigmoid", "softmax"):
        return values
    raise ValueError(f"scores with activation {activation!r} are no probabilities")


def to_logits(scores: NDArray[np.floating], activation: Activation) -> NDArray[np.float64]:
    """Scores of any shape as logits; a probability nearer to 0 or 1 than `NEAREST` is put there."""
    from scipy.special import logit

    if activation == "logit":
        return scores.astype(np.float64)
    probabilities = to_probabilities(scores, activation)
    return np.asarray(logit(np.clip(probabilities, NEAREST, 1 - NEAREST)), dtype=np.float64)


def brier_score(
    truth: NDArray[np.int8], probabilities: NDArray[np.float64], failed: NDArray[np.bool_]
) -> Estimate:
    """The mean squared distance of probabilities from 0 or 1, each `(N,)`; lower is better.

    Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather Review 78
    (1950) 1-3, for one event (half of his score, which sums over both outcomes). It mixes
    calibration with discrimination, and depends on the prevalence: always answering the prevalence
    p scores p (1 - p). A failed image is as wrong as can be: 1. Undefined without images.
    """
    known = truth != UNKNOWN
    if not known.any():
        return Estimate(None)
    distances = np.where(failed, 1.0, probabilities - (truth == 1))[known]
    return Estimate(float(np.mean(np.square(distances))))


class CalibrationLine(Struct, frozen=True):
    """How the log odds of the truth follow the logits of a run."""

    intercept: Estimate
    """Calibration-in-the-large: 0 where as many images are positive as the scores add up to;
    negative where the scores are too high."""
    slope: Estimate
    """1 where scores spread as they should; below 1 where they are too extreme."""
    images: int


def fit_calibration(
    truth: NDArray[np.int8],
    logits: NDArray[np.float64],
    failed: NDArray[np.bool_],
    confidence: float = 0.95,
    groups: NDArray[np.integer[Any]] | None = None,
) -> CalibrationLine:
    """The calibration intercept and slope of one label, from truth, logits and failed `(N,)`.

    Logistic recalibration: the slope is b of the logistic regression logit P(y = 1) = a + b x on
    the logits x, the intercept is a of the same with b fixed at 1 (x as an offset). Cox, "Two
    further applications of a model for binary regression", Biometrika 45 (1958) 562-565; Van
    Calster et al., "A calibration hierarchy for risk models was defined: from utopia to empirical
    data", J. Clin. Epidemiol. 74 (2016) 167-176. Maximum likelihood, Wald intervals; with groups
    (integers `(N,)`: patients) their errors are those of Liang and Zeger, "Longitudinal data
    analysis using generalized linear models", Biometrika 73 (1986) 13-22, times G / (G - 1) for G
    groups.

    Both are undefined where a class is absent, and where logits are so large that every value is as
    likely; the slope also where all logits are equal and where one value of them divides the
    classes, since the likelihood then has no maximum.
    """
    scored = (truth != UNKNOWN) & ~failed
    y, x = (truth[scored] == 1).astype(np.float64), logits[scored]
    if not 0 < y.sum() < y.size:
        return CalibrationLine(Estimate(None), Estimate(None), int(y.size))
    ones = np.ones((y.size, 1))
    codes = None if groups is None else np.unique(groups[scored], return_inverse=True)[1]
    grouped = codes is not None
    intercept = _estimate_coefficient(
        fit_logistic(ones, y, x, codes), 0, confidence, grouped=grouped
    )
    on, off = x[y == 1], x[y == 0]
    divided = off.max() <= on.min() or on.max() <= off.min()
    slope = Estimate(None)
    if not divided:
        # Standardised, so that the steps are of one size whatever the unit of the scores.
        centre, spread = float(x.mean()), float(x.std())
        columns = np.column_stack([ones, (x - centre) / spread])
        line = fit_logistic(columns, y, np.zeros(y.size), codes)
        slope = _scale(_estimate_coefficient(line, 1, confidence, grouped=grouped), 1 / spread)
    return CalibrationLine(intercept, slope, int(y.size))


def _scale(estimate: Estimate, factor: float) -> Estimate:
    ends = (estimate.value, estimate.low, estimate.high)
    value, low, high = (None if each is None else each * factor for each in ends)
    return Estimate(value, low, high, method=estimate.method)


def _estimate_coefficient(
    fit: LogisticFit | None, column: int, confidence: float, *, grouped: bool
) -> Estimate:
    if fit is None:
        return Estimate(None)
    value, variance = float(fit.weights[column]), float(fit.covariance[column, column])
    if not variance > 0:  # all images are of one group
        return Estimate(value)
    margin = two_sided_z(confidence) * math.sqrt(variance)
    method = "wald over groups" if grouped else "wald"
    return Estimate(value, value - margin, value + margin, method=method)


def bin_reliability(
    truth: NDArray[np.int8],
    probabilities: NDArray[np.float64],
    failed: NDArray[np.bool_],
    bins: int = BINS,
) -> tuple[ReliabilityBin, ...]:
    """Predicted against observed, in bins of equal width from 0 to 1; arguments `(N,)`.

    An empty bin is kept, with a count of 0. ValueError for fewer than one bin, and for a
    probability outside 0 to 1 in an image that did not fail.
    """
    if bins < 1:
        raise ValueError(f"{bins} bins")
    scored = (truth != UNKNOWN) & ~failed
    y, p = truth[scored] == 1, probabilities[scored]
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError("a probability lies between 0 and 1: make them with to_probabilities")
    edges = np.arange(bins + 1) / bins
    # By the edges as they are written, not by p x bins: 0.29 x 100 is 28.999999999999996.
    bin_index = np.clip(np.searchsorted(edges, p, side="right") - 1, 0, bins - 1)
    counts = np.bincount(bin_index, minlength=bins)
    sums = np.bincount(bin_index, weights=p, minlength=bins)
    positives = np.bincount(bin_index, weights=y, minlength=bins)
    return tuple(
        ReliabilityBin(
            low=float(edges[i]),
            high=float(edges[i + 1]),
            count=int(counts[i]),
            predicted=float(sums[i] / counts[i]) if counts[i] else None,
            observed=estimate_rate(int(positives[i]), int(counts[i])),
        )
        for i in range(bins)
    )


def expected_calibration_error(bins: tuple[ReliabilityBin, ...]) -> Estimate:
    """ECE: the mean distance between predicted and observed of the bins, weighted by their counts.

    Naeini, Cooper and Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning",
    AAAI (2015), for the probability of the positive class. It depends on the bins (more of them,
    larger ECE) and is above 0 by chance alone, so it is stated with them and has no interval here.
    Undefined without images.
    """
    filled = [
        (each.count, abs(each.predicted - each.observed.value))
        for each in bins
        if each.predicted is not None and each.observed.value is not None
    ]
    total = sum(count for count, _ in filled)
    if total == 0:
        return Estimate(None)
    return Estimate(math.fsum(count * distance for count, distance in filled) / total)
