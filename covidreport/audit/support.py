"""How much can be told at all: from few positives, and from images that were used many times."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from covidreport.audit.evidence import DataEvidence, iterate_reported
from covidreport.metrics import detectable_difference
from covidreport.records import DetectableDifference, Evaluation, Finding, ReportData
from covidreport.text import decimal, label_name, plural, portion

FEW_POSITIVES: Final = "too-few-positives"
"""The code of what is said of few positives."""
FEW: Final = 100
"""Positives below which it is said what they can't tell: nothing missed still leaves 3 %."""
VERY_FEW: Final = 30
"""Those below which it is a warning: nothing missed leaves 10 %, and 6 cases are a fifth."""
MANY_RUNS: Final = 10
"""Models on the same images from which on the best is said to be flattered: of ten equally good
runs that each find 90 %, one misses none of 28 with a probability of 42 %."""
TRAINING: Final = ("train", "training")
TESTS: Final = ("test", "testing", "holdout", "external")
"""Splits that are meant to be used once."""


def audit_few_positives(evidence: DataEvidence) -> tuple[Finding, ...]:
    """Splits with too few positives to tell runs apart; training splits are not looked at."""
    dataset = evidence.dataset
    splits = np.array(dataset.splits or ("",) * len(dataset), dtype=object)
    groups = None if dataset.groups is None else np.array(dataset.groups, dtype=object)
    findings = []
    for label in evidence.targets:
        positive = dataset.truth[:, dataset.labels.index(label)] == 1
        found = []
        for split in dict.fromkeys(splits.tolist()):
            rows = positive & (splits == split)
            units = int(rows.sum()) if groups is None else len(set(groups[rows].tolist()))
            if split not in TRAINING and 0 < units < FEW:
                found.append((split, int(rows.sum()), units))
        if found:
            findings.append(_describe_few(label, found, "patients"))
    return tuple(findings)


def audit_reported_positives(data: ReportData) -> tuple[Finding, ...]:
    """The same for the split of a report, from its counts."""
    for _, evaluation in iterate_reported(data):
        counts = evaluation.counts.get(data.target)
        if counts is not None and counts.positives:
            counted = count_positive_groups(data, evaluation)
            units = counted or count_units(evaluation, counts.positives)
            if units < FEW:
                found = [(evaluation.split, counts.positives, units)]
                units_are = "patients" if counted else "patients, in proportion"
                return (_describe_few(data.target, found, units_are, _find_stated(data)),)
            return ()
    return ()


def _find_stated(data: ReportData) -> DetectableDifference | None:
    """The gap that the report states beside its ranking; None where it states none."""
    comparisons = data.rankings[0].comparisons if data.rankings else None
    return comparisons.detectable_difference if comparisons else None


def count_positive_groups(data: ReportData, evaluation: Evaluation) -> int | None:
    """Patients of the reported images with the target; None where no scores name any.

    All that are ranked together were evaluated on the same images, whose flow the report has.
    """
    if data.flow is None or not data.rankings:
        return None
    ranked = {row.run for row in data.rankings[0].rows}
    own = evaluation.label_fingerprints.get(data.target, evaluation.fingerprint)
    same = any(
        run.run.name in ranked and reported.is_of(own) and reported.n_images == evaluation.n_images
        for run, reported in iterate_reported(data)
    )
    return data.flow.positive_patients if same else None


def count_units(evaluation: Evaluation, images: int) -> int:
    """Images scaled down to patients, where patients are known."""
    if evaluation.n_groups is None or not evaluation.n_images:
        return images
    return max(1, round(images * evaluation.n_groups / evaluation.n_images))


