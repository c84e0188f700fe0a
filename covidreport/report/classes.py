"""Errors by true class, and predictive values at several prevalences, of the ranked runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import Struct
from msgspec.structs import astuple, replace

from covidreport.compare.reading import ReadScores, digest_scores
from covidreport.errors import StoreError
from covidreport.metrics import (
    CodedValues,
    code_groups,
    count_units,
    decide,
    estimate_subgroups,
    name_classes,
    npv_at_prevalence,
    ppv_at_prevalence,
    size_classes,
    tabulate_called,
)
from covidreport.metrics.plan import MetricOptions
from covidreport.records import (
    UNKNOWN,
    ClassErrors,
    Evaluation,
    MetricPlan,
    PredictiveValues,
    Ranking,
    ReportedRun,
    Scores,
    TrueClasses,
)
from covidreport.storage.cache import cached
from covidreport.storage.exploratory import mark_estimate
from covidreport.store import SCORES_FILE, evaluation_folder, read_scores
from covidreport.text.thresholds import find_rule, is_exploratory

METHOD = 1
"""Counted up when the same scores would give other figures."""
PREVALENCES = (0.01, 0.05, 0.2)
"""From a rare disease to one in five, as among those who are sent for a radiograph in a wave."""


class ByClass(Struct, frozen=True):
    """What a report says of the first ranking's runs by the true class and by the prevalence."""

    classes: TrueClasses | None
    predictive: tuple[PredictiveValues, ...]


class _FromScores(Struct, frozen=True):
    """What one run's stored scores give."""

    errors: ClassErrors
    sizes: tuple[float, float] | None
    """Of how many independent positives and negatives they have the evidence, where patients have
    several images."""


def collect_by_class(
    ranking: Ranking, reported: Sequence[ReportedRun], metrics: MetricOptions | None,
    read: ReadScores = read_scores,
) -> ByClass:  # fmt: skip
    """Of the ranked runs; those whose scores can't be read have no errors by class, and where
    patients have several images predictive values without an interval.

    metrics: what the settings say of the prevalence; None for what is stored.
    """
    runs = {each.run.name: each for each in reported}
    errors: list[ClassErrors] = []
    predictive: list[PredictiveValues] = []
    ranked = [runs[row.run].evaluation for row in ranking.rows if row.rank is not None]
    # of runs with other labels those with most have them: who lacks one can't tell its images apart
    labels = max((each.labels for each in ranked if each is not None), key=len, default=())
    for row in ranking.rows:
        each = runs[row.run]
        evaluation = each.evaluation
        if row.rank is None or evaluation is None:
            continue
        own = labels if set(labels) <= set(evaluation.labels) else evaluation.labels
        found = _read(each, evaluation, ranking.target, own, read)
        stated = _find_stated(evaluation, ranking.target, metrics)
        values = _predict(evaluation, ranking.target, stated, found)
        looked_for = is_exploratory(evaluation, ranking.target)
        if found is not None and own == labels:
            errors.append(_mark_errors(found.errors) if looked_for else found.errors)
        predictive += map(_mark_values, values) if looked_for else values
    classes = TrueClasses(labels, tuple(errors)) if errors else None
    return ByClass(classes, tuple(predictive))


def _read(
    reported: ReportedRun, evaluation: Evaluation, target: str, labels: Sequence[str],
    read: ReadScores,
) -> _FromScores | None:  # fmt: skip
    """None where there are no scores, or none that give the evaluation's counts."""
    path = evaluation_folder(reported.run.folder, evaluation.key) / SCORES_FILE
    if not evaluation.has_scores or not path.is_file():
        return None
    plan = MetricPlan() if evaluation.score_metrics is None else evaluation.score_metrics.plan

    def count() -> _FromScores | None:
        try:
            return _count(read(path), evaluation, target, labels, plan)
        except StoreError:
            return None  # why stands among the curves and the cases

    facts = [
        METHOD, digest_scores(path, read), evaluation.run, target, labels,
        find_rule(evaluation, evaluation.labels),
        astuple(evaluation.counts[target]), plan.interval,
    ]  # fmt: skip
    return cached("classes", facts, count, _FromScores)


def _count(
    scores: Scores, evaluation: Evaluation, target: str, labels: Sequence[str], plan: MetricPlan
) -> _FromScores | None:
    order: list[int] | slice = [scores.labels.index(label) for label in labels]
    if order == list(range(len(scores.labels))):
        order = slice(None)  # nothing is copied
    truth, failed, groups = scores.truth[:, order], scores.failed, code_groups(scores.groups)
    predicted = decide(scores, find_rule(evaluation, scores.labels))[:, order]
    column = labels.index(target)
    negative = np.flatnonzero(truth[:, column] == 0)
    known = truth[:, column] != UNKNOWN
    ranked = slice(None) if known.all() else known
    named, kinds = name_classes(truth[negative], labels, target)
    values = CodedValues.of([" and ".join(names) for names in named], kinds)
    found = estimate_subgroups(
        truth[negative, column], predicted[negative, column], failed[negative], values,
        None if groups is None else groups[negative], plan,
    )  # fmt: skip
    every = (*found.groups, *([found.not_stated] if found.not_stated else []))
    if sum(each.counts.false_alarms for each in every) != evaluation.counts[target].false_alarms:
        return None
    called = tabulate_called(truth[ranked], predicted[ranked], failed[ranked])
    sizes = None
    if groups is not None:
        of = slice(column, column + 1)
        units = count_units(truth[:, of], predicted[:, of], failed, groups)
        sizes = size_classes(units.of_label(0))
    rows = None if called is None else tuple(tuple(row) for row in called.tolist())
    return _FromScores(ClassErrors(evaluation.run, every, rows), sizes)


def _mark_errors(errors: ClassErrors) -> ClassErrors:
    alarms = (
        replace(each, specificity=mark_estimate(each.specificity)) for each in errors.false_alarms
    )
    return replace(errors, false_alarms=tuple(alarms))


def _mark_values(values: PredictiveValues) -> PredictiveValues:
    return replace(values, ppv=mark_estimate(values.ppv), npv=mark_estimate(values.npv))


def _find_stated(
    evaluation: Evaluation, target: str, metrics: MetricOptions | None
) -> float | None:
    """The prevalence that the settings state, or else the evaluation."""
    if metrics is not None and metrics.prevalence is not None:
        return (
            metrics.keep(evaluation.labels).plan(evaluation.labels, target).prevalence.get(target)
        )
    details = evaluation.score_metrics
    stated: Mapping[str, float] = {} if details is None else details.plan.prevalence
    return stated.get(target)


def _predict(
    evaluation: Evaluation, target: str, stated: float | None, found: _FromScores | None
) -> list[PredictiveValues]:
    counts = evaluation.counts[target]
    sizes = None if found is None else found.sizes
    several = evaluation.n_groups is not None and evaluation.n_groups < evaluation.n_images
    if several and sizes is None:
        sizes = (np.nan, np.nan)  # over patients, and nobody knows which image is whose
    prevalences = sorted({*PREVALENCES, *([] if stated is None else [stated])})
    return [
        PredictiveValues(
            evaluation.run, at, at == stated,
            ppv_at_prevalence(counts, at, sizes), npv_at_prevalence(counts, at, sizes),
        )
        for at in prevalences
    ]  # fmt: skip
