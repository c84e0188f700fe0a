"""What a user chose of a report's figures, whichever command makes it."""

from __future__ import annotations

from msgspec import Struct

from covidreport.metrics.plan import MetricOptions
from covidreport.records import GroupReference, SiteRule, Study


class ReportChoices(Struct, frozen=True):
    """By what runs are ranked, and what is shown beside it where somebody asks for it."""

    target: str
    """The label that runs are ranked by."""
    specificity_floor: float
    """The specificity below which a run is shown and not ranked, a fraction."""
    metrics: MetricOptions | None = None
    """Whose prevalence predictive values are told at; None for those that are stored."""
    study: Study = Study()
    """What its authors state."""
    sites: SiteRule | None = None
    """What a site is, where runs are to be shown by site."""
    references: tuple[GroupReference, ...] = ()
    """What the groups of an attribute are compared with; else that with most cases."""
    by_weight: bool = False
    """Whether the answer is by the images' sampling weights, where they have any."""
