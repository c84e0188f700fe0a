"""Whether a verdict hangs on scores so near to their threshold that the last digits decide them.

Another batch size, runtime or machine moves a score by its last digits. The run is judged again
with every such score on the right side, then on the wrong one, and the baseline's the other way
round: a limit whose outcome is another then hangs on them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Literal

from msgspec.structs import replace

from covidreport.compare.answers import read_answers
from covidreport.gate.evidence import GateSide, take_evidence
from covidreport.metrics import compute_metrics, find_near, find_not_finite, move_near
from covidreport.records import Finding, GateEvidence, LimitResult, Scores
from covidreport.store import SCORES_FILE, evaluation_folder
from covidreport.text.thresholds import find_rule, is_argmax

Judge = Callable[[GateSide, GateSide | None], Sequence[LimitResult]]
"""Judges every limit, in the same order."""
_SIDES: Final[tuple[tuple[Literal["right", "wrong"], Literal["right", "wrong"]], ...]] = (
    ("right", "wrong"),
    ("wrong", "right"),
)
"""Where the run's scores are moved to, and the baseline's."""


def find_hanging(
    run: GateSide, baseline: GateSide | None, results: Sequence[LimitResult], judge: Judge
) -> tuple[Finding, ...]:
    """A finding where scores near their threshold decide an outcome; none where they do not.

    Runs of counts alone have no such scores. Of a baseline.json none are known, so there only the
    run's own are moved.
    """
    near = [(side.evidence, scores) for side in (run, baseline) if side is not None
            and (scores := _find_near_scores(side)) is not None]  # fmt: skip
    if not near:
        return ()
    changed: dict[str, str] = {}
    for ours, theirs in _SIDES:
        moved = judge(_move(run, ours), None if baseline is None else _move(baseline, theirs))
        for before, after in zip(results, moved, strict=True):
            if after.outcome != before.outcome:
                changed[before.limit.name] = f"{before.outcome}, or {after.outcome}"
    if not changed:
        return ()
    name = run.evidence.run
    return (
        Finding(
            "warning",
            "hangs-on-last-digits",
            f"The verdict on {name} hangs on scores within 1e-5 of a threshold",
            "; ".join(f"{_describe_near(scores, of)} of {of.run}" for of, scores in near)
            + "; on the other side of it: "
            + "; ".join(f"{limit} {outcomes}" for limit, outcomes in changed.items()),
            "Another batch size, runtime or machine may decide these images otherwise: look at "
            "them, and take a limit or a threshold that does not rest on them.",
            (name,),
        ),
    )


def _find_near_scores(side: GateSide) -> Scores | None:
    """The stored scores where one is near its threshold; what was counted is not asked."""
    answers = None if side.stored is None else side.stored.answers
    scores = None if answers is None else answers.images
    if scores is None or find_not_finite(scores) is not None:
        return None
    if not is_argmax(side.evidence) and not set(scores.labels) <= set(side.evidence.thresholds):
        return None
    return scores if find_near(scores, find_rule(side.evidence, scores.labels)).any() else None


def _describe_near(scores: Scores, evidence: GateEvidence) -> str:
    near = find_near(scores, find_rule(evidence, scores.labels)).sum(axis=0)
    return ", ".join(f"{n} {label}" for label, n in zip(scores.labels, near, strict=True) if n)


def _move(side: GateSide, where: Literal["right", "wrong"]) -> GateSide:
    """What would be judged with the near scores on that side of their thresholds."""
    scores, stored = _find_near_scores(side), side.stored
    if scores is None or stored is None:
        return side
    rule = find_rule(side.evidence, scores.labels)
    moved = move_near(scores, rule, where)
    score_metrics = stored.evaluation.score_metrics
    found = compute_metrics(moved, rule, score_metrics.plan if score_metrics else None)
    evaluation = replace(
        stored.evaluation,
        counts=found.counts,
        estimates=found.estimates,
        score_metrics=found.score_metrics,
    )
    target = side.evidence.target
    file = evaluation_folder(stored.folder, evaluation.key) / SCORES_FILE
    answers = read_answers([(evaluation, file)], target, lambda _: moved)
    return replace(
        side,
        evidence=take_evidence(evaluation, target, answers),
        stored=replace(stored, evaluation=evaluation, answers=answers),
    )
