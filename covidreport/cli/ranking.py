"""A ranking as a table in the terminal, and as JSON for a program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import to_builtins
from rich.console import Console
from rich.text import Text

from covidreport.cli.tables import Row, print_line, print_table
from covidreport.cli.terminal import clean
from covidreport.compare.finding import (
    describe_detectable,
    describe_non_inferiority,
    describe_picked,
    describe_planned,
    describe_verdict,
    split_runs,
)
from covidreport.compare.patients import describe_patients, list_by_patient
from covidreport.compare.ranking import suggest_tuning
from covidreport.compare.same_specificity import describe_own_level
from covidreport.records import Evaluation, PatientFigures, RankedRun, Ranking
from covidreport.text import DASH, fraction, label_name, plural, show_ends, show_value, whole
from covidreport.text.columns import Column
from covidreport.text.folds import count_models
from covidreport.text.labels import explain_other_labels
from covidreport.text.thresholds import (
    MARK,
    common_threshold,
    describe_origin,
    is_exploratory,
    show_threshold,
)

METRICS = ("sensitivity", "specificity", "roc_auc", "f1")
OVERALL = ("micro_f1", "label_accuracy")
COLUMNS = (
    Column("rank", "figure"), Column("run", "name"), Column("missed", "figure"),
    Column("false alarms", "figure"), Column("missed patients", "figure", 3),
    Column("threshold", "figure", 4),
    Column("sensitivity", "figure", 1),
    Column("(95 % CI)", "figure", 5, "intervals of sensitivity"),
    Column("specificity", "figure", 2),
    Column("(95 % CI)", "figure", 6, "intervals of specificity"),
    Column("ROC AUC", "figure", 7),
    Column("F1", "figure", 8), Column("micro F1", "figure", 9), Column("accuracy", "figure", 10),
)  # fmt: skip
"""Of a ranking. The last goes first where there is too little room, sensitivity last of all."""
ALIKE = "≈"
"""Stands behind the name of a run that can't be told from the best."""


def show_ranking(
    console: Console, ranking: Ranking, evaluations: Sequence[Evaluation], *, verdict: bool = True
) -> None:
    """Print the ranking: fewest missed first, the unranked below with the reason.

    verdict: whether it says what differs by more than chance; else whoever calls does.
    """
    by_run = {evaluation.run: evaluation for evaluation in evaluations}
    first = by_run[ranking.rows[0].run]
    patients = "" if first.n_groups is None else f" of {plural(first.n_groups, 'patient')}"
    console.print(
        Text.assemble(
            (name_images(ranking, first), "bold"),
            f": {plural(first.n_images, 'image')}{patients}, ranked by missed {ranking.target}",
            f", {_describe_thresholds(evaluations, ranking.target)}",
        )
    )
    own = common_threshold(evaluations, ranking.target) is None
    by_patient = {row.run for row in list_by_patient(ranking, by_run)}
    mixed = explain_other_labels(evaluations)
    of_target = [each.estimates.get(ranking.target, {}) for each in evaluations]
    areas = any((area := each.get("roc_auc")) and area.value is not None for each in of_target)
    shown = [
        *[True] * 4, bool(by_patient), own, *[True] * 4, areas, True, *[not mixed] * 2
    ]  # fmt: skip
    _, alike, _ = split_runs(ranking)
    rows = []
    for row in ranking.rows:
        cells = _cells(row, by_run[row.run], ranking.target)
        models = count_models(by_run[row.run])
        named = [row.run, f"({models})" if models else "", ALIKE if row in alike else ""]
        cells[1] = " ".join(filter(None, named))
        rows.append(Row(_keep(cells, shown), _style(row)))
    print_table(console, _keep(COLUMNS, shown), rows)
    told = _conclusions(ranking, marked=bool(alike), verdict=verdict)
    for sentence in filter(None, (mixed, describe_patients(ranking, by_run), *told)):
        print_line(console, sentence)
    for row in ranking.rows:
        if row.why_unranked:
            hint = suggest_tuning(by_run[row.run], ranking.target)
            why = ", ".join(filter(None, (row.why_unranked, hint)))
            print_line(console, f"not ranked: {row.run}: {why}", "yellow")


def name_images(ranking: Ranking, first: Evaluation) -> str:
    """Data set, split and variant that a ranking is of."""
    return clean(", ".join(filter(None, (ranking.dataset, ranking.split, first.variant))))


def _keep(items: Sequence[Any], shown: Sequence[bool]) -> list[Any]:
    return [item for item, stands in zip(items, shown, strict=True) if stands]


