"""The report in a notebook: the same figures as pandas frames, and the ranking as it is shown."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from covidreport.records import ReportData
from covidreport.report import frames
from covidreport.report.summary import describe_report, render_summary

if TYPE_CHECKING:
    import pandas as pd


class Report:
    """A report whose figures are pandas frames; in a notebook it shows its ranking.

    data: the record that every format of `covidreport render` is made from. A frame is built when
    it is first asked for, and is a plain frame that may be changed. `docs/notebook.md` lists the
    columns of each.
    """

    def __init__(self, data: ReportData) -> None:
        self.data = data

    def __repr__(self) -> str:
        return describe_report(self.data)

    def _repr_html_(self) -> str:
        """What a notebook shows: the answer and the ranking, as one piece of HTML."""
        return render_summary(self.data)

    @cached_property
    def runs(self) -> pd.DataFrame:
        """One row for each run, in the order of the report."""
        return frames.frame_runs(self.data)

    @cached_property
    def settings(self) -> pd.DataFrame:
        """One row for each run, one column for each entry of any run.json."""
        return frames.frame_settings(self.data)

    @cached_property
    def history(self) -> pd.DataFrame:
        """One row for each epoch of each run, one column for each figure of any history.csv."""
        return frames.frame_history(self.data)

    @cached_property
    def ranking(self) -> pd.DataFrame:
        """One row for each run of each ranking, the ranked ones in order and then the others."""
        return frames.frame_ranking(self.data)

    @cached_property
    def counts(self) -> pd.DataFrame:
        """One row for each run, split and label: its 2x2 table and its threshold."""
        return frames.frame_counts(self.data)

    @cached_property
    def estimates(self) -> pd.DataFrame:
        """One row for each figure of each run, split and label, with its interval."""
        return frames.frame_estimates(self.data)

    @cached_property
    def comparisons(self) -> pd.DataFrame:
        """One row for each pair of runs and each figure that they were compared by."""
        return frames.frame_comparisons(self.data)

    @cached_property
    def same_specificity(self) -> pd.DataFrame:
        """One row for each run at each specificity that all runs were read off at."""
        return frames.frame_same_specificity(self.data)

    @cached_property
    def non_inferiority(self) -> pd.DataFrame:
        """One row for each run that was held against a reference with a margin."""
        return frames.frame_non_inferiority(self.data)

    @cached_property
    def combinations(self) -> pd.DataFrame:
        """One row for each group of runs that would have missed fewer together."""
        return frames.frame_combinations(self.data)

    @cached_property
    def findings(self) -> pd.DataFrame:
        """One row for each finding, the gravest first."""
        return frames.frame_findings(self.data)

    @cached_property
    def cases(self) -> pd.DataFrame:
        """One row for each run's answer to each case, those that most runs missed first."""
        return frames.frame_cases(self.data)

    @cached_property
    def failures(self) -> pd.DataFrame:
        """One row for each image that could not be scored, with the reason."""
        return frames.frame_failures(self.data)

    @cached_property
    def subgroups(self) -> pd.DataFrame:
        """One row for each value of an attribute, for each run, split and label."""
        return frames.frame_subgroups(self.data)

    @cached_property
    def operating_points(self) -> pd.DataFrame:
        """One row for each best sensitivity at a given specificity, and the reverse."""
        return frames.frame_operating_points(self.data)

    @cached_property
    def calibration(self) -> pd.DataFrame:
        """One row for each bin of scores: the mean score and the share that is positive."""
        return frames.frame_calibration(self.data)

    @cached_property
    def net_benefit(self) -> pd.DataFrame:
        """One row for each threshold of a decision curve."""
        return frames.frame_net_benefit(self.data)

    @cached_property
    def configurations(self) -> pd.DataFrame:
        """One row for each metric of each configuration that was run with several seeds."""
        return frames.frame_configurations(self.data)

    @cached_property
    def configuration_comparisons(self) -> pd.DataFrame:
        """One row for each pair of configurations, numbered as in `configurations`."""
        return frames.frame_configuration_comparisons(self.data)
