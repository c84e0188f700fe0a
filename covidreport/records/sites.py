"""Sites, such as hospitals: what runs do on each, and what a new one may see."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


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
