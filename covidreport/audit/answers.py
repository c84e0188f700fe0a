"""What the counts of the runs say against them: constant answers, copies, other printed metrics."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any, Final

from covidreport.audit.evidence import iterate_reported
from covidreport.compare.ranking import explain_constant
from covidreport.metrics import LabelsMetric, list_metrics
from covidreport.records import Counts, Evaluation, Finding, ReportData, ReportedRun
from covidreport.text import label_name, plural

COINCIDENCE: Final = 0.001
"""Equal counts are a finding where chance would make them in fewer than this many reports."""

PUBLISHED_METRICS: Final[Mapping[str, str]] = {"accuracy": "label_accuracy", "f1": "micro_f1"}
"""Which metric over all labels a metric `<split>_<metric>` of `published` in run.json is."""


def audit_degenerate(data: ReportData) -> tuple[Finding, ...]:
    """Runs that give every image, or almost every one, the same answer for the target."""
    found: dict[str, str] = {}
    almost = ""
    for _, evaluation in iterate_reported(data):
        counts = evaluation.counts.get(data.target)
        # Where the truth is constant, a constant answer is the right one; where every image failed
        # there is no answer, and the failures say so.
        if counts is None or not (counts.positives and counts.negatives and _has_answers(counts)):
            continue
        reason = explain_constant(counts)
        if reason is not None:
            found[evaluation.run] = reason
            if min(counts.tn + counts.fn, counts.tp + counts.fp):
                almost = "almost "
    if not found:
        return ()
    return (
        Finding(
            severity="warning",
            code="degenerate-run",
            what=(
                f"{plural(len(found), 'run')} gave {almost}every image the same answer for "
                f"{label_name(data.target)}"
            ),
            evidence=f"Answers: {'; '.join(f'{run} {reason}' for run, reason in found.items())}",
            remedy=(
                "Such a run learned nothing about this label, or its threshold does not fit its "
                "scores. Look at its loss curve, learning rate and score distribution. It is shown "
                "and not ranked."
            ),
            subjects=tuple(found),
        ),
    )


def _has_answers(counts: Counts) -> bool:
    return bool(counts.tn + counts.fp + counts.fn + counts.tp)


def audit_identical_counts(data: ReportData) -> tuple[Finding, ...]:
    """Runs whose counts agree in every cell of every label: one is likely a copy of the other.

    Agreement by chance is common where hardly anything can differ (perfect runs, constant runs,
    small sets), so it is a finding only where `_estimate_coincidence`, times the pairs of runs
    that could have agreed, is below `COINCIDENCE`.
    """
    same: defaultdict[object, list[Evaluation]] = defaultdict(list)
    for run in data.runs:
        for evaluation in run.usual:
            counts = tuple(sorted(evaluation.counts.items(), key=lambda item: item[0]))
            images = (evaluation.dataset, evaluation.split, evaluation.variant)
            same[*images, evaluation.fingerprint, counts].append(evaluation)
    splits: defaultdict[tuple[str, ...], list[Evaluation]] = defaultdict(list)
    for evaluations in same.values():
        if len(evaluations) > 1:
            splits[tuple(each.run for each in evaluations)].append(evaluations[0])
    pairs = math.comb(len(data.runs), 2)
    return tuple(
        _describe_identical(runs, evaluations)
        for runs, evaluations in splits.items()
        if pairs * math.prod(_estimate_coincidence(each) for each in evaluations) < COINCIDENCE
    )


def _estimate_coincidence(evaluation: Evaluation) -> float:
    """About how likely a second run that errs as often agrees in every cell by chance.

    Two independent binomial counts of variance v are equal with a probability of about
    1 / sqrt(1 + 4 pi v): the local limit theorem for large v, and 1 where nothing varies.
    """
    chance = 1.0
    for counts in evaluation.counts.values():
        for wrong, right in ((counts.fn, counts.tp), (counts.fp, counts.tn)):
            variance = wrong * right / (wrong + right) if wrong and right else 0.0
            chance /= math.sqrt(1 + 4 * math.pi * variance)
    return chance


def _describe_identical(runs: tuple[str, ...], evaluations: list[Evaluation]) -> Finding:
    cells = "; ".join(
        f"{each.split}: "
        + ", ".join(
            f"{label} tn {c.tn:,}, fp {c.fp:,}, fn {c.fn:,}, tp {c.tp:,}"
            for label, c in each.counts.items()
        )
        for each in evaluations
    )
    return Finding(
        severity="warning",
        code="identical-counts",
        what=(
            f"The same counts for every label on "
            f"{' and '.join(each.split for each in evaluations)} stand for {' and '.join(runs)}"
        ),
        evidence=f"Counts of {cells}. Models that differ do not agree in all of these by chance.",
        remedy=(
            "Check whether the counts of one were copied from another, or one model stands under "
            "several names; correct or remove all but one."
        ),
        subjects=runs,
    )


def audit_published_metrics(data: ReportData) -> tuple[Finding, ...]:
    """Printed metrics (`published` in run.json) that the run's own counts contradict.

    `published` holds fractions by `<split>_accuracy` and `<split>_f1`, `decimals` by metric (4
    means two decimals of a percent) and `rounding`, `cut` or `round`.
    """
    findings: list[Finding] = []
    for run in data.runs:
        published = run.run.part("published")
        if published:
            wrong = list(_find_contradicted(run, published))
            if wrong:
                findings.append(_describe_contradicted(run.run.name, wrong))
    return tuple(findings)


def _find_contradicted(run: ReportedRun, published: Mapping[str, Any]) -> Iterator[str]:
    decimals = published.get("decimals")
    metrics = list_metrics(LabelsMetric)
    if not isinstance(decimals, Mapping):
        return
    for evaluation in run.usual:
        for name, key in PUBLISHED_METRICS.items():
            printed = published.get(f"{evaluation.split}_{name}")
            digits = decimals.get(name)
            if not isinstance(printed, int | float) or not isinstance(digits, int):
                continue
            ours = metrics[key].estimate(evaluation.counts.values())
            if ours.numerator is None or ours.denominator is None:
                continue
            exact = Fraction(ours.numerator, ours.denominator)
            if not _agrees(exact, printed, digits, cut=published.get("rounding") == "cut"):
                yield (
                    f"{evaluation.split}, {metrics[key].title}: the counts give "
                    f"{ours.numerator}/{ours.denominator} = {float(exact):.{digits + 2}f}, printed "
                    f"is {printed:.{digits}f}"
                )


def _agrees(exact: Fraction, printed: float, digits: int, *, cut: bool) -> bool:
    """Whether a value printed with so many decimals, cut off or rounded, can stand for `exact`."""
    unit = Fraction(1, 10**digits)
    beyond = exact - Fraction(f"{printed:.{digits}f}")
    return 0 <= beyond < unit if cut else abs(beyond) <= unit / 2


def _describe_contradicted(run: str, wrong: list[str]) -> Finding:
    return Finding(
        severity="warning",
        code="published-figure-contradicted",
        what=f"{plural(len(wrong), 'printed metric')} of {run} can't come from its counts",
        evidence=f"Metrics of {'; '.join(wrong)}",
        remedy=(
            "One of the two is a slip: the values shown here come from the counts. Ask the "
            "authors, or correct the source."
        ),
        subjects=(run,),
    )
