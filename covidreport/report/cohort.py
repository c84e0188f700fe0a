"""Whom the report's images show, and how they came to be counted, from the stored evidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from covidreport.compare.reading import ReadScores
from covidreport.metrics import count_groups, count_shared, count_unknown, list_columns
from covidreport.records import (
    Cohort,
    Counts,
    Evaluation,
    Flow,
    Ranking,
    ReportedRun,
    Run,
    Scores,
)
from covidreport.report.stored import StoredScores, make_once

METHOD = 1
"""Counted up when the same scores would give other tables or flows."""


def collect_cohorts(
    ranking: Ranking | None, reported: Sequence[ReportedRun], read: ReadScores
) -> tuple[Cohort, ...]:
    """Of the ranked images, then of other splits and data sets: each from the first run whose
    scores of them can be read."""
    found: dict[tuple[str, str], Cohort | None] = {}
    for run, one in (*_list_ranked(ranking, reported), *_list_others(reported)):
        key = one.dataset, one.split
        if found.get(key) is None:
            found[key] = _describe(run, one, read)
    return tuple(each for each in found.values() if each is not None)


def _describe(run: Run, evaluation: Evaluation, read: ReadScores) -> Cohort | None:
    """As `describe_cohort`, once for the same scores; None where they can't be read."""

    def describe(scores: Scores) -> Cohort:
        return describe_cohort(scores, evaluation)

    key = (METHOD, "columns", evaluation.dataset, evaluation.split)
    return make_once("cohorts", key, StoredScores(run, evaluation, read), describe, Cohort)


def describe_cohort(scores: Scores, evaluation: Evaluation) -> Cohort:
    """The table of the patients, or images, that these scores are of."""
    return Cohort(
        evaluation.dataset, evaluation.split, list_columns(scores), count_shared(scores),
        count_unknown(scores),
    )  # fmt: skip


def collect_flow(
    ranking: Ranking | None, reported: Sequence[ReportedRun], target: str, read: ReadScores
) -> Flow | None:
    """Of the ranked images, by the first run of the ranking."""
    for run, evaluation in _list_ranked(ranking, reported):
        counts = evaluation.counts.get(target)
        if counts is not None:
            return trace_flow(evaluation, counts, _count(run, evaluation, target, read))
    return None


class Counted(Struct, frozen=True):
    """What scores say of how images were counted.

    failed: by the reason. Patients with any image with the target, and without it; None where they
    are not known.
    """

    failed: Mapping[str, int]
    positive_patients: int | None
    negative_patients: int | None


def _count(run: Run, evaluation: Evaluation, target: str, read: ReadScores) -> Counted | None:
    """As `count_scores`, once for the same scores; None where they can't be read."""

    def count(scores: Scores) -> Counted:
        return count_scores(scores, target)

    stored = StoredScores(run, evaluation, read)
    return make_once("cohorts", (METHOD, "flow", target), stored, count, Counted)


def count_scores(scores: Scores, target: str) -> Counted:
    """Failed images and patients of one run's scores."""
    failed = dict(Counter(filter(None, scores.reasons)))
    if target not in scores.labels:
        return Counted(failed, None, None)
    truth = scores.truth[:, scores.labels.index(target)]
    return Counted(
        failed, count_groups(scores.groups, truth == 1), count_groups(scores.groups, truth == 0)
    )


def trace_flow(evaluation: Evaluation, counts: Counts, counted: Counted | None) -> Flow:
    """How one evaluation's images came to be counted; counted: None where its scores can't be
    read."""
    data = evaluation.facts.data
    splits = None if data is None else data.in_splits
    return Flow(
        images=evaluation.n_images, unknown=counts.unknown, positives=counts.positives,
        negatives=counts.negatives, failed_positive=counts.failed_positive,
        failed_negative=counts.failed_negative,
        failed=_list_failed(evaluation, counts) if counted is None else counted.failed,
        left_out=None if data is None else data.left_out,
        other_splits=splits and {name: n for name, n in splits.items() if name != evaluation.split},
        patients=evaluation.n_groups,
        positive_patients=None if counted is None else counted.positive_patients,
        negative_patients=None if counted is None else counted.negative_patients,
    )  # fmt: skip


def _list_failed(evaluation: Evaluation, counts: Counts) -> Mapping[str, int]:
    """How many images were not scored, by the reason; under `""` where none is recorded."""
    if evaluation.failures:
        return Counter(failure.reason for failure in evaluation.failures)
    failed = counts.failed_positive + counts.failed_negative
    return {"": failed} if failed else {}


def _list_ranked(
    ranking: Ranking | None, reported: Sequence[ReportedRun]
) -> Iterable[tuple[Run, Evaluation]]:
    runs = {each.run.name: each for each in reported}
    for row in () if ranking is None else ranking.rows:
        evaluation = runs[row.run].evaluation
        if evaluation is not None:
            yield runs[row.run].run, evaluation


def _list_others(reported: Sequence[ReportedRun]) -> Iterable[tuple[Run, Evaluation]]:
    for each in reported:
        for one in (*each.usual, *each.elsewhere):
            yield each.run, one
