"""Which chest X-ray classifier misses the fewest COVID-19 images, and is that luck?"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.2.0.dev0"
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


def __getattr__(name: str) -> Any:
    # `import covidreport` stays light: what a name needs comes with it. Type checkers read
    # __init__.pyi, and no room below is bound to `api` for asking which version this is.
    if name in __all__:
        return getattr(import_module("covidreport.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    # what completion offers: names that were not asked for yet are no globals
    return sorted({*globals(), *__all__})
