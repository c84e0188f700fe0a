from covidreport.api.evaluating import evaluate_runs
from covidreport.api.reports import load, render_report
from covidreport.api.scores import compare_scores
from covidreport.evaluate.options import EvaluateOptions
from covidreport.evaluate.thresholds import Thresholds

__all__ = [
    "EvaluateOptions",
    "Thresholds",
    "__version__",
    "compare_scores",
    "evaluate_runs",
    "load",
    "render_report",
]

__version__: str
