"""Operating points: what each threshold finds and clears, and thresholds fitted to a target.

An image that could not be scored is never found and never cleared, at any threshold: a failed
positive counts as missed and a failed negative as a false alarm. Images whose truth is unknown are
excluded.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from covidreport.errors import RunError
from covidreport.metrics.counts import carry_thresholds, logit
from covidreport.metrics.intervals import lower_bound
from covidreport.metrics.rates import estimate_rate, estimate_ratio
from covidreport.records import UNKNOWN, Activation, Estimate, TargetMetric, ThresholdFit

MOST_DIGITS = 17
"""So many write any float exactly."""
ROUNDING = 1e-9
"""0.55 x 100 is 55.000000000000007 in floating point; 55 of 100 are enough all the same."""


class Points(NamedTuple):
    """All the operating points that a threshold can reach: equal scores are called together.

    values: float64 `(D,)`, the distinct scores, the highest first, in the model's own unit.
    found and false_alarms: int64 `(D + 1,)`; entry i is for the i highest values called positive.
    The first entry calls nothing positive, the last everything that was scored.
    """

    values: NDArray[np.float64]
    found: NDArray[np.int64]
    false_alarms: NDArray[np.int64]
    positives: int
    negatives: int


def list_points(
    truth: NDArray[np.int8], scores: NDArray[np.floating], failed: NDArray[np.bool_]
) -> Points:
    """One label's operating points from truth, scores and failed, each `(N,)`.

    Raises ValueError for a score that is not finite in an image that did not fail.
    """
    scored = (truth != UNKNOWN) & ~failed
    values, actual = scores[scored].astype(np.float64), truth[scored] == 1
    if not np.isfinite(values).all():
        raise ValueError("a score is not finite and its image did not fail")
    order = np.argsort(-values, kind="stable")
    values, actual = values[order], actual[order]
    last = np.ones(values.size, dtype=np.bool_)
    last[:-1] = values[1:] != values[:-1]
    found = np.concatenate([[0], np.cumsum(actual, dtype=np.int64)[last]])
    called = np.concatenate([[0], np.flatnonzero(last) + 1])
    failed_negatives = np.count_nonzero((truth == 0) & failed)
    return Points(
        values=values[last],
        found=found,
        false_alarms=called - found + failed_negatives,
        positives=int(np.count_nonzero(truth == 1)),
        negatives=int(np.count_nonzero(truth == 0)),
    )


def sensitivity_at_specificity(points: Points, specificity: float) -> Estimate:
    """The greatest sensitivity among the thresholds whose specificity is at least this.

    Points that no threshold reaches are not made up between two that one does (no interpolation).
    The threshold is the best one for these very images, so the value flatters a little, and no
    binomial interval holds for it: resample to get one. Undefined where a class is absent or where
    images that failed put the specificity out of reach. ValueError for one outside (0, 1].
    """
    _check_fraction("specificity", specificity)
    if not points.positives or not points.negatives:
        return Estimate(None)
    index = _index_for_specificity(
        points, points.negatives - _fewest(specificity, points.negatives)
    )
    if index is None:
        return Estimate(None)
    return estimate_ratio(int(points.found[index]), points.positives)


def allow_false_alarms(specificity: float, negatives: NDArray[np.int64]) -> NDArray[np.int64]:
    """The most false alarms among so many negatives at which a specificity is reached."""
    cleared: NDArray[np.int64] = np.ceil(specificity * negatives - ROUNDING).astype(np.int64)
    return negatives - cleared


def specificity_at_sensitivity(points: Points, sensitivity: float) -> Estimate:
    """The greatest specificity among the thresholds whose sensitivity is at least this.

    As `sensitivity_at_specificity`, the other way round.
    """
    _check_fraction("sensitivity", sensitivity)
    if not points.positives or not points.negatives:
        return Estimate(None)
    index = _index_for_sensitivity(
        points, points.positives - _fewest(sensitivity, points.positives)
    )
    if index is None:
        return Estimate(None)
    cleared = points.negatives - int(points.false_alarms[index])
    return estimate_ratio(cleared, points.negatives)


class Target(Struct, frozen=True):
    """What a threshold is tuned for.

    guaranteed: take the threshold at which the target holds for new images with the confidence,
    not the one that reaches it on the images at hand.
    """

    metric: TargetMetric
    value: float
    guaranteed: bool = False
    confidence: float = 0.95


def fit_threshold(
    truth: NDArray[np.int8],
    scores: NDArray[np.floating],
    failed: NDArray[np.bool_],
    activation: Activation,
    target: Target,
) -> ThresholdFit:
    """The threshold of one label that reaches a target, from truth, scores and failed `(N,)`.

    For a sensitivity: the highest threshold that still finds enough positives, so that specificity
    is the greatest; for a specificity: the lowest that still clears enough negatives. It lies about
    half way between the scores on its two sides, in the model's own unit, and beyond the last score
    half way to 0 or 1, with no more digits than that takes. It is a probability, and
    `predict_labels` gives the answers that it was chosen for.

    How many cases may be missed is fixed by their number n and the target before a score is looked
    at. So the threshold is an order statistic of the cases' scores, and the true rate at a
    threshold with k of n missed follows Beta(n - k, k + 1) or better: the one-sided lower bound of
    Clopper and Pearson for n - k of n holds although the threshold was tuned on the same images
    (Wilks, "Determination of sample sizes for setting tolerance limits", Ann. Math. Statist. 12
    (1941) 91-96; Scheffé and Tukey, Ann. Math. Statist. 16 (1945) 187-192, for scores with ties).
    That `bound` is what the split allows one to say; at the plain threshold it lies below the
    target. `guaranteed_threshold` allows so few misses that the bound reaches the target; it exists
    from `cases_needed` on: value ** n <= 1 - confidence, 59 cases for 0.95 at 95 %. All of this
    takes images for independent, which several images of one patient are not.

    Raises RunError where there is no case to tune on, where images that failed put the target out
    of reach, and where a guarantee is asked for that n cases can't give; ValueError for a target
    outside (0, 1] and for an activation without thresholds (`softmax-logit`).
    """
    _check_fraction(target.metric, target.value)
    points = list_points(truth, scores, failed)
    cases = points.positives if target.metric == "sensitivity" else points.negatives
    kind = "positives" if target.metric == "sensitivity" else "negatives"
    if cases == 0:
        raise RunError(f"has no {kind} to tune a threshold on")
    # Both thresholds are found whichever is asked for: a reader sees what certainty would cost.
    few = _allow_guaranteed(cases, target)
    find = partial(_find_threshold, points, target.metric, activation, scores.dtype)
    sure = None if few is None else find(few)
    needed = count_cases_needed(target)
    if target.guaranteed:
        if few is None or sure is None:
            raise RunError(_explain_no_guarantee(cases, kind, needed, target))
        allowed, chosen = few, sure
    else:
        allowed = cases - _fewest(target.value, cases)
        plain = find(allowed)
        if plain is None:
            raise RunError(
                f"reaches no {target.metric} of {target.value:g} at any threshold: more than "
                f"{allowed} of {cases} {kind} could not be scored, or have scores of exactly 0 or 1"
            )
        chosen = plain
    index, threshold = chosen
    found = int(points.found[index]), points.positives
    cleared = points.negatives - int(points.false_alarms[index]), points.negatives
    by_target = target.metric == "sensitivity"
    return ThresholdFit(
        threshold=threshold,
        metric=target.metric,
        target=target.value,
        method="guaranteed" if target.guaranteed else "plain",
        cases=cases,
        # The rate that the threshold was tuned for has the bound, and no interval of its own.
        sensitivity=(estimate_ratio if by_target else estimate_rate)(*found),
        specificity=(estimate_rate if by_target else estimate_ratio)(*cleared),
        bound=lower_bound(cases - allowed, cases, target.confidence),
        confidence=target.confidence,
        guaranteed_threshold=None if sure is None else sure[1],
        cases_needed=needed,
    )


def count_cases_needed(target: Target) -> int | None:
    """The fewest cases with which any threshold can be guaranteed to reach the target.

    With all n cases found, the one-sided lower bound is (1 - confidence) ** (1 / n). None for a
    target of 1, which no number of cases can guarantee.
    """
    if target.value >= 1:
        return None
    return math.ceil(math.log(1 - target.confidence) / math.log(target.value) - ROUNDING)


def _allow_guaranteed(cases: int, target: Target) -> int | None:
    """How many cases may be missed so that the lower bound reaches the target; None if not one.

    The largest k whose chance at the target itself, P(Binomial(n, 1 - value) <= k), is small.
    """
    from scipy.special import bdtr

    chances = bdtr(np.arange(cases), cases, 1 - target.value)
    enough = np.flatnonzero(chances <= (1 - target.confidence) * (1 + ROUNDING))
    return int(enough[-1]) if enough.size else None


def _explain_no_guarantee(cases: int, kind: str, needed: int | None, target: Target) -> str:
    wish = f"a {target.metric} of {target.value:g} at {100 * target.confidence:g} % confidence"
    if needed is None:
        return f"no number of {kind} can guarantee {wish}"
    if cases < needed:
        return f"with {cases} {kind} no threshold can guarantee {wish}: {needed} are needed"
    return (
        f"no threshold can guarantee {wish}: too many of {cases} {kind} could not be scored, or "
        "have scores of exactly 0 or 1"
    )


def _check_fraction(name: str, value: float) -> None:
    if not 0 < value <= 1:
        raise ValueError(f"a {name} to reach is a fraction above 0 and up to 1, not {value}")


def _fewest(fraction: float, cases: int) -> int:
    return math.ceil(fraction * cases - ROUNDING)


def _index_for_sensitivity(points: Points, missed: int) -> int | None:
    """The first entry (the highest threshold) that misses at most so many positives."""
    index = int(np.searchsorted(points.found, points.positives - missed))
    return index if index < points.found.size else None


def _index_for_specificity(points: Points, false_alarms: int) -> int | None:
    """The last entry (the lowest threshold) with at most so many false alarms."""
    index = int(np.searchsorted(points.false_alarms, false_alarms, side="right")) - 1
    return index if index >= 0 else None


def _find_threshold(
    points: Points, metric: TargetMetric, activation: Activation, kind: np.dtype[Any], missed: int
) -> tuple[int, float] | None:
    """The entry and the threshold of the best point that misses at most so many cases.

    Where no probability leads to that very point, the next one on the safe side is taken.
    """
    if metric == "sensitivity":
        index = _index_for_sensitivity(points, missed)
        indices = range(0) if index is None else range(index, points.found.size)
    else:
        index = _index_for_specificity(points, missed)
        indices = range(0) if index is None else range(index, -1, -1)
    for each in indices:
        threshold = _find_threshold_between(points.values, each, activation, kind)
        if threshold is not None:
            return each, threshold
    return None


def _find_threshold_between(
    values: NDArray[np.float64], index: int, activation: Activation, kind: np.dtype[Any]
) -> float | None:
    """A probability above which exactly the `index` highest values lie; None if there is none.

    With as few digits as leave it in the middle half between its two neighbours. There is none
    above a score of exactly 1, below one of exactly 0, and between two logits so large that their
    probabilities are the same number. kind: the scores' own type, to which it is rounded when it is
    applied.
    """
    from scipy.special import expit

    if activation not in ("logit", "sigmoid", "softmax"):
        raise ValueError(f"scores with activation {activation!r} have no thresholds")
    by_logit = activation == "logit"
    if values.size == 0:
        return 0.5
    above = float(values[index - 1]) if index > 0 else math.inf
    below = float(values[index]) if index < values.size else -math.inf
    between = math.isfinite(above) and math.isfinite(below)
    if between:
        low, high = below, above
        exact = float(expit((low + high) / 2)) if by_logit else (low + high) / 2
    else:  # beyond the last score: between it and 0 or 1, as probabilities
        edge = below if index == 0 else above
        probability = float(expit(edge)) if by_logit else edge
        low, high = (probability, 1.0) if index == 0 else (0.0, probability)
        exact = (low + high) / 2
    tried = [float(f"{exact:.{digits}g}") for digits in range(1, MOST_DIGITS + 1)]
    if between:  # of two neighbours in their type, the middle may be rounded to the upper one
        tried.append(float(expit(below)) if by_logit else below)
    for digits, threshold in enumerate(tried, 1):
        if not 0 < threshold < 1:
            continue
        limit = logit(threshold) if by_logit else threshold
        applied = float(carry_thresholds([threshold], activation, kind)[0])
        # The last try is the middle itself, to rounding: there any place between the two will do.
        spare = 0.0 if digits >= MOST_DIGITS else (high - low) / 4
        measure = limit if between else threshold
        if below <= applied < above and low + spare <= measure <= high - spare:
            return threshold
    return None
