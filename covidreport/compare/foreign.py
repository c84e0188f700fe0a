"""What a run says of pictures that are no frontal radiograph, beside its false alarms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from covidreport.compare.changed import compare_changed, find_rows
from covidreport.compare.reading import ReadScores
from covidreport.errors import RunError
from covidreport.metrics import (
    code_groups,
    decide_label,
    fisher_exact,
    holm,
    to_probabilities,
)
from covidreport.metrics.matches import Proportion
from covidreport.metrics.proportions import estimate_proportions
from covidreport.metrics.rates import estimate_rate
from covidreport.metrics.unpaired import subtract_unpaired
from covidreport.records import (
    AS_IS,
    FOREIGN_CHANGES,
    SINGLES,
    Comparison,
    Estimate,
    Evaluation,
    ForeignKind,
    ForeignRun,
    MetricPlan,
    Run,
    Scores,
    SinglePicture,
)
from covidreport.store import SCORES_FILE, evaluation_folder, read_scores
from covidreport.text.thresholds import find_label_rule

NEGATIVES = "negatives"
"""What the pictures of a folder are compared with."""


def read_foreign(
    run: Run, usual: Evaluation, foreign: Evaluation, target: str, read: ReadScores = read_scores
) -> ForeignRun:
    """`compare_foreign` of stored scores. Raises StoreError where they can't be read."""
    scores = read(evaluation_folder(run.folder, foreign.key) / SCORES_FILE)
    return compare_foreign(usual, scores, target)


def compare_foreign(usual: Evaluation, scores: Scores, target: str) -> ForeignRun:
    """What a run calls the target, by the rule of its usual evaluation, and how surely.

    scores: of the foreign pictures. Negatives that were changed are compared with themselves as
    they are, as `compare_changed` does. Pictures of a folder are compared with all negatives of the
    usual evaluation by Fisher's exact test, these counted as as many patients as they show; the
    difference has the interval of `subtract_unpaired`. `correct_foreign` adjusts both. RunError
    where there are no pictures as they are.
    """
    rows = find_rows(scores)
    paired = compare_changed(usual, scores, target, FOREIGN_CHANGES).negatives
    if not paired.images:
        raise RunError(f"its evaluation of foreign pictures has none without {target}")
    said = _Answers(scores, target, decide_label(scores, target, find_label_rule(usual, target)))
    kinds = []
    for name, of in rows.items():
        if name in SINGLES:
            continue
        kind = said.count(name, list(of.values()))
        against = paired.find(name)
        if name not in (AS_IS.name, *FOREIGN_CHANGES):
            against = _compare_folder(kind, usual, target)
        kinds.append(replace(kind, comparison=against))
    singles = [said.show(name, next(iter(rows[name].values()))) for name in SINGLES if name in rows]
    alarms = _turn(usual.estimates[target]["specificity"])
    return ForeignRun(usual.run, tuple(kinds), tuple(singles), alarms)


class _Answers:
    """The answers of one run to foreign pictures."""

    def __init__(self, scores: Scores, target: str, yes: NDArray[np.bool_]) -> None:
        self.yes = yes
        self.failed = scores.failed
        self.groups = scores.groups
        column = scores.scores[:, scores.labels.index(target)]
        self.scores = to_probabilities(column, scores.activation)

    def count(self, name: str, rows: Sequence[int]) -> ForeignKind:
        """How many pictures are called the target, and what their scores are."""
        among = ~self.failed[rows]
        called = self.yes[rows] & among
        found = estimate_rate(int(called.sum()), int(among.sum()))
        groups = code_groups(None if self.groups is None else [self.groups[row] for row in rows])
        (found,) = (
            estimate_proportions([(found, Proportion(among, called))], groups, MetricPlan())
            if among.any()
            else (found,)
        )
        quartiles = None
        if among.any():
            low, middle, high = np.quantile(self.scores[rows][among], (0.25, 0.5, 0.75)).tolist()
            quartiles = low, middle, high
        return ForeignKind(name, len(rows), found, quartiles)

    def show(self, name: str, row: int) -> SinglePicture:
        """The score of one picture; None where it could not be scored."""
        if self.failed[row]:
            return SinglePicture(name, None, called=False)
        return SinglePicture(name, float(self.scores[row]), called=bool(self.yes[row]))


def _compare_folder(kind: ForeignKind, usual: Evaluation, target: str) -> Comparison | None:
    """The pictures of a folder and all negatives; None where none of them could be scored."""
    called, of = kind.called.numerator, kind.called.denominator
    counts = usual.counts[target]
    if called is None or not of or not counts.negatives:
        return None
    found = subtract_unpaired(_turn(kind.called), usual.estimates[target]["specificity"])
    alarms, negatives = _count_patients(usual, counts.false_alarms, counts.negatives)
    p = fisher_exact((called, of - called), (alarms, negatives - alarms))
    return Comparison(
        kind.name, NEGATIVES, "specificity", found.value, found.low, found.high, found.method,
        p, test="fisher-exact",
    )  # fmt: skip


def _count_patients(usual: Evaluation, alarms: int, negatives: int) -> tuple[int, int]:
    """The same share of as many patients as there are: images of one are not independent."""
    patients = usual.n_groups or usual.n_images
    share = min(1.0, patients / usual.n_images)
    return round(alarms * share), max(round(alarms * share), round(negatives * share))


def _turn(rate: Estimate) -> Estimate:
    """From a share to that of all others: from a specificity to the rate of false alarms."""
    if rate.value is None:
        return rate
    low, high = (None if end is None else 1 - end for end in (rate.high, rate.low))
    counted = None
    if rate.numerator is not None and rate.denominator is not None:
        counted = rate.denominator - rate.numerator
    return replace(rate, value=1 - rate.value, low=low, high=high, numerator=counted)


def correct_foreign(runs: Sequence[ForeignRun]) -> tuple[ForeignRun, ...]:
    """The runs with p-values adjusted by Holm over all kinds of all of them: any of these may be
    the one that is told of."""
    known = {
        (run.run, kind.name): kind.comparison.p_value
        for run in runs
        for kind in run.kinds
        if kind.comparison is not None and kind.comparison.p_value is not None
    }
    adjusted = dict(zip(known, holm(list(known.values())), strict=True))
    return tuple(
        replace(run, kinds=tuple(_adjust(kind, run.run, adjusted) for kind in run.kinds))
        for run in runs
    )


def _adjust(kind: ForeignKind, run: str, adjusted: Mapping[tuple[str, str], float]) -> ForeignKind:
    p = adjusted.get((run, kind.name))
    if kind.comparison is None or p is None:
        return kind
    said = f"holm over {len(adjusted)}"
    return replace(kind, comparison=replace(kind.comparison, adjusted_p_value=p, correction=said))
