"""Why a part of the images is in no comparison, and what the worst of several is worth."""

from __future__ import annotations

from covidreport.metrics.subgroups import FEWEST_CASES
from covidreport.records import Subgroup

WORST_OF_SEVERAL = (
    "The worst of several groups looks bad by chance alone: read its interval, and look at its "
    "images, before believing it."
)


def say_why_not_compared(group: Subgroup, metric: str) -> str:
    """Why this rate of a group is in no comparison; empty where it is in one."""
    positive = metric == "sensitivity"
    of = group.counts.positives if positive else group.counts.negatives
    if not of:
        return "no cases" if positive else "none without it"
    if metric in group.compared:
        return ""
    return "too few to compare" if of < FEWEST_CASES else "not compared"
