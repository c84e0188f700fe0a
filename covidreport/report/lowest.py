"""Which part of the images does worst, and why a part is in no comparison."""

from __future__ import annotations

from covidreport.metrics.subgroups import FEWEST_CASES, list_lowest
from covidreport.records import Subgroup, Subgroups
from covidreport.text import clean, listed


def say_why_not_compared(group: Subgroup, metric: str) -> str:
    """Why this rate of a group is in no comparison; empty where it is in one."""
    positive = metric == "sensitivity"
    of = group.counts.positives if positive else group.counts.negatives
    if not of:
        return "no cases" if positive else "none without it"
    if metric in group.compared:
        return ""
    return "too few to compare" if of < FEWEST_CASES else "not compared"


def name_worst(found: Subgroups) -> str:
    """`F has the lowest sensitivity and M has the lowest specificity`; `F and M share` one where
    they tie; empty where nothing can be compared or nothing is lower than the rest."""
    lowest = {name: list_lowest(found.groups, name) for name in ("sensitivity", "specificity")}
    said: dict[tuple[str, ...], list[str]] = {}
    for name, values in lowest.items():
        if values:
            said.setdefault(values, []).append(f"the lowest {name}")
    parts = [
        f"{listed([clean(value) for value in values])} {'has' if len(values) == 1 else 'share'} "
        f"{listed(names)}"
        for values, names in said.items()
    ]
    return listed(parts) if parts else ""
