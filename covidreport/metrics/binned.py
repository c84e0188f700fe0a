"""The ROC AUC of scores of which only bins are known, one row of bins for each class.

Two images of which one's bin lies above the other's are in a known order. Of two whose bins overlap
nobody knows it: between all of these lost and all of them won lies the area of the scores.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from covidreport.metrics.delong import RocAucs, roc_auc_interval
from covidreport.records import Estimate, ScoreBins

BINNED = "from binned scores"
"""How the method of such an area begins."""


def estimate_binned_auc(
    positives: ScoreBins, negatives: ScoreBins, failed: tuple[int, int] = (0, 0), *,
    interval: bool = True,
) -> Estimate:  # fmt: skip
    """The area in the middle of those that the bins allow, with an interval that holds them all.

    failed: positives and negatives without a score, which lose against all others. The interval is
    that of DeLong's variance with overlapping pairs as halves, wider on either side by half of what
    the bins leave open. interval: False where images are not independent.
    """
    known, open_pairs = _order(positives, negatives)
    m = np.array([*positives.counts, failed[0]], dtype=np.float64)
    n = np.array([*negatives.counts, failed[1]], dtype=np.float64)
    if not m.sum() or not n.sum():
        return Estimate(None)
    won = np.zeros((m.size, n.size))
    won[:-1, :-1] = known + open_pairs / 2
    beaten, beating = won @ n / n.sum(), m @ won / m.sum()
    value = float(m @ beaten / m.sum())
    half = float(m[:-1] @ open_pairs @ n[:-1] / m.sum() / n.sum() / 2)
    found = Estimate(value, method=BINNED)
    if not interval or min(m.sum(), n.sum()) < 2:
        return found
    variance = _vary(beaten, m, value) + _vary(beating, n, value)
    fewest = int(min(m.sum(), n.sum()))
    aucs = RocAucs(np.array([value]), np.array([[variance]]), False, fewest, fewest - 1)
    ends = roc_auc_interval(aucs, 0)
    if ends.low is None or ends.high is None:
        return found
    low, high = max(0.0, ends.low - half), min(1.0, ends.high + half)
    return Estimate(value, low, high, method=f"{BINNED}, {ends.method}")


def is_binned(estimate: Estimate | None) -> bool:
    """Whether it is such an area, which can be less than that of the scores themselves."""
    return estimate is not None and (estimate.method or "").startswith(BINNED)


def _vary(placements: NDArray[np.float64], counts: NDArray[np.float64], mean: float) -> float:
    """A class's part of DeLong's variance."""
    total = counts.sum()
    return float(counts @ (placements - mean) ** 2 / (total - 1) / total)


def _order(
    positives: ScoreBins, negatives: ScoreBins
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of each pair of bins `(P, N)` whether the positives' lies above, and whether both overlap."""
    low, high = _ends(positives.edges)
    low_n, high_n = _ends(negatives.edges)
    above, below = low[:, np.newaxis] >= high_n, high[:, np.newaxis] <= low_n
    return above.astype(np.float64), (~above & ~below).astype(np.float64)


def _ends(edges: Sequence[float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.array(edges[:-1]), np.array(edges[1:])
