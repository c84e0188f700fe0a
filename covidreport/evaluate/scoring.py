"""Counts and figures from stored scores: needs no model, no image and no runtime."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from covidreport.config import FigureSettings
from covidreport.evaluate.tuned import FINDING_CODES, ChosenThresholds
from covidreport.metrics import describe_scores, group_values
from covidreport.records import Dataset, Evaluation, FigurePlan, Scores
from covidreport.thresholds import PROMISE, SET_BY, TUNED_BY, TUNING, drop_intervals


def apply_thresholds(
    evaluation: Evaluation, scores: Scores, thresholds: Mapping[str, float], origin: str
) -> Evaluation:
    """The evaluation of the same scores at other operating points, the same for all runs."""
    return apply_chosen(evaluation, scores, ChosenThresholds(thresholds, origin))


def apply_chosen(
    evaluation: Evaluation,
    scores: Scores,
    chosen: ChosenThresholds,
    plan: FigurePlan | None = None,
) -> Evaluation:
    """The evaluation of the same scores at the operating points that were chosen for this run.

    plan: which figures, and how; None for those that it has, or for the usual ones.
    """
    if plan is None:
        plan = evaluation.details.plan if evaluation.details else None
    plan = plan or FigureSettings().plan(scores.labels, "")
    described = describe_scores(scores, [chosen.values[label] for label in scores.labels], plan)
    return mark_thresholds(
        replace(
            evaluation,
            thresholds=dict(chosen.values),
            thresholds_from=chosen.origin,
            counts=described.counts,
            estimates=described.estimates,
            details=described.details,
        ),
        chosen,
    )


def record_command(
    before: Evaluation, after: Evaluation, chosen: ChosenThresholds, command: str | None
) -> Evaluation:
    """The evaluation with the commands that set its thresholds; as it is where these stay."""
    if (before.thresholds, before.thresholds_from) == (after.thresholds, after.thresholds_from):
        return after
    timing = {key: value for key, value in after.timing.items() if key not in (SET_BY, TUNED_BY)}
    if command is not None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        timing[SET_BY] = {"command": command, "finished": now}
    if chosen.tuned_by is not None:
        timing[TUNED_BY] = chosen.tuned_by
    return replace(after, timing=timing)


def mark_thresholds(evaluation: Evaluation, chosen: ChosenThresholds) -> Evaluation:
    """The evaluation with what a reader must know of its thresholds, and of no earlier ones."""
    kept = (finding for finding in evaluation.findings if finding.code not in FINDING_CODES)
    provenance = {
        key: value for key, value in evaluation.provenance.items() if key not in (TUNING, PROMISE)
    }
    if chosen.tuning is not None:
        provenance[TUNING] = chosen.tuning
    if chosen.promise is not None:
        provenance[PROMISE] = chosen.promise
    return drop_intervals(
        replace(evaluation, findings=(*kept, *chosen.findings), provenance=provenance)
    )


def is_applied(
    evaluation: Evaluation,
    chosen: ChosenThresholds,
    plan: FigurePlan | None = None,
    units: str | None = None,
) -> bool:
    """Whether the evaluation already is what `apply_chosen` would make of it.

    plan, units: those of today, where they may differ from those that it was made with.
    """
    details = evaluation.details
    return (
        details is not None
        and plan in (None, details.plan)
        and units in (None, details.units)
        and evaluation.thresholds == chosen.values
        and evaluation.thresholds_from == chosen.origin
        and mark_thresholds(evaluation, chosen) == evaluation
    )


def take_units(scores: Scores, dataset: Dataset) -> Scores:
    """The same scores in the order of the data set, with its patients and attributes of today.

    Both are of the same images: their fingerprints are equal.
    """
    rows = {sample: row for row, sample in enumerate(scores.sample_ids)}
    order = [rows[sample] for sample in dataset.ids]
    return replace(
        scores,
        sample_ids=dataset.ids,
        truth=scores.truth[order],
        scores=scores.scores[order],
        reasons=tuple(scores.reasons[row] for row in order),
        groups=dataset.groups,
        attributes=group_values(dataset.attributes),
    )
