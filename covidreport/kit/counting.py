"""A run's scores as counts of which each is of enough images: by bin, by group, of the whole."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from covidreport.metrics import code_groups, decide_label, sample_units
from covidreport.metrics.proportions import sum_units
from covidreport.metrics.small_cells import merge_bins, merge_groups
from covidreport.records import (
    AnsweredCurve,
    CountedGroup,
    EffectiveImages,
    ScoreBins,
    Scores,
)

CURVE = tuple(step / 100 for step in range(101))
"""The fixed thresholds at which scores are counted, beside the sealed one."""


def bin_scores(scores: Scores, label: str, threshold: float, *, cut: bool) -> AnsweredCurve | None:
    """How many of the scored images of each class lie between the fixed thresholds; None where a
    class has fewer than can be told of.

    Bins are put together until each holds enough, on either side of the sealed threshold. Not cut:
    as if there were no such threshold, where what it decides is withheld.
    """
    edges = sorted({*CURVE, threshold} if cut else {*CURVE} - {threshold})
    above = np.array([
        ~scores.failed if edge == 0 else np.zeros_like(scores.failed) if edge == 1
        else decide_label(scores, label, edge) & ~scores.failed
        for edge in edges
    ])  # fmt: skip
    truth = scores.truth[:, scores.labels.index(label)]
    at = edges.index(threshold) if cut else None
    found = [_merge(edges, (above & (truth == is_)).sum(axis=1), at) for is_ in (1, 0)]
    positives, negatives = found
    if positives is None or negatives is None:
        return None
    return AnsweredCurve(positives, negatives)


def _merge(edges: Sequence[float], above: NDArray[np.int64], cut: int | None) -> ScoreBins | None:
    """Bins of one class. above: how many score above each edge."""
    counts = (above[:-1] - above[1:]).tolist()
    kept = merge_bins(counts, cut)
    if not kept:
        return None
    sums = [sum(counts[low:high]) for low, high in pairwise(kept)]
    return ScoreBins(tuple(edges[place] for place in kept), tuple(sums))


def count_groups(
    scores: Scores, label: str, threshold: float, attributes: Sequence[str]
) -> dict[str, tuple[CountedGroup, ...]]:
    """By attribute a run's answers to the images of each value, with those that are too few for
    telling put together; empty where nothing can be told. Attributes that no image states are left
    out.

    Groups of too few positives or negatives are the same for all runs. Of these each run puts those
    together whose answers of one kind are too few. So neither one run's groups nor two runs'
    differences, nor what is left of the whole, are of fewer.
    """
    truth = scores.truth[:, scores.labels.index(label)]
    yes = decide_label(scores, label, threshold) & ~scores.failed
    found = {}
    for attribute in attributes:
        if attribute in scores.attributes:
            values = np.array(scores.attributes[attribute])
            found[attribute] = _count_by(values, truth, yes, scores.failed)
    return found


def _count_by(
    values: NDArray[np.str_], truth: NDArray[np.int8], yes: NDArray[np.bool_],
    failed: NDArray[np.bool_],
) -> tuple[CountedGroup, ...]:  # fmt: skip
    """A run's answers by value; a failed image is a wrong answer."""
    names = sorted({str(value) for value, known in zip(values, truth >= 0, strict=True) if known})
    right = np.where(truth == 1, yes, ~yes) & ~failed
    kinds = ((1, True), (1, False), (0, False), (0, True))  # tp, fn, fp, tn
    cells = np.array([
        [np.count_nonzero((values == name) & (truth == is_) & (right == good))
         for is_, good in kinds]
        for name in names
    ]).reshape(-1, 4)  # fmt: skip
    sizes = np.stack([cells[:, :2].sum(axis=1), cells[:, 2:].sum(axis=1)], axis=1)
    large = merge_groups(sizes)
    if large is None:
        return ()
    joined = set(range(len(names))) - set(large)
    alone = merge_groups(cells, joined)
    if alone is None:
        return ()
    told = [CountedGroup(names[group], *map(int, cells[group])) for group in alone]
    rest = np.delete(cells, alone, axis=0)
    return (*told, *([CountedGroup(None, *map(int, rest.sum(axis=0)))] if len(rest) else []))


def sample_effective(scores: Scores, label: str, threshold: float) -> EffectiveImages | None:
    """As how many independent images both rates are known; None where each patient has one."""
    groups = code_groups(scores.groups)
    if groups is None:
        return None
    truth = scores.truth[:, scores.labels.index(label)]
    yes = decide_label(scores, label, threshold) & ~scores.failed
    return EffectiveImages(
        _size(yes, truth == 1, groups), _size(~yes & ~scores.failed, truth == 0, groups)
    )


def _size(right: NDArray[np.bool_], among: NDArray[np.bool_], groups: NDArray[np.intp]) -> int:
    """Of the effective sample, downwards; one where a single patient shows no variance."""
    if not among.any():
        return 0
    size = sample_units(sum_units(right & among, groups), sum_units(among, groups)).size
    return max(1, int(np.nan_to_num(float(size), nan=1.0)))
