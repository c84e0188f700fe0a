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

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from covidreport.metrics.effective import count_even, effective_size, t_quantile
from covidreport.metrics.intervals import UNDEFINED, Interval, wilson_ends
from covidreport.metrics.operating import allow_false_alarms
from covidreport.records import Estimate

Level = float | NDArray[np.bool_]
"""A specificity that is stated; or, bool `(N,)`, the false alarms of the run whose own specificity
it is, failed negatives among them: they are counted anew in every resample."""
_CHUNK_BYTES = 4 << 20
_BLOCK = 64
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

    negatives: NDArray[np.int32]
    last: NDArray[np.int32]
    positives: NDArray[np.int32]
    above: NDArray[np.int32]
    failed: NDArray[np.int32]


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
    here = np.ones((1, truth.size), dtype=np.int32)
    limits = np.array([_limit(level, negative, here) for level in levels])
    counts = [_call(each, limits, here) for each in curves]
    sums: list[list[NDArray[np.float64]]] = [[] for _ in levels]
    for weights in _sample(truth, codes, resamples, seed):
        drawn = np.array([_limit(level, negative, weights) for level in levels])
        found = np.array([_call(each, drawn, weights).found for each in curves]).swapaxes(0, 1)
        positives, negatives = (weights[:, one].sum(axis=1) for one in (positive, negative))
        with np.errstate(invalid="ignore", divide="ignore"):
            rates = np.where(negatives > 0, np.maximum(found, 0) / positives, np.nan)
        for place, each in enumerate(rates):
            sums[place].append(each.T)
    even = [float(count_even(np.bincount(codes[one]))) for one in (positive, negative)]
    m, n = int(positive.sum()), int(negative.sum())
    return tuple(
        AtLevel(
            allowed=(allowed := int(limits[place, 0])),
            positives=m,
            negatives=n,
            found=np.array([one.found[place, 0] for one in counts], dtype=np.int64),
            false_alarms=np.array([one.false_alarms[place, 0] for one in counts], dtype=np.int64),
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

    nothing = Interval(None, None, None, UNDEFINED)
    drawn = " over groups" if level.grouped else ""
    method = f"stratified bootstrap{drawn}, t quantile"
    first, second = np.array(pairs, np.intp).reshape(-1, 2).T
    reached = np.minimum(level.found[first], level.found[second]) >= 0
    differences = (level.found[first] - level.found[second]) / level.positives
    covariance = _spread(level.resampled)
    own = np.diag(covariance)
    variances = own[first] + own[second] - 2 * covariance[first, second]
    varies = variances > _NO_VARIANCE
    errors = np.sqrt(np.where(varies, variances, np.nan))
    margins = t_quantile(level.freedom, confidence) * errors
    lows, highs = np.maximum(-1.0, differences - margins), np.minimum(1.0, differences + margins)
    p_values = np.minimum(1.0, 2 * stdtr(level.freedom, -np.abs(differences) / errors))
    columns = (reached, differences, variances, lows, highs, p_values)
    results = []
    for known, difference, variance, low, high, p in zip(
        *(each.tolist() for each in columns), strict=True
    ):
        if not known:
            results.append(FoundDifference(None, None, nothing))
        elif math.isnan(low):
            same = difference == 0 and variance <= _NO_VARIANCE
            results.append(FoundDifference(difference, 1.0 if same else None, nothing))
        else:
            results.append(FoundDifference(difference, p, Interval(low, high, method)))
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
    negatives = negatives[np.argsort(-scores[negatives])]
    falling = -scores[negatives]
    last = np.flatnonzero(np.append(falling[1:] != falling[:-1], True)[: falling.size])
    # A positive that is tied with negatives is called together with them.
    above = np.searchsorted(falling[last], -scores[positives], side="right")
    order = np.argsort(above)
    lost = np.flatnonzero((truth == 0) & failed)
    each = (negatives, last, positives[order], above[order], lost)
    return _Curve(*(one.astype(np.int32) for one in each))  # of many runs: half the memory


def _limit(
    level: Level, negative: NDArray[np.bool_], weights: NDArray[np.int32]
) -> NDArray[np.int64]:
    """The most false alarms allowed in each resample `(b,)`."""
    if isinstance(level, float):
        return allow_false_alarms(level, weights[:, negative].sum(axis=1, dtype=np.int64))
    alarms: NDArray[np.int64] = weights[:, level].sum(axis=1, dtype=np.int64)
    return alarms


class _Called(NamedTuple):
    """What a run calls positive within limits, int64 `(L, b)`; -1 where one is out of reach.

    found: positives, by weight. false_alarms: negatives, each once.
    """

    found: NDArray[np.int64]
    false_alarms: NDArray[np.int64]


def _call(curve: _Curve, limits: NDArray[np.int64], weights: NDArray[np.int32]) -> _Called:
    """As many negatives as limits `(L, b)` allow, all of the same score or none, and the positives
    above them. weights `(b, N)`."""
    left = limits - weights[:, curve.failed].sum(axis=1, dtype=np.int64)
    scores = np.searchsorted(curve.last, _fit_negatives(curve, left, weights))
    positives = np.searchsorted(curve.above, scores, side="right")
    within = np.take(weights, curve.positives[: positives.max(initial=0)], axis=1)
    alarms = np.append(0, curve.last + 1)[scores] + curve.failed.size
    return _Called(
        np.where(left >= 0, _sum_first(within, positives), -1), np.where(left >= 0, alarms, -1)
    )


def _fit_negatives(
    curve: _Curve, left: NDArray[np.int64], weights: NDArray[np.int32]
) -> NDArray[np.int64]:
    """How many negatives weigh no more than `left` together, by falling score, `(L, b)`.

    Sums of `_BLOCK` are made first, since to add up one after the other takes several times as
    long; where the limit falls within a block, it is gone through.
    """
    images = int(left.max(initial=0) * 1.25) + 16  # where each is drawn about once
    while True:
        drawn = np.take(weights, curve.negatives[:images], axis=1)
        width = drawn.shape[1]
        if not width:
            return np.zeros(left.shape, np.int64)
        ends = np.add.reduceat(drawn, np.arange(0, width, _BLOCK), axis=1).cumsum(axis=1)
        if width == curve.negatives.size or (ends[:, -1] > left.max(axis=0)).all():
            break
        images *= 4
    row = np.arange(len(drawn))
    fitting = np.empty(left.shape, np.int64)
    for limit, into in zip(left, fitting, strict=True):
        over = ends > limit[:, np.newaxis]
        block = over.argmax(axis=1)
        columns = block[:, np.newaxis] * _BLOCK + np.arange(_BLOCK)
        inside = drawn[row[:, np.newaxis], np.minimum(columns, width - 1)].cumsum(axis=1)
        inside += np.where(block > 0, ends[row, block - 1], 0)[:, np.newaxis]
        fits = np.count_nonzero((inside <= limit[:, np.newaxis]) & (columns < width), axis=1)
        into[:] = np.where(over[:, -1], block * _BLOCK + fits, width)
    return fitting


def _sum_first(values: NDArray[np.int32], many: NDArray[np.int64]) -> NDArray[np.int64]:
    """The sums of the first so many `(L, b)` of each row of values `(b, w)`."""
    rows, width = values.shape
    # from a row's begin to where its sum ends, then to the next one's begin, whose sum nobody asks
    flat = np.append(values.ravel(), 0)
    begins = np.arange(rows) * width
    sums = [
        np.add.reduceat(flat, np.stack([begins, begins + each], axis=1).ravel())[::2]
        for each in many
    ]
    return np.where(many > 0, np.array(sums, np.int64), 0)  # of no width it gives what stands there


def _sample(
    truth: NDArray[np.int8], codes: NDArray[np.intp], resamples: int, seed: int
) -> Iterator[NDArray[np.int32]]:
    """How often each image is drawn, int32 `(b, N)`, in chunks of resamples; codes: its unit."""
    units = int(codes.max()) + 1
    with_positive, with_negative = np.zeros((2, units), dtype=np.bool_)
    with_positive[codes[truth == 1]] = True
    with_negative[codes[truth == 0]] = True
    strata = [np.flatnonzero(with_positive), np.flatnonzero(with_negative & ~with_positive)]
    rng = np.random.default_rng(seed)
    step = max(1, _CHUNK_BYTES // (4 * truth.size))
    for start in range(0, resamples, step):
        many = min(step, resamples - start)
        weights = np.zeros((many, units), dtype=np.int32)
        for stratum in strata:
            if not stratum.size:
                continue
            drawn = rng.integers(0, stratum.size, (many, stratum.size))
            drawn += np.arange(many)[:, np.newaxis] * stratum.size
            counted = np.bincount(drawn.ravel(), minlength=many * stratum.size)
            weights[:, stratum] = counted.reshape(many, stratum.size)
        yield np.take(weights, codes, axis=1)
