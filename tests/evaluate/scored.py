"""Run folders with stored scores whose thresholds are known by hand; no model and no image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from covidreport.records import Evaluation, MetricPlan, Run, Scores
from covidreport.storage.runs import read_run
from covidreport.store import (
    SCORES_FILE,
    evaluation_folder,
    write_evaluation,
    write_run,
    write_scores,
)
from tests.computed import compute_once

LABELS = ("covid-19", "normal")


def write_scored_run(
    folder: Path,
    split: str,
    positives: Sequence[float],
    negatives: Sequence[float],
    *,
    dataset: str = "cxr",
    fingerprint: str | None = None,
    prefix: str | None = None,
    model: str | None = "m1",
    variant: str | None = None,
    attributes: Mapping[str, Sequence[str]] | None = None,
) -> Run:
    """An evaluation at 0.5 of a run: these scores for covid-19, the reverse for normal.

    The ids of the images begin with `prefix`, by default the split's name; their fingerprint is
    that of the prefix unless it is given. attributes: of each image, positives first.
    """
    values = np.array([*positives, *negatives], dtype=np.float32)
    actual = np.array([1] * len(positives) + [0] * len(negatives), dtype=np.int8)
    prefix = prefix or split
    scores = Scores(
        sample_ids=tuple(f"{prefix}-{i:03}.png" for i in range(len(values))),
        labels=LABELS,
        truth=np.column_stack([actual, 1 - actual]),
        scores=np.column_stack([values, 1 - values]),
        activation="sigmoid",
        reasons=(None,) * len(values),
        attributes={name: tuple(cells) for name, cells in (attributes or {}).items()},
    )
    described = compute_once(scores, [0.5, 0.5], MetricPlan(normal="normal"))
    evaluation = Evaluation(
        run=folder.name,
        dataset=dataset,
        split=split,
        variant=variant,
        fingerprint=f"images of {prefix}" if fingerprint is None else fingerprint,
        labels=LABELS,
        n_images=len(values),
        n_groups=None,
        thresholds=dict.fromkeys(LABELS, 0.5),
        thresholds_from="default",
        counts=described.counts,
        estimates=described.estimates,
        score_metrics=described.score_metrics,
        provenance={"model": {"sha256": model}} if model else {},
    )
    write_run(folder, {"name": folder.name})
    write_scores(evaluation_folder(folder, evaluation.key) / SCORES_FILE, scores)
    write_evaluation(folder, evaluation)
    return read_run(folder)
