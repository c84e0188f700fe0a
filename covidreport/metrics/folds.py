"""What cross-validation adds: areas within folds, and whether misses differ between folds.

Scores of different models need not share a scale, so no image of one fold is ranked against one of
another: the ROC AUC of all folds is the mean of theirs. LeDell, Petersen and van der Laan,
"Computationally efficient confidence intervals for cross-validated area under the ROC curve
estimates", Electronic Journal of Statistics 9 (2015) 1583-1607; here folds are weighted by their
positives, and the variance is DeLong's within each. So it is with calibration: where one
model's scores lie above another's, scores that are pooled seem too extreme.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from covidreport.metrics.calibration import (
    bin_reliability,
    expected_calibration_error,
    fit_calibration,
    to_logits,
    to_probabilities,
)
from covidreport.metrics.counts import logit, predict_labels
from covidreport.metrics.curves import count_curve, roc_auc
from covidreport.metrics.delong import RocAucs, estimate_roc_aucs
from covidreport.metrics.intervals import two_sided_z
from covidreport.records import Estimate, Scores

PERMUTATIONS: Final = 1999
_CHUNK: Final = 1 << 20


class FoldSpread(Struct, frozen=True):
    """Misses by fold, in the order of the folds, and how likely such a spread is by chance.

    missed and positives: `(F,)`. p_value: None where fewer than two folds have positives, or all
    or none are missed.
    """

    missed: tuple[int, ...]
    positives: tuple[int, ...]
    p_value: float | None


def number_folds(folds: Sequence[str]) -> NDArray[np.intp]:
    """The fold of each image as a number, `(N,)`."""
    return np.unique(np.array(folds, dtype=np.str_), return_inverse=True)[1].astype(np.intp)


def average_over_folds(scores: Scores, column: int) -> Estimate:
    """One label's ROC AUC: the mean over folds that have both classes, weighted by positives.

    Undefined where no fold has both.
    """
    truth, failed = scores.truth[:, column], scores.failed
    total, weight = 0.0, 0
    for rows in _list_rows(number_folds(scores.folds or ())):
        curve = count_curve(truth[rows], scores.scores[rows, column], failed[rows])
        value = roc_auc(curve).value
        if value is not None:
            total += curve.positives * value
            weight += curve.positives
    return Estimate(total / weight if weight else None)


def estimate_fold_aucs(
    truth: NDArray[np.int8], scores: NDArray[np.floating[Any]], failed: NDArray[np.bool_],
    folds: NDArray[np.intp], groups: NDArray[np.integer[Any]] | None = None,
) -> RocAucs | None:  # fmt: skip
    """The ROC AUCs within folds of runs that have the same folds, with their covariance.

    As `estimate_roc_aucs`, folds `(N,)`: the mean over folds with both classes, weighted by their
    positives; the covariance is the sum of the folds' with squared weights, folds being
    independent; degrees of freedom add up: positives less folds where negatives are more. None
    where no fold has both classes.
    """
    parts: list[tuple[int, RocAucs]] = []
    for rows in _list_rows(folds):
        each = estimate_roc_aucs(
            truth[rows], scores[:, rows], failed[:, rows], None if groups is None else groups[rows]
        )
        if each is not None:
            parts.append((int(np.count_nonzero(truth[rows] == 1)), each))
    if not parts:
        return None
    total = sum(positives for positives, _ in parts)
    weights = [positives / total for positives, _ in parts]
    found = [each for _, each in parts]
    return RocAucs(
        values=np.sum([w * each.values for w, each in zip(weights, found, strict=True)], axis=0),
        covariance=np.sum(
            [w * w * each.covariance for w, each in zip(weights, found, strict=True)], axis=0
        ),
        grouped=found[0].grouped,
        fewest=sum(each.fewest for each in found),
        freedom=sum(each.freedom for each in found),
        variance=found[0].variance,
        within_folds=True,
    )


def calibrate_within_folds(
    scores: Scores, column: int, groups: NDArray[np.integer[Any]] | None = None,
    confidence: float = 0.95,
) -> dict[str, Estimate]:  # fmt: skip
    """One label's calibration intercept and slope, and ECE: means over folds, by their positives.

    Of the folds with both classes, as the ROC AUC is. Undefined where one of these has none: a mean
    without the folds whose scores part the classes is of the poorer models. Intervals of intercept
    and slope: the variance is the sum of the folds' by squared weight, each as
    `fit_calibration` has it, and t's degrees of freedom are positives less folds (negatives where
    they are fewer; with groups, patients). ECE has none, nor has the slope with groups: over few
    patients a fold it held 0.83 (benchmarks/fold_calibration.py).
    """
    truth, failed = scores.truth[:, column], scores.failed
    values = np.where(failed, 0, scores.scores[:, column])
    logits = to_logits(values, scores.activation)
    probabilities = to_probabilities(values, scores.activation)
    found: dict[str, list[Estimate]] = {
        "calibration_intercept": [],
        "calibration_slope": [],
        "ece": [],
    }
    weights, freedom = [], 0
    for rows in _list_rows(number_folds(scores.folds or ())):
        positives = int(np.count_nonzero(truth[rows] == 1))
        if not positives or not (truth[rows] == 0).any():
            continue
        of = None if groups is None else groups[rows]
        line = fit_calibration(truth[rows], logits[rows], failed[rows], confidence, of)
        bins = bin_reliability(truth[rows], probabilities[rows], failed[rows])
        weights.append(positives)
        units = np.arange(len(rows)) if of is None else of
        freedom += min(len(np.unique(units[truth[rows] == each])) for each in (0, 1)) - 1
        slope = line.slope if groups is None else Estimate(line.slope.value)
        each_fold = (line.intercept, slope, expected_calibration_error(bins))
        for estimates, estimate in zip(found.values(), each_fold, strict=True):
            estimates.append(estimate)
    return {
        name: _average(estimates, weights, freedom, confidence) for name, estimates in found.items()
    }


def _average(
    estimates: Sequence[Estimate], positives: Sequence[int], freedom: int, confidence: float
) -> Estimate:
    """The mean by positives, with an interval where each has one; undefined where one is."""
    from scipy.special import stdtrit

    values = [each.value for each in estimates if each.value is not None]
    if not values or len(values) < len(estimates):
        return Estimate(None)
    weights = np.array(positives) / sum(positives)
    mean = float(weights @ np.array(values))
    ends = [
        (one.low, one.high) for one in estimates if one.low is not None and one.high is not None
    ]
    if len(ends) < len(values) or freedom < 1:
        return Estimate(mean)
    errors = np.array([high - low for low, high in ends]) / (2 * two_sided_z(confidence))
    margin = float(
        stdtrit(freedom, (1 + confidence) / 2) * np.sqrt(np.sum((weights * errors) ** 2))
    )
    return Estimate(
        mean, mean - margin, mean + margin, method=f"{estimates[0].method} within folds"
    )


def align_thresholds(scores: Scores, own: Sequence[float], shown: Sequence[float]) -> Scores:
    """The same answers as log odds, so moved that each is given at the thresholds that are shown.

    own: the thresholds `(K,)` of these scores. Their order stays, and every answer; what is read
    of them as probabilities does not.
    """
    called = predict_labels(scores.scores, own, scores.activation, scores.failed)
    goals = np.array([logit(each) for each in shown])
    odds = to_logits(scores.scores.astype(np.float64), scores.activation)
    moved = odds - np.array([logit(each) for each in own]) + goals
    # an answer is never decided by how a sum of floats rounds
    above, below = np.nextafter(goals, np.inf), goals
    moved = np.where(called, np.maximum(moved, above), np.minimum(moved, below))
    return replace(scores, scores=moved, activation="logit")


def list_undefined(scores: Scores, column: int) -> tuple[str, ...]:
    """The folds without both classes, which are in no mean over folds; in their order of names."""
    truth = scores.truth[:, column]
    names = np.array(scores.folds or (), dtype=np.str_)
    return tuple(
        str(fold) for fold in np.unique(names) if not {0, 1} <= set(truth[names == fold].tolist())
    )


def measure_fold_spread(
    missed: NDArray[np.bool_], folds: NDArray[np.intp],
    groups: NDArray[np.integer[Any]] | None = None,
) -> FoldSpread:  # fmt: skip
    """Whether positives are missed more often in some folds than chance explains.

    missed bool `(P,)`, folds and groups integers `(P,)`, of the positives. Pearson's chi-square of
    missed by fold, with the p-value of `PERMUTATIONS` permutations of the folds over patients,
    whose images stay together (Hope, J. R. Stat. Soc. B 30 (1968) 582-598): folds have few
    positives, and the chi-square distribution needs many.
    """
    units = np.arange(len(missed)) if groups is None else groups
    pairs = np.stack([units, folds], axis=1)
    found, codes = np.unique(pairs, axis=0, return_inverse=True)
    sizes = np.bincount(codes.ravel(), minlength=len(found))
    wrong = np.bincount(codes.ravel(), missed, len(found)).astype(np.float64)
    of = np.unique(found[:, 1], return_inverse=True)[1].ravel()
    count = int(of.max()) + 1 if of.size else 0
    positives = np.bincount(of, sizes, count).astype(int)
    by_fold = np.bincount(of, wrong, count).astype(int)
    p_value = None
    if count > 1 and 0 < wrong.sum() < len(missed):
        p_value = _permute(wrong, sizes, of, count)
    return FoldSpread(tuple(by_fold.tolist()), tuple(positives.tolist()), p_value)


def _permute(
    wrong: NDArray[np.float64], sizes: NDArray[np.intp], of: NDArray[np.intp], folds: int
) -> float:
    """The share of permutations with as large a chi-square, the observed one among them."""
    rng = np.random.default_rng(0)
    step = max(1, _CHUNK // len(of))
    as_large, done = 1, 0
    observed = _chi_square(wrong, sizes, of[np.newaxis], folds)[0]
    while done < PERMUTATIONS:
        many = min(step, PERMUTATIONS - done)
        drawn = rng.permuted(np.broadcast_to(of, (many, len(of))), axis=1)
        statistic = _chi_square(wrong, sizes, drawn, folds)
        as_large += int(np.count_nonzero(statistic >= observed * (1 - 1e-9)))
        done += many
    return as_large / (PERMUTATIONS + 1)


def _chi_square(
    wrong: NDArray[np.float64], sizes: NDArray[np.intp], of: NDArray[np.intp], folds: int
) -> NDArray[np.float64]:
    """Of units `(U,)` in these folds, `(B, U)`: `(B,)`; but for a factor that all share."""
    share = wrong.sum() / sizes.sum()
    total = np.zeros(len(of))
    for fold in range(folds):
        inside = of == fold
        n, found = inside @ sizes, inside @ wrong
        total += np.divide((found - n * share) ** 2, n, out=np.zeros(len(of)), where=n > 0)
    return total


def _list_rows(folds: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    """The images of each fold, in the order of its number."""
    for fold in np.unique(folds):
        yield np.flatnonzero(folds == fold)
