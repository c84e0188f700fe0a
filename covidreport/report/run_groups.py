"""The best runs' groups for the target: two attributes crossed, and differences, from scores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from msgspec.structs import astuple

from covidreport.compare.reading import ReadScores
from covidreport.errors import StoreError
from covidreport.metrics import code_groups, count_labels, decide_label, estimate_subgroups
from covidreport.metrics.group_differences import (
    JudgedImages,
    compare_groups,
    cross_values,
    find_largest,
)
from covidreport.records import (
    Evaluation,
    MetricPlan,
    Ranking,
    ReportedRun,
    RunGroups,
    Scores,
)
from covidreport.storage.cache import cached
from covidreport.store import SCORES_FILE, digest_file, evaluation_folder, read_scores
from covidreport.text.thresholds import find_label_rule, is_exploratory

METHOD = 2
"""Counted up when the same scores would give other figures."""
MOST_RUNS = 3
"""Runs whose groups stand side by side."""


def collect_groups(
    ranking: Ranking, reported: Sequence[ReportedRun], read: ReadScores = read_scores
) -> tuple[RunGroups, ...]:
    """Of the first `MOST_RUNS` ranked runs that have scores with attributes, in their order.

    A run at thresholds that were tuned on these very images has none: its figures have no interval.
    The largest difference of each allows for what was looked at of all of them.
    """
    runs = {each.run.name: each for each in reported}
    ranked = (runs[row.run] for row in ranking.rows if row.rank is not None)
    shown = [each for each in ranked if _locate(each, ranking.target) is not None][:MOST_RUNS]
    found = (_read(each, ranking.target, len(shown), read) for each in shown)
    return tuple(each for each in found if each is not None)


def _locate(reported: ReportedRun, target: str) -> Path | None:
    """Its scores; None where there are none, or none of whose groups anything may be said."""
    evaluation = reported.evaluation
    assert evaluation is not None
    path = evaluation_folder(reported.run.folder, evaluation.key) / SCORES_FILE
    grouped = evaluation.score_metrics is not None and evaluation.score_metrics.subgroups
    if not grouped or is_exploratory(evaluation, target) or not path.is_file():
        return None
    return path


def _read(reported: ReportedRun, target: str, runs: int, read: ReadScores) -> RunGroups | None:
    evaluation, path = reported.evaluation, _locate(reported, target)
    assert evaluation is not None
    assert path is not None
    plan = MetricPlan() if evaluation.score_metrics is None else evaluation.score_metrics.plan
    rule = find_label_rule(evaluation, target)
    facts = [
        METHOD, evaluation.run, target, rule, plan.interval, runs, digest_file(path),
        astuple(evaluation.counts[target]),
    ]  # fmt: skip

    def compare() -> RunGroups | None:
        try:
            scores = read(path)
        except StoreError:
            return None  # why stands among the curves and the cases
        return describe_groups(scores, evaluation, target, plan, runs)

    return cached("groups", facts, compare, RunGroups)


def describe_groups(
    scores: Scores, evaluation: Evaluation, target: str, plan: MetricPlan, runs: int = 1
) -> RunGroups | None:
    """One run's groups; None where its scores don't give the evaluation's counts.

    runs: how many are looked at together.
    """
    answers = decide_label(scores, target, find_label_rule(evaluation, target))
    truth = scores.truth[:, scores.labels.index(target)]
    images = JudgedImages(truth, answers, scores.failed, code_groups(scores.groups))
    (counts,) = count_labels(truth[:, np.newaxis], answers[:, np.newaxis], scores.failed)
    if counts != evaluation.counts[target]:
        return None
    crossed = cross_values(scores.attributes, truth == 1)
    every = {**scores.attributes, **crossed}
    differences = tuple(
        each for name, values in every.items() for each in compare_groups(images, name, values)
    )
    return RunGroups(
        evaluation.run,
        {
            name: estimate_subgroups(
                truth, images.predicted, images.failed, values, images.groups, plan
            )
            for name, values in crossed.items()
        },
        differences,
        find_largest(images, every, runs * len(differences)),
    )
