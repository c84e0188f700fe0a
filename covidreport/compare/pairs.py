"""What the stored answers of several runs say against each other: pure, and always the same.

SciPy is loaded by the functions that need it: cached comparisons are shown without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from covidreport.compare.answers import AlignedAnswers
from covidreport.compare.bounds import ALPHA
from covidreport.compare.same_specificity import compare_at_same_specificity
from covidreport.metrics import (
    PairedAnswers,
    PairedMetric,
    PairTest,
    RankUncertainty,
    ResampledCounts,
    RocAucs,
    cochran_q,
    compare_answers,
    compare_curves,
    compare_pairs,
    count_discordant,
    count_images,
    critical_p_value,
    detectable_difference,
    estimate_difference,
    estimate_fold_aucs,
    estimate_roc_aucs,
    find_complementary,
    find_indistinguishable,
    judge_non_inferiority,
    number_folds,
    plan_like,
    rank_resamples,
    record_tests,
    resample_counts,
    sum_by_group,
    summarise_ranks,
)
from covidreport.records import (
    Comparison,
    DetectableDifference,
    ExcludedRun,
    FoldsWon,
    MetricPlan,
    NonInferior,
    OverallTest,
    PatientRule,
    RankEvidence,
    RunCombination,
    RunComparisons,
    StudyPlan,
)

SEED = 0
RESAMPLES = 2000
FLIPS = 9999
MOST_IN_PAIRS = 60
"""Of more runs only the pairs with the best are recorded; all are tested and corrected for."""
MOST_COMBINED = 40
"""So many of the first runs are tried for trios: 9,880 of them."""


class Plan(Struct, frozen=True):
    """The options of a comparison: a baseline by name, a margin of non-inferiority."""

    baseline: str | None = None
    margin: float | None = None
    named: str = "on the command line"
    """Where the baseline was named; when, and before which metrics, nobody here can know."""
    specificities: tuple[float, ...] = MetricPlan().specificities
    """Those that were stated, at which all runs are compared beside the best one's own."""
    patients: PatientRule = "any"
    """How many of a patient's images have to be called positive for him to be."""


class _Runs(Struct, frozen=True, eq=False):
    """Runs in the order of the ranking, with what every comparison needs."""

    paired: PairedAnswers
    resampled: ResampledCounts
    best: tuple[int, ...]
    """The runs of rank 1."""
    missed: NDArray[np.bool_]
    positive_groups: NDArray[np.integer[Any]] | None
    tests: tuple[PairTest, ...]
    """Of all pairs, on missed positives."""


def compare_answers_of(
    answers: AlignedAnswers, best: Sequence[str], plan: Plan, excluded: Sequence[ExcludedRun] = ()
) -> RunComparisons:
    """Everything that at least two runs' answers say against each other.

    answers: in the order of the ranking. best: the runs of rank 1, which are among them.
    """
    baseline = plan.baseline if plan.baseline in answers.names else None
    # What is compared over all thresholds knows nothing of the pairs: another core does it.
    with ThreadPoolExecutor(1) as beside:
        level = beside.submit(
            compare_at_same_specificity, answers, baseline, plan.specificities, SEED
        )
        curves = beside.submit(_compare_curves, answers, baseline)
        compared = _compare_pairs(answers, best, plan, excluded)
        reported = {(each.first, each.second) for each in compared.sensitivity}
        return replace(
            compared,
            roc_auc=tuple(e for e in curves.result() if (e.first, e.second) in reported),
            same_specificity=level.result(),
        )


def _compare_curves(answers: AlignedAnswers, baseline: str | None) -> tuple[Comparison, ...]:
    aucs = _estimate_roc_aucs(answers)
    return () if aucs is None else compare_curves(answers.names, aucs, baseline)


def _compare_pairs(
    answers: AlignedAnswers, best: Sequence[str], plan: Plan, excluded: Sequence[ExcludedRun]
) -> RunComparisons:
    """All but what hangs on no threshold."""
    runs = _prepare(answers, best)
    paired = runs.paired
    baseline = plan.baseline if plan.baseline in paired.names else None
    # With a baseline that was named beforehand only the pairs with it are tested: fewer tests, and
    # less to correct for. Without one the best was picked from these data: all pairs count.
    sensitivity = _compare(runs, "sensitivity", baseline)
    overall = cochran_q(runs.missed, runs.positive_groups, seed=SEED)
    groups = answers.groups
    judged = _judge(runs, plan.margin, baseline)
    return RunComparisons(
        basis="scores",
        positives=int(np.count_nonzero(answers.truth == 1)),
        negatives=int(np.count_nonzero(answers.truth == 0)),
        n_groups=None if groups is None else int(np.unique(groups).size),
        rank_evidence=_collect_rank_evidence(runs),
        detectable_difference=_resolve(runs),
        sensitivity=sensitivity,
        specificity=_compare(runs, "specificity", baseline),
        overall=OverallTest(overall.q, overall.degrees, overall.p_value, overall.method),
        baseline=plan.baseline,
        planned=baseline is not None,
        named=plan.named if baseline is not None else "",
        margin=plan.margin,
        non_inferiority=judged,
        margin_plan=_plan_margin(runs, judged, _find_reference(runs, baseline)),
        combinations=_combine(answers),
        excluded=tuple(excluded),
        folds=_count_folds(answers, runs.missed),
        alpha=ALPHA,
        resamples=RESAMPLES,
        flips=FLIPS,
        seed=SEED,
    )


