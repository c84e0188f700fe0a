"""What runs find at the same specificity, here and in resamples of patients.

Where a run stands on its ROC curve at its own threshold is a choice of whoever set that threshold.
Read off at one specificity, the curves themselves are compared. The threshold that gets there is
the best one for these very images, so it is fitted anew in every resample: a test that takes fitted
thresholds for given, as McNemar's, calls equal runs different far too often
(`benchmarks/same_specificity.py`).

Robin et al., "pROC: an open-source package for R and S+ to analyze and compare ROC curves", BMC
Bioinformatics 12 (2011) 77: a stratified bootstrap, and the difference over its standard deviation,
as in `roc.test(method = "specificity")`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from covidreport.metrics.effective import count_even, effective_size, widen
from covidreport.metrics.intervals import UNDEFINED, Interval, two_sided_z, wilson_ends
from covidreport.metrics.operating import allow_false_alarms
from covidreport.records import Estimate

Level = float | NDArray[np.bool_]
"""A specificity that is stated; or, bool `(N,)`, the false alarms of the run whose own specificity
it is, failed negatives among them: they are counted anew in every resample."""
_CHUNK_BYTES = 4 << 20
_NO_VARIANCE = 1e-14
"""Variances under it are what rounding has left."""


class AtLevel(Struct, frozen=True, eq=False):
    """R runs at one specificity.

    allowed: the most false alarms at which it is reached. found, false_alarms int64 `(R,)`: at the
    lowest threshold with no more of them; -1 where images that failed put it out of reach.
    resampled float64 `(B, R)`: the sensitivity in each resample, 0 where nothing reaches the
    specificity, NaN where a class is absent. even: as many positives, in units of equal size, as
    are worth these. freedom: degrees of freedom of what is estimated from the resamples.
    """

    allowed: int
    positives: int
    negatives: int
    found: NDArray[np.int64]
    false_alarms: NDArray[np.int64]
    resampled: NDArray[np.float64]
    even: float
    freedom: float
    grouped: bool


class _Curve(NamedTuple):
    """One run's images by falling score.

    negatives: those that were scored, and `last`, where each distinct score of these ends.
    positives: those that were scored, and `above`, how many distinct scores of negatives are called
    before each of them is found, rising. failed: the negatives that were not scored.
    """

    negatives: NDArray[np.intp]
    last: NDArray[np.intp]
    positives: NDArray[np.intp]
    above: NDArray[np.intp]
    failed: NDArray[np.intp]


def resample_at_specificity(
    truth: NDArray[np.int8],
    scores: NDArray[np.floating[Any]],
    failed: NDArray[np.bool_],
    levels: Sequence[Level],
    groups: NDArray[np.integer[Any]] | None = None,
    *,
    resamples: int,
    seed: int = 0,
) -> tuple[AtLevel, ...]:
    """What each run finds at each specificity, here and in every resample, fitted anew.

    truth int8 `(N,)`, scores `(R, N)`, failed bool `(R, N)`, groups integers `(N,)`. The greatest
    sensitivity among thresholds that clear at least that proportion of the negatives, as of
    `sensitivity_at_specificity`: equal scores are called together, nothing is interpolated, an
    image that failed is wrong at any threshold.

    Positives and negatives are resampled apart. With groups (patients), those who have a positive
    image and those who have none: who has images of both kinds keeps them together, and a few such
    patients are no stratum of their own, in which little could vary. The same arguments give the
    same figures. Raises ValueError for shapes that do not fit and where a class is absent.
    """
    if scores.ndim != 2 or scores.shape[1:] != truth.shape or failed.shape != scores.shape:
        raise ValueError(f"truth {truth.shape}, scores {scores.shape}, failed {failed.shape}")
    positive, negative = truth == 1, truth == 0
    if not positive.any() or not negative.any():
        raise ValueError("a class is absent")
    codes = np.arange(truth.size) if groups is None else np.unique(groups, return_inverse=True)[1]
    curves = [_order(truth, *one) for one in zip(scores, failed, strict=True)]
    here = np.ones((truth.size, 1), dtype=np.int32)
    limits = [_limit(level, negative, here) for level in levels]
    counts = [_count_found(each, limits, here) for each in curves]
    sums: list[list[NDArray[np.float64]]] = [[] for _ in levels]
    for weights in _sample(truth, codes, resamples, seed):
        found = _resample(curves, [_limit(level, negative, weights) for level in levels], weights)
        positives, negatives = weights[positive].sum(axis=0), weights[negative].sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            rates = np.where(negatives > 0, found / positives, np.nan)
        for place, each in enumerate(rates):
            sums[place].append(each.T)
    even = [float(count_even(np.bincount(codes[one]))) for one in (positive, negative)]
    m, n = int(positive.sum()), int(negative.sum())
    return tuple(
        AtLevel(
            allowed=(allowed := int(limits[place][0])),
            positives=m,
            negatives=n,
            found=np.array([one[place][0][0] for one in counts], dtype=np.int64),
            false_alarms=np.array([one[place][1][0] for one in counts], dtype=np.int64),
            resampled=np.concatenate(sums[place]),
            even=even[0],
            # What a threshold is fitted to are the negatives above it and the next one.
            freedom=min(even[0] - 1, even[1] - 1, (allowed + 1) * even[1] / n),
            grouped=groups is not None,
        )
        for place in range(len(levels))
    )


def estimate_found(level: AtLevel, run: int) -> Estimate:
    """One run's sensitivity at the specificity; no value where that is out of reach.

    The interval is Wilson's on the effective sample a (1 - a) / v, v the variance in resamples, at
    most the positives, with a t quantile (`effective_size`).
    """
    found = int(level.found[run])
    if found < 0:
        return Estimate(None)
    value = found / level.positives
    size = effective_size(
        value, _spread(level.resampled[:, [run]])[0, 0], level.positives, level.even, level.freedom
    )
    low, high = (float(end) for end in wilson_ends(value, size))
    if np.isnan(low) or np.isnan(high):
        return Estimate(value, numerator=found, denominator=level.positives, method=UNDEFINED)
    drawn = " over groups" if level.grouped else ""
    method = f"wilson, stratified bootstrap variance{drawn}"
    return Estimate(value, low, high, found, level.positives, method)


class FoundDifference(NamedTuple):
    """The first run's sensitivity minus the second's; None where undefined."""

    difference: float | None
    p_value: float | None
    interval: Interval


def compare_found(
    level: AtLevel, pairs: Sequence[tuple[int, int]], confidence: float = 0.95
) -> tuple[FoundDifference, ...]:
    """Each pair's difference in sensitivity at the specificity, with its two-sided p and interval.

    The difference over its standard deviation in resamples, held against Student's t: the normal
    distribution calls up to 12 % of equal runs different where few false alarms are allowed, since
    so few negatives say where the threshold lies. The degrees of freedom are the fewest of units
    with positives - 1, units with negatives - 1, and the false alarms allowed + 1, of units of
    equal size. Runs that never differ have p 1 and no interval.
    """
    from scipy.special import stdtr

    covariance = _spread(level.resampled)
    nothing = Interval(None, None, None, UNDEFINED)
    wide = two_sided_z(confidence) * np.sqrt(widen(level.freedom, confidence))
    drawn = " over groups" if level.grouped else ""
    method = f"stratified bootstrap{drawn}, t quantile"
    results = []
    for first, second in pairs:
        if min(level.found[first], level.found[second]) < 0:
            results.append(FoundDifference(None, None, nothing))
            continue
        difference = int(level.found[first] - level.found[second]) / level.positives
        own = covariance[first, first] + covariance[second, second]
        variance = float(own - 2 * covariance[first, second])
        if not variance > _NO_VARIANCE or np.isnan(wide):
            same = difference == 0 and variance <= _NO_VARIANCE
            results.append(FoundDifference(difference, 1.0 if same else None, nothing))
            continue
        error = variance**0.5
        low, high = max(-1.0, difference - wide * error), min(1.0, difference + wide * error)
        p_value = 2 * float(stdtr(level.freedom, -abs(difference) / error))
        interval = Interval(float(low), float(high), method)
        results.append(FoundDifference(difference, min(1.0, p_value), interval))
    return tuple(results)


def _spread(resampled: NDArray[np.float64]) -> NDArray[np.float64]:
    """The covariance of runs in resamples `(R, R)`; NaN where fewer than two are defined."""
    known = resampled[~np.isnan(resampled).any(axis=1)]
    if len(known) < 2:
        return np.full((resampled.shape[1],) * 2, np.nan)
    centred = known - known.mean(axis=0)
    covariance: NDArray[np.float64] = centred.T @ centred / (len(known) - 1)
    return covariance


def _order(
    truth: NDArray[np.int8], scores: NDArray[np.floating[Any]], failed: NDArray[np.bool_]
) -> _Curve:
    negatives, positives = (np.flatnonzero((truth == kind) & ~failed) for kind in (0, 1))
    negatives = negatives[np.argsort(-scores[negatives], kind="stable")]
    falling = -scores[negatives]
    last = np.append(falling[1:] != falling[:-1], True)[: falling.size]
    # A positive that is tied with negatives is called together with them.
    above = np.searchsorted(falling[last], -scores[positives], side="right")
    order = np.argsort(above, kind="stable")
    return _Curve(
        negatives, np.flatnonzero(last), positives[order], above[order],
        np.flatnonzero((truth == 0) & failed),
    )  # fmt: skip


def _limit(
    level: Level, negative: NDArray[np.bool_], weights: NDArray[np.int32]
) -> NDArray[np.int64]:
    """The most false alarms allowed in each resample `(b,)`."""
    if isinstance(level, float):
        return allow_false_alarms(level, weights[negative].sum(axis=0, dtype=np.int64))
    alarms: NDArray[np.int64] = weights[level].sum(axis=0, dtype=np.int64)
    return alarms


def _resample(
    curves: Sequence[_Curve], limits: Sequence[NDArray[np.int64]], weights: NDArray[np.int32]
) -> NDArray[np.int64]:
    """Positives found `(L, R, b)`; none where the specificity is out of reach."""
    found = [[hits for hits, _ in _count_found(each, limits, weights)] for each in curves]
    rates: NDArray[np.int64] = np.maximum(np.array(found), 0).swapaxes(0, 1)
    return rates


def _count_found(
    curve: _Curve, limits: Sequence[NDArray[np.int64]], weights: NDArray[np.int32]
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Positives found and false alarms `(b,)` within each limit; -1 where it is out of reach."""
    alarms = _count_alarms(curve, np.max(limits, axis=0), weights)
    within = curve.positives[: np.searchsorted(curve.above, len(alarms) - 1, side="right")]
    hits = np.zeros((within.size + 1, weights.shape[1]), dtype=np.int32)
    np.cumsum(weights[within], axis=0, out=hits[1:])
    columns = np.arange(weights.shape[1])
    results = []
    for limit in limits:
        index = np.count_nonzero(alarms <= limit, axis=0) - 1
        called = np.searchsorted(curve.above, index, side="right")
        results.append(
            (
                np.where(index >= 0, hits[called, columns], -1).astype(np.int64),
                np.where(index >= 0, alarms[index, columns], -1).astype(np.int64),
            )
        )
    return results


