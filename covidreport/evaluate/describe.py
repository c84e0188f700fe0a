"""What one run's scores say by themselves: what takes the time, and may be done elsewhere."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from msgspec import Struct

from covidreport.audit import audit_scores
from covidreport.metrics import ComputedMetrics, compute_metrics
from covidreport.records import DecisionRule, Finding, MetricPlan, Scores


class Described(Struct, frozen=True):
    """What is computed of one run's scores alone."""

    metrics: ComputedMetrics
    findings: tuple[Finding, ...]
    """Of `audit_scores`."""


class Gathered(Struct, frozen=True, eq=False):
    """One run's scores; `describe` gives what is computed of them, here or where it was begun."""

    scores: Scores
    describe: Callable[[], Described]


def describe_scores(run: str, scores: Scores, rule: DecisionRule, plan: MetricPlan) -> Described:
    """What scores say of a run and against it; raises as `compute_metrics`."""
    return Described(compute_metrics(scores, rule, plan), audit_scores(run, scores))


def import_all() -> None:
    """Describe a few drawn scores: what is needed for others is imported then."""
    truth = np.tile(np.eye(2, dtype=np.int8), (12, 1))
    drawn = np.random.default_rng(0).normal(truth, 1).astype(np.float32)
    ids = tuple(map(str, range(len(truth))))
    scores = Scores(ids, ("a", "b"), truth, drawn, "logit", (None,) * len(ids))
    describe_scores("", scores, (0.5, 0.5), MetricPlan())
