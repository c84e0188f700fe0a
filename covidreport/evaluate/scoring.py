"""Counts and metrics from stored scores: needs no model, no image and no runtime."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec.structs import replace

from covidreport.errors import StoreError
from covidreport.evaluate.options import DEFAULT_TARGET, EvaluateOptions
from covidreport.evaluate.thresholds import Thresholds
from covidreport.evaluate.tuned import (
    FINDING_CODES,
    ChosenThresholds,
    ReportedImages,
    check_folds,
    choose_thresholds,
    keep_thresholds,
)
from covidreport.metrics import compute_metrics, read_stated
from covidreport.metrics.plan import MetricOptions
from covidreport.records import CALLED, Dataset, Decision, Evaluation, MetricPlan, Run, Scores
from covidreport.storage.exploratory import drop_intervals
from covidreport.storage.made_here import MadeHere
from covidreport.store import SCORES_FILE, evaluation_folder, read_scores, write_evaluation
from covidreport.text.thresholds import PROMISE, SET_BY, TUNED_BY, TUNING, decides_itself, is_argmax


def apply_chosen(
    evaluation: Evaluation,
    scores: Scores,
    chosen: ChosenThresholds,
    plan: MetricPlan | None = None,
) -> Evaluation:
    """The evaluation of the same scores at the operating points that were chosen for this run.

    plan: which metrics, and how; None for those that it has, or for the usual ones.
    """
    if plan is None:
        plan = evaluation.score_metrics.plan if evaluation.score_metrics else None
    plan = plan or MetricOptions().plan(scores.labels, "")
    described = compute_metrics(scores, chosen.rule(scores.labels), plan)
    return mark_thresholds(
        replace(
            evaluation,
            thresholds=dict(chosen.values),
            thresholds_from=chosen.origin,
            counts=described.counts,
            estimates=described.estimates,
            score_metrics=described.score_metrics,
        ),
        chosen,
    )


def score_stored(
    run: Run, evaluation: Evaluation, options: EvaluateOptions, *, write: bool
) -> Evaluation:
    """The evaluation of a run's stored scores at the thresholds that options ask for.

    Where they ask for none it keeps those that it has. write: whether it takes the place of what
    stands. Raises StoreError where it holds no scores, RunError where tuned thresholds are asked
    for and the run has none that fit. Thresholds of labels that it lacks are those of other runs.
    """
    if not evaluation.has_scores:
        raise StoreError(f"{evaluation.key} holds counts and no scores")
    scores = read_scores(evaluation_folder(run.folder, evaluation.key) / SCORES_FILE)
    thresholds = options.thresholds and options.thresholds.on_split(evaluation.split)
    chosen = keep_thresholds(evaluation)
    if thresholds is not None:
        chosen = _choose(thresholds, run, evaluation, scores)
    metrics = (options.metrics or MetricOptions()).keep(scores.labels)
    plan = metrics.plan(scores.labels, options.target or DEFAULT_TARGET)
    applied = apply_chosen(evaluation, scores, chosen, plan)
    changed = record_command(evaluation, applied, chosen, options.command if write else None)
    if write:
        with MadeHere().rewriting(run, evaluation):
            write_evaluation(run.folder, changed)
    return changed


def _choose(
    thresholds: Thresholds, run: Run, evaluation: Evaluation, scores: Scores
) -> ChosenThresholds:
    images = ReportedImages(
        evaluation.dataset, evaluation.split, evaluation.fingerprint, evaluation.labels,
        scores.sample_ids,
    )  # fmt: skip
    if evaluation.origin.rule == CALLED:
        return keep_thresholds(evaluation)
    thresholds = thresholds.keep(evaluation.labels)
    decision: Decision = "argmax" if is_argmax(evaluation) else "threshold"
    return choose_thresholds(thresholds, run, images, evaluation.facts.model_sha256, decision)


def read_at(thresholds: Thresholds, run: Run, evaluation: Evaluation) -> Evaluation:
    """A stored evaluation at the thresholds that runs are ranked at, from its scores.

    As it stands on the split that these are tuned on, or where it has them, and where it has no
    threshold, but argmax. Nothing is written.
    Raises StoreError where it holds no scores, RunError where the run has no such thresholds.
    """
    stated = thresholds.on_split(evaluation.split)
    if stated is None or stated.rank_at is None or decides_itself(evaluation):
        return evaluation
    if run.members:
        check_folds(stated.rank_at, run, evaluation)
        return evaluation
    if not evaluation.has_scores:
        raise StoreError(
            f"{evaluation.key} holds counts and no scores: it can't be ranked at a threshold for "
            f"{stated.rank_at} (`rank_at`)"
        )
    scores = read_scores(evaluation_folder(run.folder, evaluation.key) / SCORES_FILE)
    chosen = _choose(stated, run, evaluation, scores)
    if is_applied(evaluation, chosen):
        return evaluation
    return record_command(evaluation, apply_chosen(evaluation, scores, chosen), chosen, None)


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
    others = (finding for finding in evaluation.findings if finding.code not in FINDING_CODES)
    provenance = {
        key: value for key, value in evaluation.provenance.items() if key not in (TUNING, PROMISE)
    }
    if chosen.tuning is not None:
        provenance[TUNING] = chosen.tuning
    if chosen.promise is not None:
        provenance[PROMISE] = chosen.promise
    return drop_intervals(
        replace(evaluation, findings=(*others, *chosen.findings), provenance=provenance)
    )


def is_applied(
    evaluation: Evaluation,
    chosen: ChosenThresholds,
    plan: MetricPlan | None = None,
    units: str | None = None,
) -> bool:
    """Whether the evaluation already is what `apply_chosen` would make of it.

    plan, units: those of today, where they may differ from those that it was made with.
    """
    score_metrics = evaluation.score_metrics
    return (
        score_metrics is not None
        and plan in (None, score_metrics.plan)
        and units in (None, score_metrics.units)
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
        **read_stated(dataset).fields,
        pictures=None if scores.pictures is None else scores.pictures[order],
    )
