"""What the settings say of the prevalence today: predictive values at a stated one, an interval.

Nothing is scored again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from msgspec.structs import replace

from covidreport.boundary import attempt
from covidreport.compare import ReadScores
from covidreport.metrics import estimate_prevalence, restate_prevalence
from covidreport.metrics.plan import MetricOptions
from covidreport.records import (
    Estimate,
    Evaluation,
    Failure,
    MetricPlan,
    ReportedRun,
    Run,
    ScoreMetrics,
    Scores,
)
from covidreport.store import SCORES_FILE, evaluation_folder
from covidreport.text.thresholds import find_rule


def state_prevalence(
    reported: ReportedRun, metrics: MetricOptions, target: str, read: ReadScores
) -> ReportedRun:
    """The run with PPV and NPV of its evaluations at the settings' prevalence, and with intervals
    of the prevalence where the settings say that the images are of consecutive patients.

    Figures of an evaluation stay as they are stored where the settings say nothing of them, and
    where patients have several images and the scores, which their intervals take, can't be read.
    Raises UsageError where the settings name a label that an evaluation does not have.
    """
    restate: list[Callable[[Evaluation], Evaluation]] = []
    if metrics.prevalence is not None:
        restate.append(
            partial(_restate, run=reported.run, metrics=metrics, target=target, read=read)
        )
    if metrics.sampling == "consecutive":
        plan = MetricPlan(interval=metrics.interval)
        restate.append(partial(_add_intervals, run=reported.run, plan=plan, read=read))
    for change in restate:
        evaluation = None if reported.evaluation is None else change(reported.evaluation)
        others, elsewhere = (
            tuple(map(change, each)) for each in (reported.others, reported.elsewhere)
        )
        reported = replace(reported, evaluation=evaluation, others=others, elsewhere=elsewhere)
    return reported


def _add_intervals(
    evaluation: Evaluation, *, run: Run, plan: MetricPlan, read: ReadScores
) -> Evaluation:
    found = attempt(run.name, "read", partial(_estimate, evaluation, run, plan, read))
    if isinstance(found, Failure):
        return evaluation
    estimates = {
        label: {**figures, **({"prevalence": found[label]} if label in found else {})}
        for label, figures in evaluation.estimates.items()
    }
    return replace(evaluation, estimates=estimates)


def _estimate(
    evaluation: Evaluation, run: Run, plan: MetricPlan, read: ReadScores
) -> dict[str, Estimate]:
    scores = _read_several(evaluation, run, read)
    return {
        label: estimate_prevalence(
            figures["prevalence"],
            None if scores is None else scores.truth[:, scores.labels.index(label)],
            None if scores is None else scores.groups,
            plan,
        )
        for label, figures in evaluation.estimates.items()
        if "prevalence" in figures
    }


def _read_several(evaluation: Evaluation, run: Run, read: ReadScores) -> Scores | None:
    """The scores, which know the patients; None where none of these has several images."""
    if evaluation.n_groups is None or evaluation.n_groups >= evaluation.n_images:
        return None
    return read(evaluation_folder(run.folder, evaluation.key) / SCORES_FILE)


def _restate(
    evaluation: Evaluation, *, run: Run, metrics: MetricOptions, target: str, read: ReadScores
) -> Evaluation:
    score_metrics = evaluation.score_metrics
    prevalence = metrics.keep(evaluation.labels).plan(evaluation.labels, target).prevalence
    if score_metrics is None or score_metrics.plan.prevalence == prevalence:
        return evaluation
    found = attempt(
        run.name, "read", partial(_describe, score_metrics, evaluation, run, prevalence, read)
    )
    return (
        replace(evaluation, score_metrics=found) if isinstance(found, ScoreMetrics) else evaluation
    )


def _describe(
    score_metrics: ScoreMetrics, evaluation: Evaluation, run: Run, prevalence: Mapping[str, float],
    read: ReadScores,
) -> ScoreMetrics:  # fmt: skip
    scores = _read_several(evaluation, run, read)
    return restate_prevalence(
        score_metrics,
        evaluation.counts,
        prevalence,
        scores,
        [] if scores is None else find_rule(evaluation, scores.labels),
    )
