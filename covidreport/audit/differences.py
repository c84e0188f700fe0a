"""Whether the best run is more than lucky."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from covidreport.audit.evidence import iterate_reported
from covidreport.compare.bounds import bound_from_counts
from covidreport.compare.finding import SMALLEST
from covidreport.metrics import detectable_difference
from covidreport.records import (
    DetectableDifference,
    Evaluation,
    Finding,
    RankedRun,
    RankEvidence,
    Ranking,
    ReportData,
)
from covidreport.text import label_name, show_bounds


def audit_best_run(data: ReportData) -> tuple[Finding, ...]:
    """Ranked runs that can't be significantly different from the best, whatever the pairs of
    answers are.

    Counts do not say which positives each run missed, so McNemar's exact test can't be run. But
    they bound it (`compare.bounds`): a run whose bound stays above 0.05 can't be told from the best
    by any pairs that have these counts. The converse does not hold: a run that is not named here
    may still be no different.

    All pairs of ranked runs are corrected for, since the best was picked from the data.
    """
    findings = (_compare_with_best(data, ranking) for ranking in data.rankings)
    return tuple(finding for finding in findings if finding is not None)


def _compare_with_best(data: ReportData, ranking: Ranking) -> Finding | None:
    ranked = [row for row in ranking.rows if row.rank is not None]
    if len(ranked) < 2:
        return None
    best = ranked[0]
    evaluation = _find_evaluation(data, best.run)
    bounds = bound_from_counts(ranked, evaluation, ranking.target)
    alike = [
        (row, bound)
        for row, bound in zip(ranked[1:], bounds.rank_evidence[1:], strict=True)
        if bound.significantly_different is False
    ]
    if not alike:
        return None
    worst = max(row.missed for row, _ in alike)
    return Finding(
        severity="warning",
        code="best-run-not-distinguishable",
        what=(
            f"The best run, {best.run}, misses {best.missed} of {bounds.positives} "
            f"{label_name(ranking.target)} images but is not significantly different from "
            f"{_name_alike(len(alike), len(ranked))} "
            f"({_format_range(alike[0][0].missed, worst)} missed)"
        ),
        evidence=_explain_bound(alike, len(ranked), bounds.detectable_difference),
        remedy=(
            "Their missed cases do not decide between them. Compare them on more positives, and "
            "choose until then by what else matters, such as false alarms or cost."
        ),
        subjects=(best.run, *(row.run for row, _ in alike)),
    )


def _find_evaluation(data: ReportData, run: str) -> Evaluation:
    return next(evaluation for _, evaluation in iterate_reported(data) if evaluation.run == run)


def _name_alike(alike: int, ranked: int) -> str:
    if alike == ranked - 1:
        return "the other ranked run" if alike == 1 else f"any of the {alike} other ranked runs"
    return f"{alike} of the {ranked - 1} other ranked runs"


def _format_range(low: int, high: int) -> str:
    return str(low) if low == high else f"{low} to {high}"


def _explain_bound(
    alike: list[tuple[RankedRun, RankEvidence]], ranked: int, clearest: DetectableDifference
) -> str:
    pairs = clearest.comparisons
    bounds = "; ".join(
        f"{missed} missed ({', '.join(row.run for row, _ in group)}): {_write_p(group[0][1])}"
        for missed, group in _group_by_missed(alike).items()
    )
    text = (
        f"Other runs: {bounds}. Each p is that of the exact McNemar test in the most favourable "
        "case, in which the better run finds all that the other finds"
    )
    if pairs == 1:
        return f"{text}. The {SMALLEST} is {clearest.cases} images."
    return (
        f"{text}. It is corrected by Holm for the {pairs} pairs of {ranked} ranked runs, since the "
        f"best was picked from the data. The {SMALLEST} is {clearest.cases} images for the "
        f"clearest of these pairs, and {detectable_difference(1)} in one planned comparison."
    )


def _write_p(bound: RankEvidence) -> str:
    """`adjusted p at least 0.10, unadjusted may be < 0.001`."""
    adjusted, unadjusted = (
        show_bounds(p or 0.0, None) for p in (bound.adjusted_p_value, bound.p_value)
    )
    return f"adjusted p {adjusted}, unadjusted {unadjusted}"


def _group_by_missed(
    alike: list[tuple[RankedRun, RankEvidence]],
) -> Mapping[int, list[tuple[RankedRun, RankEvidence]]]:
    groups: defaultdict[int, list[tuple[RankedRun, RankEvidence]]] = defaultdict(list)
    for row, bound in alike:
        groups[row.missed].append((row, bound))
    return groups
