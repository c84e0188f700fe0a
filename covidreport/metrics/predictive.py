"""What a result means for a patient: predictive values at a stated prevalence, likelihood ratios.

PPV and NPV straight from the counts hold for the mix of patients in the data, which in a collection
of images is rarely that of a ward. Here sensitivity and specificity come from the counts and the
prevalence is stated. In all of these metrics an image that could not be scored is a wrong answer.
"""

from __future__ import annotations

import math

from covidreport.metrics.intervals import two_sided_z
from covidreport.records import Counts, Estimate


def ppv_at_prevalence(counts: Counts, prevalence: float, confidence: float = 0.95) -> Estimate:
    """The chance that an image called positive is positive, where this proportion of all images is.

    Bayes' rule; the interval is the logit interval of Mercaldo, Lau and Zhou, "Confidence intervals
    for predictive values with an emphasis to case-control studies", Statist. Med. 26 (2007)
    2170-2183, for positives and negatives sampled apart and a prevalence that is known. Where a
    count is 0 its logit is undefined and the paper's adjusted estimates are used for the interval:
    z^2 / 2 successes and as many failures added on either side (Agresti and Coull); `method` says
    which. A value of exactly 0 or 1 lies at the end of its interval.

    Undefined without positives or negatives, and where nothing at all was called positive.
    ValueError for a prevalence that is not strictly between 0 and 1.
    """
    case, other = (counts.tp, counts.positives), (counts.tn, counts.negatives)
    return _predict(case, other, prevalence, confidence)


def npv_at_prevalence(counts: Counts, prevalence: float, confidence: float = 0.95) -> Estimate:
    """The chance that an image called negative is negative, where this proportion of all is
    positive.

    As `ppv_at_prevalence`, with the two classes changed over.
    """
    case, other = (counts.tn, counts.negatives), (counts.tp, counts.positives)
    return _predict(case, other, 1 - prevalence, confidence)


def _predict(
    case: tuple[int, int], other: tuple[int, int], prevalence: float, confidence: float
) -> Estimate:
    """The predictive value of an answer for its class, each class as (how many right, of how many).

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
    value = prevalence * hit / (prevalence * hit + (1 - prevalence) * alarm)
    z = two_sided_z(confidence)
    # The logit needs every one of the four counts, although only two of them enter its variance.
    plain = min(right, cases - right, other_right, others - other_right) > 0
    added = 0.0 if plain else z * z / 2
    hit = (right + added) / (cases + 2 * added)
    alarm = (others - other_right + added) / (others + 2 * added)
    centre = math.log(prevalence * hit / ((1 - prevalence) * alarm))
    error = math.sqrt(
        (1 - hit) / hit / (cases + 2 * added) + (1 - alarm) / alarm / (others + 2 * added)
    )
    low, high = _expit(centre - z * error), _expit(centre + z * error)
    method = "logit" if plain else "logit, adjusted for a count of 0"
    return Estimate(value, min(low, value), max(high, value), method=method)


def _expit(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value > 0 else math.exp(value) / (1 + math.exp(value))


def positive_likelihood_ratio(counts: Counts, confidence: float = 0.95) -> Estimate:
    """How many times likelier a positive answer is for a positive: sensitivity / (1 - specificity).

    The interval is symmetric in the logarithm: Simel, Samsa and Matchar, "Likelihood ratios with
    confidence", J. Clin. Epidemiol. 44 (1991) 763-770. Where a count is 0, the interval is that of
    the counts with 1/2 added to each of the four, as `method` says.

    Without a false alarm the ratio is infinite: `value` and `high` are None and `low` stands alone.
    Undefined without positives or negatives, and where nothing was called positive.
    """
    return _compare(
        (counts.tp, counts.positives), (counts.false_alarms, counts.negatives), confidence
    )


def negative_likelihood_ratio(counts: Counts, confidence: float = 0.95) -> Estimate:
    """How many times likelier a negative answer is for a positive: (1 - sensitivity) / specificity.

    As `positive_likelihood_ratio`; below 1 where the answer speaks against the label. Infinite
    where no negative was cleared.
    """
    return _compare((counts.missed, counts.positives), (counts.tn, counts.negatives), confidence)


def _compare(case: tuple[int, int], other: tuple[int, int], confidence: float) -> Estimate:
    """The ratio of two proportions, each (how many, of how many), with an interval in the
    logarithm."""
    (k, n), (j, m) = case, other
    if n == 0 or m == 0 or (k == 0 and j == 0):
        return Estimate(None)
    plain = min(k, n - k, j, m - j) > 0
    added = 0.0 if plain else 0.5
    a, cases, b, others = k + added, n + 2 * added, j + added, m + 2 * added
    centre = math.log((a / cases) / (b / others))
    error = math.sqrt(1 / a - 1 / cases + 1 / b - 1 / others)
    z = two_sided_z(confidence)
    low, high = math.exp(centre - z * error), math.exp(centre + z * error)
    method = "log" if plain else "log, 1/2 added to every count"
    if j == 0:
        return Estimate(None, low, None, method=method)
    value = (k / n) / (j / m)
    return Estimate(value, min(low, value), max(high, value), method=method)
