"""The frozen records that travel from `evaluate` to `render`: no logic beyond sums, no I/O.

Fractions are fractions (0 to 1); a duration ends in `_s`, a size in `_bytes`. Arrays are NumPy
arrays whose shapes stand beside them: N images, K labels. One module a subject; import from here.
"""

from __future__ import annotations

from covidreport.records.comparison import (
    Comparison,
    LeftOut,
    NonInferior,
    OverallTest,
    RunCombination,
    RunComparisons,
    RunStanding,
    SmallestGap,
)
from covidreport.records.dataset import UNKNOWN, Dataset, ImageSurvey
from covidreport.records.details import (
    Calibration,
    Consistency,
    Details,
    FigurePlan,
    IntervalKind,
    LabelDetails,
    NetBenefit,
    OperatingPoint,
    ReliabilityBin,
    Subgroup,
    Subgroups,
)
from covidreport.records.evaluation import Evaluation
from covidreport.records.finding import SEVERITIES, Failure, Finding, Severity, Stage
from covidreport.records.gate import (
    Beside,
    GateBaseline,
    Limit,
    LimitOutcome,
    LimitResult,
    LimitSeverity,
    NotJudged,
    ScoresFrom,
    Verdict,
    VerdictOutcome,
)
from covidreport.records.model import Activation, Dtype, Fit, InputSpec, Layout, PixelSpec, Resample
from covidreport.records.ranking import (
    MethodComparison,
    RankedRun,
    Ranking,
    RepeatedMethod,
    Repeats,
    SeedComparison,
    Spread,
)
from covidreport.records.report import (
    Case,
    CaseAnswer,
    CaseTable,
    LabelCurve,
    ReportData,
    ReportedRun,
    ThresholdCurves,
)
from covidreport.records.run import Epoch, Run
from covidreport.records.scores import Counts, Estimate, Scores
from covidreport.records.thresholds import (
    EXPLORATORY,
    TUNED_ON,
    TargetMetric,
    ThresholdFit,
    TunedThresholds,
)

__all__ = [
    "EXPLORATORY",
    "SEVERITIES",
    "TUNED_ON",
    "UNKNOWN",
    "Activation",
    "Beside",
    "Calibration",
    "Case",
    "CaseAnswer",
    "CaseTable",
    "Comparison",
    "Consistency",
    "Counts",
    "Dataset",
    "Details",
    "Dtype",
    "Epoch",
    "Estimate",
    "Evaluation",
    "Failure",
    "FigurePlan",
    "Finding",
    "Fit",
    "GateBaseline",
    "ImageSurvey",
    "InputSpec",
    "IntervalKind",
    "LabelCurve",
    "LabelDetails",
    "Layout",
    "LeftOut",
    "Limit",
    "LimitOutcome",
    "LimitResult",
    "LimitSeverity",
    "MethodComparison",
    "NetBenefit",
    "NonInferior",
    "NotJudged",
    "OperatingPoint",
    "OverallTest",
    "PixelSpec",
    "RankedRun",
    "Ranking",
    "ReliabilityBin",
    "RepeatedMethod",
    "Repeats",
    "ReportData",
    "ReportedRun",
    "Resample",
    "Run",
    "RunCombination",
    "RunComparisons",
    "RunStanding",
    "Scores",
    "ScoresFrom",
    "SeedComparison",
    "Severity",
    "SmallestGap",
    "Spread",
    "Stage",
    "Subgroup",
    "Subgroups",
    "TargetMetric",
    "ThresholdCurves",
    "ThresholdFit",
    "TunedThresholds",
    "Verdict",
    "VerdictOutcome",
]