def _estimate_roc_aucs(answers: AlignedAnswers) -> RocAucs | None:
    """Within folds where each fold had a model of its own; None where folds are not the same."""
    folds = set(answers.folds)
    if len(folds) > 1:
        return None
    of = next(iter(folds), None)
    if of is None:
        return estimate_roc_aucs(answers.truth, answers.scores, answers.failed, answers.groups)
    return estimate_fold_aucs(
        answers.truth, answers.scores, answers.failed, number_folds(of), answers.groups
    )


def _count_folds(answers: AlignedAnswers, missed: NDArray[np.bool_]) -> tuple[FoldsWon, ...]:
    """In how many folds each run missed fewer; missed `(R, P)`, of the positives."""
    positive = np.flatnonzero(answers.truth == 1).tolist()
    won = []
    cross_validated = [run for run, folds in enumerate(answers.folds) if folds is not None]
    for i, j in combinations(cross_validated, 2):
        folds = answers.folds[i]
        if folds is None or folds != answers.folds[j]:
            continue
        of = number_folds([folds[row] for row in positive])
        first, second = (np.bincount(of, missed[run]) for run in (i, j))
        fewer, more = int(np.sum(first < second)), int(np.sum(first > second))
        won.append(FoldsWon(answers.names[i], answers.names[j], fewer, more, len(first)))
    return tuple(won)


def _prepare(answers: AlignedAnswers, best: Sequence[str]) -> _Runs:
    resampled = resample_counts(
        answers.truth[:, np.newaxis],
        answers.answers[:, :, np.newaxis],
        answers.failed,
        answers.groups,
        resamples=RESAMPLES,
        seed=SEED,
    )
    paired = PairedAnswers(
        answers.names, answers.truth, answers.answers, answers.failed, answers.groups
    )
    missed, groups = paired.find_wrong("sensitivity")
    first = tuple(map(answers.names.index, best))
    shown = _find_shown(paired, first)
    tests = compare_pairs(missed, groups, flips=FLIPS, seed=SEED, exact_of=shown)
    return _Runs(paired, resampled, first, missed, groups, tests)


def _find_shown(paired: PairedAnswers, best: tuple[int, ...]) -> tuple[int, ...] | None:
    """The runs whose pairs are recorded; None for all."""
    return None if len(paired.names) <= MOST_IN_PAIRS else best


def _compare(runs: _Runs, metric: PairedMetric, baseline: str | None) -> tuple[Comparison, ...]:
    """The records of one metric: planned with a baseline, else of all pairs."""
    paired = runs.paired
    if baseline is not None:
        return compare_answers(paired, metric, baseline, flips=FLIPS, seed=SEED)[0]
    tests = runs.tests
    shown = _find_shown(paired, runs.best)
    if metric == "specificity":
        wrong = paired.find_wrong(metric)
        tests = compare_pairs(*wrong, flips=FLIPS, seed=SEED, exact_of=shown)
    reported = [
        test for test in tests if shown is None or test.first in shown or test.second in shown
    ]
    return record_tests(paired, metric, reported)


def _collect_rank_evidence(runs: _Runs) -> tuple[RankEvidence, ...]:
    """A run is significantly different from the best if it is from every run that shares the first
    rank."""
    # Not transitive: a run may be like one of two best ones and unlike the other.
    alike = {run for best in runs.best for run in find_indistinguishable(best, runs.tests, ALPHA)}
    with_best: dict[int, list[PairTest]] = {}
    for test in runs.tests:
        for run, other in ((test.first, test.second), (test.second, test.first)):
            if other in runs.best and run not in runs.best:
                with_best.setdefault(run, []).append(test)
    ranks = _summarise_ranks(runs.resampled)
    return tuple(
        RankEvidence(
            run=name,
            significantly_different=index not in alike,
            adjusted_p_value=max(
                (test.adjusted_p_value for test in with_best.get(index, ())), default=None
            ),
            rank_low=int(ranks.low[index]),
            rank_high=int(ranks.high[index]),
            best_probability=float(ranks.best[index]),
            p_value=max((test.p_value for test in with_best.get(index, ())), default=None),
        )
        for index, name in enumerate(runs.paired.names)
    )


