"""The frozen records that travel from `evaluate` to `render`: no logic beyond sums, no I/O.

Fractions are fractions (0 to 1); a duration ends in `_s`, a size in `_bytes`. Arrays are NumPy
arrays whose shapes stand beside them: N images, K labels. One module a subject; import from here.
"""

from __future__ import annotations

from covidreport.records.cohort import AgeSummary, Cohort, CohortColumn, Flow
from covidreport.records.comparison import (
    Comparison,
    DetectableDifference,
    ExcludedRun,
    FoldsWon,
    NonInferior,
    OverallTest,
    PickedRun,
    RankEvidence,
    RunAtSpecificity,
    RunCombination,
    RunComparisons,
    SameSpecificity,
)
from covidreport.records.cost import Cost
from covidreport.records.dataset import UNKNOWN, Dataset, ImageSurvey, Measured, Peak
from covidreport.records.disturbance import (
    AS_IS,
    DISTURB,
    DISTURBANCES,
    FOREIGN,
    FOREIGN_CHANGES,
    MOST_SEVERE,
    SINGLES,
    Disturbance,
    DisturbanceKind,
    DisturbedRun,
    DisturbedTruth,
    part_row,
    tag_row,
)
from covidreport.records.evaluation import Evaluation, name_evaluation
from covidreport.records.events import (
    EvaluationReplaced,
    Event,
    FindingMade,
    Noted,
    OnEvent,
    ScoresDamaged,
    StageStarted,
    StepsDone,
    WaitingForRun,
    count_steps,
    ignore_events,
)
from covidreport.records.finding import (
    SEVERITIES,
    Failure,
    Finding,
    Ignore,
    IgnoredFinding,
    Severity,
    Stage,
)
from covidreport.records.foreign import ForeignKind, ForeignRun, SinglePicture
from covidreport.records.gate import (
    Beside,
    Comparable,
    GateBaseline,
    GateDifference,
    GateEvidence,
    GateOdds,
    GroupBand,
    GroupNoise,
    Limit,
    LimitOutcome,
    LimitResult,
    LimitSeverity,
    MissPolicy,
    NotJudged,
    PickedBaseline,
    ReferenceDiscordance,
    ScoresFrom,
    Verdict,
    VerdictOutcome,
    WrongCases,
)
from covidreport.records.groups import (
    GroupDifference,
    GroupReference,
    LargestDifference,
    RefusedReference,
    RunGroups,
    SpotCut,
    WeakSpot,
    WeakSpots,
)
from covidreport.records.kit import (
    Answer,
    AnsweredCurve,
    AnsweredRun,
    CountedGroup,
    EffectiveImages,
    FoundCode,
    Kit,
    ScoreBins,
    SealedMember,
    SealedRun,
    Withheld,
)
from covidreport.records.maps import (
    CaseMap,
    Grid,
    MapFill,
    MeanMap,
    RunMaps,
    StoredMap,
    StoredMaps,
)
from covidreport.records.model import (
    ARGMAX,
    CALLED,
    SOFTMAX,
    Activation,
    ChannelOrder,
    Decision,
    Dtype,
    Equalization,
    Fit,
    InputSpec,
    Layout,
    ModelLimits,
    PerImage,
    PerImageStep,
    PixelSpec,
    Resample,
)
from covidreport.records.paired_studies import ExperimentPair, PairedStudies
from covidreport.records.part import EvaluationPart, PartTiming, Shard
from covidreport.records.patients import PatientFigures, PatientRule
from covidreport.records.plan import (
    Assumed,
    GoalKind,
    PlanAtHand,
    PlanGoal,
    PlannedGoal,
    PlannedOdds,
    PlannedPower,
    StudyAssumptions,
    StudyPlan,
)
from covidreport.records.provenance import (
    Called,
    Promise,
    Provenance,
    RecordedAnswer,
    RecordedData,
    RecordedFold,
    RecordedModel,
    RecordedReference,
    ThresholdOrigin,
    Timing,
    TunedFor,
    Tuning,
)
from covidreport.records.ranking import (
    ConfigurationComparison,
    RankedRun,
    Ranking,
    RepeatedConfiguration,
    Repeats,
    SeedComparison,
    SeedSpread,
)
from covidreport.records.readers import AgainstReaders, ReaderStudy
from covidreport.records.reference import ReferenceAnswers
from covidreport.records.report import (
    CalibrationPoint,
    Case,
    CaseAnswer,
    CaseTable,
    ClassErrors,
    DatasetDifference,
    DoubtfulLabel,
    Frequency,
    LabelCurve,
    NaturalFrequencies,
    PredictiveValues,
    ReferralPoint,
    ReportData,
    ReportedDataset,
    ReportedRun,
    RunFrequencies,
    RunReferral,
    SplitCase,
    ThresholdCurves,
    TrueClasses,
)
from covidreport.records.run import READERS, CrossValidated, Epoch, Run
from covidreport.records.score_metrics import (
    Calibration,
    Consistency,
    IntervalKind,
    LabelScoreMetrics,
    MetricPlan,
    NetBenefit,
    OperatingPoint,
    ReliabilityBin,
    ScoreMetrics,
    Subgroup,
    Subgroups,
)
from covidreport.records.scores import (
    Counts,
    DecisionRule,
    Estimate,
    LabelRule,
    Scores,
)
from covidreport.records.sites import (
    PooledRate,
    RunSites,
    SiteFigures,
    SiteRank,
    SiteRule,
    Sites,
    UnusualSite,
    WithoutSite,
)
from covidreport.records.study import Sampling, Study
from covidreport.records.texts import Texts
from covidreport.records.thresholds import (
    RankAt,
    TargetMetric,
    ThresholdFit,
    TunedThresholds,
)
from covidreport.records.weighted import Weighted, WeightedRate, WeightedRun

