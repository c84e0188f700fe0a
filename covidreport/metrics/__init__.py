"""Pure functions on arrays and counts: no files, no models, no pictures.

`counts` turns scores into answers and counts, `rates` counts into figures, `curves` scores into
figures over all thresholds, `table` names them all, and `estimates` computes all of them at once.
"""

from covidreport.metrics.benefit import DecisionCurve, draw_decision_curve, net_benefit
from covidreport.metrics.bootstrap import (
    COUNT_FIGURES,
    PROPORTIONS,
    Interval,
    count_figures,
    estimate_intervals,
    percentile_interval,
)
from covidreport.metrics.calibration import (
    CalibrationLine,
    bin_reliability,
    brier_score,
    expected_calibration_error,
    fit_calibration,
    to_logits,
    to_probabilities,
)
from covidreport.metrics.cochran import CochranQ, cochran_q
from covidreport.metrics.comparisons import (
    PairedAnswers,
    PairedMetric,
    compare_answers,
    compare_curves,
    record_tests,
)
from covidreport.metrics.complementary import Combination, find_complementary
from covidreport.metrics.consistency import estimate_consistency
from covidreport.metrics.counts import (
    NotFinite,
    carry_thresholds,
    check_thresholds,
    count_labels,
    decide,
    find_not_finite,
    logit,
)
from covidreport.metrics.curve_bootstrap import (
    ResampledCurves,
    affordable_resamples,
    resample_curves,
)
from covidreport.metrics.curves import Curve, average_precision, count_curve, roc_auc
from covidreport.metrics.delong import (
    RocAucDifference,
    RocAucs,
    compare_roc_aucs,
    estimate_roc_aucs,
    roc_auc_interval,
)
from covidreport.metrics.describe import Described, describe_scores, restate_prevalence
from covidreport.metrics.details import digest_units
from covidreport.metrics.differences import (
    NonInferiority,
    cases_to_exclude,
    estimate_difference,
    judge_non_inferiority,
    tango,
)
from covidreport.metrics.estimates import Estimates, estimate_counts, estimate_scores
from covidreport.metrics.intervals import clopper_pearson, lower_bound, wilson
from covidreport.metrics.multiplicity import (
    PairTest,
    all_pairs,
    compare_pairs,
    critical_p_value,
    planned_pairs,
)
from covidreport.metrics.near import NEAR, count_near, find_near, move_near
from covidreport.metrics.operating import (
    Points,
    Target,
    count_cases_needed,
    fit_threshold,
    list_points,
    sensitivity_at_specificity,
    specificity_at_sensitivity,
)
from covidreport.metrics.paired import (
    count_discordant,
    find_false_alarms,
    find_missed,
    mcnemar_exact,
    sign_flip,
    sum_by_group,
)
from covidreport.metrics.predictive import (
    negative_likelihood_ratio,
    npv_at_prevalence,
    positive_likelihood_ratio,
    ppv_at_prevalence,
)
from covidreport.metrics.repeats import (
    RepeatGroup,
    compare_methods,
    describe_spread,
    group_repeats,
)
from covidreport.metrics.resample import RESAMPLES, CountArrays, ResampledCounts, resample_counts
from covidreport.metrics.selection import (
    RankUncertainty,
    Resolution,
    describe_resolution,
    design_effect,
    find_indistinguishable,
    mcnemar_power,
    positives_needed,
    rank_resamples,
    summarise_ranks,
)
from covidreport.metrics.significance import bound_mcnemar, fisher_exact, holm, smallest_gap
from covidreport.metrics.subgroups import band_ages, estimate_subgroups, group_values
from covidreport.metrics.table import (
    ALL_METRICS,
    ANSWER_METRICS,
    CURVE_METRICS,
    METRICS,
    OVERALL_METRICS,
    Metric,
)

__all__ = [
    "ALL_METRICS",
    "ANSWER_METRICS",
    "COUNT_FIGURES",
    "CURVE_METRICS",
    "METRICS",
    "NEAR",
    "OVERALL_METRICS",
    "PROPORTIONS",
    "RESAMPLES",
    "CalibrationLine",
    "CochranQ",
    "Combination",
    "CountArrays",
    "Curve",
    "DecisionCurve",
    "Described",
    "Estimates",
    "Interval",
    "Metric",
    "NonInferiority",
    "NotFinite",
    "PairTest",
    "PairedAnswers",
    "PairedMetric",
    "Points",
    "RankUncertainty",
    "RepeatGroup",
    "ResampledCounts",
    "ResampledCurves",
    "Resolution",
    "RocAucDifference",
    "RocAucs",
    "Target",
    "affordable_resamples",
    "all_pairs",
    "average_precision",
    "band_ages",
    "bin_reliability",
    "bound_mcnemar",
    "brier_score",
    "carry_thresholds",
    "cases_to_exclude",
    "check_thresholds",
    "clopper_pearson",
    "cochran_q",
    "compare_answers",
    "compare_curves",
    "compare_methods",
    "compare_pairs",
    "compare_roc_aucs",
    "count_cases_needed",
    "count_curve",
    "count_discordant",
    "count_figures",
    "count_labels",
    "count_near",
    "critical_p_value",
    "decide",
    "describe_resolution",
    "describe_scores",
    "describe_spread",
    "design_effect",
    "digest_units",
    "draw_decision_curve",
    "estimate_consistency",
    "estimate_counts",
    "estimate_difference",
    "estimate_intervals",
    "estimate_roc_aucs",
    "estimate_scores",
    "estimate_subgroups",
    "expected_calibration_error",
    "find_complementary",
    "find_false_alarms",
    "find_indistinguishable",
    "find_missed",
    "find_near",
    "find_not_finite",
    "fisher_exact",
    "fit_calibration",
    "fit_threshold",
    "group_repeats",
    "group_values",
    "holm",
    "judge_non_inferiority",
    "list_points",
    "logit",
    "lower_bound",
    "mcnemar_exact",
    "mcnemar_power",
    "move_near",
    "negative_likelihood_ratio",
    "net_benefit",
    "npv_at_prevalence",
    "percentile_interval",
    "planned_pairs",
    "positive_likelihood_ratio",
    "positives_needed",
    "ppv_at_prevalence",
    "rank_resamples",
    "record_tests",
    "resample_counts",
    "resample_curves",
    "restate_prevalence",
    "roc_auc",
    "roc_auc_interval",
    "sensitivity_at_specificity",
    "sign_flip",
    "smallest_gap",
    "specificity_at_sensitivity",
    "sum_by_group",
    "summarise_ranks",
    "tango",
    "to_logits",
    "to_probabilities",
    "wilson",
]