def _summarise_ranks(resampled: ResampledCounts) -> RankUncertainty:
    """Rank intervals and probabilities of being the best, by missed and then by false alarms.

    Runs equal in both share a resample: its first place in equal parts, and each may have any of
    the ranks that they fill. Average precision, which settles such ties in the ranking, would take
    a sort of all scores in every resample.
    """
    missed, alarms = (each[:, :, 0] for each in (resampled.resampled.fn, resampled.resampled.fp))
    from_below = missed.shape[1] + 1 - rank_resamples(-missed, -alarms)
    return summarise_ranks(rank_resamples(missed, alarms), from_below=from_below)


def _resolve(runs: _Runs) -> DetectableDifference:
    """The detectable difference, and the gap to the next run that misses more.

    It rests on what max-T asks of the pairs that were not significantly different: it steps down,
    and asks most of the clearest pair. So no pair that was significantly different has a smaller
    gap.
    """
    significant = [test for test in runs.tests if test.adjusted_p_value <= ALPHA]
    # Where all are significantly different, the last one, of which least was asked.
    rest = [test for test in runs.tests if test.adjusted_p_value > ALPHA]
    rest = rest or [max(significant, key=lambda test: test.p_value)]
    level = critical_p_value(
        runs.missed,
        runs.positive_groups,
        [(test.first, test.second) for test in rest],
        alpha=ALPHA,
        flips=FLIPS,
        seed=SEED,
    )
    # Stepping down asks less of the later pairs; what a significant pair reached was enough.
    level = max([level, *(test.p_value for test in significant)])
    misses = runs.missed.sum(axis=1)
    first = runs.best[0]
    # The next run that misses more is who a reader asks about.
    second = next((run for run in range(len(misses)) if misses[run] > misses[first]), None)
    names = runs.paired.names
    return DetectableDifference(
        comparisons=len(runs.tests),
        cases=detectable_difference(1, level),
        positives=runs.missed.shape[1],
        level=level,
        first=None if second is None else names[first],
        second=None if second is None else names[second],
        gap=None if second is None else int(misses[second] - misses[first]),
    )


def _find_reference(runs: _Runs, baseline: str | None) -> int:
    """The run that others are judged beside: the baseline, else the best."""
    return runs.best[0] if baseline is None else runs.paired.names.index(baseline)


def _judge(runs: _Runs, margin: float | None, baseline: str | None) -> tuple[NonInferior, ...]:
    """Each other run against the baseline, or against the best; one level for all of them."""
    if margin is None:
        return ()
    names = runs.paired.names
    reference = _find_reference(runs, baseline)
    others = [run for run in range(len(names)) if run != reference]
    # Bonferroni: several runs are judged by one margin, and each may pass by chance.
    confidence = 1 - ALPHA / len(others)
    sums = sum_by_group(runs.missed, runs.positive_groups)
    sizes = count_images(runs.missed.shape[1], runs.positive_groups)
    discordant = count_discordant(runs.missed, [(run, reference) for run in others])
    judged = []
    for run, (only_run, only_reference) in zip(others, discordant, strict=True):
        # What one alone missed, the other alone found.
        difference, interval = estimate_difference(
            only_reference, only_run, sums[:, reference] - sums[:, run], sizes, confidence
        )
        answer = judge_non_inferiority(difference, interval, margin)
        judged.append(
            NonInferior(
                names[run],
                names[reference],
                margin,
                answer.answer,
                difference,
                interval.low,
                interval.high,
                interval.method,
                confidence,
            )
        )
    return tuple(judged)


def _plan_margin(runs: _Runs, judged: Sequence[NonInferior], reference: int) -> StudyPlan | None:
    """What it would take where these data can't say; None where they can."""
    if not any(each.answer == "the data cannot say" for each in judged):
        return None
    order = [reference, *(run for run in range(len(runs.missed)) if run != reference)]
    return plan_like(runs.missed[order], runs.positive_groups, judged[0].margin)


def _combine(answers: AlignedAnswers) -> tuple[RunCombination, ...]:
    first = min(len(answers.names), MOST_COMBINED)
    found = find_complementary(
        answers.truth, answers.answers[:first], answers.failed[:first], answers.names[:first]
    )
    return tuple(
        RunCombination(
            tuple(answers.names[run] for run in each.runs),
            each.rule,
            each.missed,
            each.false_alarms,
            first,
        )
        for each in found
    )