__all__ = [
    "ARGMAX", "AS_IS", "CALLED", "DISTURB", "DISTURBANCES", "FOREIGN", "FOREIGN_CHANGES",
    "MOST_SEVERE", "READERS", "SEVERITIES", "SINGLES", "SOFTMAX", "UNKNOWN", "Activation",
    "AgainstReaders", "AgeSummary", "Answer", "AnsweredCurve", "AnsweredRun", "Assumed", "Beside",
    "Calibration", "CalibrationPoint", "Called", "Case", "CaseAnswer", "CaseMap", "CaseTable",
    "ChannelOrder", "ClassErrors", "Cohort", "CohortColumn", "Comparable", "Comparison",
    "ConfigurationComparison", "Consistency", "Cost", "CountedGroup", "Counts", "CrossValidated",
    "Dataset", "DatasetDifference", "Decision", "DecisionRule", "DetectableDifference",
    "Disturbance", "DisturbanceKind", "DisturbedRun", "DisturbedTruth", "DoubtfulLabel", "Dtype",
    "EffectiveImages", "Epoch", "Equalization", "Estimate", "Evaluation", "EvaluationPart",
    "EvaluationReplaced", "Event", "ExcludedRun", "ExperimentPair", "Failure", "Finding",
    "FindingMade", "Fit", "Flow", "FoldsWon", "ForeignKind", "ForeignRun", "FoundCode", "Frequency",
    "GateBaseline", "GateDifference", "GateEvidence", "GateOdds", "GoalKind", "Grid", "GroupBand",
    "GroupDifference", "GroupNoise", "GroupReference", "Ignore", "IgnoredFinding", "ImageSurvey",
    "InputSpec", "IntervalKind", "Kit", "LabelCurve", "LabelRule", "LabelScoreMetrics",
    "LargestDifference", "Layout", "Limit", "LimitOutcome", "LimitResult", "LimitSeverity",
    "MapFill", "MeanMap", "Measured", "MetricPlan", "MissPolicy", "ModelLimits",
    "NaturalFrequencies", "NetBenefit", "NonInferior", "NotJudged", "Noted", "OnEvent",
    "OperatingPoint", "OverallTest", "PairedStudies", "PartTiming", "PatientFigures", "PatientRule",
    "Peak", "PerImage", "PerImageStep", "PickedBaseline", "PickedRun", "PixelSpec", "PlanAtHand",
    "PlanGoal", "PlannedGoal", "PlannedOdds", "PlannedPower", "PooledRate", "PredictiveValues",
    "Promise", "Provenance", "RankAt", "RankEvidence", "RankedRun", "Ranking", "ReaderStudy",
    "RecordedAnswer", "RecordedData", "RecordedFold", "RecordedModel", "RecordedReference",
    "ReferenceAnswers", "ReferenceDiscordance", "ReferralPoint", "RefusedReference",
    "ReliabilityBin", "RepeatedConfiguration", "Repeats", "ReportData", "ReportedDataset",
    "ReportedRun", "Resample", "Run", "RunAtSpecificity", "RunCombination", "RunComparisons",
    "RunFrequencies", "RunGroups", "RunMaps", "RunReferral", "RunSites", "SameSpecificity",
    "Sampling", "ScoreBins", "ScoreMetrics", "Scores", "ScoresDamaged", "ScoresFrom",
    "SealedMember", "SealedRun", "SeedComparison", "SeedSpread", "Severity", "Shard",
    "SinglePicture", "SiteFigures", "SiteRank", "SiteRule", "Sites", "SplitCase", "SpotCut",
    "Stage", "StageStarted", "StepsDone", "StoredMap", "StoredMaps", "Study", "StudyAssumptions",
    "StudyPlan", "Subgroup", "Subgroups", "TargetMetric", "Texts", "ThresholdCurves",
    "ThresholdFit", "ThresholdOrigin", "Timing", "TrueClasses", "TunedFor", "TunedThresholds",
    "Tuning", "UnusualSite", "Verdict", "VerdictOutcome", "WaitingForRun", "WeakSpot", "WeakSpots",
    "Weighted", "WeightedRate", "WeightedRun", "Withheld", "WithoutSite", "WrongCases",
    "count_steps", "ignore_events", "name_evaluation", "part_row", "tag_row",
]  # fmt: skip
