"""Who misses the fewest: runs on the same images, truth and threshold of the target, in order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Mapping, Sequence
from itertools import groupby
from typing import Any, TypeVar

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from covidreport.metrics import RunCounts
from covidreport.records import Comparable, Counts, Evaluation, Finding, RankedRun, Ranking, Tuning
from covidreport.text import decimal_beside, label_name
from covidreport.text.thresholds import decides_itself, describe_threshold, is_tuned

C = TypeVar("C", bound=Comparable)
CONSTANT_ONE_IN = 100
"""A run that gives the rarer of its two answers to at most one image in so many is not ranked."""


class RankedSet(Struct, frozen=True):
    """A ranking and the evaluations that it was made from; what a reader must know of them."""

    ranking: Ranking
    evaluations: tuple[Evaluation, ...]
    findings: tuple[Finding, ...] = ()


def rank_runs(
    evaluations: Sequence[Evaluation], target: str, specificity_floor: float = 0.5
) -> tuple[Ranking, ...]:
    """One `Ranking` for each set of evaluations that may be compared, the largest set first.

    Comparable are evaluations of the same images and truth of the target (equal fingerprints of
    that label), variant and thresholds, or thresholds that were each tuned for the same target on
    the same other images (`identify_thresholds`). Other labels count where both have them: their
    thresholds are to be the same too. One that is decided by argmax has none, and stands with the
    others of its images, the most that have one rule (`part_comparable`). Files of a covidreport
    that made no fingerprints of labels are comparable where the whole fingerprint and all labels
    are the same. Counts copied from a paper have no fingerprint: they are comparable with each
    other where data set, split, labels and the support of every label are the same.

    Order: fewest missed positives of `target`, then fewest false alarms, an image that could not
    be scored counting as either, then highest average precision, then name. Runs equal in the
    counts of which one has no average precision, and runs equal in all three, share a rank and the
    next rank is left free (1, 2, 2, 4): the name settles their order and nothing else. Runs that
    would win without being of use (see `explain_unranked`) follow by name, with rank None and the
    reason.
    """
    return tuple(each.ranking for each in rank_sets(evaluations, target, specificity_floor))


def rank_sets(
    evaluations: Sequence[Evaluation], target: str, specificity_floor: float,
    trained: Collection[str] = (),
) -> tuple[RankedSet, ...]:  # fmt: skip
    """As `rank_runs`, each ranking with its evaluations.

    trained: the runs that were trained on the images that they are evaluated on. They have no rank
    beside cross-validated configurations, none of whose models saw what it answers.
    """
    sets = [
        RankedSet(_rank_group(group, target, specificity_floor, trained), tuple(group))
        for group in part_comparable(evaluations, target)
    ]
    return tuple(sorted(sets, key=lambda each: _order_rankings(each.ranking)))


def part_comparable(evaluations: Sequence[C], target: str) -> list[list[C]]:
    """The evaluations in groups whose runs may stand in one ranking, each in the order given.

    Of the same images and variant, and with thresholds by one rule. What is decided by argmax, or
    called by a reader, has none that could differ: it is of the largest group, the first of
    several.
    """
    known = {
        each.fingerprint: each.label_fingerprints[target]
        for each in evaluations
        if each.fingerprint is not None and target in each.label_fingerprints
    }
    groups: defaultdict[Hashable, list[C]] = defaultdict(list)
    for evaluation in evaluations:
        groups[identify_images(evaluation, target, known)].append(evaluation)
    return [part for group in groups.values() for part in _part_rules(group)]


def _part_rules(evaluations: Sequence[C]) -> list[list[C]]:
    """Evaluations of the same images by the rule of their thresholds.

    Those of most labels first: one of fewer joins the largest group that agrees on those it has.
    """
    alike: defaultdict[Hashable, list[int]] = defaultdict(list)
    for place, each in enumerate(evaluations):
        rule = None if decides_itself(each) else (frozenset(each.labels), identify_thresholds(each))
        alike[rule].append(place)
    groups: list[list[list[int]]] = []
    ordered = sorted(alike.items(), key=lambda item: (item[0] is None, -_count_labels(item[0])))
    for _, places in ordered:
        one = evaluations[places[0]]
        fitting = [
            group
            for group in groups
            if all(have_same_thresholds(one, evaluations[other[0]]) for other in group)
        ]
        if fitting:
            max(fitting, key=lambda group: sum(map(len, group))).append(places)
        else:
            groups.append([places])
    found = sorted(sorted(place for places in group for place in places) for group in groups)
    return [[evaluations[place] for place in group] for group in found]


def _count_labels(rule: Any) -> int:
    return 0 if rule is None else len(rule[0])


def have_same_thresholds(one: Comparable, other: Comparable) -> bool:
    """Whether two runs were given their thresholds by one rule, as far as both have a label.

    Argmax has none, and is beside any; so are the calls of readers.
    """
    if decides_itself(one) or decides_itself(other):
        return True
    both = set(one.labels) & set(other.labels)
    return identify_thresholds(one, both) == identify_thresholds(other, both)


def identify_images(
    evaluation: Comparable, target: str, known: Mapping[str, str] | None = None
) -> Hashable:
    """Equal for two evaluations of the same images, truth of the target and variant.

    A fingerprint holds the split of every image: what all folds of it answered, and what a run
    did, are of the same images whatever both are filed under. known: of evaluations beside it, by
    whole fingerprint that of the target.
    """
    whole = evaluation.fingerprint
    own = evaluation.label_fingerprints.get(target) or (known or {}).get(whole or "")
    if own is not None:
        return (own, evaluation.variant)
    images: Hashable = whole
    if whole is None:
        supports = {
            label: (counts.positives, counts.negatives, counts.unknown)
            for label, counts in evaluation.counts.items()
        }
        images = (evaluation.dataset, evaluation.split, tuple(sorted(supports.items())))
    return (images, evaluation.variant, tuple(sorted(evaluation.labels)))


def identify_thresholds(evaluation: Comparable, labels: Collection[str] | None = None) -> Hashable:
    """Equal for two evaluations whose runs were given their thresholds by the same rule.

    Fixed thresholds are a rule by their values. Tuned ones differ from run to run: the rule is
    where they were tuned and for what, and the values of the labels that were not tuned. labels:
    those that count; None for all.
    """
    values = {
        label: value
        for label, value in evaluation.thresholds.items()
        if labels is None or label in labels
    }
    if not evaluation.origin.tuned:
        return tuple(sorted(values.items()))
    tuning = evaluation.tuning or Tuning()
    targets = None if tuning.targets is None else tuple(
        sorted(item for item in tuning.targets.items() if labels is None or item[0] in labels)
    )  # fmt: skip
    rest = [item for item in values.items() if not is_tuned(evaluation, item[0])]
    return (evaluation.origin, replace(tuning, targets=None), targets, tuple(sorted(rest)))


def _order_rankings(ranking: Ranking) -> tuple[bool, int, str, str, str]:
    """The largest first, those in which no run has a rank last: they answer nothing."""
    first = min(row.run for row in ranking.rows)
    none = all(row.rank is None for row in ranking.rows)
    return (none, -len(ranking.rows), ranking.dataset, ranking.split, first)


def _rank_group(
    group: Sequence[Evaluation], target: str, floor: float, trained: Collection[str]
) -> Ranking:
    candidates: list[RankedRun] = []
    unranked: list[RankedRun] = []
    known = trained if any(each.facts.folds for each in group) else ()
    for evaluation in sorted(group, key=lambda each: each.run):
        counts = evaluation.counts.get(target)
        reason = explain_unranked(evaluation, target, floor)
        if evaluation.run in known:
            reason = f"was trained on split {evaluation.split}: it has seen what it answers"
        row = RankedRun(
            run=evaluation.run,
            rank=None,
            missed=counts.missed if counts else 0,
            false_alarms=counts.false_alarms if counts else 0,
            why_unranked=reason,
            counted=counts is not None,
            average_precision=_average_precision(evaluation, target),
        )
        (candidates if reason is None else unranked).append(row)
    # `folds` is no split of the data: where a run stands on the split itself, that names it
    first = min(group, key=lambda each: (bool(each.facts.folds), each.dataset, each.run))
    return Ranking(
        target=target,
        dataset=first.dataset,
        split=first.split,
        fingerprint=name_images(group, target),
        rows=(*_assign_ranks(candidates), *unranked),
        specificity_floor=floor,
    )


def name_images(group: Sequence[Comparable], target: str) -> str | None:
    """The fingerprint that evaluations of one ranking have in common: the whole one, or where they
    are of other labels that of the target."""
    whole = {each.fingerprint for each in group}
    if len(whole) == 1:
        return whole.pop()
    return next((own for e in group if (own := e.label_fingerprints.get(target))), None)


def _average_precision(evaluation: Evaluation, target: str) -> float | None:
    precision = evaluation.estimates.get(target, {}).get("average_precision")
    return None if precision is None else precision.value


def _assign_ranks(rows: Sequence[RankedRun]) -> list[RankedRun]:
    """Standard competition ranking: equal runs share a rank, and the next one is left free."""
    ranked: list[RankedRun] = []
    for _, equal in groupby(sorted(rows, key=_count_key), _count_key):
        tied = list(equal)
        first = len(ranked) + 1
        precisions = [row.average_precision for row in tied if row.average_precision is not None]
        # A run without the metric is neither better nor worse by it: then nobody is.
        settled = len(precisions) == len(tied)
        ordered = sorted(tied, key=lambda row: -(row.average_precision or 0) if settled else 0)
        for row in ordered:
            above = 0
            if settled:
                above = sum(precision > (row.average_precision or 0) for precision in precisions)
            ranked.append(replace(row, rank=first + above))
    return ranked


def _count_key(row: RankedRun) -> tuple[int, int]:
    return row.missed, row.false_alarms


def explain_unranked(evaluation: Comparable, target: str, specificity_floor: float) -> str | None:
    """Why a run can't be ranked for `target`, in plain words with the numbers; None if it can."""
    counts = evaluation.counts.get(target)
    if counts is None:
        known = ", ".join(evaluation.labels)
        return f"was not evaluated for {target}: its labels are {known}"
    return explain_counts(counts, target, specificity_floor)


