"""What copied counts say of a ranking: bounds, since nobody knows who missed which image."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from covidreport.metrics import bound_mcnemar, bound_mcnemar_above, detectable_difference, holm
from covidreport.records import (
    DetectableDifference,
    Evaluation,
    ExcludedRun,
    RankedRun,
    RankEvidence,
    RunComparisons,
)

ALPHA = 0.05
"""Up to this adjusted p-value two runs are significantly different, in a ranking and beside a
gate."""


def bound_from_counts(
    rows: Sequence[RankedRun],
    evaluation: Evaluation,
    target: str,
    excluded: Sequence[ExcludedRun] = (),
) -> RunComparisons:
    """What holds of each run and the best one whatever their answers to single images were.

    rows: the ranked ones in order, at least two. evaluation: of one of them; all are of the same
    images. A pair's p-value lies between those of the exact McNemar test in the most favourable
    case (`bound_mcnemar`) and in the least (`bound_mcnemar_above`), and Holm's correction over all
    pairs rises with each. A run whose lower bound stays above 5 % can't be significantly different
    by any answers that have these counts; one whose upper bound does not is so by all of them. Of
    those between nothing is known.

    The test takes images for independent. Where patients are known to have several, there are no
    upper bounds: images of one patient say less than as many of different patients.
    """
    counts = evaluation.counts[target]
    patients, images = evaluation.n_groups, evaluation.n_images
    several = patients is not None and patients < images
    pairs = list(combinations([row.missed for row in rows], 2))
    # The first row's pairs come first: those of the best run with each other one.
    others = range(len(rows) - 1)
    low = [bound_mcnemar(more - fewer) for fewer, more in pairs]
    high = [1.0 if several else bound_mcnemar_above(*pair, counts.positives) for pair in pairs]
    adjusted_low, adjusted_high = holm(low), holm(high)
    level = ALPHA / len(pairs)
    return RunComparisons(
        basis="counts",
        positives=counts.positives,
        negatives=counts.negatives,
        n_groups=patients if several else None,
        rank_evidence=(
            RankEvidence(rows[0].run, significantly_different=False),
            *(
                RankEvidence(
                    rows[index + 1].run,
                    _decide(adjusted_low[index], adjusted_high[index]),
                    adjusted_low[index],
                    p_value=low[index],
                    p_value_high=high[index],
                    adjusted_p_value_high=adjusted_high[index],
                )
                for index in others
            ),
        ),
        detectable_difference=DetectableDifference(
            len(pairs), detectable_difference(1, level), counts.positives, level
        ),
        excluded=tuple(excluded),
        alpha=ALPHA,
        independence_assumed=patients is None,
    )


def _decide(low: float, high: float) -> bool | None:
    """Whether two runs are significantly different; None where the bounds of p leave it open."""
    if low > ALPHA:
        return False
    return True if high <= ALPHA else None
