"""Whom the report's images show, and how they came to be counted, from the stored evidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from covidreport.compare.reading import ReadScores
from covidreport.errors import StoreError
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
from covidreport.store import SCORES_FILE, evaluation_folder


def collect_cohorts(
    ranking: Ranking | None, reported: Sequence[ReportedRun], read: ReadScores
) -> tuple[Cohort, ...]:
    """Of the ranked images, then of other splits and data sets: each from the first run whose
    scores of them can be read."""
    found: dict[tuple[str, str], Cohort | None] = {}
    for run, one in (*_list_ranked(ranking, reported), *_list_others(reported)):
        key = one.dataset, one.split
        if found.get(key) is None:
            scores = _read(run, one, read)
            found[key] = None if scores is None else describe_cohort(scores, one)
    return tuple(each for each in found.values() if each is not None)


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
            return trace_flow(evaluation, counts, _read(run, evaluation, read), target)
    return None


def trace_flow(evaluation: Evaluation, counts: Counts, scores: Scores | None, target: str) -> Flow:
    """How one evaluation's images came to be counted; scores: None where they can't be read."""
    data = evaluation.facts.data
    splits = None if data is None else data.in_splits
    flow = Flow(
        images=evaluation.n_images, unknown=counts.unknown, positives=counts.positives,
        negatives=counts.negatives, failed_positive=counts.failed_positive,
        failed_negative=counts.failed_negative,
        failed=_count_failed(evaluation, counts, scores),
        left_out=None if data is None else data.left_out,
        other_splits=splits and {name: n for name, n in splits.items() if name != evaluation.split},
        patients=evaluation.n_groups,
    )  # fmt: skip
    if scores is None or target not in scores.labels:
        return flow
    truth = scores.truth[:, scores.labels.index(target)]
    return replace(
        flow, positive_patients=count_groups(scores.groups, truth == 1),
        negative_patients=count_groups(scores.groups, truth == 0),
    )  # fmt: skip


def _count_failed(
    evaluation: Evaluation, counts: Counts, scores: Scores | None
) -> Mapping[str, int]:
    """How many images were not scored, by the reason; under `""` where none is recorded."""
    if scores is not None:
        return Counter(filter(None, scores.reasons))
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


def _read(run: Run, evaluation: Evaluation, read: ReadScores) -> Scores | None:
    """The scores of an evaluation; None where there are none, or are none of its images."""
    path = evaluation_folder(run.folder, evaluation.key) / SCORES_FILE
    if not evaluation.has_scores or not path.is_file():
        return None
    try:
        scores = read(path)
    except StoreError:
        return None  # that they can't be read is said where runs are compared
    return scores if len(scores.sample_ids) == evaluation.n_images else None
