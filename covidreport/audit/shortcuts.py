"""Attributes that tell a label by themselves: what a model may have learned in its place.

In data sets of COVID-19 the sick often come from one collection and the rest from another, with
other sizes, views and encodings. Roberts et al., "Common pitfalls and recommendations for using
machine learning to detect and prognosticate for COVID-19", Nature Machine Intelligence 3 (2021)
199-217; DeGrave, Janizek and Lee, "AI for radiographic COVID-19 detection selects shortcuts over
signal", ibid. 610-619.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from covidreport.audit.columns import AttributeColumn, list_attribute_columns
from covidreport.audit.evidence import DataEvidence, number_texts
from covidreport.audit.parted import (
    CODE,
    FEWEST,
    PARTED,
    Separation,
    describe_parted,
    judge_parted,
    part_images,
)
from covidreport.metrics import average_roc_aucs, estimate_roc_aucs, roc_auc_interval
from covidreport.records import Finding
from covidreport.text import decimal, label_name, portion

TELLING: Final = 0.6
"""The lower end of an attribute's ROC AUC from which on it is a finding."""
DECIDING: Final = 0.9
"""That from which on a trait of the picture is an error: it does what a good model would."""
_PRIOR: Final = 5.0
"""Images of the average kind that are added to each value, so that rare ones decide little."""
_SEED: Final = 0


class Rule(NamedTuple):
    """How well one attribute tells a label: ROC AUC with a 95 % interval, and where it is seen."""

    column: AttributeColumn
    roc_auc: float
    low: float
    high: float
    example: str


def audit_shortcuts(evidence: DataEvidence) -> tuple[Finding, ...]:
    """Attributes that tell the label by themselves, beside the runs' own ROC AUC."""
    columns = list_attribute_columns(evidence)
    findings = []
    for label in evidence.targets:
        rules = [rule for column in columns if (rule := find_rule(evidence, label, column))]
        telling = sorted(
            (rule for rule in rules if rule.low >= TELLING), key=lambda rule: -rule.roc_auc
        )
        if telling:
            findings.append(_describe(evidence, label, telling, len(rules)))
    return tuple(findings)


def find_rule(evidence: DataEvidence, label: str, column: AttributeColumn) -> Rule | None:
    """The best rule of one attribute for one label; None where there are too few images.

    The rule ranks an image by the proportion of positives among the images with the same value. It
    is learned on one half of the patients (or images), drawn by a fixed seed, and tried on the
    other, then the reverse; the ROC AUC is the mean of the two, and has the interval that those of
    runs have. An attribute that says nothing comes to 0.5.
    """
    dataset = evidence.dataset
    truth = dataset.truth[:, dataset.labels.index(label)]
    used = (truth >= 0) & (column.codes >= 0)
    truth, codes = truth[used], column.codes[used]
    units = np.arange(len(dataset)) if dataset.groups is None else number_texts(dataset.groups)[1]
    units = units[used]
    half = _split_halves(units)
    areas = []
    for learned, tried in ((half, ~half), (~half, half)):
        positives = int((truth[tried] == 1).sum())
        if min(positives, int(tried.sum()) - positives) < FEWEST:
            return None
        score = _learn_proportions(truth[learned], codes[learned], len(column.values))[codes[tried]]
        area = estimate_roc_aucs(
            truth[tried],
            score[np.newaxis],
            np.zeros((1, len(score)), np.bool_),
            None if dataset.groups is None else units[tried],
        )
        if area is None:
            return None
        areas.append(area)
    mean = average_roc_aucs(areas)
    interval = roc_auc_interval(mean, 0)
    if interval.low is None or interval.high is None:
        return None
    ends = interval.low, interval.high
    return Rule(column, float(mean.values[0]), *ends, _give_example(truth, column, codes))


def _split_halves(units: NDArray[np.int64]) -> NDArray[np.bool_]:
    """bool `(N,)`: whether an image's patient is in the first half."""
    present, codes = np.unique(units, return_inverse=True)
    order = np.random.default_rng(_SEED).permutation(len(present))
    chosen: NDArray[np.bool_] = (order % 2 == 0)[codes]
    return chosen


