"""Pure functions on arrays and counts: no files, no models, no pictures.

`counts` turns scores into answers and counts, `rates` counts into figures, `curves` scores into
figures over all thresholds, `table` names them all, and `estimates` computes all of them at once.
"""

from covidreport.metrics.counts import (
    NotFinite,
    check_thresholds,
    count_labels,
    decide,
    find_not_finite,
    logit,
)
from covidreport.metrics.curves import Curve, average_precision, count_curve, roc_auc
from covidreport.metrics.estimates import Estimates, estimate_counts, estimate_scores
from covidreport.metrics.intervals import wilson
from covidreport.metrics.significance import bound_mcnemar, fisher_exact, holm, smallest_gap
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
    "CURVE_METRICS",
    "METRICS",
    "OVERALL_METRICS",
    "Curve",
    "Estimates",
    "Metric",
    "NotFinite",
    "average_precision",
    "bound_mcnemar",
    "check_thresholds",
    "count_curve",
    "count_labels",
    "decide",
    "estimate_counts",
    "estimate_scores",
    "find_not_finite",
    "fisher_exact",
    "holm",
    "logit",
    "roc_auc",
    "smallest_gap",
    "wilson",
]
