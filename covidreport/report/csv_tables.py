"""Two narrow CSV files: the rankings as a page has them, and every metric in a row of its own.

`ranking-csv`, a row a run in the order of the page, the unranked last:

| column | holds |
| --- | --- |
| `ranking` | 1 for the first, on images that most runs were evaluated on |
| `dataset`, `split`, `target` | what it is of |
| `rank`, `run`, `block` | the rank, empty where the run has none |
| `missed`, `positives`, `false_alarms`, `negatives` | counts of images |
| `significantly_different`, `adjusted_p` | from the best run: 1 or 0, empty where not compared |
| `sensitivity`, `specificity`, `roc_auc`, `f1`, each with `_low`, `_high` | of the target |
| `why_unranked` | why a run has no rank, or no figures (in no ranking) |

`metrics-csv`, the long form, a row a figure:

| column | holds |
| --- | --- |
| `run`, `dataset`, `split`, `variant` | the evaluation |
| `label` | empty for a metric over all labels |
| `metric`, `value`, `low`, `high` | its name, its value and the ends of its interval, not rounded |
| `n` | of how many images it is: the denominator of a rate, else those of known truth |
| `failure` | why a run has no figures: a row without any |

An empty cell is undefined or unknown. Texts are guarded as in the wide file.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping

from covidreport.metrics import interval_columns, iter_metrics
from covidreport.records import Estimate, Evaluation, Ranking, ReportData
from covidreport.report.csv import explain_failure, list_evaluations, write_csv_cell
from covidreport.report.index import Index, index_runs

OF_TARGET = ("sensitivity", "specificity", "roc_auc", "f1")
RANKING_COLUMNS = (
    "ranking", "dataset", "split", "target", "rank", "run", "block", "missed", "positives",
    "false_alarms", "negatives", "significantly_different", "adjusted_p",
    *(f"{name}{end}" for name in OF_TARGET for end in ("", "_low", "_high")), "why_unranked",
)  # fmt: skip
LONG_COLUMNS = (
    "run", "dataset", "split", "variant", "label", "metric", "value", "low", "high", "n",
    "failure",
)  # fmt: skip


def render_ranking_csv(data: ReportData) -> str:
    """The rankings, a row a run in their order."""
    index = index_runs(data)
    rows = [
        row
        for number, ranking in enumerate(data.rankings, 1)
        for row in _list_ranked(number, ranking, index)
    ]
    there = {row["run"] for row in rows}
    rows += [
        {"run": each.run.name, "block": each.run.block, "why_unranked": explain_failure(each)}
        for each in data.runs
        if each.run.name not in there
    ]
    return _write(RANKING_COLUMNS, rows)


def render_metrics_csv(data: ReportData) -> str:
    """Every metric of every evaluation, in a row of its own."""
    rows: list[Mapping[str, object]] = []
    for reported in data.runs:
        if reported.evaluation is None:
            rows.append({"run": reported.run.name, "failure": explain_failure(reported)})
        for evaluation in list_evaluations(reported):
            rows += _list_metrics(evaluation)
    return _write(LONG_COLUMNS, rows)


def _write(columns: tuple[str, ...], rows: Iterable[Mapping[str, object]]) -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: write_csv_cell(value) for key, value in row.items()})
    return file.getvalue()


def _list_ranked(number: int, ranking: Ranking, index: Index) -> Iterator[dict[str, object]]:
    evidence = ranking.comparisons.rank_evidence if ranking.comparisons else ()
    standings = {each.run: each for each in evidence}
    for row in ranking.rows:
        evaluation = index.evaluation(row.run, ranking)
        counts = index.counts(evaluation)
        standing = standings.get(row.run)
        different = None if standing is None else standing.significantly_different
        estimates = {} if evaluation is None else evaluation.estimates.get(ranking.target, {})
        yield {
            "ranking": number, "dataset": ranking.dataset, "split": ranking.split,
            "target": ranking.target, "rank": row.rank, "run": row.run,
            "block": None if (found := index.find(row.run)) is None else found.run.block,
            **({} if counts is None else {
                "missed": counts.missed, "positives": counts.positives,
                "false_alarms": counts.false_alarms, "negatives": counts.negatives,
            }),
            "significantly_different": None if different is None else int(different),
            "adjusted_p": None if standing is None else standing.adjusted_p_value,
            **{
                key: value
                for name in OF_TARGET
                for key, value in interval_columns(
                    name, estimates.get(name) or Estimate(None)
                ).items()
            },
            "why_unranked": row.why_unranked,
        }  # fmt: skip


def _list_metrics(evaluation: Evaluation) -> Iterator[dict[str, object]]:
    for each in iter_metrics(evaluation):
        estimate, counts = each.estimate, evaluation.counts.get(each.label)
        known = evaluation.n_images if counts is None else counts.positives + counts.negatives
        yield {
            "run": evaluation.run, "dataset": evaluation.dataset, "split": evaluation.split,
            "variant": evaluation.variant, "label": each.label, "metric": each.key,
            "value": estimate.value, "low": estimate.low, "high": estimate.high,
            "n": known if estimate.denominator is None else estimate.denominator,
        }  # fmt: skip
