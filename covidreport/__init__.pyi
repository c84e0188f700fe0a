from covidreport.api.ci import run_ci
from covidreport.api.evaluating import evaluate_runs
from covidreport.api.gating import gate_runs
from covidreport.api.reports import load, render_report
from covidreport.api.scores import compare_scores
from covidreport.evaluate.options import EvaluateOptions
from covidreport.evaluate.thresholds import Thresholds
from covidreport.gate.options import GateOptions
from covidreport.metrics import plan_study
from covidreport.records import PlanGoal, StudyAssumptions

__all__ = [
    "EvaluateOptions",
    "GateOptions",
    "PlanGoal",
    "StudyAssumptions",
    "Thresholds",
    "__version__",
    "compare_scores",
    "evaluate_runs",
    "gate_runs",
    "load",
    "plan_study",
    "render_report",
    "run_ci",
]

__version__: str
