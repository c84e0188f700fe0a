"""What DVC shows of a run: `metrics.json` for `dvc metrics diff`, tables for `dvc plots`.

`metrics.json` holds nested scalars: the ten figures of the target that a team tracks (`TRACKED`),
and on request every count and metric of every label with the ends of its interval, under the same
names. What is undefined is null, which DVC leaves out.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from covidreport.integrations.naming import name_file
from covidreport.metrics import CumulativeCounts, count_curve, iter_metrics, list_counts
from covidreport.records import Beside, Counts, Evaluation, Scores, Verdict
from covidreport.store import encode_text, write_atomic

METRICS_FILE = "metrics.json"
PLOTS_FOLDER = "plots"
ALL_LABELS = "all labels"
TRACKED = (
    "missed",
    "false_alarms",
    "sensitivity",
    "specificity",
    "ppv",
    "npv",
    "f1",
    "balanced_accuracy",
    "roc_auc",
    "average_precision",
)
"""What is tracked of the target from commit to commit, beside the threshold that it is of."""
NOT_SCORED = "not scored"
_NOTHING = Beside()
_ABSENT = object()


def render_dvc_metrics(verdicts: Sequence[Verdict], beside: Beside = _NOTHING) -> str:
    """metrics.json of one verdict: its outcome, whose scores, and the metrics, if there are any."""
    (verdict,) = verdicts
    evaluation = verdict.evaluation
    metrics = {} if evaluation is None else list_tracked(evaluation, verdict.target)
    origin = {
        "scores_from": verdict.scores_from,
        "thresholds_written_here": verdict.thresholds_written_here,
        "notices": len(beside.notices) or None,
    }
    known = {name: value for name, value in origin.items() if value is not None}
    return _to_json({"outcome": verdict.outcome, **known, **metrics})


def list_metrics(evaluation: Evaluation) -> dict[str, Any]:
    """By label: counts, and metrics of `value`, `low` and `high`; null where undefined."""
    found: dict[str, Any] = {"images": evaluation.n_images}
    for each in iter_metrics(evaluation):
        estimate = each.estimate
        ends = {"value": estimate.value, "low": estimate.low, "high": estimate.high}
        found.setdefault(each.label or ALL_LABELS, {})[each.key] = ends
    for label, counts in evaluation.counts.items():
        whole = list_counts(counts, totals=False)
        found[label] = {"threshold": evaluation.thresholds.get(label), **whole, **found[label]}
    return found


def list_tracked(evaluation: Evaluation, target: str) -> dict[str, Any]:
    """Of `list_metrics` what is tracked: of the target the ten, without the ends of intervals."""
    every = list_metrics(evaluation)
    whole = every.get(target, {})
    kept = {
        name: {"value": value["value"]} if isinstance(value, dict) else value
        for name in ("threshold", *TRACKED)
        if (value := whole.get(name, _ABSENT)) is not _ABSENT
    }
    return {"images": every["images"], target: kept} if kept else {"images": every["images"]}


def write_dvc(
    folder: Path, evaluation: Evaluation, scores: Scores | None, metrics: Mapping[str, Any]
) -> tuple[Path, ...]:
    """Write metrics.json and plots/ into `folder` and give the paths.

    metrics: of `list_tracked` or `list_metrics`.
    For each label `confusion-<label>.csv`, a row an image, for DVC's `confusion` template; with
    scores also `roc-<label>.csv` and `pr-<label>.csv`. A curve that is undefined, for want of
    positives or negatives, has no file; one of an earlier run is deleted.
    """
    plots = folder / PLOTS_FOLDER
    texts: dict[str, str | None] = {}
    for label, counts in evaluation.counts.items():
        name = name_file(label)
        texts[f"confusion-{name}.csv"] = format_confusion(label, counts)
        curve = None if scores is None else _curve(scores, label)
        defined = curve is not None and curve.positives > 0 and curve.negatives > 0
        texts[f"roc-{name}.csv"] = format_roc(curve) if curve and defined else None
        texts[f"pr-{name}.csv"] = format_precision(curve) if curve and defined else None
    write_atomic(folder / METRICS_FILE, encode_text(_to_json(metrics)))
    written = [folder / METRICS_FILE]
    for name, text in texts.items():
        if text is None:
            (plots / name).unlink(missing_ok=True)
        else:
            write_atomic(plots / name, encode_text(text))
            written.append(plots / name)
    return tuple(written)


def format_confusion(label: str, counts: Counts) -> str:
    """`actual,predicted`, a row for each image of known truth, made from the counts."""
    other = f"not {label}"
    cells: Mapping[tuple[str, str], int] = {
        (label, label): counts.tp,
        (label, other): counts.fn,
        (label, NOT_SCORED): counts.failed_positive,
        (other, other): counts.tn,
        (other, label): counts.fp,
        (other, NOT_SCORED): counts.failed_negative,
    }
    rows = (cell for cell, count in cells.items() for _ in range(count))
    return _format_table(("actual", "predicted"), rows)


def format_roc(curve: CumulativeCounts) -> str:
    """`fpr,tpr` from (0, 0) on: the corners of the curve, which are all that a line needs."""
    found = np.concatenate([[[0, 0]], np.stack([curve.false_positives, curve.true_positives], 1)])
    return _format_table(
        ("fpr", "tpr"),
        ((fp / curve.negatives, tp / curve.positives) for fp, tp in _corners(found).tolist()),
    )


def format_precision(curve: CumulativeCounts) -> str:
    """`recall,precision` at each threshold at which another positive is found, the highest first.

    As scikit-learn's `precision_recall_curve`, but for thresholds that only add false alarms.
    """
    gained = np.diff(curve.true_positives, prepend=0) > 0
    found = curve.true_positives[gained]
    called = found + curve.false_positives[gained]
    return _format_table(
        ("recall", "precision"),
        ((tp / curve.positives, tp / n) for tp, n in zip(found.tolist(), called.tolist(),
                                                         strict=True)),
    )  # fmt: skip


def _corners(points: NDArray[np.int64]) -> NDArray[np.int64]:
    """The points without those that lie on the straight line between their neighbours."""
    steps = np.diff(points, axis=0)
    is_corner = np.ones(len(points), np.bool_)
    is_corner[1:-1] = steps[:-1, 0] * steps[1:, 1] != steps[:-1, 1] * steps[1:, 0]
    corners: NDArray[np.int64] = points[is_corner]
    return corners


def _curve(scores: Scores, label: str) -> CumulativeCounts:
    k = scores.labels.index(label)
    return count_curve(scores.truth[:, k], scores.scores[:, k], scores.failed)


def _to_json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _format_table(head: Sequence[str], rows: Iterator[Sequence[object]]) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return file.getvalue()
