"""Run folders with drawn scores, and what comparing them gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from msgspec.structs import replace

from covidreport.compare import Plan, rank_and_compare
from covidreport.metrics import estimate_scores
from covidreport.records import Evaluation, Ranking, Run, RunComparisons, Scores
from covidreport.storage.runs import read_run
from covidreport.store import (
    SCORES_FILE,
    evaluation_folder,
    write_evaluation,
    write_run,
    write_scores,
)
from tests.metrics.study import make_evaluation


def write_scored(
    folder: Path,
    name: str,
    truth: np.ndarray,
    scores: np.ndarray,
    *,
    groups: list[str] | None = None,
    failed: list[int] | None = None,
    order: np.ndarray | None = None,
    prefix: str = "image",
    tuned: float | None = None,
) -> tuple[Run, Evaluation]:
    """A run folder with these scores (probabilities of covid-19), images in this order.

    tuned: its threshold, as one that was tuned on another split; else 0.5.
    """
    order = np.arange(len(truth)) if order is None else order
    reasons = tuple("broken" if i in (failed or ()) else None for i in order)
    values = scores[order].astype(np.float32)
    values[[reason is not None for reason in reasons]] = np.nan
    stored = Scores(
        sample_ids=tuple(f"{prefix}-{i}" for i in order),
        labels=("covid-19",),
        truth=truth[order][:, np.newaxis].astype(np.int8),
        scores=values[:, np.newaxis],
        activation="sigmoid",
        reasons=reasons,
        groups=None if groups is None else tuple(groups[i] for i in order),
    )
    threshold = 0.5 if tuned is None else tuned
    counts, figures = estimate_scores(stored, [threshold])
    evaluation = replace(
        make_evaluation(
            name,
            dict(counts),
            n_groups=None if groups is None else len(set(groups)),
            thresholds={"covid-19": threshold},
            thresholds_from="default" if tuned is None else "tuned on another",
        ),
        estimates=figures,
    )
    write_run(folder / name, {"name": name})
    write_scores(evaluation_folder(folder / name, evaluation.key) / SCORES_FILE, stored)
    write_evaluation(folder / name, evaluation)
    return read_run(folder / name), evaluation


def draw_scores(runs: int, positives: int = 40, negatives: int = 120, seed: int = 0):
    """Truth `(N,)` and scores `(R, N)`; the first runs are better."""
    rng = np.random.default_rng(seed)
    truth = (np.arange(positives + negatives) < positives).astype(np.int8)
    shared = rng.normal(size=truth.size)
    shift = np.where(truth == 1, np.linspace(2.0, -0.6, runs)[:, np.newaxis], -1.6)
    latent = shift + shared + 0.8 * rng.normal(size=(runs, truth.size))
    return truth, 1 / (1 + np.exp(-latent))


def write_all(folder: Path, truth, scores, **facts):
    return [
        write_scored(folder, f"run-{i:02}", truth, row, **facts) for i, row in enumerate(scores)
    ]


def compare(evaluated, plan: Plan | None = None) -> Ranking:
    (each,) = rank_and_compare(evaluated, "covid-19", 0.5, plan)
    return each.ranking


def comparisons(ranking: Ranking) -> RunComparisons:
    assert ranking.comparisons is not None
    return ranking.comparisons
