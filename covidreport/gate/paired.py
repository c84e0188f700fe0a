"""A run and a baseline on the same images: which cases are newly missed, and is that luck?

The baseline comes as the cases that it got wrong, by salted digest: with the images and the truth
known to be the same, these are all that a paired test needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from covidreport.compare.answers import AlignedAnswers
from covidreport.compare.bounds import ALPHA
from covidreport.errors import GateError
from covidreport.metrics import (
    Interval,
    NonInferiority,
    PairedAnswers,
    PairedMetric,
    cases_to_exclude,
    compare_answers,
    count_images,
    describe_resolution,
    design_effect,
    find_false_alarms,
    find_missed,
    judge_non_inferiority,
    sum_by_group,
)
from covidreport.records import Comparison, GateDifference, WrongCases
from covidreport.text import digest_case

METRICS: tuple[PairedMetric, ...] = ("sensitivity", "specificity")
RUN, BASELINE = "run", "baseline"


class PairedRuns(Struct, frozen=True, eq=False):
    """The run (0) and the baseline (1) on the same images, and what follows."""

    paired: PairedAnswers
    sample_ids: Sequence[str]
    comparisons: tuple[Comparison, ...]
    detectable_difference: GateDifference | None
    """None where there are no positives."""
    newly_missed: tuple[str, ...]
    """Sample ids, in the order of the images."""
    newly_found: tuple[str, ...]


def find_wrong_cases(answers: AlignedAnswers, salt: str) -> WrongCases:
    """What the only run of `answers` got wrong."""
    (missed,) = find_missed(answers.truth, answers.answers, answers.failed)
    (alarms,) = find_false_alarms(answers.truth, answers.answers, answers.failed)
    return WrongCases(
        digest_salt(salt), _digest(answers, 1, missed, salt), _digest(answers, 0, alarms, salt)
    )


def digest_salt(salt: str) -> str:
    """What tells later whether the salt is the same, without telling the salt."""
    return digest_case("covidreport", salt)


def _digest(
    answers: AlignedAnswers, truth: int, wrong: NDArray[np.bool_], salt: str
) -> tuple[str, ...]:
    rows = np.flatnonzero(answers.truth == truth)[wrong]
    return tuple(sorted({digest_case(answers.sample_ids[row], salt) for row in rows}))


def pair_runs(answers: AlignedAnswers, wrong: WrongCases, salt: str) -> PairedRuns:
    """The only run of `answers` against a baseline on the same images and truth.

    Raises GateError where the baseline's wrong cases are none of these images: it was made with
    another salt.
    """
    truth, failed = answers.truth, answers.failed[0]
    digests = [digest_case(each, salt) for each in answers.sample_ids]
    positive, negative = truth == 1, truth == 0
    their_missed, their_alarms = frozenset(wrong.missed), frozenset(wrong.false_alarms)
    missed = positive & _among(digests, their_missed)
    alarms = negative & _among(digests, their_alarms)
    if missed.sum() != len(their_missed) or alarms.sum() != len(their_alarms):
        raise GateError(
            "baseline",
            "the cases that the baseline got wrong are none of these images, or of another truth: "
            "it was made with another COVIDREPORT_SALT, or its file was edited; make it again with "
            "`covidreport baseline set`",
        )
    both = np.stack([answers.answers[0], (positive & ~missed) | alarms])
    failures = np.stack([failed, np.zeros_like(failed)])
    paired = PairedAnswers((RUN, BASELINE), truth, both, failures, answers.groups)
    lost = find_missed(truth, both, failures)
    ids = np.array(answers.sample_ids, dtype=object)[positive]
    return PairedRuns(
        paired=paired,
        sample_ids=answers.sample_ids,
        comparisons=tuple(
            each for metric in METRICS for each in compare_answers(paired, metric, BASELINE)[0]
        ),
        detectable_difference=_resolve(paired) if positive.any() else None,
        newly_missed=tuple(ids[lost[0] & ~lost[1]]),
        newly_found=tuple(ids[lost[1] & ~lost[0]]),
    )


def _among(digests: Iterable[str], wrong: frozenset[str]) -> NDArray[np.bool_]:
    return np.array([digest in wrong for digest in digests], dtype=np.bool_)


def name_comparisons(paired: PairedRuns, run: str, baseline: str) -> tuple[Comparison, ...]:
    """The comparisons under the runs' names, which may be the same."""
    return tuple(replace(each, first=run, second=baseline) for each in paired.comparisons)


def _resolve(paired: PairedAnswers) -> GateDifference:
    """What this one comparison could show, and how many positives the gap at hand would take."""
    _, (test,) = compare_answers(paired, "sensitivity", BASELINE)
    missed, groups = paired.find_wrong("sensitivity")
    positives = missed.shape[1]
    sums = sum_by_group(missed, groups)
    resolution = describe_resolution(
        test, positives, 1, alpha=ALPHA,
        design_effect=design_effect(
            sums[:, 0] - sums[:, 1], test.only_first + test.only_second, positives
        ),
    )  # fmt: skip
    significant = test.p_value <= ALPHA
    difference = abs(resolution.gap)
    return GateDifference(
        comparisons=1,
        cases=resolution.detectable_difference,
        positives=positives,
        level=ALPHA,
        gap=difference or None,
        positives_needed=None if significant else resolution.positives_needed,
        power=resolution.power,
    )


def find_significant_loss(runs: PairedRuns, metric: PairedMetric) -> Comparison | None:
    """The comparison, where the run is significantly worse by the paired test; else None."""
    for each in runs.comparisons:
        if each.metric == metric and each.difference is not None and each.difference < 0:
            return each if each.p_value is not None and each.p_value <= ALPHA else None
    return None


def exclude_loss(
    runs: PairedRuns, metric: PairedMetric, margin: float
) -> tuple[NonInferiority, int | None]:
    """Whether the data exclude that the run lost more than `margin`, and how many cases that takes.

    By the interval of `estimate_difference`, as the comparison of runs has it. The number is None
    where it is excluded, or where no number would do.
    """
    compared = next((each for each in runs.comparisons if each.metric == metric), None)
    if compared is None:
        nothing = Interval(None, None, None, "no such image")
        return judge_non_inferiority(None, nothing, margin), None
    interval = Interval(compared.low, compared.high, compared.interval)
    answer = judge_non_inferiority(compared.difference, interval, margin)
    if answer.answer != "the data cannot say":
        return answer, None
    wrong, groups = runs.paired.find_wrong(metric)
    sums = sum_by_group(wrong, groups)
    only_run, only_baseline = compared.only_second, compared.only_first
    assert only_run is not None
    assert only_baseline is not None
    sizes = count_images(wrong.shape[1], groups)
    return answer, cases_to_exclude(only_run, only_baseline, sizes, margin, sums[:, 1] - sums[:, 0])
