"""The runs of a ranking against each other: which differences the data can tell from chance.

Reads stored scores and runs nothing. Comparisons are cached, so that a report is rendered again at
once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from covidreport.boundary import attempt
from covidreport.compare.answers import answers_facts, read_answers
from covidreport.compare.bounds import bound_from_counts
from covidreport.compare.finding import find_doubt
from covidreport.compare.pairs import FLIPS, RESAMPLES, SEED, Plan, compare_answers_of
from covidreport.compare.patients import add_patients
from covidreport.compare.picked import correct_answers, correct_counts
from covidreport.compare.ranking import RankedSet, rank_sets
from covidreport.compare.reading import CachingReader, ReadScores
from covidreport.errors import UsageError
from covidreport.records import (
    Evaluation,
    ExcludedRun,
    Failure,
    Finding,
    Ranking,
    Run,
    RunComparisons,
)
from covidreport.storage.cache import cached
from covidreport.store import SCORES_FILE, evaluation_folder
from covidreport.text.thresholds import is_exploratory, is_trained_on, list_trained

__all__ = [
    "CachingReader",
    "Plan",
    "ReadScores",
    "check_baseline",
    "find_doubt",
    "rank_and_compare",
]

REVISION = 8
"""Counted up when the same scores would be compared otherwise."""


class _Stored(Struct, frozen=True):
    """A ranked run's evaluation and the folder that its scores stand in."""

    run: Run
    evaluation: Evaluation


def check_baseline(plan: Plan, runs: Sequence[Run]) -> None:
    """Raise UsageError where the baseline is none of these runs."""
    names = [run.name for run in runs]
    if plan.baseline is not None and plan.baseline not in names:
        raise UsageError(
            f"the baseline {plan.baseline!r} is none of these runs; there are: {', '.join(names)}"
        )


def rank_and_compare(
    evaluated: Sequence[tuple[Run, Evaluation]],
    target: str,
    specificity_floor: float,
    plan: Plan | None = None,
    read: ReadScores | None = None,
) -> tuple[RankedSet, ...]:
    """As `rank_sets`, each ranking with what its runs' stored scores say against each other.

    Where that fails for no single run's fault, the ranking stands without, and a finding says so.
    read: what reads them, such as `CachingReader()` where others want them as well; by default a
    reader of this call's own.
    """
    plan, read = plan or Plan(), read or CachingReader(hold=False)
    folders = {id(evaluation): run for run, evaluation in evaluated}
    sets = rank_sets(
        [evaluation for _, evaluation in evaluated], target, specificity_floor,
        list_trained(evaluated),
    )  # fmt: skip
    compared = []
    for each in sets:
        stored = {e.run: _Stored(folders[id(e)], e) for e in each.evaluations}
        files = _list_files([stored[row.run] for row in each.ranking.rows if row.counted])
        ranking = add_patients(each.ranking, files, plan.patients, read)
        compare = partial(_compare_runs, each.ranking, stored, plan, read)
        comparisons = attempt(f"{ranking.dataset}, {ranking.split}", "score", compare)
        if isinstance(comparisons, Failure):
            compared.append(replace(each, ranking=ranking, findings=(_not_compared(comparisons),)))
        else:
            compared.append(replace(each, ranking=replace(ranking, comparisons=comparisons)))
    return tuple(compared)


def _list_files(runs: Sequence[_Stored]) -> list[tuple[Evaluation, Path]]:
    """Their evaluations and the files that their scores stand in, if there are any."""
    return [
        (one.evaluation, evaluation_folder(one.run.folder, one.evaluation.key) / SCORES_FILE)
        for one in runs
    ]


def _not_compared(failure: Failure) -> Finding:
    """That the runs of a ranking could not be compared, which is no single run's fault."""
    return Finding(
        "error",
        "not-compared",
        f"The runs on {failure.subject} could not be compared: their order stands, and nobody can "
        "say what of it is chance",
        failure.reason,
        failure.remedy or "Evaluate the runs again, and compare them then.",
    )


def _compare_runs(
    ranking: Ranking, stored: Mapping[str, _Stored], plan: Plan, read: ReadScores
) -> RunComparisons | None:
    """The comparisons of one ranking's runs; None where fewer than two of them have a rank, and
    where thresholds were chosen on these images, for which no test and no interval holds.

    From scores where the best run and another one have some that can be used; otherwise what the
    counts alone say (`bound_from_counts`).
    """
    rows = [row for row in ranking.rows if row.rank is not None]
    if len(rows) < 2 or any(
        is_exploratory(stored[row.run].evaluation, ranking.target) for row in rows
    ):
        return None
    unranked = tuple(
        ExcludedRun(row.run, f"is not ranked: {row.why_unranked}")
        for row in ranking.rows
        if row.rank is None
    )
    # Those without a rank as well: another sample of images might have given them the first.
    each = [stored[row.run] for row in ranking.rows if row.counted]
    counts = [one.evaluation.counts[ranking.target] for one in each]
    floor = ranking.specificity_floor
    # Images that trained a run say nothing of what it, or one that is picked so, does on others.
    trained = any(is_trained_on(one.run, one.evaluation.split) for one in each)

    def bound(excluded: Sequence[ExcludedRun]) -> RunComparisons:
        bounds = bound_from_counts(rows, each[0].evaluation, ranking.target, excluded)
        if trained or bounds.n_groups is not None:  # whose images are whose, counts don't say
            return bounds
        return replace(bounds, picked=correct_counts(counts, 0, floor))

    if not any(one.evaluation.has_scores for one in each[: len(rows)]):
        return bound(unranked)
    files = _list_files(each)

    def compare() -> RunComparisons:
        every = read_answers(files, ranking.target, read)
        answers = every.take([row.run for row in rows])
        excluded = (*answers.excluded, *unranked)
        best = [row.run for row in rows if row.rank == 1]
        if len(answers.names) < 2 or not set(best) <= set(answers.names):
            return bound(excluded)
        compared = compare_answers_of(answers, best, plan, excluded)
        picked = None if trained else correct_answers(every, best[0], floor)
        return replace(compared, picked=picked)

    facts = {
        "method": REVISION, "draws": [RESAMPLES, FLIPS, SEED], "plan": plan, "rows": ranking.rows,
        "floor": floor, "trained": trained, **answers_facts(ranking, files, read),
    }  # fmt: skip
    return cached("comparisons", facts, compare, RunComparisons)