def explain_counts(counts: Counts, target: str, specificity_floor: float) -> str | None:
    """Why counts of `target` give no rank, as `explain_unranked`."""
    if counts.positives == 0:
        return f"no image of {label_name(target)} among {counts.total}: there is nothing to miss"
    return (
        explain_constant(counts)
        or _explain_no_negatives(counts, target)
        or _explain_low_specificity(counts, target, specificity_floor)
    )


def suggest_tuning(evaluation: Evaluation, target: str) -> str:
    """What an unranked run is told where another threshold may be what it lacks; else empty.

    Its answers are all but constant, or its specificity is under the floor, at a threshold that was
    not tuned for it; its scores may tell more.
    """
    counts = evaluation.counts.get(target)
    if counts is None or not counts.positives or not counts.negatives:
        return ""
    if is_tuned(evaluation, target) or not evaluation.has_scores or counts.tp + counts.tn == 0:
        return ""
    if decides_itself(evaluation):
        return ""
    return f"at {describe_threshold(evaluation, target)}; `covidreport tune` fits one of its own"


def explain_constant(counts: Counts) -> str | None:
    """Why a run's answers are all but constant, such as "calls 627 of 628 images negative".

    None where they are not. All but constant means that the rarer of its two answers goes to at
    most 1 % of the images; but for a rare target to no more than half the proportion of the rarer
    truth. Without the second limit a perfect run on 28 positives among 100,000 images, which calls
    0.028 % positive, would pass for one that calls everything negative.
    """
    negative, positive = counts.tn + counts.fn, counts.tp + counts.fp
    answers = negative + positive
    if answers == 0:
        return f"none of {counts.total} images could be scored"
    if not is_constant(positive, negative, counts.positives, counts.negatives):
        return None
    word, count = ("negative", negative) if negative >= positive else ("positive", positive)
    scored = "images" if answers == counts.total else "counted images"
    return f"calls {count} of {answers} {scored} {word}"