def _describe_thresholds(evaluations: Sequence[Evaluation], target: str) -> str:
    """At which threshold all runs were counted, or where those of each run come from."""
    shared = common_threshold(evaluations, target)
    if shared is not None:
        return f"threshold {shared}"
    if all(is_exploratory(each, target) for each in evaluations):
        return f"thresholds of their own, {MARK}: chosen on these images"
    origins = dict.fromkeys(describe_origin(each, target) for each in evaluations)
    return f"thresholds {', '.join(origins)}"


def _show_threshold(evaluation: Evaluation, target: str) -> str:
    """A run's own threshold, marked where it was chosen on these images."""
    mark = f" {MARK}" if is_exploratory(evaluation, target) else ""
    return f"{show_threshold(evaluation, target)}{mark}"


def _show_patients(patients: PatientFigures | None) -> str:
    return DASH if patients is None else fraction(patients.counts.missed, patients.counts.positives)


def _conclusions(ranking: Ranking, *, marked: bool, verdict: bool) -> list[str]:
    """What the data can and can't tell, a paragraph each."""
    comparisons = ranking.comparisons
    if comparisons is None:
        return []
    lines = [describe_verdict(ranking)] if verdict else []
    if marked:
        if verdict:
            lines[0] = f"{ALIKE} {lines[0]}"
        else:
            lines.append(f"{ALIKE}: not significantly different from the first.")
        lines.append(describe_detectable(comparisons))
    lines += [
        describe_planned(ranking), describe_non_inferiority(comparisons),
        describe_picked(comparisons, label_name(ranking.target)), describe_own_level(ranking),
    ]  # fmt: skip
    compared = {each.run for each in comparisons.rank_evidence}
    ranked = {row.run for row in ranking.rows if row.rank is not None}
    lines += [
        f"not compared: {each.run}: {each.reason}"
        for each in comparisons.excluded
        if each.run in ranked and (comparisons.basis == "counts" or each.run not in compared)
    ]
    return [line for line in lines if line]


def _style(row: RankedRun) -> str:
    if row.rank is None:
        return "dim"
    return "bold" if row.rank == 1 else ""


def _cells(row: RankedRun, evaluation: Evaluation, target: str) -> list[str]:
    """What stands in each of `COLUMNS`."""
    counts = evaluation.counts.get(target)
    estimates = evaluation.estimates.get(target, {})
    overall = evaluation.estimates.get("", {})
    texts = [
        whole(row.rank),
        row.run,
        DASH if counts is None else fraction(counts.missed, counts.positives),
        DASH if counts is None else fraction(counts.false_alarms, counts.negatives),
        _show_patients(row.patients),
        _show_threshold(evaluation, target),
    ]
    for name in ("sensitivity", "specificity"):
        texts += [show_value(estimates.get(name)), show_ends(estimates.get(name))]
    return [
        *texts,
        *map(show_value, map(estimates.get, ("roc_auc", "f1"))),
        *map(show_value, map(overall.get, OVERALL)),
    ]


def ranking_as_json(ranking: Ranking, evaluations: Sequence[Evaluation]) -> dict[str, Any]:
    """A ranking for a program: fractions unrounded, None where undefined."""
    by_run = {evaluation.run: evaluation for evaluation in evaluations}
    rows = []
    mixed = explain_other_labels(evaluations)
    for row in ranking.rows:
        evaluation = by_run[row.run]
        counts = evaluation.counts.get(ranking.target)
        estimates = {
            **{name: evaluation.estimates.get(ranking.target, {}).get(name) for name in METRICS},
            **{
                name: None if mixed else evaluation.estimates.get("", {}).get(name)
                for name in OVERALL
            },
        }
        rows.append(
            {
                "rank": row.rank,
                "run": row.run,
                "labels": list(evaluation.labels),
                "missed": None if counts is None else counts.missed,
                "found": None if counts is None else counts.tp,
                "positives": None if counts is None else counts.positives,
                "false_alarms": None if counts is None else counts.false_alarms,
                "threshold": evaluation.thresholds.get(ranking.target),
                "thresholds_from": evaluation.thresholds_from,
                "average_precision": row.average_precision,
                "why_unranked": row.why_unranked,
                "patients": None if row.patients is None else to_builtins(row.patients),
                **{
                    name: None
                    if estimate is None
                    else {"value": estimate.value, "low": estimate.low, "high": estimate.high}
                    for name, estimate in estimates.items()
                },
            }
        )
    return {
        "target": ranking.target,
        "dataset": ranking.dataset,
        "split": ranking.split,
        "fingerprint": ranking.fingerprint,
        "key": ranking.key,
        "specificity_floor": ranking.specificity_floor,
        "rows": rows,
        "comparisons": None if ranking.comparisons is None else to_builtins(ranking.comparisons),
    }
