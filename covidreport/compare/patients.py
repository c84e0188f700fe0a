"""The runs of a ranking by patient: figures of each from its stored scores, and what to say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from covidreport.compare.answers import AlignedAnswers, answers_facts, read_answers
from covidreport.compare.reading import ReadScores
from covidreport.metrics import (
    CountMetric,
    count_by_patient,
    list_metrics,
    number_groups,
    restate_rate,
)
from covidreport.records import (
    Counts,
    Estimate,
    Evaluation,
    PatientFigures,
    PatientRule,
    RankedRun,
    Ranking,
)
from covidreport.storage.cache import cached
from covidreport.storage.exploratory import mark_estimate
from covidreport.text import format_estimate, listed, plural
from covidreport.text.thresholds import is_exploratory

METHOD = 1
"""Counted up when the same scores would give other figures."""
_MOST_NAMED = 3
_HOW_MANY: Mapping[PatientRule, str] = {"any": "any", "majority": "more than half", "all": "all"}
_EFFECTS: Mapping[PatientRule, str] = {
    "any": " With several images each, this rule finds more patients and clears fewer than one "
    "image would.",
    "majority": "",
    "all": " With several images each, this rule finds fewer patients and clears more than one "
    "image would.",
}


def add_patients(
    ranking: Ranking, files: Sequence[tuple[Evaluation, Path]], rule: PatientRule, read: ReadScores
) -> Ranking:
    """The ranking with the figures by patient of every run whose scores can be used.

    files: the evaluations of its runs that have counts of the target, and where their scores are.
    """
    known = [each for each in files if each[0].n_groups is not None and each[0].has_scores]
    if not known:
        return ranking
    facts = {
        "method": METHOD, "rule": rule, **answers_facts(ranking, known, read),
        "plans": [each.score_metrics and each.score_metrics.plan.interval for each, _ in known],
        "exploratory": [is_exploratory(each, ranking.target) for each, _ in known],
    }  # fmt: skip

    def count() -> dict[str, PatientFigures]:
        answers = read_answers(known, ranking.target, read)
        found = {e.run: figure_patients(e, answers, ranking.target, rule) for e, _ in known}
        return {run: figures for run, figures in found.items() if figures is not None}

    by_run = cached("patients", facts, count, dict[str, PatientFigures])
    rows = (replace(row, patients=by_run.get(row.run)) for row in ranking.rows)
    return replace(ranking, rows=tuple(rows))


def figure_patients(
    evaluation: Evaluation, answers: AlignedAnswers, target: str, rule: PatientRule
) -> PatientFigures | None:
    """One run's figures by patient; None where its answers, or the patients, are not known.

    Patients are independent, so that rates have the interval of a plain proportion.
    """
    groups = None if answers.images is None else answers.images.groups
    if groups is None or evaluation.run not in answers.names:
        return None
    row = answers.names.index(evaluation.run)
    counts = count_by_patient(
        answers.truth, answers.answers[row], answers.failed[row], number_groups(groups), rule
    )

    def rate(metric: str) -> Estimate:
        estimate = list_metrics(CountMetric)[metric].estimate(counts)
        if is_exploratory(evaluation, target):
            return mark_estimate(estimate)
        plan = evaluation.score_metrics
        return estimate if plan is None else restate_rate(estimate, plan.plan.interval)

    return PatientFigures(rule, counts, rate("sensitivity"), rate("specificity"))


def list_by_patient(ranking: Ranking, evaluations: Mapping[str, Evaluation]) -> list[RankedRun]:
    """The ranked runs with figures by patient, where these say more than those by image."""
    several = any(
        each.n_groups is not None and each.n_groups < each.n_images for each in evaluations.values()
    )
    ranked = (row for row in ranking.rows if row.rank is not None and row.patients is not None)
    return list(ranked) if several else []


def describe_patients(
    ranking: Ranking, evaluations: Mapping[str, Evaluation], disease: str | None = None
) -> str:
    """What the best runs miss by patient, by which rule; empty where no patients are known.

    evaluations: those of the ranking, by run.
    """
    disease = disease or ranking.target
    best = [row for row in ranking.rows if row.rank == 1 and row.patients is not None]
    if not best:
        return ""
    by_patient = list_by_patient(ranking, evaluations)
    if not by_patient:
        return "No patient is known to have several images: by patient the figures are the same."
    said = [
        _describe_run(row, row.patients, evaluations[row.run].counts[ranking.target], disease)
        for row in best[:_MOST_NAMED]
        if row.patients is not None
    ]
    return (
        f"By patient, {'. '.join(said)}. {_state_rule(by_patient, disease)} The ranking is by "
        f"images.{_describe_fewest(by_patient)}"
    )


def describe_rule(rows: Sequence[RankedRun], disease: str) -> str:
    """When a patient is found, and when one is a false alarm, by the rule of these figures, and
    what that does to them."""
    return f"{_state_rule(rows, disease)}{_EFFECTS[_find_rule(rows)]}"


def _state_rule(rows: Sequence[RankedRun], disease: str) -> str:
    of = f"{_HOW_MANY[_find_rule(rows)]} of their"
    return (
        f"A patient with {disease} is found by {of} {disease} images, and one without is a false "
        f"alarm by {of} images."
    )


def _find_rule(rows: Sequence[RankedRun]) -> PatientRule:
    return next(row.patients.rule for row in rows if row.patients is not None)


def _describe_run(row: RankedRun, patients: PatientFigures, images: Counts, disease: str) -> str:
    """`exp15 misses 4 of 11 patients (5 of 18 images) with COVID-19 (sensitivity …) and …`."""
    counts = patients.counts
    return (
        f"{row.run} misses {count_missed(patients, images)} with {disease} "
        f"({_describe_rate('sensitivity', patients.sensitivity)}) and raises a false alarm in "
        f"{_count(counts.false_alarms, counts.negatives, 'patient')} "
        f"({_count(images.false_alarms, images.negatives, 'image')}) without "
        f"({_describe_rate('specificity', patients.specificity)})"
    )


def count_missed(patients: PatientFigures, images: Counts) -> str:
    """`4 of 11 patients (5 of 18 images)`."""
    of = patients.counts
    return (
        f"{_count(of.missed, of.positives, 'patient')} "
        f"({_count(images.missed, images.positives, 'image')})"
    )


def _count(number: int, of: int, noun: str) -> str:
    return f"{number:,} of {plural(of, noun)}"


def _describe_rate(name: str, estimate: Estimate) -> str:
    shown = format_estimate(estimate)
    basis = f"95 % CI {shown.interval}" if shown.interval else shown.mark
    return f"{name} {shown.value}" + (f"; {basis}" if basis else "")


def _describe_fewest(by_patient: Sequence[RankedRun]) -> str:
    """Who misses fewer patients than the best run by images; empty where nobody does."""
    missed = {row.run: row.patients.counts.missed for row in by_patient if row.patients is not None}
    fewest = min(missed.values())
    if any(missed[row.run] == fewest for row in by_patient if row.rank == 1):
        return ""
    names = [run for run, patients in missed.items() if patients == fewest]
    return f" Fewest patients are missed by {listed(names, _MOST_NAMED)}: {fewest:,}."
