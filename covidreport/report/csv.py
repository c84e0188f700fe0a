"""The report's figures as CSV: one row for each run, split and label, and for parts of the images.

Deprecated (`covidreport.text.deprecations`). `ranking-csv` and `metrics-csv` hold what
people asked of it (`csv_tables`).

| column | holds |
| --- | --- |
| `rank` | the run's rank; empty where it has none, and on images that the report does not rank |
| `run`, `experiment`, `block`, `description` | the run, as its folder names it |
| `dataset`, `split`, `variant`, `fingerprint` | the images |
| `label` | the label, of empty cells if the run lacks it; empty in the row over all labels |
| `is_target` | 1 where it is the label that the ranking is about |
| `attribute`, `value` | in rows of a part of the images: by what, and which; else empty |
| `threshold`, `thresholds_from` | the operating point, a probability, and where it comes from |
| `n_images`, `n_groups` | images, and patients where they are known |
| `tn` … `unknown` | the seven counts, which add up to `n_images` |
| `positives`, `negatives`, `missed`, `false_alarms` | what follows from them |
| `significantly_different` | in the target's row: 1 where it is so from the best, 0 where not |
| `p`, `adjusted_p` | of that comparison, and over all pairs; from counts the least they can be |
| `p_high`, `adjusted_p_high` | from counts alone the most they can be |
| `rank_low`, `rank_high` | the rank interval |
| `best_probability` | how often resamples repeat the first place |
| `same_specificity_missed` … | at the best run's own specificity: missed, false alarms, p of it |
| `patient_rule` | in the target's row: how many of a patient's images must be called positive |
| `patients_positive`, `patients_missed` | patients with the label, and those of them missed |
| `patients_negative`, `patients_false_alarms` | the others, and those of them not cleared |
| `patient_sensitivity`, `patient_specificity`, `…_low`, `…_high` | what follows, of patients |
| a metric, `…_low`, `…_high` | its value, not rounded, and the ends of its interval |
| `sensitivity_at_specificity_0.9` … | figures beyond the threshold, where there are any |
| `bin_0.1_…`, `net_benefit_0.1` …, `treat_all_0.1` | calibration bins, points of decision curves |
| `why_unranked`, `failure` | why a run has no rank, or no figures (a row without any) |

An empty cell is undefined or unknown. Texts that begin with `=`, `+`, `-`, `@`, a tab or a line
break get an apostrophe in front, since a spreadsheet would take them for a formula. Line breaks
within a text become spaces: a row is a line.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator, Mapping

from covidreport.compare.same_specificity import count_alarms, count_missed
from covidreport.metrics import ALL_METRICS, COUNTS, interval_columns, iter_metrics, list_counts
from covidreport.records import (
    Evaluation,
    RankedRun,
    RankEvidence,
    ReportData,
    ReportedRun,
)
from covidreport.report.flat import flatten_label, flatten_patients, list_subgroups

_RUN_COLUMNS = (
    "rank", "run", "experiment", "block", "description", "dataset", "split", "variant",
    "fingerprint", "label", "is_target", "attribute", "value", "threshold", "thresholds_from",
    "n_images", "n_groups",
)  # fmt: skip
_STANDING_COLUMNS = (
    "significantly_different",
    "p",
    "adjusted_p",
    "p_high",
    "adjusted_p_high",
    "rank_low",
    "rank_high",
    "best_probability",
)
_SAME_COLUMNS = (
    "same_specificity_missed",
    "same_specificity_false_alarms",
    "same_specificity_p",
    "same_specificity_adjusted_p",
)
_REASON_COLUMNS = ("why_unranked", "failure")
_LINE_BREAKS = re.compile(r"[\r\n]+")
_FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n")


def list_columns(data: ReportData) -> tuple[str, ...]:
    """The header: the known metrics in their order, then any others that the data have."""
    others = (
        each.key
        for reported in data.runs
        for evaluation in list_evaluations(reported)
        for each in iter_metrics(evaluation)
    )
    metrics = dict.fromkeys([*ALL_METRICS, *others])
    bounds = (f"{key}{end}" for key in metrics for end in ("", "_low", "_high"))
    beyond = dict.fromkeys(
        name
        for reported in data.runs
        for evaluation in list_evaluations(reported)
        if evaluation.score_metrics is not None
        for label in (*evaluation.labels, "")
        for name in flatten_label(evaluation.score_metrics, label)
    )
    return (
        *_RUN_COLUMNS, *COUNTS, *_STANDING_COLUMNS, *_SAME_COLUMNS, *flatten_patients(None),
        *bounds, *beyond, *_REASON_COLUMNS,
    )  # fmt: skip


def render_csv(data: ReportData) -> str:
    """A CSV file with a header line; runs in the order they were given."""
    file = io.StringIO()
    columns = list_columns(data)
    writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
    writer.writeheader()
    rows: dict[str, RankedRun] = {}
    for ranking in data.rankings:
        for row in ranking.rows:
            rows.setdefault(row.run, row)
    standings = {name: _standing_cells(each) for name, each in list_standings(data).items()}
    for name, cells in _list_same_specificity(data):
        standings[name] = {**cells, **standings.get(name, {})}
    for reported in data.runs:
        name = reported.run.name
        for cells in _run_rows(reported, data, rows.get(name), standings.get(name, {})):
            writer.writerow({key: write_csv_cell(value) for key, value in cells.items()})
    return file.getvalue()


def list_standings(data: ReportData) -> Mapping[str, RankEvidence]:
    """What comparisons say of each run, in the first ranking that holds it."""
    standings: dict[str, RankEvidence] = {}
    for ranking in data.rankings:
        for each in ranking.comparisons.rank_evidence if ranking.comparisons else ():
            standings.setdefault(each.run, each)
    return standings


def explain_failure(reported: ReportedRun) -> str:
    """Why a run has no figures."""
    failure = reported.failure
    return f"{failure.stage}: {failure.explanation}" if failure else "not evaluated"


def list_evaluations(reported: ReportedRun) -> tuple[Evaluation, ...]:
    """A run's evaluations: the ranked one first, those on other splits and data sets after it."""
    first = () if reported.evaluation is None else (reported.evaluation,)
    return (*first, *reported.others, *reported.elsewhere)


