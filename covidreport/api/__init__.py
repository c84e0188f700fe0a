"""What notebooks and other programs call: a few functions over the rooms, each with typed records.

What is not given comes from the settings that hold in the current folder, as for the command line.
Errors are its errors: a `CovidReportError` says what is wrong and what to do. Nothing is printed;
long work calls `on_event` with what it is at. `covidreport` offers these names as its own.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

NAMES = {
    "EvaluateOptions": "covidreport.evaluate.options",
    "GateOptions": "covidreport.gate.options",
    "PlanGoal": "covidreport.records",
    "StudyAssumptions": "covidreport.records",
    "Thresholds": "covidreport.evaluate.thresholds",
    "compare_scores": "covidreport.api.scores",
    "evaluate_runs": "covidreport.api.evaluating",
    "gate_runs": "covidreport.api.gating",
    "load": "covidreport.api.reports",
    "plan_study": "covidreport.metrics",
    "render_report": "covidreport.api.reports",
    "run_ci": "covidreport.api.ci",
}
"""Where each name stands. It is loaded when it is asked for: a report needs no ONNX Runtime."""


def __getattr__(name: str) -> Any:
    if name in NAMES:
        return getattr(import_module(NAMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
