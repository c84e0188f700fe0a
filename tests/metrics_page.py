"""docs/metrics.md, written from the table of metrics: `python -m tests.metrics_page`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from covidreport.metrics import (
    ALL_METRICS,
    SCORE_METRICS,
    AnswerMetric,
    ConsistencyMetric,
    CurveMetric,
    LabelScoreMetric,
    LabelsMetric,
    Metric,
)

PAGE = Path(__file__).parent.parent / "docs" / "metrics.md"
_HEAD = """# The metrics by their keys

Under these keys they stand in `evaluation.json`, in the report's JSON and CSV, in the notebook's
`estimates`, and in what goes to DVC, MLflow, OpenMetrics and the Hugging Face Hub; by them they are
limited (`mcc>=0.4`). Written from the table in `covidreport/metrics/table.py`;
[statistics.md](statistics.md) says what each answers, and when it misleads.

"""
_OF: dict[type[Metric], str] = {
    CurveMetric: "a label's scores",
    LabelsMetric: "all labels",
    AnswerMetric: "all labels, by image",
    LabelScoreMetric: "a label's scores and answers",
    ConsistencyMetric: "all labels, without the truth",
}


def write_metrics_table() -> str:
    """A row for each metric."""
    head = ("key", "metric", "of", "formula", "better", "interval", "also called", "source")
    rows = [head, ("---",) * len(head), *_list_rows()]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _list_rows() -> Iterator[tuple[str, ...]]:
    for key, metric in {**ALL_METRICS, **SCORE_METRICS}.items():
        names = [f"`{alias}`" for alias in metric.aliases]
        if metric.hugging_face and metric.hugging_face not in metric.aliases:
            names.append(f"`{metric.hugging_face}` on the Hub")
        yield (
            f"`{key}`", metric.title, _OF.get(type(metric), "a label's counts"),
            metric.formula.replace("|", "\\|"), metric.direction, metric.interval,
            ", ".join(names), metric.source,
        )  # fmt: skip


def write_page() -> str:
    """The whole page."""
    return _HEAD + write_metrics_table()


if __name__ == "__main__":
    PAGE.write_text(write_page(), encoding="utf-8")
