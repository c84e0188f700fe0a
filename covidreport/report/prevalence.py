"""Predictive values at the prevalence that the settings state today: nothing is scored again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from covidreport.boundary import attempt
from covidreport.compare import ReadScores
from covidreport.metrics import restate_prevalence
from covidreport.metrics.plan import MetricOptions
from covidreport.records import Evaluation, ReportedRun, Run, ScoreMetrics
from covidreport.store import SCORES_FILE, evaluation_folder


def state_prevalence(
    reported: ReportedRun, metrics: MetricOptions, target: str, read: ReadScores
) -> ReportedRun:
    """The run with PPV and NPV of its evaluations at the settings' prevalence.

    Those of an evaluation stay as they are stored where the settings state none, and where patients
    have several images and the scores, which their intervals take, can't be read. Raises UsageError
    where the settings name a label that an evaluation does not have.
    """
    if metrics.prevalence is None:
        return reported
    restate = partial(_restate, run=reported.run, metrics=metrics, target=target, read=read)
    evaluation = None if reported.evaluation is None else restate(reported.evaluation)
    return replace(reported, evaluation=evaluation, others=tuple(map(restate, reported.others)))


def _restate(
    evaluation: Evaluation, *, run: Run, metrics: MetricOptions, target: str, read: ReadScores
) -> Evaluation:
    score_metrics = evaluation.score_metrics
    prevalence = metrics.plan(evaluation.labels, target).prevalence
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
    scores = None
    if evaluation.n_groups is not None and evaluation.n_groups < evaluation.n_images:
        scores = read(evaluation_folder(run.folder, evaluation.key) / SCORES_FILE)
    return restate_prevalence(
        score_metrics, evaluation.counts, prevalence, scores, evaluation.thresholds
    )
