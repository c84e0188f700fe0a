"""Gathers what changed and foreign pictures do to the answers of each run of a report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar

from covidreport.boundary import attempt
from covidreport.compare import ReadScores
from covidreport.compare.changed import is_changed_of, read_changed, state_margin
from covidreport.compare.foreign import correct_foreign, read_foreign
from covidreport.records import (
    DISTURB,
    FOREIGN,
    DisturbedRun,
    Evaluation,
    Failure,
    ForeignRun,
    Ranking,
    ReportedRun,
    Run,
)
from covidreport.storage.runs import Tell

_Every = Sequence[tuple[ReportedRun, Sequence[Evaluation]]]
"""The runs of a report with all evaluations of each."""
_T = TypeVar("_T", DisturbedRun, ForeignRun)


def collect_disturbed(
    runs: _Every, rankings: Sequence[Ranking], margin: float | None, read: ReadScores, tell: Tell
) -> tuple[DisturbedRun, ...]:
    """Of each run with an evaluation of changed pictures what they do to its answers.

    What is given is in the order of the first ranking. An evaluation that is of another model, or
    of other settings, than the usual one is told of, and so is one that can't be read.
    """
    if not rankings:
        return ()
    compare = partial(read_changed, target=rankings[0].target, read=read)
    found = _collect(runs, rankings[0], DISTURB, compare, tell)
    return tuple(state_margin(each, margin) for each in found)


def collect_foreign(
    runs: _Every, rankings: Sequence[Ranking], read: ReadScores, tell: Tell
) -> tuple[ForeignRun, ...]:
    """The same of pictures that are no frontal radiograph."""
    if not rankings:
        return ()
    compare = partial(read_foreign, target=rankings[0].target, read=read)
    return correct_foreign(_collect(runs, rankings[0], FOREIGN, compare, tell))


def _collect(
    runs: _Every, ranking: Ranking, of: str, compare: Callable[[Run, Evaluation, Evaluation], _T],
    tell: Tell,
) -> list[_T]:  # fmt: skip
    order = [row.run for row in ranking.rows]
    found = [
        each
        for reported, every in runs
        if reported.run.name in order
        for each in _compare(
            # without the label no pictures can change what is said of it: the ranking says so
            reported,
            [e for e in every if e.facts.changed == of and ranking.target in e.labels],
            compare,
            tell,
        )
    ]
    return sorted(found, key=lambda each: order.index(each.run))


def _compare(
    reported: ReportedRun, changed: Sequence[Evaluation],
    compare: Callable[[Run, Evaluation, Evaluation], _T], tell: Tell,
) -> Iterator[_T]:  # fmt: skip
    usual, run = reported.evaluation, reported.run
    if usual is None or usual.facts.changed or not usual.has_scores:
        return
    for each in changed:
        if (each.dataset, each.split) != (usual.dataset, usual.split):
            continue
        why = "is of another model or provider than its usual evaluation"
        if is_changed_of(each, usual):
            found = attempt(run.name, "read", partial(compare, run, usual, each))
            if not isinstance(found, Failure):
                yield found
                continue
            why = found.explanation
        tell(
            f"run {run.name}: {each.key} is not shown, {why}: "
            f"`covidreport evaluate --{each.facts.changed}` makes it again"
        )
