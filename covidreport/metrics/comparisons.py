"""Comparisons of runs as records: all pairs, or each run with a planned baseline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from covidreport.metrics.delong import RocAucs, compare_roc_aucs, name_delong
from covidreport.metrics.differences import estimate_difference
from covidreport.metrics.multiplicity import (
    FLIPS,
    Correction,
    PairTest,
    all_pairs,
    compare_pairs,
    planned_pairs,
)
from covidreport.metrics.paired import count_images, find_false_alarms, find_missed, sum_by_group
from covidreport.metrics.significance import holm
from covidreport.records import Comparison

PairedMetric = Literal["sensitivity", "specificity"]


class PairedAnswers(Struct, frozen=True, eq=False):
    """The answers of runs for one label on the same images.

    names `(R,)`; truth int8 `(N,)`; answers and failed bool `(R, N)`; groups integers `(N,)` or
    None.
    """

    names: tuple[str, ...]
    truth: NDArray[np.int8]
    answers: NDArray[np.bool_]
    failed: NDArray[np.bool_]
    groups: NDArray[np.integer[Any]] | None

    def choose_pairs(self, baseline: str | None) -> tuple[tuple[int, int], ...]:
        """All pairs, or every other run with the baseline. Raises ValueError for no such run."""
        if baseline is None:
            return all_pairs(len(self.names))
        return planned_pairs(len(self.names), self.names.index(baseline))

    def find_wrong(
        self, metric: PairedMetric
    ) -> tuple[NDArray[np.bool_], NDArray[np.integer[Any]] | None]:
        """What each run got wrong of the images that the metric is about, and their groups.

        The missed positives bool `(R, P)` for sensitivity, the false alarms for specificity.
        """
        find, truth = (find_missed, 1) if metric == "sensitivity" else (find_false_alarms, 0)
        groups = None if self.groups is None else self.groups[self.truth == truth]
        return find(self.truth, self.answers, self.failed), groups


def compare_answers(
    runs: PairedAnswers,
    metric: PairedMetric = "sensitivity",
    baseline: str | None = None,
    *,
    correction: Correction = "max-t",
    flips: int = FLIPS,
    seed: int = 0,
) -> tuple[tuple[Comparison, ...], tuple[PairTest, ...]]:
    """Paired differences in sensitivity (missed) or specificity (false alarms) with exact tests.

    All pairs, corrected over all pairs; with a baseline that was named beforehand, the other runs
    against it, corrected over these alone. Gives the records and the same tests by run index, as
    `find_indistinguishable` and `describe_resolution` want them. None at all where no image is of
    that truth.
    """
    wrong, groups = runs.find_wrong(metric)
    if not wrong.shape[1]:
        return (), ()
    tests = compare_pairs(
        wrong, groups, runs.choose_pairs(baseline), correction=correction, flips=flips, seed=seed
    )
    return record_tests(runs, metric, tests), tests


def record_tests(
    runs: PairedAnswers, metric: PairedMetric, tests: Sequence[PairTest]
) -> tuple[Comparison, ...]:
    """Tests of pairs of these runs with the paired differences in the metric and their intervals.

    The interval is that of `estimate_difference`, for each pair alone. It does not come from the
    test, which is exact and whose p-value may be adjusted: the two may disagree.
    """
    wrong, groups = runs.find_wrong(metric)
    sums, sizes = sum_by_group(wrong, groups), count_images(wrong.shape[1], groups)
    return tuple(_record_test(runs.names, metric, test, sums, sizes) for test in tests)


def _record_test(
    names: Sequence[str], metric: PairedMetric, test: PairTest, sums: NDArray[np.int64],
    sizes: NDArray[np.int64],
) -> Comparison:  # fmt: skip
    # Right answers of the first alone are the wrong ones of the second alone.
    difference, interval = estimate_difference(
        test.only_second, test.only_first, sums[:, test.second] - sums[:, test.first], sizes
    )
    return Comparison(
        first=names[test.first],
        second=names[test.second],
        metric=metric,
        difference=difference,
        low=interval.low,
        high=interval.high,
        interval=interval.method,
        p_value=test.p_value,
        adjusted_p_value=test.adjusted_p_value,
        test=test.test,
        correction=test.correction,
        only_first=test.only_first,
        only_second=test.only_second,
    )


def compare_curves(
    names: Sequence[str], aucs: RocAucs, baseline: str | None = None
) -> tuple[Comparison, ...]:
    """Paired differences in ROC AUC by DeLong (Obuchowski over groups), corrected by Holm.

    aucs: from `estimate_roc_aucs`, its runs in the order of the names. All pairs, or every other
    run with a baseline that was named beforehand. A pair without a p-value takes part in no
    correction.
    """
    runs = len(names)
    pairs = all_pairs(runs) if baseline is None else planned_pairs(runs, names.index(baseline))
    results = [compare_roc_aucs(aucs, first, second) for first, second in pairs]
    known = [result.p_value for result in results if result.p_value is not None]
    adjusted = iter(holm(known))
    return tuple(
        Comparison(
            first=names[first],
            second=names[second],
            metric="roc_auc",
            difference=result.difference,
            low=result.interval.low,
            high=result.interval.high,
            interval=result.interval.method,
            p_value=result.p_value,
            adjusted_p_value=None if result.p_value is None else next(adjusted),
            test=None if result.p_value is None else name_delong(aucs.grouped),
            correction=None if result.p_value is None else f"holm over {len(known)}",
        )
        for (first, second), result in zip(pairs, results, strict=True)
    )
