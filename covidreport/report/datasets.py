"""Several data sets that the same runs were evaluated on: what each does on one and on another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from msgspec.structs import replace

from covidreport.compare.ranking import RankedSet, name_images
from covidreport.compare.reading import ReadScores
from covidreport.metrics.binned import BINNED, is_binned
from covidreport.metrics.unpaired import subtract_unpaired
from covidreport.records import (
    DatasetDifference,
    Estimate,
    Evaluation,
    Finding,
    Ranking,
    ReportData,
    ReportedDataset,
    ReportedRun,
    Run,
)
from covidreport.report.cases import collect_cases
from covidreport.report.curves import collect_curves
from covidreport.report.index import see_runs
from covidreport.storage.chosen import ChosenImages
from covidreport.text.thresholds import is_exploratory

METRICS = ("sensitivity", "specificity", "roc_auc")
"""What data sets are compared by. The others change with the prevalence, which is another too."""
_AT_THRESHOLD = METRICS[:2]
RANKED = "the data set that this report ranks"

Rank = Callable[[Sequence[tuple[Run, Evaluation]]], tuple[RankedSet, ...]]


def collect_datasets(
    reported: Sequence[ReportedRun], rankings: Sequence[Ranking], beside: Sequence[ChosenImages],
    rank: Rank, target: str,
) -> tuple[tuple[ReportedDataset, ...], list[Finding]]:  # fmt: skip
    """The ranked data set and those beside it, and what must be known of the rankings of these;
    none where there is no other.

    rankings: the report's. The first is the one that it ranks, so that a run that does worse
    elsewhere has a difference below 0.
    """
    findings: list[Finding] = []
    if not rankings or not beside:
        return (), findings
    ranking = rankings[0]
    variant = next((one.evaluation.variant for one in reported if one.evaluation), None)
    first = ReportedDataset(
        ranking.dataset, ranking.split, variant, ranking.fingerprint, why_first=RANKED
    )
    others = []
    for images in beside:
        of = [e for one in reported for e in one.elsewhere if e.fingerprint in images.fingerprints]
        print_ = name_images(of, target) if of else None
        each = ReportedDataset(images.dataset, images.split, images.variant, print_)
        evaluated = [(one.run, e) for one in reported if (e := each.find(one)) is not None]
        sets = rank(evaluated)
        findings += (finding for found in sets for finding in found.findings)
        ranked = tuple(found.ranking for found in sets)
        differences = tuple(_compare(each, first, reported, target))
        others.append(replace(each, rankings=ranked, differences=differences))
    return (first, *others), findings


def number_beside(data: ReportData) -> dict[int, ReportedDataset]:
    """The data sets that the report does not rank, by the numbers of their sections, from 2."""
    return dict(enumerate((each for each in data.datasets if each.rankings), start=2))


def see_from(data: ReportData, there: ReportedDataset) -> ReportData:
    """The data as a report on another data set would have them, as far as cases and curves go."""
    return replace(
        data, dataset=there.dataset, split=there.split, rankings=there.rankings,
        runs=see_runs(data.runs, there), cases=there.cases, curves=there.curves,
    )  # fmt: skip


def read_answers_beside(
    datasets: Sequence[ReportedDataset], reported: Sequence[ReportedRun], read: ReadScores,
    *, show_ids: bool, curves: bool = True,
) -> tuple[ReportedDataset, ...]:  # fmt: skip
    """The data sets with the cases and curves of each that the report does not rank."""
    found = []
    for each in datasets:
        if each.rankings:
            seen = see_runs(reported, each)
            cases = collect_cases(each.rankings[0], seen, read, show_ids=show_ids)
            drawn = collect_curves(seen, read) if curves else None
            each = replace(each, cases=cases, curves=drawn)
        found.append(each)
    return tuple(found)


def _compare(
    there: ReportedDataset, first: ReportedDataset, reported: Sequence[ReportedRun], target: str
) -> Iterator[DatasetDifference]:
    """The differences of each run that was evaluated on both."""
    for one in reported:
        here, other = first.find(one), there.find(one)
        if here is None or other is None:
            continue
        for metric in METRICS:
            why = explain_incomparable(here, other, metric, target)
            pair = (e.estimates.get(target, {}).get(metric, Estimate(None)) for e in (other, here))
            found = Estimate(None) if why else subtract_unpaired(*pair)
            yield DatasetDifference(one.run.name, metric, found, why)


def explain_incomparable(here: Evaluation, there: Evaluation, metric: str, target: str) -> str:
    """Why a difference would not be one of data sets; empty where it would."""
    if _name_models(here) != _name_models(there):
        return "another model"
    if metric not in _AT_THRESHOLD:
        of = (one.estimates.get(target, {}).get(metric) for one in (here, there))
        return BINNED if any(map(is_binned, of)) else ""
    if here.thresholds.get(target) != there.thresholds.get(target):
        return "another threshold"
    if is_exploratory(here, target) or is_exploratory(there, target):
        return "a threshold chosen on these images"
    return ""


def _name_models(evaluation: Evaluation) -> tuple[str | None, ...]:
    """The digests of the models that answered."""
    facts = evaluation.facts
    return tuple(sorted(each.model or "" for each in facts.folds)) or (facts.model_sha256,)
