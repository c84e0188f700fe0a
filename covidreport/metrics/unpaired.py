"""Differences of figures that were estimated on separate images, such as those of two hospitals."""

from __future__ import annotations

from covidreport.metrics.mover import add_ends
from covidreport.records import Estimate


def subtract_unpaired(first: Estimate, second: Estimate) -> Estimate:
    """The first figure less the second, fractions of samples that know nothing of each other.

    Square-and-add of their 95 % intervals: of proportions with Wilson's it is method 10 of
    Newcombe, Statist. Med. 17 (1998) 873-890, of ROC AUCs that of Zou and Donner, Statist. Med. 27
    (2008) 1693-1702, by which the variances that the distances to the ends stand for add up. What
    patients with several images cost stands in the intervals already. No interval where either has
    none, None where either is undefined.
    """
    if first.value is None or second.value is None:
        return Estimate(None)
    value = first.value - second.value
    terms = [
        (each.value, each.low, each.high)
        for each in (first, second)
        if each.value is not None and each.low is not None and each.high is not None
    ]
    if len(terms) < 2:
        return Estimate(value)
    low, high = add_ends(terms, (1.0, -1.0))
    return Estimate(value, max(-1.0, float(low)), min(1.0, float(high)), method="mover")
