"""Whether the best run is more than lucky."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from itertools import combinations

from covidreport.audit.evidence import iterate_reported
from covidreport.compare.finding import cut_bound
from covidreport.metrics import bound_mcnemar, holm, smallest_gap
from covidreport.records import Finding, RankedRun, Ranking, ReportData

ALPHA = 0.05


def audit_best_run(data: ReportData) -> tuple[Finding, ...]:
    """Ranked runs that can't be told apart from the best, whatever the pairs of answers are.

    Counts do not say which positives each run missed, so McNemar's exact test can't be run. But
    they bound it: the most favourable case for a gap of d is d discordant positives in one
    direction (`bound_mcnemar`), and Holm's adjusted p-values rise with each raw one. A run whose
    adjusted bound stays above 0.05 can't be told from the best by any pairs that have these counts.
    The converse does not hold: a run that is not named here may still be no different.

    All pairs of ranked runs are corrected for, since the best was picked from the data.
    """
    findings = (_compare_with_best(data, ranking) for ranking in data.rankings)
    return tuple(finding for finding in findings if finding is not None)


def _compare_with_best(data: ReportData, ranking: Ranking) -> Finding | None:
    ranked = [row for row in ranking.rows if row.rank is not None]
    if len(ranked) < 2:
        return None
    best = ranked[0]
    pairs = list(combinations(ranked, 2))
    adjusted = holm([bound_mcnemar(second.missed - first.missed) for first, second in pairs])
    alike = [
        (second, p_value)
        for (first, second), p_value in zip(pairs, adjusted, strict=True)
        if first is best and p_value > ALPHA
    ]
    if not alike:
        return None
    positives = _count_positives(data, ranking, best.run)
    worst = max(row.missed for row, _ in alike)
    return Finding(
        severity="warning",
        code="best-run-not-distinguishable",
        what=(
            f"The best run, {best.run}, misses {best.missed} of {positives} {ranking.target} cases "
            f"but can't be told apart from {_name_alike(len(alike), len(ranked))}: these miss "
            f"{_format_range(alike[0][0].missed, worst)}"
        ),
        evidence=_explain_bound(alike, len(ranked)),
        remedy=(
            "Their missed cases do not decide between them: compare them on more positives, and "
            "choose until then by what else matters, such as false alarms or cost."
        ),
        subjects=(best.run, *(row.run for row, _ in alike)),
    )


def _count_positives(data: ReportData, ranking: Ranking, run: str) -> int:
    return next(
        evaluation.counts[ranking.target].positives
        for _, evaluation in iterate_reported(data)
        if evaluation.run == run
    )


def _name_alike(alike: int, ranked: int) -> str:
    if alike == ranked - 1:
        return "the other ranked run" if alike == 1 else f"any of the {alike} other ranked runs"
    return f"{alike} of the {ranked - 1} other ranked runs"


def _format_range(low: int, high: int) -> str:
    return str(low) if low == high else f"{low} to {high}"


def _explain_bound(alike: list[tuple[RankedRun, float]], ranked: int) -> str:
    pairs = math.comb(ranked, 2)
    bounds = "; ".join(
        f"{missed} missed ({', '.join(row.run for row, _ in group)}): {_say_bound(group[0][1])}"
        for missed, group in _group_by_missed(alike).items()
    )
    text = (
        f"Other runs: {bounds}. Each p is that of the exact McNemar test in the most favourable "
        "case, in which the better run finds all that the other finds"
    )
    if pairs == 1:
        return f"{text}. To be told apart at all takes a gap of {smallest_gap(1)} cases."
    return (
        f"{text}, corrected by Holm for the {pairs} pairs of {ranked} ranked runs, since the best "
        "was picked from the data. To be told apart at all takes a gap of "
        f"{smallest_gap(1)} cases in one planned comparison, and of {smallest_gap(pairs)} for the "
        f"clearest of {pairs} pairs."
    )


def _group_by_missed(
    alike: list[tuple[RankedRun, float]],
) -> Mapping[int, list[tuple[RankedRun, float]]]:
    groups: defaultdict[int, list[tuple[RankedRun, float]]] = defaultdict(list)
    for row, p_value in alike:
        groups[row.missed].append((row, p_value))
    return groups


def _say_bound(p_value: float) -> str:
    return "p = 1" if p_value >= 1 else f"p ≥ {cut_bound(p_value)}"
