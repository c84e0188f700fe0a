"""Run folders with evaluations whose figures are known by hand, made without a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from covidreport.metrics.plan import MetricOptions
from covidreport.records import Epoch, Evaluation, Scores
from covidreport.store import (
    SCORES_FILE,
    evaluation_folder,
    write_evaluation,
    write_history,
    write_run,
    write_scores,
)
from tests.computed import compute_once

LABELS = ("covid-19", "normal")
TRUTH = ((1, 0), (1, 0), (1, 0), (1, 0), (0, 1), (0, 1), (0, 1), (0, 1), (0, 0), (0, 1))
GOOD = (0.9, 0.8, 0.7, 0.6, 0.1, 0.2, 0.3, 0.4, 0.7, 0.1)
"""Of covid-19, as probabilities: 4 of 4 found with 1 of 6 false alarms."""
POOR = (0.9, 0.8, 0.2, 0.1, 0.1, 0.2, 0.3, 0.4, 0.7, 0.1)
"""2 of 4 found with 1 of 6 false alarms."""


def write_scored_run(
    folder: Path, name: str | None = None, covid: tuple[float, ...] = GOOD, *, seed: int = 0
) -> Evaluation:
    """Write a run folder that was evaluated on ten images of `tiny`, validation."""
    truth = np.array(TRUTH, np.int8)
    values = np.array([(score, 1 - score) for score in covid], np.float32)
    ids = tuple(f"image-{i}.png" for i in range(len(covid)))
    reasons: tuple[str | None, ...] = (None,) * len(covid)
    scores = Scores(ids, LABELS, truth, values, "sigmoid", reasons)
    described = compute_once(scores, [0.5, 0.5], MetricOptions().plan(LABELS, "covid-19"))
    evaluation = Evaluation(
        run=name or folder.name,
        dataset="tiny",
        split="validation",
        variant=None,
        fingerprint="f" * 64,
        labels=LABELS,
        n_images=len(covid),
        n_groups=None,
        thresholds=dict.fromkeys(LABELS, 0.5),
        thresholds_from="default",
        counts=described.counts,
        estimates=described.estimates,
        score_metrics=described.score_metrics,
        provenance={"versions": {"covidreport": "0.1.0"}},
        timing={"finished": "2026-01-01T00:00:00.000+00:00"},
    )
    settings = {"architecture": "tiny", "loss": "bce"}
    write_run(
        folder,
        {"name": name or folder.name, "hyperparameters": settings, "seed": seed,
         "description": "Made by hand"},
    )  # fmt: skip
    write_history(folder, [Epoch(1, {"train_loss": 0.5}), Epoch(2, {"train_loss": 0.25})])
    write_scores(evaluation_folder(folder, evaluation.key) / SCORES_FILE, scores)
    write_evaluation(folder, evaluation)
    return evaluation