def _learn_proportions(
    truth: NDArray[np.int8], codes: NDArray[np.int64], n_values: int
) -> NDArray[np.float64]:
    """The proportion of positives of each value, `(C,)`, drawn a little towards that of all
    images."""
    counts = np.bincount(codes, minlength=n_values)
    positives = np.bincount(codes, truth == 1, n_values)
    proportions: NDArray[np.float64] = (positives + _PRIOR * float((truth == 1).mean())) / (
        counts + _PRIOR
    )
    return proportions


def _give_example(
    truth: NDArray[np.int8], column: AttributeColumn, codes: NDArray[np.int64]
) -> str:
    """The value that carries most of the difference, and its share with and without the label."""
    n = len(column.values)
    positive: NDArray[Any] = np.bincount(codes[truth == 1], minlength=n) / (truth == 1).sum()
    negative: NDArray[Any] = np.bincount(codes[truth == 0], minlength=n) / (truth == 0).sum()
    widest = int(np.argmax(np.abs(positive - negative)))
    return (
        f"{column.values[widest]} in {portion(positive[widest])} with the label and in "
        f"{portion(negative[widest])} without"
    )


def _describe(evidence: DataEvidence, label: str, rules: list[Rule], n_tried: int) -> Finding:
    """Those by which images are parted make the sentence of a report; the others stand below."""
    parted = {
        rule.column.name: found
        for rule in rules
        if (found := _part(evidence, label, rule.column)) is not None
    }
    if parted:
        by_accuracy = sorted(parted.values(), key=lambda each: -each.balanced_accuracy)
        severity, what = judge_parted(by_accuracy), describe_parted(by_accuracy, label)
    else:
        grave = any(rule.low >= DECIDING and not rule.column.personal for rule in rules)
        severity = "error" if grave else "warning"
        verb, each = ("tells", "") if len(rules) == 1 else ("tell", ", each by itself")
        names = ", ".join(rule.column.name for rule in rules)
        what = f"{names} {verb} {label_name(label)} without a look at the lungs{each}"
    weaker = [rule for rule in rules if parted and rule.column.name not in parted]
    also = f" Also associated: {_show(weaker)}." if weaker else ""
    return Finding(
        severity,
        CODE,
        what,
        f"ROC AUC of the best rule (95 % CI), learned on one half and tried on the other, of "
        f"{n_tried} attributes: {_show([rule for rule in rules if rule not in weaker])}.{also}"
        f"{_describe_runs(evidence)}",
        "A high metric on these data may be the shortcut's. Compare within one source, size and "
        "view, report metrics by these attributes. Blacken the lungs with `covidreport evaluate "
        "--occlude centre`, and test on data in which they say nothing.",
    )


def _part(evidence: DataEvidence, label: str, column: AttributeColumn) -> Separation | None:
    """How the attribute parts the images by the label; None where it does not."""
    truth = evidence.dataset.truth[:, evidence.dataset.labels.index(label)]
    values = range(len(column.values))
    yes, no = ([int(((truth == of) & (column.codes == v)).sum()) for v in values] for of in (1, 0))
    found = part_images(column.name, zip(column.values, yes, no, strict=True))
    if found is None or found.balanced_accuracy < PARTED:
        return None
    return found if min(found.matching_positives, found.matching_negatives) >= FEWEST else None


def _show(rules: list[Rule]) -> str:
    return "; ".join(
        f"{rule.column.name} {decimal(rule.roc_auc)} ({decimal(rule.low)} to {decimal(rule.high)}; "
        f"{rule.example})"
        for rule in rules
    )


def _describe_runs(evidence: DataEvidence) -> str:
    if not evidence.roc_aucs:
        return ""
    values = sorted(evidence.roc_aucs.values())
    best = max(evidence.roc_aucs, key=lambda run: evidence.roc_aucs[run])
    if len(values) == 1:
        return f" The run {best}: {decimal(values[0])}."
    return f" The {len(values)} runs: {decimal(values[0])} to {decimal(values[-1])} ({best})."
