"""A ranking as a table in the terminal, and as JSON for a program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import to_builtins
from rich.console import Console
from rich.table import Table
from rich.text import Text

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
from covidreport.compare.same_specificity import describe_lead
from covidreport.records import Evaluation, PatientFigures, RankedRun, Ranking
from covidreport.text import DASH, fraction, plural, show_interval, show_value, whole
from covidreport.text.folds import count_models
from covidreport.text.labels import explain_other_labels
from covidreport.text.thresholds import (
    MARK,
    common_threshold,
    describe_origin,
    is_exploratory,
    show_threshold,
)

ROOM_FOR_RATES, ROOM_FOR_INTERVALS, ROOM_FOR_ALL = 76, 116, 136
"""From how many columns of the terminal on a ranking shows more."""
METRICS = ("sensitivity", "specificity", "f1")
OVERALL = ("micro_f1", "label_accuracy")
ROOM_OF_PATIENTS, ROOM_OF_F1 = 3, 7
"""What the column of patients takes in place of that of F1, which stands where there is room."""
ALIKE = "≈"
"""Stands behind the name of a run that can't be told from the best."""


def show_ranking(console: Console, ranking: Ranking, evaluations: Sequence[Evaluation]) -> None:
    """Print the ranking: fewest missed first, the unranked below with the reason."""
    by_run = {evaluation.run: evaluation for evaluation in evaluations}
    first = by_run[ranking.rows[0].run]
    patients = "" if first.n_groups is None else f" of {plural(first.n_groups, 'patient')}"
    images = ", ".join(filter(None, (ranking.dataset, ranking.split, first.variant)))
    console.print(
        Text.assemble(
            (images, "bold"),
            f": {plural(first.n_images, 'image')}{patients}, ranked by missed {ranking.target}",
            f", {_describe_thresholds(evaluations, ranking.target)}",
        )
    )
    own = common_threshold(evaluations, ranking.target) is None
    by_patient = {row.run: row.patients for row in list_by_patient(ranking, by_run)}
    mixed = explain_other_labels(evaluations)
    table, intervals, wide = _open_table(
        console.width, patients=bool(by_patient), own=own, overall=not mixed
    )
    _, alike, _ = split_runs(ranking)
    for row in ranking.rows:
        cells = _cells(row, by_run[row.run], ranking.target, intervals, wide)
        if own:
            cells.insert(5, Text(clean(_show_threshold(by_run[row.run], ranking.target))))
        if by_patient:
            cells.insert(5, Text(_show_patients(row.patients)))
        models = count_models(by_run[row.run])
        named = [row.run, f"({models})" if models else "", ALIKE if row in alike else ""]
        cells[1] = Text(clean(" ".join(filter(None, named))))
        table.add_row(*cells[: len(table.columns)], style=_style(row))
    console.print(table)
    told = _conclusions(ranking, marked=bool(alike))
    sentences = (mixed, describe_patients(ranking, by_run), *told)
    for sentence in filter(None, sentences):
        console.print(Text(clean(sentence)))
    for row in ranking.rows:
        if row.why_unranked:
            hint = suggest_tuning(by_run[row.run], ranking.target)
            why = ", ".join(filter(None, (row.why_unranked, hint)))
            console.print(Text(clean(f"not ranked: {row.run}: {why}"), "yellow"))


def _open_table(
    width: int, *, patients: bool, own: bool, overall: bool = True
) -> tuple[Table, bool, bool]:
    """The table without rows; whether it has room for intervals, and for everything."""
    room = width - (ROOM_OF_PATIENTS if patients else 0)
    intervals, wide = room >= ROOM_FOR_INTERVALS, room >= ROOM_FOR_ALL + ROOM_OF_F1 * patients
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("rank", justify="right", no_wrap=True)
    table.add_column("run", overflow="fold", ratio=1, min_width=12)
    names = ["missed", "found"]
    names += ["false\nalarms" if patients and not intervals else "false alarms"]
    names += ["missed\npatients"] if patients else []
    names += ["threshold"] if own else []
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    if room >= ROOM_FOR_RATES:
        for name in ("sensitivity", "specificity"):
            table.add_column(f"{name} (95 % CI)" if intervals else name, no_wrap=True)
    if wide or (room >= ROOM_FOR_RATES and not patients):
        table.add_column("F1", justify="right", no_wrap=True)
    for name in ("micro F1", "accuracy") if wide and overall else ():
        table.add_column(name, justify="right", no_wrap=True)
    return table, intervals, wide


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


def _conclusions(ranking: Ranking, *, marked: bool) -> list[str]:
    """What the data can and can't tell, a paragraph each."""
    comparisons = ranking.comparisons
    if comparisons is None:
        return []
    verdict = describe_verdict(ranking)
    if marked:
        verdict = f"{ALIKE} {verdict} {describe_detectable(comparisons)}"
    lines = [
        verdict, describe_planned(ranking), describe_non_inferiority(comparisons),
        describe_picked(comparisons, ranking.target), _end(describe_lead(ranking)),
    ]  # fmt: skip
    compared = {each.run for each in comparisons.rank_evidence}
    ranked = {row.run for row in ranking.rows if row.rank is not None}
    lines += [
        f"not compared: {each.run}: {each.reason}"
        for each in comparisons.excluded
        if each.run in ranked and (comparisons.basis == "counts" or each.run not in compared)
    ]
    return [line for line in lines if line]


def _end(words: str) -> str:
    return f"{words}." if words else ""


def _style(row: RankedRun) -> str:
    if row.rank is None:
        return "dim"
    return "bold" if row.rank == 1 else ""


def _cells(
    row: RankedRun, evaluation: Evaluation, target: str, intervals: bool, wide: bool
) -> list[Text]:
    counts = evaluation.counts.get(target)
    estimates = evaluation.estimates.get(target, {})
    overall = evaluation.estimates.get("", {})
    show = show_interval if intervals else show_value
    texts = [
        whole(row.rank),
        row.run,
        DASH if counts is None else whole(counts.missed),
        DASH if counts is None else fraction(counts.tp, counts.positives),
        DASH if counts is None else whole(counts.false_alarms),
        show(estimates.get("sensitivity")),
        show(estimates.get("specificity")),
        show_value(estimates.get("f1")),
    ]
    if wide:
        texts += [show_value(overall.get(name)) for name in OVERALL]
    return [Text(clean(text)) for text in texts]


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
