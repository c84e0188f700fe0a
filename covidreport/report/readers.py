"""The readers among the runs of a ranking, and every other run beside them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from msgspec.structs import replace

from covidreport.compare.answers import AlignedAnswers, read_answers
from covidreport.compare.reading import ReadScores
from covidreport.metrics import compare_roc_aucs, estimate_roc_aucs, holm, roc_auc_interval
from covidreport.metrics.curves import score_failed_worst
from covidreport.metrics.delong import RocAucs
from covidreport.metrics.readers import (
    average_aucs,
    average_rates,
    compare_with_average,
    one_shot_variance,
)
from covidreport.records import (
    AgainstReaders,
    Estimate,
    Evaluation,
    Ranking,
    ReaderStudy,
    ReportedRun,
)
from covidreport.store import SCORES_FILE, evaluation_folder, read_scores


def collect_readers(
    ranking: Ranking, reported: Sequence[ReportedRun], read: ReadScores = read_scores
) -> ReaderStudy | None:
    """Of the ranking's runs whose scores can be read; None where no reader is among them."""
    runs = {each.run.name: each for each in reported}
    rows = [runs[row.run] for row in ranking.rows if row.run in runs]
    if not any(each.run.is_reader for each in rows):
        return None
    files = [
        (each.evaluation, evaluation_folder(each.run.folder, each.evaluation.key) / SCORES_FILE)
        for each in rows
        if isinstance(each.evaluation, Evaluation)
    ]
    answers = read_answers(files, ranking.target, read)
    people = [name for name in answers.names if runs[name].run.is_reader]
    aucs = (
        estimate_roc_aucs(answers.truth, answers.scores, answers.failed, answers.groups)
        if people
        else None
    )
    return None if aucs is None else _study(answers, aucs, people)


def _study(answers: AlignedAnswers, aucs: RocAucs, people: Sequence[str]) -> ReaderStudy:
    at = {name: row for row, name in enumerate(answers.names)}
    order = sorted(people, key=lambda name: (-float(aucs.values[at[name]]), name))
    readers = [at[name] for name in order]
    average = average_aucs(aucs, readers)
    runs = [name for name in answers.names if name not in people]
    return ReaderStudy(
        readers=tuple(order),
        roc_aucs=tuple(_estimate(aucs, row) for row in readers),
        average=average.estimate,
        error=average.error,
        freedom=average.freedom,
        one_shot_error=_measure_one_shot(answers, readers),
        sensitivity=_average_rate(answers, readers, 1),
        specificity=_average_rate(answers, readers, 0),
        runs=_correct([_stand_beside(aucs, name, at[name], readers) for name in runs]),
    )


def _average_rate(answers: AlignedAnswers, readers: Sequence[int], truth: int) -> Estimate:
    """The readers' average sensitivity, or specificity; what was not read is not told right."""
    of = answers.truth == truth
    rows = list(readers)
    right = (answers.answers[rows] == bool(truth)) & ~answers.failed[rows]
    groups = None if answers.groups is None else answers.groups[of]
    return average_rates(right[:, of], groups).estimate


def _correct(runs: Sequence[AgainstReaders]) -> tuple[AgainstReaders, ...]:
    """With p-values by Holm over the runs, of those that have one."""
    averages = _holm([each.average_p for each in runs])
    bests = _holm([each.best_p for each in runs])
    return tuple(
        replace(each, average_p=average, best_p=best)
        for each, average, best in zip(runs, averages, bests, strict=True)
    )


def _holm(p_values: Sequence[float | None]) -> list[float | None]:
    adjusted = iter(holm([p for p in p_values if p is not None]))
    return [None if p is None else next(adjusted) for p in p_values]


def _estimate(aucs: RocAucs, row: int) -> Estimate:
    found = roc_auc_interval(aucs, row)
    return Estimate(float(aucs.values[row]), found.low, found.high, method=found.method)


def _stand_beside(aucs: RocAucs, name: str, row: int, readers: Sequence[int]) -> AgainstReaders:
    average = compare_with_average(aucs, row, readers)
    best = compare_roc_aucs(aucs, row, readers[0])
    ends = best.interval
    return AgainstReaders(
        name,
        _estimate(aucs, row),
        average.estimate,
        average.p_value,
        Estimate(best.difference, ends.low, ends.high, method=ends.method),
        best.p_value,
    )


def _measure_one_shot(answers: AlignedAnswers, readers: Sequence[int]) -> float | None:
    if answers.groups is not None:
        return None
    scores, failed = answers.scores[list(readers)], answers.failed[list(readers)]
    filled = score_failed_worst(answers.truth, scores, failed).astype(np.float64)
    variance = one_shot_variance(filled[:, answers.truth == 1], filled[:, answers.truth == 0])
    return math.sqrt(variance) if variance is not None and variance > 0 else None
