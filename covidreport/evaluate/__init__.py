"""The main loop, and what becomes of its answers."""

from covidreport.evaluate.loop import BATCH, count_jobs, score_runs
from covidreport.evaluate.record import (
    Outcome,
    Progress,
    Request,
    apply_thresholds,
    evaluate_runs,
    open_model,
)

__all__ = [
    "BATCH",
    "Outcome",
    "Progress",
    "Request",
    "apply_thresholds",
    "count_jobs",
    "evaluate_runs",
    "open_model",
    "score_runs",
]
