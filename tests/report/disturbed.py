"""Runs that lose by changed pictures, made by hand."""

from __future__ import annotations

from covidreport.records import (
    DISTURBANCES,
    Comparison,
    Disturbance,
    DisturbedRun,
    DisturbedTruth,
)

IMAGES = 40


def make_disturbed(run: str, weak: int) -> DisturbedRun:
    """Of 40 positives and 40 negatives 4 are wrong as they are; by brightness `weak` more a
    severity, and by everything else none."""
    return DisturbedRun(run, _make_truth("sensitivity", weak), _make_truth("specificity", 0))


def _make_truth(metric: str, weak: int) -> DisturbedTruth:
    changes = []
    for kind, graded in DISTURBANCES.items():
        for severity in range(1, len(graded.strengths) + 1):
            newly = weak * severity if kind == "brightness" else 0
            changes.append(
                Comparison(
                    Disturbance(kind, severity).name, "as-is", metric, -newly / IMAGES,
                    -newly / IMAGES - 0.1, 0.1 - newly / IMAGES, "made up", 2.0**-newly,
                    2.0**-newly, "mcnemar-exact", "holm over 56", newly, 0,
                )
            )  # fmt: skip
    return DisturbedTruth(IMAGES, 4, tuple(changes))
