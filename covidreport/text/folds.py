"""How many models stand behind one row, and what a mean over their folds stands beside."""

from __future__ import annotations

from covidreport.records import Evaluation, ScoreMetrics
from covidreport.text.numbers import decimal
from covidreport.text.words import plural


def count_models(evaluation: Evaluation | None) -> str:
    """`5 models` of a configuration that was trained once a fold; empty for a single model."""
    folds = () if evaluation is None else evaluation.facts.folds
    return plural(len(folds), "model") if folds else ""


def say_pooled(metrics: ScoreMetrics | None, label: str, metric: str) -> str:
    """`0.912 pooled`: of all images at once, beside a mean over folds; empty for what is none."""
    one = None if metrics is None else metrics.labels.get(label)
    value = None if one is None else one.pooled.get(metric)
    return "" if value is None else f"{decimal(value)} pooled"