def _count_alarms(
    curve: _Curve, most: NDArray[np.int64], weights: NDArray[np.int32]
) -> NDArray[np.int32]:
    """False alarms `(d, b)` where none of the distinct scores of negatives is called, one, ..., at
    least as far as there are no more than `most` `(b,)`: what lies beyond is not asked for."""
    failed = weights[curve.failed].sum(axis=0, dtype=np.int32)
    rows = int(most.max(initial=0) * 1.25) + 16  # where each is drawn about once
    while True:
        last = curve.last[:rows]
        alarms = np.zeros((last.size + 1, weights.shape[1]), dtype=np.int32)
        if last.size:
            called = weights[curve.negatives[: last[-1] + 1]]
            alarms[1:] = np.cumsum(called, axis=0, dtype=np.int32)[last]
        alarms += failed
        if rows >= curve.last.size or (alarms[-1] > most).all():
            return alarms
        rows *= 4


def _sample(
    truth: NDArray[np.int8], codes: NDArray[np.intp], resamples: int, seed: int
) -> Iterator[NDArray[np.int32]]:
    """How often each image is drawn, int32 `(N, b)`, in chunks of resamples; codes: its unit."""
    units = int(codes.max()) + 1
    with_positive, with_negative = np.zeros((2, units), dtype=np.bool_)
    with_positive[codes[truth == 1]] = True
    with_negative[codes[truth == 0]] = True
    strata = [np.flatnonzero(with_positive), np.flatnonzero(with_negative & ~with_positive)]
    rng = np.random.default_rng(seed)
    step = max(1, _CHUNK_BYTES // (4 * truth.size))
    for start in range(0, resamples, step):
        many = min(step, resamples - start)
        weights = np.zeros((units, many), dtype=np.int32)
        for stratum in strata:
            if not stratum.size:
                continue
            drawn = rng.integers(0, stratum.size, (many, stratum.size))
            drawn += np.arange(many)[:, np.newaxis] * stratum.size
            counted = np.bincount(drawn.ravel(), minlength=many * stratum.size)
            weights[stratum] = counted.reshape(many, stratum.size).T
        yield weights[codes]
