"""What the scores of one run say against it: swapped labels, values that can't be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from covidreport.audit.activation import audit_logits, audit_second_softmax
from covidreport.audit.evidence import number_texts
from covidreport.audit.rounding import find_rounding
from covidreport.metrics import compare_roc_aucs, estimate_roc_aucs, holm
from covidreport.records import Finding, Scores
from covidreport.text import decimal, format_p, plural

ALPHA: Final = 0.001
"""Of the adjusted p-value of an output that answers another label better than its own."""
FEWEST: Final = 10
"""Positives and negatives of a label, below which its column is not compared."""

ScoreCheck = Callable[[str, Scores], tuple[Finding, ...]]


def audit_swapped_labels(run: str, scores: Scores) -> tuple[Finding, ...]:
    """Labels that another label's output answers better than their own, beyond chance.

    ROC AUC of every output against every label, each off-diagonal one compared with the diagonal
    one of its label by DeLong's paired test (over patients where they are known), corrected by
    Holm. Where the labels concerned trade places among themselves, their names look swapped.
    """
    better = _find_better(scores)
    if not better:
        return ()
    swapped = set(better) == {other for other, _, _, _ in better.values()}
    shown = "; ".join(
        f"{label}: {decimal(own)} by its own output and {decimal(best)} by that of {other} "
        f"({format_p(p_value)})"
        for label, (other, own, best, p_value) in better.items()
    )
    names = " and ".join(better)
    if swapped:
        what = f"The label names of {run} look swapped: {names}"
    else:
        what = f"Another output of {run} answers {names} better than its own"
    return (
        Finding(
            "error" if swapped else "warning",
            "labels-swapped" if swapped else "answered-by-another-output",
            what,
            f"ROC AUC of {shown}. DeLong's test, corrected by Holm over all outputs and labels.",
            "Compare the order of the model's outputs with its labels (`input.labels` or "
            "`label_map` in run.json), correct it and evaluate again."
            if swapped
            else "Check the order of the model's outputs. If it is right, the run has not learned "
            "this label, or the two labels mean nearly the same.",
            (run,),
        ),
    )


def _find_better(scores: Scores) -> Mapping[str, tuple[str, float, float, float]]:
    """For each such label the best other output, both ROC AUCs and the adjusted p-value."""
    groups = None if scores.groups is None else number_texts(scores.groups)[1]
    columns = np.ascontiguousarray(scores.scores.T)
    failed = np.broadcast_to(scores.failed, columns.shape)
    tests: list[tuple[str, str, float, float, float]] = []
    for k, label in enumerate(scores.labels):
        truth = scores.truth[:, k]
        if min((truth == 1).sum(), (truth == 0).sum()) < FEWEST:
            continue
        aucs = estimate_roc_aucs(truth, columns, failed, groups)
        if aucs is None:
            continue
        for j, other in enumerate(scores.labels):
            if j != k:
                p_value = compare_roc_aucs(aucs, j, k).p_value
                own, best = float(aucs.values[k]), float(aucs.values[j])
                tests.append((label, other, own, best, 1.0 if p_value is None else p_value))
    adjusted = holm([p_value for *_, p_value in tests])
    better: dict[str, tuple[str, float, float, float]] = {}
    for (label, other, own, best, _), p_value in zip(tests, adjusted, strict=True):
        if best > own and p_value < ALPHA and best > better.get(label, ("", 0.0, 0.0, 0.0))[2]:
            better[label] = (other, own, best, p_value)
    return better


def audit_score_range(run: str, scores: Scores) -> tuple[Finding, ...]:
    """Scores that the stated activation can't give, or that look like another one's."""
    values = scores.scores[~scores.failed].astype(np.float64)
    if not values.size:
        return ()
    if scores.activation == "logit":
        return audit_logits(run, values)
    low, high = float(values.min()), float(values.max())
    room, room_of_sum = find_rounding(values)
    if low < -room or high > 1 + room:
        outside = int(((values < -room) | (values > 1 + room)).any(axis=1).sum())
        evidence = (
            f"{plural(outside, 'image')} of {len(values):,} outside 0 to 1; the scores reach "
            f"from {low:.4g} to {high:.4g}"
        )
        return (_out_of_range(run, scores.activation, evidence),)
    highest = float(values.sum(axis=1).max())
    if scores.activation.startswith("softmax") and highest > 1 + room_of_sum:
        evidence = f"the scores of one image add up to {highest:.4g}, and a softmax's to 1 at most"
        return (_out_of_range(run, scores.activation, evidence),)
    return audit_second_softmax(run, values) if scores.activation == "softmax" else ()


def _out_of_range(run: str, activation: str, evidence: str) -> Finding:
    return Finding(
        "error",
        "scores-out-of-range",
        f"{run} gives scores that a {activation} can't give",
        evidence,
        "State the activation that the model has (`activation` under `input` in run.json; logit "
        "where it has none) and evaluate again: its thresholds mean something else.",
        (run,),
    )


SCORE_CHECKS: Final[tuple[ScoreCheck, ...]] = (audit_swapped_labels, audit_score_range)


def audit_scores(run: str, scores: Scores) -> tuple[Finding, ...]:
    """What every check of scores finds in those of one run."""
    return tuple(finding for check in SCORE_CHECKS for finding in check(run, scores))
