"""Whether the target is as frequent in one split as in another, and if not, why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple

from covidreport.audit.evidence import iterate_reported
from covidreport.metrics import fisher_exact
from covidreport.records import Counts, Evaluation, Finding, ReportData
from covidreport.text import format_p, label_name, proportion

ALPHA = 0.001
"""Stricter than the usual 0.05: the check runs on every report, and healthy data must pass."""


def audit_prevalence(data: ReportData) -> tuple[Finding, ...]:
    """Splits between which the target's prevalence differs beyond chance (Fisher's exact test).

    Where patients are known, the images of one are not independent: the counts are then scaled
    down to the number of patients, which keeps the test from taking one patient's images for many.
    """
    pairs: defaultdict[Hashable, list[tuple[Evaluation, Evaluation]]] = defaultdict(list)
    evaluated = 0
    for run, reported in iterate_reported(data):
        evaluated += 1
        for other in run.usual:
            if other.split != reported.split:
                supports = _count_supports(reported), _count_supports(other)
                pairs[other.split, *supports].append((other, reported))
    findings = []
    for examples in pairs.values():
        other, reported = examples[0]
        subjects = tuple(dict.fromkeys(reported.run for _, reported in examples))
        about = () if len(subjects) == evaluated else subjects
        finding = _compare_splits(other, reported, data.target, about)
        if finding is not None:
            findings.append(finding)
    return tuple(findings)


def _count_supports(evaluation: Evaluation) -> Hashable:
    return tuple(
        sorted(
            (label, counts.positives, counts.negatives, counts.unknown)
            for label, counts in evaluation.counts.items()
        )
    )


def _compare_splits(
    other: Evaluation, reported: Evaluation, target: str, subjects: Sequence[str]
) -> Finding | None:
    if target not in other.counts or target not in reported.counts:
        return None
    p_value = fisher_exact(_count_independent(other, target), _count_independent(reported, target))
    if p_value >= ALPHA:
        return None
    proportions = " and ".join(
        f"{_format_prevalence(evaluation.counts[target])} of {evaluation.split}"
        for evaluation in (other, reported)
    )
    reason = _explain_by_convention(other, reported, target)
    differ = f"The prevalence of {label_name(target)} is {proportions}: more than chance explains"
    scaled = (
        ", the images counted as as many patients as they show"
        if any(_has_repeated_patients(each) for each in (other, reported))
        else ""
    )
    test = f"Fisher's exact test: {format_p(p_value)}{scaled}."
    return Finding(
        severity="warning" if reason is None else "error",
        code="prevalence-differs",
        what=differ if reason is None else reason.what,
        evidence=test if reason is None else f"{differ}. {test} {reason.evidence}",
        remedy=_DRAWN if reason is None else _LABELLED,
        subjects=tuple(subjects),
    )


def _format_prevalence(counts: Counts) -> str:
    known = counts.positives + counts.negatives
    return proportion(counts.positives, known)


def _count_independent(evaluation: Evaluation, target: str) -> tuple[int, int]:
    """(positives, negatives) of the target, scaled down to patients where they are known."""
    counts = evaluation.counts[target]
    if evaluation.n_groups is None or not _has_repeated_patients(evaluation):
        return counts.positives, counts.negatives
    patients_per_image = evaluation.n_groups / evaluation.n_images
    return round(counts.positives * patients_per_image), round(
        counts.negatives * patients_per_image
    )


def _has_repeated_patients(evaluation: Evaluation) -> bool:
    return evaluation.n_groups is not None and evaluation.n_groups < evaluation.n_images


_DRAWN = (
    "Find out whether the splits were drawn or labelled differently. If they were labelled "
    "differently, label both by one convention, train and evaluate again. Until then PPV, NPV and "
    "false alarms of one split say nothing about the other."
)
_LABELLED = (
    "Look at the labels of single images. Where they are so, label both splits by one convention, "
    "train and evaluate again; where not, find out how else the splits differ. Until then choose "
    "no run by these figures."
)


class _Reason(NamedTuple):
    what: str
    evidence: str


def _explain_by_convention(first: Evaluation, second: Evaluation, target: str) -> _Reason | None:
    """The likely reason that images of another label count as the target too in one split only.

    From counts alone: if every image has at least one label, the labels' positives add up to the
    number of images and one more for every further label that an image has. Where that surplus is 0
    in one split, and in the other exactly the positives of another label (and not all positives of
    the target), the plainest reading is that each image of that label carries the target as well,
    since the target is what became more frequent. It is a reading, not a proof.
    """
    plain, double = sorted((first, second), key=lambda each: _count_surplus(each.counts) or 0)
    surplus = _count_surplus(double.counts)
    if _count_surplus(plain.counts) != 0 or not surplus:
        return None
    positives = double.counts[target].positives
    if positives * plain.n_images <= plain.counts[target].positives * double.n_images:
        return None
    also = [
        label
        for label, counts in double.counts.items()
        if label != target and counts.positives == surplus < positives
    ]
    if not also:
        return None
    label = " or every ".join(also)
    in_plain = sum(counts.positives for counts in plain.counts.values())
    return _Reason(
        f"No ranking can be believed: by the counts every {label_name(label)} image of "
        f"{double.split} is labelled {label_name(target)} too, and none of {plain.split} is",
        f"The labels of {double.split} have {surplus:,} positives more "
        f"than there are images ({double.n_images + surplus:,} on {double.n_images:,}), exactly "
        f"the number of {' or '.join(also)} images. Those of {plain.split} have none more "
        f"({in_plain:,} on {plain.n_images:,}). The {positives:,} positives of "
        f"{label_name(target)} in "
        f"{double.split} would then be {positives - surplus:,} {label_name(target)} and "
        f"{surplus:,} "
        f"{' or '.join(also)} images. Counts alone show no single image: another mix of labels "
        "would have to give exactly these numbers.",
    )


def _count_surplus(counts: Mapping[str, Counts]) -> int | None:
    """Positives over all labels less the number of images; None where a truth is unknown."""
    if not counts or any(label.unknown for label in counts.values()):
        return None
    images = next(iter(counts.values())).total
    return sum(label.positives for label in counts.values()) - images
