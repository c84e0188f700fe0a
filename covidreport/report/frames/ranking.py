"""The ranking and what was compared in it, as frames."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from covidreport.compare.same_specificity import count_alarms, count_missed
from covidreport.metrics import interval_columns
from covidreport.records import (
    Comparison,
    Estimate,
    Evaluation,
    RankedRun,
    RankEvidence,
    Ranking,
    ReportData,
    RunAtSpecificity,
    RunComparisons,
    SameSpecificity,
)
from covidreport.report.flat import flatten_patients
from covidreport.report.frames.columns import (
    COMBINATIONS,
    COMPARISONS,
    CONFIGURATION_COMPARISONS,
    CONFIGURATIONS,
    NON_INFERIORITY,
    RANKING,
    SAME_SPECIFICITY,
    build_frame,
)
from covidreport.report.index import Index, index_runs
from covidreport.text.labels import explain_other_labels

if TYPE_CHECKING:
    import pandas as pd

_OF_TARGET = ("sensitivity", "specificity", "f1")
_OVERALL = ("micro_f1", "label_accuracy", "exact_match")


def frame_ranking(data: ReportData) -> pd.DataFrame:
    """One row for each run of each ranking, the ranked ones in order and then the others."""
    index = index_runs(data)
    return build_frame(
        RANKING,
        (
            _ranking_row(place, ranking, row, index)
            for place, ranking in enumerate(data.rankings, start=1)
            for row in ranking.rows
        ),
    )


def _ranking_row(place: int, ranking: Ranking, row: RankedRun, index: Index) -> dict[str, Any]:
    evaluation = index.evaluation(row.run, ranking)
    counts = index.counts(evaluation) if row.counted else None
    reported = index.find(row.run)
    mixed = explain_other_labels(list(index.evaluations(ranking).values()))
    return {
        "ranking": place,
        "rank": row.rank,
        "run": row.run,
        "block": reported.run.block if reported else None,
        "missed": row.missed if row.counted else None,
        "found": counts.tp if counts else None,
        "false_alarms": row.false_alarms if row.counted else None,
        "positives": counts.positives if counts else None,
        "negatives": counts.negatives if counts else None,
        **_standing_cells(ranking.comparisons, row.run),
        **_rate_cells(evaluation, ranking.target, _OF_TARGET),
        **_rate_cells(None if mixed else evaluation, "", _OVERALL),
        "average_precision": row.average_precision,
        "why_unranked": row.why_unranked,
        **flatten_patients(row.patients),
    }


def _standing_cells(comparisons: RunComparisons | None, run: str) -> dict[str, Any]:
    standings = comparisons.rank_evidence if comparisons is not None else ()
    standing = next((each for each in standings if each.run == run), RankEvidence(run, None))
    return {
        "significantly_different": standing.significantly_different,
        "p": standing.p_value,
        "adjusted_p": standing.adjusted_p_value,
        "p_high": standing.p_value_high,
        "adjusted_p_high": standing.adjusted_p_value_high,
        "rank_low": standing.rank_low,
        "rank_high": standing.rank_high,
        "best_probability": standing.best_probability,
    }


def _rate_cells(
    evaluation: Evaluation | None, label: str, metrics: tuple[str, ...]
) -> dict[str, Any]:
    figures: Mapping[str, Estimate] = evaluation.estimates.get(label, {}) if evaluation else {}
    cells: dict[str, Any] = {}
    for metric in metrics:
        one = figures.get(metric, Estimate(None))
        cells |= interval_columns(metric, one)
    return cells


def frame_comparisons(data: ReportData) -> pd.DataFrame:
    """One row for each pair of runs and each figure that they were compared by."""
    return build_frame(COMPARISONS, _list_comparisons(data))


def _list_comparisons(data: ReportData) -> Iterator[dict[str, Any]]:
    for place, comparisons in _each_compared(data):
        pairs: tuple[Comparison, ...] = (
            *comparisons.sensitivity, *comparisons.specificity, *comparisons.roc_auc
        )  # fmt: skip
        for pair in pairs:
            yield {
                "ranking": place,
                "planned": comparisons.planned,
                **{name: getattr(pair, name) for name in COMPARISONS if hasattr(pair, name)},
            }


def _each_compared(data: ReportData) -> Iterator[tuple[int, RunComparisons]]:
    for place, ranking in enumerate(data.rankings, start=1):
        if ranking.comparisons is not None:
            yield place, ranking.comparisons


def frame_same_specificity(data: ReportData) -> pd.DataFrame:
    """One row for each run at each specificity that all runs of its ranking were read off at."""
    return build_frame(
        SAME_SPECIFICITY,
        (
            _row_at(place, at, each)
            for place, comparisons in _each_compared(data)
            for at in comparisons.same_specificity
            for each in at.runs
        ),
    )


def _row_at(place: int, at: SameSpecificity, each: RunAtSpecificity) -> dict[str, Any]:
    pair = at.compare(each.run)
    compared = ("difference", "low", "high", "p_value", "adjusted_p_value", "correction")
    return {
        "ranking": place,
        "specificity_of": at.run,
        "at": at.specificity,
        "most_false_alarms": at.false_alarms,
        "run": each.run,
        "missed": count_missed(at, each.run),
        "false_alarms": count_alarms(each),
        "specificity": each.specificity.value,
        **interval_columns("sensitivity", each.sensitivity),
        "compared_with": None if pair is None else at.reference,
        **{name: None if pair is None else getattr(pair, name) for name in compared},
    }


def frame_non_inferiority(data: ReportData) -> pd.DataFrame:
    """One row for each run that was held against a reference with a margin."""
    return build_frame(
        NON_INFERIORITY,
        (
            {"ranking": place}
            | {name: getattr(each, name) for name in NON_INFERIORITY if name != "ranking"}
            for place, comparisons in _each_compared(data)
            for each in comparisons.non_inferiority
        ),
    )


def frame_combinations(data: ReportData) -> pd.DataFrame:
    """One row for each group of runs that would have missed fewer together."""
    return build_frame(
        COMBINATIONS,
        (
            {"ranking": place}
            | {name: getattr(each, name) for name in COMBINATIONS if name != "ranking"}
            for place, comparisons in _each_compared(data)
            for each in comparisons.combinations
        ),
    )


def frame_configurations(data: ReportData) -> pd.DataFrame:
    """One row for each metric of each configuration that was run with several seeds."""
    return build_frame(
        CONFIGURATIONS,
        (
            {
                "ranking": repeats.ranking + 1,
                "configuration": number,
                "runs": configuration.runs,
                "seeds": configuration.seeds,
                "metric": name,
                "n_runs": spread.runs,
                **{key: getattr(spread, key) for key in ("undefined", "mean", "sd", "low", "high")},
            }
            for repeats in data.repeats
            for number, configuration in enumerate(repeats.configurations, start=1)
            for name, spread in configuration.metrics.items()
        ),
    )


def frame_configuration_comparisons(data: ReportData) -> pd.DataFrame:
    """One row for each pair of configurations, numbered as in the frame of those."""
    shared = ("difference", "low", "high", "p_value", "method", "smallest_p")
    return build_frame(
        CONFIGURATION_COMPARISONS,
        (
            {
                "ranking": repeats.ranking + 1,
                "first": each.first + 1,
                "second": each.second + 1,
                "metric": each.metric,
                "adjusted_p_value": each.adjusted_p_value,
                **{key: getattr(each.comparison, key) for key in shared},
            }
            for repeats in data.repeats
            for each in repeats.comparisons
        ),
    )
