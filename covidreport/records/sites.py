"""Sites, such as hospitals: what runs do on each, and what a new one may see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, field

from covidreport.records.scores import Counts, Estimate


class PooledRate(Struct, frozen=True):
    """A rate over sites, with 95 % intervals.

    mean: of a site in the middle. sd: of the logits of sites' rates. new: the range to expect of
    the true rate of a new site; None of fewer than five sites, which can't say it.
    """

    sites: int
    mean: float
    low: float
    high: float
    sd: float
    sd_low: float
    sd_high: float
    new_low: float | None
    new_high: float | None


class UnusualSite(Struct, frozen=True):
    """A site whose rate is not what the others let expect; `place` is that among the sites."""

    place: int
    p_value: float
    side: Literal["lower", "higher"]


SiteRank = Literal["pooled", "worst"]
"""What runs are ordered by over sites: their mean sensitivity, or that at their worst site."""


class SiteRule(Struct, frozen=True):
    """What a site is: an attribute of images, or `dataset` for a data set each; and how runs are
    ordered over sites."""

    by: str
    rank: SiteRank = "pooled"


class SiteFigures(Struct, frozen=True):
    """What one run does at one site."""

    counts: Counts
    sensitivity: Estimate
    specificity: Estimate
    roc_auc: Estimate


class RunSites(Struct, frozen=True):
    """What one run does at each site, in the order of the sites, and over all of them.

    figures: None at a site that it was not evaluated on. Rates over sites are None where fewer than
    two sites have such images. unusual: sites whose rate the others don't let expect, by
    `sensitivity` and `specificity`; looked for in the first run alone.
    """

    run: str
    figures: tuple[SiteFigures | None, ...]
    sensitivity: PooledRate | None
    specificity: PooledRate | None
    worst: int | None
    """The place of the site with the lowest sensitivity of those with enough positives."""
    rank: int | None
    unusual: Mapping[str, tuple[UnusualSite, ...]] = field(default_factory=dict)


class WithoutSite(Struct, frozen=True):
    """Which runs miss the fewest at all sites but one, and how many of how many."""

    runs: tuple[str, ...]
    missed: int
    positives: int


class Sites(Struct, frozen=True):
    """The ranked runs by site, those with a rank over sites first, in its order.

    without: for each site the runs that are first without it. not_stated: images of no site.
    """

    rule: SiteRule
    names: tuple[str, ...]
    runs: tuple[RunSites, ...]
    without: tuple[WithoutSite, ...]
    not_stated: int = 0
