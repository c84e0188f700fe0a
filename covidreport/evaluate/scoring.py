"""Counts and figures from stored scores: needs no model, no image and no runtime."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from covidreport.evaluate.tuned import FINDING_CODES, ChosenThresholds
from covidreport.metrics import estimate_scores
from covidreport.records import Evaluation, Scores

TUNING = "tuning"
"""The entry of an evaluation's provenance that says where tuned thresholds come from."""


def apply_thresholds(
    evaluation: Evaluation, scores: Scores, thresholds: Mapping[str, float], origin: str
) -> Evaluation:
    """The evaluation of the same scores at other operating points, the same for all runs."""
    return apply_chosen(evaluation, scores, ChosenThresholds(thresholds, origin))


def apply_chosen(evaluation: Evaluation, scores: Scores, chosen: ChosenThresholds) -> Evaluation:
    """The evaluation of the same scores at the operating points that were chosen for this run."""
    counts, estimates = estimate_scores(scores, [chosen.values[label] for label in scores.labels])
    return mark_thresholds(
        replace(
            evaluation,
            thresholds=dict(chosen.values),
            thresholds_from=chosen.origin,
            counts=counts,
            estimates=estimates,
        ),
        chosen,
    )


def mark_thresholds(evaluation: Evaluation, chosen: ChosenThresholds) -> Evaluation:
    """The evaluation with what a reader must know of its thresholds, and of no earlier ones."""
    kept = (finding for finding in evaluation.findings if finding.code not in FINDING_CODES)
    provenance = {key: value for key, value in evaluation.provenance.items() if key != TUNING}
    if chosen.tuning is not None:
        provenance[TUNING] = chosen.tuning
    return replace(evaluation, findings=(*kept, *chosen.findings), provenance=provenance)


def is_applied(evaluation: Evaluation, chosen: ChosenThresholds) -> bool:
    """Whether the evaluation already is what `apply_chosen` would make of it."""
    return (
        evaluation.thresholds == chosen.values
        and evaluation.thresholds_from == chosen.origin
        and mark_thresholds(evaluation, chosen) == evaluation
    )
