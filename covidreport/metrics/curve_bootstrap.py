"""The bootstrap of ROC AUC and average precision.

Both metrics depend on the negatives only through how many of them lie between neighbouring scores
of positives. So a label's images are sorted into cells once for each run: the positives at each of
their distinct scores, the negatives tied with them, and the negatives between. The weights of a
resample are summed by cell (a sparse product) and the metrics follow from the cumulative sums,
exactly as if each resample had been sorted anew. Ties are treated as scikit-learn's `sample_weight`
does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from covidreport.metrics.resample import RESAMPLES, sample_weights
from covidreport.records import UNKNOWN

if TYPE_CHECKING:
    from scipy.sparse import csr_array

CURVE_WORK = 4_000_000_000
"""How many image weights the bootstrap of curves may add up unless asked for more: about ten
seconds on one core."""
FEWEST_RESAMPLES = 200
"""Fewer say too little about the ends of an interval."""
_CHUNK_BYTES = 2 << 20
"""Of weights: larger ones are not faster, and what is computed of one takes several times that."""
_BLOCK = 512
_POSITIVE_WORK = 10


class ResampledCurves(Struct, frozen=True, eq=False):
    """ROC AUC and average precision in each resample, `(B, R)`, NaN where a class is absent."""

    roc_auc: NDArray[np.float64]
    average_precision: NDArray[np.float64]
    grouped: bool


def affordable_resamples(
    truth: NDArray[np.int8], runs: int, resamples: int = RESAMPLES, work: int = CURVE_WORK
) -> int:
    """How many resamples of the curves of so many runs on truth int8 `(N, K)` stay within `work`.

    The rule of the house: with the full number, ROC AUC and average precision have intervals by
    bootstrap. With fewer, ROC AUC has DeLong's interval (`estimate_roc_aucs`; Obuchowski's over
    groups), which costs one sort a run, and average precision, for which there is no such formula,
    has the bootstrap's with this many resamples, never under `FEWEST_RESAMPLES`; the name of the
    method should state their number. A positive weighs as much as ten other images.
    """
    positives = int(np.count_nonzero(truth == 1))
    each = runs * (truth.size + _POSITIVE_WORK * positives)
    return min(resamples, max(FEWEST_RESAMPLES, work // max(1, each)))


def resample_curves(
    truth: NDArray[np.int8],
    scores: NDArray[np.floating[Any]],
    failed: NDArray[np.bool_],
    groups: NDArray[np.integer[Any]] | None = None,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> ResampledCurves:
    """Both metrics of every run for one label in every resample.

    truth int8 `(N,)`, scores `(R, N)`, failed bool `(R, N)`, groups integers `(N,)`. The resamples
    are those of `resample_counts(..., collapse=False)` with the same seed. A failed image takes the
    worst place, as in `count_curve`; images of unknown truth are excluded from the metrics. Time is
    proportional to R x B x (N + 10 P) for P positives. Raises ValueError for shapes that do
    not fit and for a NaN in an image that did not fail.
    """
    if scores.ndim != 2 or scores.shape[1:] != truth.shape or failed.shape != scores.shape:
        raise ValueError(f"truth {truth.shape}, scores {scores.shape}, failed {failed.shape}")
    if groups is None:
        units, codes = truth.size, np.arange(truth.size)
    else:
        present, codes = np.unique(groups, return_inverse=True)
        units = present.size
    known = np.flatnonzero(truth != UNKNOWN)
    values = score_failed_worst(truth, scores, failed)
    positive = truth[known] == 1
    cells = [_sort_cells(positive, row[known], codes[known], units) for row in values]
    aucs: list[NDArray[np.float64]] = []
    precisions: list[NDArray[np.float64]] = []
    for weights in sample_weights(units, resamples, seed, chunk_bytes=_CHUNK_BYTES):
        by_unit = np.ascontiguousarray(weights.T)
        areas = [_compute_areas(each, by_unit) for each in cells]
        aucs.append(np.stack([auc for auc, _ in areas], axis=1))
        precisions.append(np.stack([precision for _, precision in areas], axis=1))
    return ResampledCurves(np.concatenate(aucs), np.concatenate(precisions), groups is not None)


def score_failed_worst(
    truth: NDArray[np.int8], scores: NDArray[np.floating[Any]], failed: NDArray[np.bool_]
) -> NDArray[np.floating[Any]]:
    """Scores `(R, N)` with failed positives below all and failed negatives above all.

    Raises ValueError for a NaN in an image of known truth that did not fail.
    """
    worst = np.where(truth == 1, -np.inf, np.inf).astype(scores.dtype)
    values = np.where(failed, worst, scores)
    if np.isnan(values[:, truth != UNKNOWN]).any():
        raise ValueError("a score is NaN and its image did not fail")
    return values


def _sort_cells(
    positive: NDArray[np.bool_],
    scores: NDArray[np.floating[Any]],
    codes: NDArray[np.intp],
    units: int,
) -> list[csr_array]:
    """Which unit has how many images in which cell, for one run, in blocks of distinct scores.

    A block of m scores of positives, the highest first, is `(3 m, U)`: m rows of positives at each
    score, m of negatives tied with it, m of negatives between it and the next higher one. The last
    block has one score more than there are, for the negatives below all.
    """
    from scipy.sparse import csr_array

    distinct = np.unique(scores[positive])
    # Ascending places, turned around so that the highest score comes first.
    above = np.searchsorted(distinct, scores, side="right")
    tied = above > np.searchsorted(distinct, scores, side="left")
    positions = distinct.size - above
    kinds = np.where(positive, 0, np.where(tied, 1, 2))
    order = np.argsort(positions, kind="stable")
    bounds = np.append(np.arange(0, distinct.size + 1, _BLOCK), distinct.size + 1)
    cuts = np.searchsorted(positions[order], bounds)
    blocks: list[csr_array] = []
    for low, rows, start, stop in zip(
        bounds[:-1], np.diff(bounds), cuts[:-1], cuts[1:], strict=True
    ):
        members = order[start:stop]
        cells = kinds[members] * rows + positions[members] - low
        ones = np.ones(members.size, dtype=np.float32)
        matrix = csr_array((ones, (cells, codes[members])), shape=(3 * int(rows), units))
        matrix.sum_duplicates()
        blocks.append(matrix)
    return blocks


def _compute_areas(
    blocks: Sequence[csr_array], weights: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """ROC AUC and average precision of one run, `(b,)` each, from weights `(U, b)`."""
    resamples = weights.shape[1]
    found, called = np.zeros(resamples), np.zeros(resamples)
    losing, gained = np.zeros(resamples), np.zeros(resamples)
    for block in blocks:
        sums = (block @ weights).astype(np.float64).reshape(3, -1, resamples)
        positive, tied, between = sums
        between += tied
        between[0] += called
        alarms = np.cumsum(between, axis=0, out=between)
        hits = np.cumsum(np.vstack([found + positive[0], positive[1:]]), axis=0)
        # Negatives above a positive beat it, and those tied with it half.
        losing += np.einsum("ij,ij->j", positive, alarms - tied / 2)
        precision = np.divide(hits, hits + alarms, out=tied, where=positive > 0)
        gained += np.einsum("ij,ij->j", positive, precision)
        found, called = hits[-1], alarms[-1].copy()
    defined = (found > 0) & (called > 0)
    nothing = np.full(resamples, np.nan)
    wrong = np.divide(losing, found * called, out=nothing.copy(), where=defined)
    return 1 - wrong, np.divide(gained, found, out=nothing, where=defined)