def _run_rows(
    reported: ReportedRun, data: ReportData, row: RankedRun | None, standing: Mapping[str, object]
) -> Iterator[dict[str, object]]:
    run = reported.run
    about: dict[str, object] = {
        "run": run.name, "experiment": run.experiment, "block": run.block,
        "description": run.description,
    }  # fmt: skip
    if reported.evaluation is None:
        reason = explain_failure(reported)
        yield {**about, "dataset": data.dataset, "split": data.split, "failure": reason}
    ranks = [each.evaluation for each in data.runs if each.evaluation is not None]
    labels = dict.fromkeys(label for each in ranks for label in each.labels)
    for evaluation in list_evaluations(reported):
        ranked = row if evaluation is reported.evaluation else None
        lacking = [each for each in labels if ranked and each not in evaluation.labels]
        for label in (*evaluation.labels, *lacking, ""):
            cells = _evaluation_cells(evaluation, label, data.target, ranked)
            if ranked is not None and label == data.target:
                cells |= {**standing, **flatten_patients(ranked.patients)}
            yield {**about, **cells}
        for label in evaluation.labels if evaluation.score_metrics is not None else ():
            for cells in _subgroup_rows(evaluation, label, data.target):
                yield {**about, **cells}


def _evaluation_cells(
    evaluation: Evaluation, label: str, target: str, ranked: RankedRun | None
) -> dict[str, object]:
    counts = evaluation.counts.get(label)
    return {
        "rank": ranked.rank if ranked else None,
        "dataset": evaluation.dataset,
        "split": evaluation.split,
        "variant": evaluation.variant,
        "fingerprint": evaluation.fingerprint,
        "label": label,
        "is_target": int(label == target) if label else None,
        "threshold": evaluation.thresholds.get(label),
        "thresholds_from": evaluation.thresholds_from,
        "n_images": evaluation.n_images,
        "n_groups": evaluation.n_groups,
        **(list_counts(counts) if counts else {}),
        **_metric_cells(evaluation, label),
        **(flatten_label(evaluation.score_metrics, label) if evaluation.score_metrics else {}),
        "why_unranked": ranked.why_unranked if ranked else None,
    }


def _subgroup_rows(evaluation: Evaluation, label: str, target: str) -> Iterator[dict[str, object]]:
    """A row for each part of the images: what it is a part of, its counts and its two rates."""
    assert evaluation.score_metrics is not None
    whole = _evaluation_cells(evaluation, label, target, None)
    shared = {name: whole[name] for name in _RUN_COLUMNS if name in whole}
    for attribute, group in list_subgroups(evaluation.score_metrics, label):
        yield {
            **shared,
            "rank": None,
            "n_images": group.counts.total,
            "n_groups": None,
            "attribute": attribute,
            "value": group.value,
            **list_counts(group.counts),
            **interval_columns("sensitivity", group.sensitivity),
            **interval_columns("specificity", group.specificity),
        }


def _standing_cells(standing: RankEvidence) -> dict[str, object]:
    told = standing.significantly_different
    return {
        "significantly_different": None if told is None else int(told),
        "p": standing.p_value,
        "adjusted_p": standing.adjusted_p_value,
        "p_high": standing.p_value_high,
        "adjusted_p_high": standing.adjusted_p_value_high,
        "rank_low": standing.rank_low,
        "rank_high": standing.rank_high,
        "best_probability": standing.best_probability,
    }


def _list_same_specificity(data: ReportData) -> Iterator[tuple[str, dict[str, object]]]:
    """What each run does at the best run's own specificity, in the first ranking that holds it."""
    known: set[str] = set()
    for ranking in data.rankings:
        levels = () if ranking.comparisons is None else ranking.comparisons.same_specificity
        for each in levels[0].runs if levels else ():
            pair = levels[0].compare(each.run)
            cells = (
                count_missed(levels[0], each.run),
                count_alarms(each),
                None if pair is None else pair.p_value,
                None if pair is None else pair.adjusted_p_value,
            )
            if each.run not in known:
                yield each.run, dict(zip(_SAME_COLUMNS, cells, strict=True))
            known.add(each.run)


def _metric_cells(evaluation: Evaluation, label: str) -> dict[str, object]:
    cells: dict[str, object] = {}
    for each in iter_metrics(evaluation):
        if each.label == label:
            cells |= interval_columns(each.key, each.estimate)
    return cells


def write_csv_cell(value: object) -> str:
    """A value not rounded, a text that is no formula and one line; empty where it is unknown."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, (int, float)):
        return repr(value)
    text = str(value).encode("utf-8", "backslashreplace").decode()
    guarded = f"'{text}" if text.startswith(_FORMULA_SIGNS) else text
    return _LINE_BREAKS.sub(" ", guarded)
