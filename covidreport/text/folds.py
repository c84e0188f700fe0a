"""How many models stand behind one row."""

from __future__ import annotations

from covidreport.records import Evaluation
from covidreport.text.words import plural


def count_models(evaluation: Evaluation | None) -> str:
    """`5 models` of a configuration that was trained once a fold; empty for a single model."""
    folds = () if evaluation is None else evaluation.facts.folds
    return plural(len(folds), "model") if folds else ""
