"""Rates as natural frequencies: of 1,000 patients, so many are found and so many missed.

Gigerenzer and Hoffrage, "How to improve Bayesian reasoning without instruction: frequency formats",
Psychological Review 102 (1995) 684-704.
"""

from __future__ import annotations

from covidreport.records import Estimate, Frequency, NaturalFrequencies

TOTAL = 1000


def count_frequencies(
    prevalence: float, sensitivity: Estimate, specificity: Estimate
) -> NaturalFrequencies | None:
    """Of 1,000 cases at a prevalence, how many are missed and how many are false alarms.

    Of ten times as many until at least one of them has the disease. What is rounded is the number
    with the disease, and of these and of the others those that are answered wrongly; the rest are
    answered rightly, so that all add up. None where a rate is undefined, or the prevalence is not
    between 0 and 1.
    """
    if sensitivity.value is None or specificity.value is None or not 0 < prevalence < 1:
        return None
    total = TOTAL
    while round(total * prevalence) < 1:
        total *= 10
    positives = min(round(total * prevalence), total - 1)
    missed = _count_wrong(positives, sensitivity)
    alarms = _count_wrong(total - positives, specificity)
    return NaturalFrequencies(prevalence, total, positives, missed, alarms)


def _count_wrong(of: int, right: Estimate) -> Frequency:
    assert right.value is not None
    return Frequency(
        round(of * (1 - right.value)),
        None if right.high is None else round(of * (1 - right.high)),
        None if right.low is None else round(of * (1 - right.low)),
    )
