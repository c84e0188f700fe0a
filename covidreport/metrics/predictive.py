"""What a result means for a patient: predictive values at a stated prevalence, likelihood ratios.

PPV and NPV straight from the counts hold for the mix of patients in the data, which in a collection
of images is rarely that of a ward. Here sensitivity and specificity come from the counts and the
prevalence is stated. In all of these metrics an image that could not be scored is a wrong answer.

All four follow from a ratio of two proportions of different images, whose interval is that of
`mover.ratio_ends`. Where patients have several images, each proportion is that of its effective
sample.
"""

from __future__ import annotations

import math

from covidreport.metrics.effective import sample_images
from covidreport.metrics.mover import ratio_ends
from covidreport.records import Counts, Estimate

Sizes = tuple[float, float]
"""Of how many independent positives and negatives sensitivity and specificity have the evidence,
where patients have several images (`sample_units`); NaN where one patient alone has them."""
_Class = tuple[float, float]
"""How many of a class, of how many."""


def ppv_at_prevalence(
    counts: Counts, prevalence: float, sizes: Sizes | None = None, confidence: float = 0.95
) -> Estimate:
    """The chance that an image called positive is positive, where this proportion of all images is.

    Bayes' rule, for positives and negatives sampled apart and a prevalence that is known, as in
    Mercaldo, Lau and Zhou, "Confidence intervals for predictive values with an emphasis to
    case-control studies", Statist. Med. 26 (2007) 2170-2183. The interval is that of the likelihood
    ratio, carried to a proportion: their logit interval held 1 in 0.70 of simulated sets of 10
    positives. With sizes it is on these, and there is none where one is NaN.

    Undefined without positives or negatives, and where nothing at all was called positive.
    ValueError for a prevalence that is not strictly between 0 and 1.
    """
    case, other = (counts.tp, counts.positives), (counts.tn, counts.negatives)
    return _predict(case, other, prevalence, sizes, confidence)


def npv_at_prevalence(
    counts: Counts, prevalence: float, sizes: Sizes | None = None, confidence: float = 0.95
) -> Estimate:
    """The chance that an image called negative is negative, where this proportion of all is
    positive.

    As `ppv_at_prevalence`, with the two classes changed over.
    """
    case, other = (counts.tn, counts.negatives), (counts.tp, counts.positives)
    sizes = None if sizes is None else (sizes[1], sizes[0])
    return _predict(case, other, 1 - prevalence, sizes, confidence)


def _predict(
    case: _Class, other: _Class, prevalence: float, sizes: Sizes | None, confidence: float
) -> Estimate:
    """The predictive value of an answer for its class, of each class how many are right.

    prevalence: of the class among all.
    """
    (right, cases), (other_right, others) = case, other
    if not 0 < prevalence < 1:
        raise ValueError(f"a prevalence lies strictly between 0 and 1, not {prevalence}")
    if cases == 0 or others == 0:
        return Estimate(None)
    hit, alarm = right / cases, (others - other_right) / others
    if hit == 0 and alarm == 0:
        return Estimate(None)
    odds = prevalence / (1 - prevalence)
    value = prevalence * hit / (prevalence * hit + (1 - prevalence) * alarm)
    ratio = _compare(case, (others - other_right, others), sizes, confidence)
    if ratio.low is None or ratio.method is None:
        return Estimate(value)
    low = odds * ratio.low / (1 + odds * ratio.low)
    high = 1.0 if ratio.high is None else odds * ratio.high / (1 + odds * ratio.high)
    method = ratio.method.replace("mover-r", "mover-r of the likelihood ratio", 1)
    return Estimate(value, min(low, value), max(high, value), method=method)


def positive_likelihood_ratio(
    counts: Counts, sizes: Sizes | None = None, confidence: float = 0.95
) -> Estimate:
    """How many times likelier a positive answer is for a positive: sensitivity / (1 - specificity).

    The interval is MOVER-R's of two Wilson intervals. With sizes it is on these, and there is none
    where one is NaN. That of Simel, Samsa and Matchar, J. Clin. Epidemiol. 44 (1991)
    763-770, in logarithms, is wider and with 10 positives holds less than it claims.

    Without a false alarm the ratio is infinite: `value` and `high` are None and `low` stands alone.
    Undefined without positives or negatives, and where nothing was called positive.
    """
    return _compare(
        (counts.tp, counts.positives), (counts.false_alarms, counts.negatives), sizes, confidence
    )


def negative_likelihood_ratio(
    counts: Counts, sizes: Sizes | None = None, confidence: float = 0.95
) -> Estimate:
    """How many times likelier a negative answer is for a positive: (1 - sensitivity) / specificity.

    As `positive_likelihood_ratio`; below 1 where the answer speaks against the label. Infinite
    where no negative was cleared.
    """
    return _compare(
        (counts.missed, counts.positives), (counts.tn, counts.negatives), sizes, confidence
    )


def _compare(case: _Class, other: _Class, sizes: Sizes | None, confidence: float) -> Estimate:
    """The ratio of two proportions, each (how many, of how many), with its interval."""
    (k, n), (j, m) = case, other
    if n == 0 or m == 0 or (k == 0 and j == 0):
        return Estimate(None)
    value = (k / n) / (j / m) if j else None
    size, other_size = (None, None) if sizes is None else sizes
    over, under = sample_images(k, n, size), sample_images(j, m, other_size)
    low, high = (float(end) for end in ratio_ends(over, under, confidence))
    if math.isnan(low) or math.isnan(high):
        return Estimate(value)
    method = "mover-r" if sizes is None else "mover-r over groups"
    if value is None:
        return Estimate(None, low, None, method=method)
    return Estimate(value, min(low, value), max(high, value), method=method)