def is_constant(positive: Any, negative: Any, positives: Any, negatives: Any) -> Any:
    """Whether answers are all but constant, as `explain_constant` has it: of two kinds of answers
    and of truths, whole numbers or arrays of them."""
    answers, truths = positive + negative, positives + negatives
    rarer_answer, rarer_truth = np.minimum(positive, negative), np.minimum(positives, negatives)
    # In whole numbers: a proportion of exactly 1 % must not depend on how a float rounds.
    below_one_in = rarer_answer * CONSTANT_ONE_IN <= answers
    below_half_of_truth = 2 * rarer_answer * truths <= rarer_truth * answers
    return below_one_in & below_half_of_truth


def may_win(counts: RunCounts, specificity_floor: float) -> NDArray[np.bool_]:
    """Which runs have a rank by their counts, arrays of any shape: as `explain_unranked` says."""
    positives, negatives = counts.found + counts.missed, counts.cleared + counts.alarms
    with np.errstate(divide="ignore", invalid="ignore"):
        over_floor = counts.cleared / negatives >= specificity_floor
    constant = is_constant(counts.positive, counts.negative, positives, negatives)
    able: NDArray[np.bool_] = (positives > 0) & (negatives > 0) & ~constant & over_floor
    return able


def _explain_no_negatives(counts: Counts, target: str) -> str | None:
    if counts.negatives:
        return None
    without = f"no image without {label_name(target)} among {counts.total}"
    return f"{without}: false alarms can't be counted"


def _explain_low_specificity(counts: Counts, target: str, floor: float) -> str | None:
    specificity = counts.tn / counts.negatives
    if specificity >= floor:
        return None
    limit = f"{floor:.2f}" if round(floor, 2) == floor else f"{floor:g}"
    return (
        f"clears {counts.tn} of {counts.negatives} images without {label_name(target)}: "
        f"specificity {decimal_beside(specificity, floor)}, under the floor of {limit}"
    )
