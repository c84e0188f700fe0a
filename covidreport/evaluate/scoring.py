"""Counts and figures from stored scores: needs no model, no image and no runtime."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from covidreport.metrics import estimate_scores
from covidreport.records import Evaluation, Scores


def apply_thresholds(
    evaluation: Evaluation, scores: Scores, thresholds: Mapping[str, float], origin: str
) -> Evaluation:
    """The evaluation of the same scores at other operating points."""
    values = [thresholds[label] for label in scores.labels]
    counts, estimates = estimate_scores(scores, values)
    return replace(
        evaluation,
        thresholds=dict(thresholds),
        thresholds_from=origin,
        counts=counts,
        estimates=estimates,
    )
