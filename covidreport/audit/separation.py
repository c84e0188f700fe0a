"""Attributes whose values part the ranked images by the target: nothing else need be recognised.

`shortcuts` looks at a data set; this at what evaluations store of it, so every report has it.
"""

from __future__ import annotations

from collections.abc import Sequence

from covidreport.audit.evidence import iterate_reported
from covidreport.audit.parted import (
    CODE,
    FEWEST,
    PARTED,
    Separation,
    describe_parted,
    judge_parted,
    name_values,
    part_images,
)
from covidreport.audit.support import count_units
from covidreport.records import Evaluation, Finding, ReportData, Subgroups
from covidreport.text import decimal, label_name


def audit_separation(data: ReportData) -> tuple[Finding, ...]:
    """Attributes by whose values alone the target is known on the ranked images, in one finding.

    The rule: their balanced accuracy is at least 0.95, a value with fewer than 5 images decides
    nothing, and 10 patients (or images) with the target and 10 without it are told.
    """
    evaluation = _choose_evaluation(data)
    if evaluation is None or evaluation.score_metrics is None:
        return ()
    every = [
        find_separation(attribute, by_label[data.target])
        for attribute, by_label in evaluation.score_metrics.subgroups.items()
        if data.target in by_label
    ]
    found = [each for each in every if each is not None and _is_parted(each, evaluation)]
    found.sort(key=lambda each: -each.balanced_accuracy)
    return (_describe(found, data),) if found else ()


def _choose_evaluation(data: ReportData) -> Evaluation | None:
    """The first of the first ranking that has subgroups: a ranking is of the same images."""
    ranked = {row.run for row in data.rankings[0].rows} if data.rankings else set()
    return next(
        (
            evaluation
            for run, evaluation in iterate_reported(data)
            if run.run.name in ranked
            and evaluation.score_metrics
            and evaluation.score_metrics.subgroups
        ),
        None,
    )


def find_separation(attribute: str, subgroups: Subgroups) -> Separation | None:
    """How the values part the images, unknown truths excluded; None without both kinds.

    What is not stated is a value of its own: a blank can tell the target too.
    """
    every = [*subgroups.groups, *([subgroups.not_stated] if subgroups.not_stated else [])]
    return part_images(
        attribute,
        ((one.value or "not stated", one.counts.positives, one.counts.negatives) for one in every),
    )


def _is_parted(found: Separation, evaluation: Evaluation) -> bool:
    matching = min(found.matching_positives, found.matching_negatives)
    return found.balanced_accuracy >= PARTED and count_units(evaluation, matching) >= FEWEST


def _describe(found: Sequence[Separation], data: ReportData) -> Finding:
    first = found[0].attribute
    shown = "; ".join(_show_counts(each, data.target) for each in found)
    return Finding(
        judge_parted(found),
        CODE,
        describe_parted(found, data.target),
        f"On {data.split}, {shown}.",
        f"Test on images of which each {first} has some with {label_name(data.target)} and some "
        "without. Look "
        "with `covidreport evaluate --occlude centre` for what is still known without the lungs.",
    )


def _show_counts(found: Separation, target: str) -> str:
    return (
        f"by {found.attribute}: {found.matching_positives:,} of {found.positives:,} images with "
        f"{label_name(target)} and {found.wrong_negatives:,} of {found.negatives:,} without it "
        "are of "
        f"{name_values(found.positive_values)}, {found.wrong_positives:,} and "
        f"{found.matching_negatives:,} of {name_values(found.negative_values)} (balanced accuracy "
        f"of the {found.attribute} alone: {decimal(found.balanced_accuracy)})"
    )
