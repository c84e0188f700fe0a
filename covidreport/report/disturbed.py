"""Gathers what changed pictures do to the answers of each run of a report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from covidreport.boundary import attempt
from covidreport.compare import Plan, ReadScores
from covidreport.compare.changed import is_changed_of, read_changed, state_margin
from covidreport.records import DisturbedRun, Evaluation, Failure, Ranking, ReportedRun
from covidreport.storage.runs import Tell


def collect_disturbed(
    runs: Sequence[tuple[ReportedRun, Sequence[Evaluation]]], rankings: Sequence[Ranking],
    plan: Plan | None, read: ReadScores, tell: Tell,
) -> tuple[DisturbedRun, ...]:  # fmt: skip
    """Of each run with an evaluation of changed pictures what they do to its answers.

    runs: with all evaluations of each; what is given is in the order of the first ranking. One that
    is of another model, or of other settings, than the usual evaluation is told of, and so is one
    that can't be read.
    """
    if not rankings:
        return ()
    margin = None if plan is None else plan.margin
    target, order = rankings[0].target, [row.run for row in rankings[0].rows]
    found = [
        state_margin(each, margin)
        for reported, every in runs
        if reported.run.name in order
        for each in _compare(reported, every, target, read, tell)
    ]
    return tuple(sorted(found, key=lambda each: order.index(each.run)))


def _compare(
    reported: ReportedRun, every: Sequence[Evaluation], target: str, read: ReadScores, tell: Tell
) -> Iterator[DisturbedRun]:
    usual, run = reported.evaluation, reported.run
    if usual is None or usual.facts.changed or not usual.has_scores:
        return
    of_split = [each for each in every if each.facts.changed and each.split == usual.split]
    for each in of_split:
        if each.dataset != usual.dataset:
            continue
        found: DisturbedRun | Failure | None = None
        if is_changed_of(each, usual):
            found = attempt(run.name, "read", partial(read_changed, run, usual, each, target, read))
        if isinstance(found, DisturbedRun):
            yield found
            continue
        why = "is of another model or provider than its usual evaluation" if found is None else (
            found.explanation
        )  # fmt: skip
        tell(
            f"run {run.name}: {each.key} is not shown, {why}: "
            "`covidreport evaluate --disturb` makes it again"
        )
