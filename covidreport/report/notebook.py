"""The report in a notebook: the same figures as pandas frames, and the ranking as it is shown."""

from __future__ import annotations

import os
from collections.abc import Set
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from covidreport.errors import UsageError
from covidreport.records import ReportData
from covidreport.report import frames
from covidreport.report.formats import (
    DOCUMENTS,
    FORMATS,
    encode_report,
    find_suffix,
    name_formats,
)
from covidreport.report.options import PLAIN, RenderOptions
from covidreport.report.summary import describe_report, render_summary
from covidreport.storage.address import locate_output
from covidreport.store import write_atomic
from covidreport.text import listed
from covidreport.text.deprecations import warn_of

if TYPE_CHECKING:
    import pandas as pd


class Report:
    """A report whose figures are pandas frames; in a notebook it shows its ranking.

    data: the record that every format of `covidreport render` is made from. hide: names of the
    sections that its texts leave out. A frame is built when
    it is first asked for, and is a plain frame that may be changed. `docs/notebook.md` lists the
    columns of each.
    """

    def __init__(self, data: ReportData, hide: Set[str] = frozenset()) -> None:
        self.data = data
        self.hide = hide

    def __repr__(self) -> str:
        return describe_report(self.data)

    def _repr_html_(self) -> str:
        """What a notebook shows: the answer and the ranking, as one piece of HTML."""
        return render_summary(self.data)

    def to_html(self) -> str:
        """The page, as `covidreport render` writes it."""
        return self.to_text("html")

    def to_text(self, name: str, options: RenderOptions = PLAIN) -> str:
        """The text of a file that `covidreport render --format` writes; name: of the format.

        Raises UsageError where there is no such format, or where it is no text.
        """
        if name in DOCUMENTS:
            raise UsageError(
                f"{name} is no text: `covidreport render --format {name}` writes a file"
            )
        if name not in FORMATS:
            raise UsageError(f"no format is called {name!r}; one of {', '.join(FORMATS)}")
        warn_of("format", name)
        return FORMATS[name].render(self.data, replace(options, hide=options.hide | self.hide))

    def render(self, path: str | os.PathLike[str]) -> Path:
        """Write the report, in the format that the file's name ends as, and give where it stands.

        Such as `report.html`, `report.md`, `report.json` or `report.ranking.csv`. Raises UsageError
        where no format's files end so.
        """
        file = locate_output(path)
        ends = {find_suffix(name): name for name in name_formats()}
        found = [ends[end] for end in sorted(ends, key=len) if file.name.endswith(end)]
        if not found:
            raise UsageError(
                f"{file}: the name of a report ends as {listed(list(ends), last='or')}"
            )
        warn_of("format", found[-1])
        write_atomic(file, encode_report(found[-1], self.data, RenderOptions(hide=self.hide)))
        return file

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