def _describe_few(
    label: str, found: Sequence[tuple[str, int, int]], units_are: str,
    stated: DetectableDifference | None = None,
) -> Finding:  # fmt: skip
    """found: split, positive images, and patients (or images again) for each.

    stated: what the compared runs need to be significantly different, which then stands for that
    of one planned comparison: a report states one such difference.
    """
    needed = detectable_difference(1)
    test = "exact McNemar test of one planned comparison"
    if stated is not None:
        test = "as the runs are compared here"
        if stated.comparisons > 1:
            test += f", adjusted for {stated.comparisons:,} pairs"
    parts = []
    for split, images, units in found:
        of = (
            f" of {units:,} {units_are}, counted as {units:,} independent cases"
            if units < images
            else ""
        )
        least, among = (needed, units) if stated is None else (stated.cases, stated.positives)
        needed_text = (
            f"Runs that differ by fewer than {least} of {among:,} ({portion(least / among)} "
            "of sensitivity) are not significantly different: {test}"
            if among >= least
            else f"No two runs can differ significantly: {test}"
        )
        prefix = f"{split}: " if split else ""
        parts.append(
            f"{prefix}{plural(images, 'positive')}{of}. {needed_text}. A run that misses "
            f"none may still miss up to {portion(bound_miss_rate(units))} of others (one-sided "
            "exact 95 % bound)"
        )
    fewest = min(units for _, _, units in found)
    named = [split for split, _, _ in found if split]
    where = f" in {' and '.join(named)}" if named else ""
    return Finding(
        "warning" if fewest < VERY_FEW else "note",
        FEW_POSITIVES,
        f"There are few {label_name(label)} cases{where}: they support few conclusions",
        ". ".join(parts),
        "Say what the intervals say and no more; collect more cases before choosing among runs "
        "that lie closer together.",
    )


def bound_miss_rate(positives: int, confidence: float = 0.95) -> float:
    """The one-sided exact upper bound of the miss rate where none of `positives` was missed.

    1 - (1 - confidence)^(1/n), about 3 / n at 95 % (Hanley and Lippman-Hand, "If nothing goes
    wrong, is everything all right?", JAMA 249 (1983) 1743-1745).
    """
    return float(1 - (1 - confidence) ** (1 / positives))


def audit_repeated_use(data: ReportData) -> tuple[Finding, ...]:
    """The reported images were used for many models: the best of them is flattered.

    Counted from the evaluations that are there, a model once whatever its variants.
    """
    models: dict[str, Evaluation] = {}
    evaluated = {(each.dataset, each.split) for _, each in iterate_reported(data)}
    for run in data.runs:
        for evaluation in run.usual:
            if (evaluation.dataset, evaluation.split) in evaluated:
                models.setdefault(
                    str(evaluation.facts.model_sha256 or f"run {evaluation.run}"), evaluation
                )
    counted = [each for each in models.values() if data.target in each.counts]
    if len(models) < MANY_RUNS or not counted:
        return ()
    counts = [each.counts[data.target] for each in counted]
    positives = round(sum(each.positives for each in counts) / len(counts))
    if not positives:
        return ()
    units = count_positive_groups(data, counted[0]) or count_units(counted[0], positives)
    sensitivities = sorted(1 - each.missed / each.positives for each in counts if each.positives)
    middle = sensitivities[len(sensitivities) // 2]
    gain = estimate_flattery(len(models), units, middle)
    return (
        Finding(
            "warning" if counted[0].split in TESTS else "note",
            "images-used-often",
            f"{len(models):,} models were evaluated on the images of {counted[0].split}: whichever "
            "does best on them is flattered",
            f"Were all {len(models):,} as good as the middle one (sensitivity {decimal(middle)} on "
            f"{plural(units, 'positive')}) and independent, the best would look better than "
            f"it is by {decimal(gain)} on average. Runs of the same images differ less, "
            "so it is at most that",
            "Choose a run here and report its metrics on images that were not used for the choice.",
        ),
    )


def estimate_flattery(runs: int, positives: int, sensitivity: float) -> float:
    """By how much the best of equal runs exceeds its true sensitivity, on average.

    The expected maximum of independent binomial counts over their number, less the sensitivity: by
    summing 1 - F(k)^runs over the counts k below `positives`.
    """
    if not 0 < sensitivity < 1:
        return 0.0
    k = np.arange(positives + 1)
    factorials = np.array([math.lgamma(i + 1) for i in range(positives + 1)])
    logs = factorials[-1] - factorials - factorials[::-1]
    weights = np.exp(logs + k * math.log(sensitivity) + (positives - k) * math.log1p(-sensitivity))
    below = np.minimum(np.cumsum(weights), 1.0)[:-1]
    return float((1 - below**runs).sum()) / positives - sensitivity
