"""What copied counts say of a ranking: bounds, since nobody knows who missed which image."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from covidreport.metrics import bound_mcnemar, detectable_difference, holm
from covidreport.records import (
    Counts,
    DetectableDifference,
    ExcludedRun,
    RankedRun,
    RankEvidence,
    RunComparisons,
)

ALPHA = 0.05
"""Up to this adjusted p-value two runs are significantly different, in a ranking and beside a
gate."""


def bound_from_counts(
    rows: Sequence[RankedRun], counts: Counts, excluded: Sequence[ExcludedRun] = ()
) -> RunComparisons:
    """The runs that do not differ significantly from the best whatever their answers were.

    rows: the ranked ones in order, at least two. A pair's p-value is at least that of the exact
    McNemar test in the most favourable case (`bound_mcnemar`), Holm's correction over all pairs
    rises with each, and a run whose bound stays above 5 % can't be significantly different by any
    answers that have these counts. Of the others nothing is known.
    """
    pairs = list(combinations(range(len(rows)), 2))
    bounds = holm([bound_mcnemar(rows[j].missed - rows[i].missed) for i, j in pairs])
    with_best = {j: bound for (i, j), bound in zip(pairs, bounds, strict=True) if i == 0}
    evidence = [
        RankEvidence(row.run, None if bound <= ALPHA else False, bound)
        for row, bound in ((rows[index], with_best[index]) for index in range(1, len(rows)))
    ]
    level = ALPHA / len(pairs)
    return RunComparisons(
        basis="counts",
        positives=counts.positives,
        negatives=counts.negatives,
        rank_evidence=(RankEvidence(rows[0].run, significantly_different=False), *evidence),
        detectable_difference=DetectableDifference(
            len(pairs), detectable_difference(1, level), counts.positives, level
        ),
        excluded=tuple(excluded),
        alpha=ALPHA,
    )
