"""The report's figures as pandas frames: pure functions from `ReportData`, one a frame."""

from __future__ import annotations

from covidreport.report.frames.cases import frame_cases
from covidreport.report.frames.figures import (
    frame_calibration,
    frame_counts,
    frame_estimates,
    frame_failures,
    frame_net_benefit,
    frame_operating_points,
    frame_subgroups,
)
from covidreport.report.frames.ranking import (
    frame_combinations,
    frame_comparisons,
    frame_configuration_comparisons,
    frame_configurations,
    frame_non_inferiority,
    frame_ranking,
    frame_same_specificity,
)
from covidreport.report.frames.runs import (
    frame_findings,
    frame_history,
    frame_runs,
    frame_settings,
)

__all__ = [
    "frame_calibration",
    "frame_cases",
    "frame_combinations",
    "frame_comparisons",
    "frame_configuration_comparisons",
    "frame_configurations",
    "frame_counts",
    "frame_estimates",
    "frame_failures",
    "frame_findings",
    "frame_history",
    "frame_net_benefit",
    "frame_non_inferiority",
    "frame_operating_points",
    "frame_ranking",
    "frame_runs",
    "frame_same_specificity",
    "frame_settings",
    "frame_subgroups",
]
