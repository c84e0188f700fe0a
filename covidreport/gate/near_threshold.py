"""Whether a verdict hangs on scores so near to their threshold that the last digits decide them.

Another batch size, runtime or machine moves a score by its last digits. The run is judged again
with every such score on the right side, then on the wrong one, and the baseline's the other way
round: a limit whose outcome is another then hangs on them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal

from covidreport.compare.answers import AlignedAnswers, read_answers
from covidreport.errors import StoreError
from covidreport.gate.baseline import Baseline
from covidreport.gate.evidence import Evidence
from covidreport.gate.figures import collect_figures
from covidreport.gate.paired import find_wrong_cases
from covidreport.metrics import describe_scores, find_near, find_not_finite, move_near
from covidreport.records import Evaluation, Finding, LimitResult, Scores
from covidreport.store import SCORES_FILE, evaluation_folder, read_scores
from covidreport.text import choose_salt

Side = Literal["right", "wrong"]
Judge = Callable[[Evidence, Baseline | None], Sequence[LimitResult]]
"""Judges every limit, in the same order."""
_OTHER: Final[dict[Side, Side]] = {"right": "wrong", "wrong": "right"}


def find_hanging(
    evidence: Evidence, baseline: Baseline | None, target: str, results: Sequence[LimitResult],
    judge: Judge,
) -> tuple[Finding, ...]:  # fmt: skip
    """A finding where scores near their threshold decide an outcome; none where they do not.

    Runs of counts alone have no such scores. Of a baseline.json none are known, so there only the
    run's own are moved.
    """
    ours = theirs = None
    if evidence.answers is not None:
        ours = _keep_near(evidence.answers.images, evidence.evaluation)
    if baseline is not None and baseline.folder is not None:
        theirs = _keep_near(_read(baseline.evaluation, baseline.folder), baseline.evaluation)
    if ours is None and theirs is None:
        return ()
    changed: dict[str, str] = {}
    sides: tuple[Side, ...] = ("right", "wrong")
    for side in sides:
        moved = evidence if ours is None else _move_run(evidence, ours, target, side)
        against = baseline
        if baseline is not None and theirs is not None:
            against = _move_baseline(baseline, theirs, _OTHER[side])
        for before, after in zip(results, judge(moved, against), strict=True):
            if after.outcome != before.outcome:
                changed[before.limit.name] = f"{before.outcome}, or {after.outcome}"
    if not changed:
        return ()
    who = [
        f"{_describe_near(scores, each)} of {each.run}"
        for scores, each in ((ours, evidence.evaluation),
                             (theirs, baseline.evaluation if baseline else None))
        if scores is not None and each is not None
    ]  # fmt: skip
    return (
        Finding(
            "warning",
            "hangs-on-last-digits",
            f"The verdict on {evidence.evaluation.run} hangs on scores within 1e-5 of a threshold",
            f"{'; '.join(who)}; on the other side of it: "
            + "; ".join(f"{name} {outcomes}" for name, outcomes in changed.items()),
            "Another batch size, runtime or machine may decide these images otherwise: look at "
            "them, and take a limit or a threshold that does not rest on them.",
            (evidence.evaluation.run,),
        ),
    )


def _read(evaluation: Evaluation, folder: Path) -> Scores | None:
    try:
        return read_scores(evaluation_folder(folder, evaluation.key) / SCORES_FILE)
    except StoreError:
        return None  # there are counts alone, or whoever judges says what is wrong


def _keep_near(scores: Scores | None, evaluation: Evaluation) -> Scores | None:
    """The scores where one is near its threshold; what the evaluation counted is not asked."""
    if scores is None or find_not_finite(scores) is not None:
        return None
    if not set(scores.labels) <= set(evaluation.thresholds):
        return None
    return scores if find_near(scores, _thresholds(scores, evaluation)).any() else None


def _thresholds(scores: Scores, evaluation: Evaluation) -> list[float]:
    return [evaluation.thresholds[label] for label in scores.labels]


def _describe_near(scores: Scores, evaluation: Evaluation) -> str:
    near = find_near(scores, _thresholds(scores, evaluation)).sum(axis=0)
    return ", ".join(f"{n} {label}" for label, n in zip(scores.labels, near, strict=True) if n)


def _move(scores: Scores, evaluation: Evaluation, side: Side) -> tuple[Scores, Evaluation]:
    """The scores with the near ones on that side, and the evaluation that they give."""
    thresholds = _thresholds(scores, evaluation)
    moved = move_near(scores, thresholds, side)
    found = describe_scores(
        moved, thresholds, evaluation.details.plan if evaluation.details else None
    )
    return moved, replace(
        evaluation, counts=found.counts, estimates=found.estimates, details=found.details
    )


def _answers(scores: Scores, evaluation: Evaluation, target: str, folder: Path) -> AlignedAnswers:
    file = evaluation_folder(folder, evaluation.key) / SCORES_FILE
    return read_answers([(evaluation, file)], target, lambda _: scores)


def _move_run(evidence: Evidence, scores: Scores, target: str, side: Side) -> Evidence:
    moved, evaluation = _move(scores, evidence.evaluation, side)
    return replace(
        evidence, evaluation=evaluation, figures=collect_figures(evaluation),
        answers=_answers(moved, evaluation, target, evidence.run.folder),
    )  # fmt: skip


def _move_baseline(baseline: Baseline, scores: Scores, side: Side) -> Baseline:
    moved, evaluation = _move(scores, baseline.evaluation, side)
    assert baseline.folder is not None
    answers = _answers(moved, evaluation, baseline.target, baseline.folder)
    wrong = find_wrong_cases(answers, choose_salt(evaluation.fingerprint))
    return replace(
        baseline, evaluation=evaluation, figures=collect_figures(evaluation), wrong=wrong
    )
