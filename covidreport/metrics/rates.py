"""Figures that follow from counts alone.

In every one of them an image that could not be scored is a wrong answer: a failed positive counts
as missed and a failed negative as a false alarm. Images whose truth is unknown are in none.

A figure whose denominator is 0 is undefined: `Estimate(None)`.
"""

from __future__ import annotations

import math
from collections.abc import Collection

from covidreport.metrics.intervals import wilson
from covidreport.records import Counts, Estimate


def estimate_rate(numerator: int, denominator: int) -> Estimate:
    """A binomial proportion with its 95 % Wilson interval."""
    if denominator == 0:
        return Estimate(None)
    low, high = wilson(numerator, denominator)
    return Estimate(numerator / denominator, low, high, numerator, denominator, "wilson")


def estimate_ratio(numerator: int, denominator: int) -> Estimate:
    """A quotient of counts that is no binomial proportion, and so has no interval of its own."""
    if denominator == 0:
        return Estimate(None)
    return Estimate(numerator / denominator, None, None, numerator, denominator)


def sensitivity(counts: Counts) -> Estimate:
    """The share of positives that were found (recall): tp / positives."""
    return estimate_rate(counts.tp, counts.positives)


def specificity(counts: Counts) -> Estimate:
    """The share of negatives that were cleared: tn / negatives."""
    return estimate_rate(counts.tn, counts.negatives)


def ppv(counts: Counts) -> Estimate:
    """Positive predictive value (precision): tp / (tp + false alarms)."""
    return estimate_rate(counts.tp, counts.tp + counts.false_alarms)


def npv(counts: Counts) -> Estimate:
    """Negative predictive value: tn / (tn + missed)."""
    return estimate_rate(counts.tn, counts.tn + counts.missed)


def f1(counts: Counts) -> Estimate:
    """The harmonic mean of sensitivity and PPV: 2 tp / (2 tp + false alarms + missed).

    Without an interval: its denominator depends on the answers and tp counts twice, so it is no
    binomial proportion and Wilson's formula does not hold for it.
    """
    return estimate_ratio(2 * counts.tp, 2 * counts.tp + counts.false_alarms + counts.missed)


def accuracy(counts: Counts) -> Estimate:
    """The share of right answers: (tp + tn) / (positives + negatives)."""
    return estimate_rate(counts.tp + counts.tn, counts.positives + counts.negatives)


def balanced_accuracy(counts: Counts) -> Estimate:
    """The mean of sensitivity and specificity; undefined where one of them is.

    Brodersen et al., "The balanced accuracy and its posterior distribution", ICPR (2010) 3121-3124.
    Without an interval, as `f1`.
    """
    if counts.positives == 0 or counts.negatives == 0:
        return Estimate(None)
    return Estimate((counts.tp / counts.positives + counts.tn / counts.negatives) / 2)


def mcc(counts: Counts) -> Estimate:
    """The correlation of answers with the truth, from -1 to 1, where 0 is no better than chance.

    Matthews, Biochim. Biophys. Acta 405 (1975) 442-451. Undefined where all truths or all answers
    are equal (scikit-learn gives 0 there). Without an interval, as `f1`.
    """
    tp, tn, fp, fn = counts.tp, counts.tn, counts.false_alarms, counts.missed
    scale = math.sqrt(tp + fp) * math.sqrt(tp + fn) * math.sqrt(tn + fp) * math.sqrt(tn + fn)
    if scale == 0:
        return Estimate(None)
    return Estimate(max(-1.0, min(1.0, (tp * tn - fp * fn) / scale)))


def prevalence(counts: Counts) -> Estimate:
    """The share of positives among the images whose truth is known."""
    return estimate_rate(counts.positives, counts.positives + counts.negatives)


def pool_counts(counts: Collection[Counts]) -> Counts:
    """The counts of all labels taken together, one for each answer."""
    return Counts(
        tn=sum(label.tn for label in counts),
        fp=sum(label.fp for label in counts),
        fn=sum(label.fn for label in counts),
        tp=sum(label.tp for label in counts),
        failed_positive=sum(label.failed_positive for label in counts),
        failed_negative=sum(label.failed_negative for label in counts),
        unknown=sum(label.unknown for label in counts),
    )


def micro_f1(counts: Collection[Counts]) -> Estimate:
    """F1 of the pooled counts of all labels. Without an interval, as `f1`."""
    return f1(pool_counts(counts))


def macro_f1(counts: Collection[Counts]) -> Estimate:
    """The plain mean of the labels' F1; undefined where one of them is. Without an interval."""
    values = [f1(label).value for label in counts]
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return Estimate(None)
    return Estimate(sum(known) / len(known))


def label_accuracy(counts: Collection[Counts]) -> Estimate:
    """The share of right answers over all images and labels: 1 - Hamming loss.

    Without an interval: the answers that one image gets for its labels are not independent, so
    N x K answers do not carry the information of N x K trials and Wilson's would be too narrow.
    """
    pooled = pool_counts(counts)
    return estimate_ratio(pooled.tp + pooled.tn, pooled.positives + pooled.negatives)
