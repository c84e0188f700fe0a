"""Runs by weighted rates, where images stand for unequal numbers of patients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from covidreport.compare.answers import AlignedAnswers, answers_facts, read_answers
from covidreport.compare.reading import ReadScores
from covidreport.metrics.group_differences import JudgedImages
from covidreport.metrics.weighted import differ, weigh_rates
from covidreport.records import (
    Estimate,
    Evaluation,
    ExcludedRun,
    Finding,
    RankedRun,
    Ranking,
    ReportedRun,
    Weighted,
    WeightedRate,
    WeightedRun,
)
from covidreport.storage.cache import cached
from covidreport.storage.scores import stores_weights
from covidreport.store import SCORES_FILE, evaluation_folder, read_scores
from covidreport.text import listed
from covidreport.text.thresholds import is_exploratory

METHOD: Final = 1
"""Counted up when the same scores would give other figures."""
OTHER_WEIGHTS: Final = (
    "its images were stored with other weights, or none; `covidreport evaluate` stores today's"
)
MOST_NAMES: Final = 4
_Weights = NDArray[np.float64]


class _Judged(Struct, frozen=True, eq=False):
    """A run's answers beside its row of the ranking."""

    row: RankedRun
    images: JudgedImages
    rates: Mapping[str, WeightedRate]
    exploratory: bool

    @property
    def key(self) -> tuple[float, float]:
        """The weight of what it missed, and of its false alarms, as far as floats can tell it."""
        missed, alarms = (
            round(rate.total * (1 - (rate.estimate.value or 0.0)), 9)
            for rate in (self.rates["sensitivity"], self.rates["specificity"])
        )
        return missed, alarms


def collect_weighted(
    ranking: Ranking, reported: Sequence[ReportedRun], read: ReadScores, *, asked: bool
) -> Weighted | None:
    """The ranking's runs whose scores can be read; None where no weights are stored with them.

    asked: whether the ranking by weights is what was asked for.
    """
    runs = {each.run.name: each for each in reported}
    files = [
        (each.evaluation, evaluation_folder(each.run.folder, each.evaluation.key) / SCORES_FILE)
        for row in ranking.rows
        if (each := runs.get(row.run)) is not None and each.evaluation is not None
    ]
    # the first one says in which order images stand, and what they weigh
    files.sort(key=lambda each: not stores_weights(each[1]))
    if not files or not stores_weights(files[0][1]):
        return None
    facts = {"method": METHOD, "ranking": ranking, **answers_facts(ranking, files, read)}

    def describe() -> Weighted | None:
        return weigh_runs(ranking, files, read)

    found = cached("weighted", facts, describe, Weighted)
    return None if found is None else replace(found, asked=asked)


def weigh_runs(
    ranking: Ranking, files: Sequence[tuple[Evaluation, Path]], read: ReadScores = read_scores
) -> Weighted | None:
    """The runs of these evaluations by weights; None where no scores with weights can be read."""
    answers = read_answers(files, ranking.target, read)
    weights = None if answers.images is None else answers.images.weights
    if weights is None:
        return None
    own = _read_weights(answers, files, read)
    others = [name for name, each in own.items() if each is None or (each != weights).any()]
    of = {evaluation.run: evaluation for evaluation, _ in files}
    judged = [
        _judge(answers, row, of[row.run], weights, ranking.target)
        for row in ranking.rows
        if row.run in answers.names and row.run not in others
    ]
    ordered = sorted(judged, key=lambda each: (each.row.rank is None, each.key, each.row.run))
    first = ordered[0]
    ranked = [each.key for each in ordered if each.row.rank is not None]
    confidence = 1 - 0.05 / max(1, len(ordered) - 1)
    runs = [
        WeightedRun(
            each.row.run,
            None if each.row.rank is None else 1 + sum(key < each.key for key in ranked),
            each.rates,
            *_compare(each, first, weights, confidence),
        )
        for each in ordered
    ]
    excluded = [*answers.excluded, *(ExcludedRun(name, OTHER_WEIGHTS) for name in others)]
    return Weighted(
        tuple(runs), float(weights.min()), float(weights.max()), confidence, tuple(excluded)
    )


def _read_weights(
    answers: AlignedAnswers, files: Sequence[tuple[Evaluation, Path]], read: ReadScores
) -> dict[str, _Weights | None]:
    """What each run's images weigh, in the order of the answers; None where nothing says it."""
    found: dict[str, _Weights | None] = {}
    for evaluation, path in files:
        if evaluation.run not in answers.names:
            continue
        scores = read(path)
        if scores.weights is None:
            found[evaluation.run] = None
            continue
        rows = {sample: row for row, sample in enumerate(scores.sample_ids)}
        found[evaluation.run] = scores.weights[[rows[each] for each in answers.sample_ids]]
    return found


def _judge(
    answers: AlignedAnswers, row: RankedRun, evaluation: Evaluation, weights: _Weights, target: str
) -> _Judged:
    place = answers.names.index(row.run)
    images = JudgedImages(
        answers.truth, answers.answers[place], answers.failed[place], answers.groups
    )
    rates = weigh_rates(images, weights)
    exploratory = is_exploratory(evaluation, target)
    if exploratory:
        rates = {
            name: replace(each, estimate=Estimate(each.estimate.value))
            for name, each in rates.items()
        }
    return _Judged(row, images, rates, exploratory)


def _compare(
    one: _Judged, first: _Judged, weights: _Weights, confidence: float
) -> tuple[Estimate | None, Estimate | None]:
    """A run's sensitivity and specificity less those of the first."""
    if one is first:
        return None, None
    found = tuple(
        differ(one.images, first.images, weights, metric, confidence)
        for metric in ("sensitivity", "specificity")
    )
    if one.exploratory or first.exploratory:
        found = tuple(Estimate(each.value) for each in found)
    return found[0], found[1]


def find_other_first(weighted: Weighted | None, ranking: Ranking | None) -> tuple[Finding, ...]:
    """That another run is first by weights than by images, where it is."""
    if weighted is None or ranking is None:
        return ()
    best = {row.run for row in ranking.rows if row.rank == 1}
    first = [each.run for each in weighted.runs if each.rank == 1]
    if not best or not first or best & set(first):
        return ()
    return (
        Finding(
            "warning",
            "best-run-by-weight",
            f"Another run is first by the images' weights: {listed(first, MOST_NAMES)}",
            "The ranking counts each image once; with its weight an image stands for so many "
            "patients of the ward.",
            "Choose by weights where the run is meant for that ward, and say so: "
            "`covidreport render --rank-weighted` answers by them.",
            tuple(sorted(best)),
        ),
    )
